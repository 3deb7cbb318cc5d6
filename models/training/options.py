"""What train.py is told on its command line, and what of it cannot be."""

import argparse
import math
import os
import pathlib
import re
import shutil
import tempfile

import torch

import model

# Width, height and how often: the shapes it is used at, and others so that scale is learnt.
SHAPES = ((416, 256, 0.45), (512, 320, 0.2), (640, 384, 0.15), (416, 416, 0.1), (320, 192, 0.1))
COARSEST = model.STRIDES[-1]  # px: what the sides of an input are multiples of
AREA = 416 * 256  # the batch size is meant for this many pixels a picture
LEARNING_RATE = 2e-3


def at_least_one(text):
    """A count."""
    number = int(text) if re.fullmatch(r"\d+", text) else 0
    if number < 1:
        raise argparse.ArgumentTypeError(f"{text} is no whole number from 1 on")
    return number


def above_nothing(text):
    """A time, in seconds."""
    try:
        number = float(text)
    except ValueError:
        number = 0.0
    if not number > 0:
        raise argparse.ArgumentTypeError(f"{text} is no number above 0")
    return number


def shapes_of(text):
    """Widths, heights and how often, of words like 416x256:3,320x192:1."""
    shapes = []
    for shape in text.split(","):
        said = re.fullmatch(r"(\d+)x(\d+)(?::(\d+(?:\.\d+)?))?", shape)
        width, height, share = (float(v) for v in said.groups("1")) if said else (0, 0, 0)
        if min(width, height, share) <= 0 or width % COARSEST or height % COARSEST:
            raise argparse.ArgumentTypeError(
                f"{shape or 'nothing'}: say shapes like 416x256:3,320x192:1, "
                f"sides in multiples of {COARSEST}, how often behind the colon"
            )
        shapes.append((int(width), int(height), share))
    return tuple(shapes)


def of_pictures(parser):
    """Which pictures, and how they are changed."""
    parser.add_argument("--data", nargs="+", default=[], help="packs, or COCO-style folders")
    parser.add_argument("--rendered", nargs="*", default=[], help="rendered folders")
    parser.add_argument("--render", help="program that renders while training goes on")
    parser.add_argument("--render-first", type=int, default=3000, help="pictures before the start")
    parser.add_argument("--render-held", type=int, default=300, help="held back to check on")
    parser.add_argument("--render-count", type=int, default=3000, help="pictures a round after it")
    parser.add_argument("--render-threads", type=int, default=12)
    parser.add_argument("--render-folder", default=os.path.join(tempfile.gettempdir(), "rendered"))
    parser.add_argument("--render-most", type=int, default=40000, help="pictures kept at most")
    parser.add_argument("--rendered-share", type=float, default=0.45)
    parser.add_argument("--mosaics", type=float, default=0.3, help="share of mosaics of four")
    parser.add_argument("--changes", type=float, default=1.0,
                        help="how often pictures are changed, 1 being the usual shares")
    parser.add_argument("--shapes", type=shapes_of, default=SHAPES,
                        help="like 416x256:3,320x192:1 instead of the usual mix")
    parser.add_argument("--batch", type=at_least_one, default=192,
                        help="pictures of 416 x 256 a step; of other shapes as many as have that "
                             "area. Rounded to a multiple of 8 for each shape; below 8 it is what "
                             "every shape has")


def of_course(parser):
    """How far, how fast, from what, and what is kept."""
    parser.add_argument("--out", required=True, type=pathlib.Path)
    parser.add_argument("--resume", type=pathlib.Path, help="a last.pt to go on from")
    parser.add_argument("--teacher",
                        help="a YOLOX in ONNX whose answers are learnt beside, on a CPU")
    parser.add_argument("--size", default="medium", choices=sorted(model.SIZES))
    until = parser.add_mutually_exclusive_group(required=True)
    until.add_argument("--steps", type=at_least_one, help="steps of the whole training")
    until.add_argument("--seconds", type=above_nothing,
                       help="seconds of the whole training, all runs")
    until.add_argument("--flat", action="store_true", help="the learning rate does not fall")
    until.add_argument("--finish", type=above_nothing,
                       help="seconds in which the rate falls to 0, of all runs of this OUT")
    parser.add_argument("--time-limit", type=float, default=math.inf, help="seconds of this run")
    parser.add_argument("--stop-at", type=int, default=2**62, help="step at which this run ends")
    parser.add_argument("--rate", type=float, default=LEARNING_RATE)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--save-every", type=float, default=300, help="seconds")
    parser.add_argument("--check-most", type=at_least_one, default=2**31,
                        help="pictures of a check at most")
    parser.add_argument("--check-every", type=float, default=150, help="seconds")
    parser.add_argument("--log-every", type=at_least_one, default=50, help="steps")


def of_machine(parser):
    """What computes, and how."""
    parser.add_argument("--device", default="cuda" if torch.cuda.is_available() else "cpu")
    parser.add_argument("--threads", type=int, default=0, help="to decode with; 0: all")
    parser.add_argument("--workers", type=at_least_one, default=1,
                        help="processes of one thread each, on a CPU; each takes a whole batch")
    parser.add_argument("--half", action="store_true",
                        help="bfloat16 on a CPU too: faster where it has AMX")
    parser.add_argument("--compile", action="store_true", help="torch.compile the network")
    parser.add_argument("--profile", action="store_true", help="time the parts of a step; slower")


def in_place(options):
    """Whether a run goes on from a file of its own OUT folder: the same training, not a new one."""
    return bool(options.resume) and options.resume.resolve().parent == options.out.resolve()


def wrong(options):
    """What cannot be, in one line; None when all is well."""
    last = options.out / "last.pt"
    if not (options.data or options.rendered or options.render):
        return "say --data, --rendered or --render: there is nothing to train on"
    if options.render and not shutil.which(options.render):
        return f"--render {options.render}: there is no such program"
    for name, path in (("teacher", options.teacher), ("resume", options.resume)):
        if path and not os.path.isfile(path):
            return f"--{name} {path}: there is no such file"
    if last.exists() and not in_place(options):
        return (f"{last} is there already: go on from it with --resume {last}, "
                "or give another --out")
    if options.teacher and options.device != "cpu":
        return "--teacher is for a CPU"
    if options.workers > 1 and (options.device != "cpu" or options.render):
        return "--workers is for a CPU, without --render"
    return None


def arguments(argv):
    """The options of a run."""
    parser = argparse.ArgumentParser(
        prog="train.py", description="Trains the detector from scratch, or from a checkpoint on.",
        epilog="Say one of --steps, --seconds, --flat and --finish.",
    )
    of_pictures(parser)
    of_course(parser)
    of_machine(parser)
    options = parser.parse_args(argv)
    if line := wrong(options):
        parser.error(line)
    return options
