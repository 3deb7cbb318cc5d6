"""The whole way on a few drawn pictures: pack, train, stop, go on, be taught, export, compare,
evaluate; and what must be refused.

    python3 models/training/smoke.py [--steps 60]

Takes a minute or two on one CPU core and needs no data. Fails when the loss does not fall, when a
run gone on from a checkpoint unlearns or has other weights or momentum than the file, when bfloat16
is not used or sees something else than float32, when PyTorch and ONNX Runtime disagree, when an
int8 file without weights passes, or when weights rounded together do no better than each by itself.
"""

import argparse
import contextlib
import copy
import io
import itertools
import json
import pathlib
import subprocess
import sys
import tempfile
import time

import numpy as np
import onnx
import torch
from onnx import numpy_helper

import drawn
import evaluate
import export
import mean
import model
import pack
import pictures
import rounding
import train

FALL = 0.75  # the last loss must be below this share of the first
NEAR = 0.02  # of the loss, between float32 and bfloat16
SIDE = 96  # px: longer side of the packed training pictures, half of what was drawn
FINISH_S = 25.0  # of a finish that was killed


def told(out, data, *more):
    """What train.py is told, beside how far."""
    return [
        "--data", str(data), "--out", str(out), "--size", "tiny", "--batch", "6", "--shapes",
        "160x96", "--device", "cpu", "--threads", "1", "--log-every", "1", "--seed", "3",
        "--rate", "0.006", *map(str, more),
    ]


@contextlib.contextmanager
def computed_in():
    """The types of numbers that convolutions give meanwhile."""
    types = set()

    def watch(layer, _, output):
        if isinstance(layer, torch.nn.Conv2d):
            types.add(output.dtype)

    hook = torch.nn.modules.module.register_module_forward_hook(watch)
    try:
        yield types
    finally:
        hook.remove()


def trained(out, data, *more):
    """Runs train.py; returns the loss of every logged step."""
    arguments = told(out, data, *more)
    if "--workers" in more:
        # Processes are split off before anything was computed.
        script = pathlib.Path(train.__file__)
        subprocess.run([sys.executable, script, *arguments], check=True)
    else:
        with computed_in() as types:
            train.main(arguments)
        assert (torch.bfloat16 in types) == ("--half" in more), f"computed in {types}"
    lines = [json.loads(line) for line in open(out / "log.jsonl", encoding="utf-8")]
    # What the teacher adds is not the network's own.
    return [line["loss"] - line.get("teacher", 0.0) for line in lines]


def refused(words, call, *arguments):
    """Fails unless a call ends the program with these words."""
    said = io.StringIO()
    try:
        with contextlib.redirect_stderr(said):
            call(*arguments)
    except SystemExit as end:
        line = f"{said.getvalue()}{end}"
    else:
        line = "it was not refused"
    assert words in line, f"{line!r} instead of {words!r}"


def refusals(place, data):
    """What train.py and mean.py do not take; `place` holds a finished run, "half"."""
    (place / "empty").mkdir()
    whole = (place / "pack.bin").read_bytes()
    (place / "cut.bin").write_bytes(whole[:-9])
    last, new = place / "half" / "last.pt", place / "new"
    odd = place / "odd.pt"
    torch.save(torch.load(last, weights_only=True) | {"size": "small"}, odd)
    for words, out, source, more in (
        ("is there already: go on from it with --resume", last.parent, data, ["--flat"]),
        ("is of a tiny network: say --size tiny", new, data,
         ["--flat", "--size", "small", "--resume", last]),
        ("annotations.json: No such file", new, place / "empty", ["--flat"]),
        ("cut.bin: is cut short", new, place / "cut.bin", ["--flat"]),
        ("sides in multiples of 32", new, data, ["--flat", "--shapes", "100x96"]),
        ("not allowed with argument", new, data, ["--flat", "--finish", "9"]),
        ("is no checkpoint", new, data, ["--flat", "--resume", place / "pack.bin"]),
    ):
        refused(words, train.main, told(out, source, *more))
    refused("they have no mean", mean.opened, [last, odd])


def begun(*arguments):
    """A training as train.py begins it, before its first step."""
    return train.Training(train.arguments(told(*arguments)), time.time())


def restored(place, data, teacher):
    """Fails unless a run gone on with begins with just what its checkpoint holds; with a teacher
    too, who was not there before."""
    path = place / "half" / "last.pt"
    state = torch.load(path, weights_only=True)
    for more in ([], ["--teacher", teacher]):
        training = begun(place / "new", data, "--flat", "--resume", path, *more)
        assert (training.step, training.best) == (state["step"], -1.0)
        for ours, saved in ((training.network, "network"), (training.average.network, "average")):
            for name, value in ours.state_dict().items():
                assert torch.equal(value, state[saved][name]), f"{saved}: other {name}"
        for name, part in training.optimiser.parts.items():
            assert len(part.state) == len(state["optimiser"][name]["state"]) > 0
            same_slots(part, state["optimiser"][name])
    training = begun(path.parent, data, "--flat", "--resume", path)
    assert training.best == state["best"], "a run gone on in its folder forgets its best"
    # A finish goes on in its own folder alone.
    copied = place / "finishing" / "last.pt"
    copied.parent.mkdir()
    torch.save(state | {"finish_s": FINISH_S}, copied)
    for out, share in ((copied.parent, 0.25), (place / "new", 0.0)):
        training = begun(out, data, "--finish", 4 * FINISH_S, "--resume", copied)
        assert abs(training.progress() - share) < 0.05, "a finish goes on elsewhere"


def same_slots(part, saved):
    """Fails unless an optimiser has of each weight what a file has, in half the digits; nothing of
    weights that the file does not know."""
    for ours, theirs in zip(part.param_groups, saved["param_groups"]):
        for weight, index in itertools.zip_longest(ours["params"], theirs["params"]):
            slot, kept = part.state.get(weight, {}), saved["state"].get(index, {})
            assert slot.keys() == kept.keys()
            for key, value in slot.items():
                assert value.shape in (weight.shape, ()), f"{key} is another weight's"
                assert torch.equal(value, kept[key].float()), f"other {key}"


def packed(data, path):
    """The drawn pictures out of a pack, after comparing them with what went in."""
    records = pictures.read_folder(data)
    pictures.write_pack(path, [pack.packed(record, SIDE, 80) for record in records])
    back = pictures.read_pack(path)
    for drawing, record in zip(records, back, strict=True):
        width = drawn.WIDTH if drawing.split == "val" else SIDE
        scale = width / drawn.WIDTH
        assert record.pixels().shape == (drawn.HEIGHT * scale, width, 3)
        assert np.abs(record.boxes - drawing.boxes * scale).max(initial=0.0) <= 0.1
        assert (record.ignore == drawing.ignore).all() and record.split == drawing.split
    assert {r.split for r in back} == {"train", "val"} and any(r.ignore.any() for r in back)
    return back


@torch.no_grad()
def rounded_together():
    """How far off a layer's answers are with weights rounded together, as a share of how far with
    each rounded to the nearest; of a layer whose inputs are alike side by side."""
    torch.manual_seed(2)
    network = torch.nn.Sequential(torch.nn.Conv2d(8, 16, 3))
    seen = torch.nn.functional.avg_pool2d(torch.rand(4, 8, 40, 40), 5, 1)
    nearest = copy.deepcopy(network)
    weight = nearest[0].weight
    step = weight.abs().amax((1, 2, 3), keepdim=True) / rounding.STEPS
    weight.copy_((weight / step).round() * step)
    together = rounding.rounded(network, ["0"], [seen.numpy()])
    steps = together[0].weight / step
    assert torch.allclose(steps, steps.round(), atol=1e-3), "weights lie between steps"
    off = [(net(seen) - network(seen)).square().mean().sqrt() for net in (together, nearest)]
    return float(off[0] / off[1])


def emptied(source, to):
    """Writes an int8 file whose weights are all nothing."""
    file = onnx.load(source)
    for value in file.graph.initializer:
        if value.data_type == onnx.TensorProto.INT8:
            nothing = np.zeros_like(numpy_helper.to_array(value))
            value.CopyFrom(numpy_helper.from_array(nothing, value.name))
    onnx.save(file, to)


def exported(place, data, held):
    """Exports the whole run's network, and evaluates both files."""
    out, weights = place / "model", place / "whole" / "best.pt"
    sys.argv = ["export.py", "--weights", str(weights), "--data", str(data), "--out", str(out),
                "--name", "smoke"]
    export.main()
    emptied(out / "smoke_int8.onnx", place / "emptied.onnx")
    network = model.Exported(export.load(weights)).eval()
    batches = export.calibrating([str(data)], 9)
    refused("it is not what was trained", export.judge_int8, network, place / "emptied.onnx",
            batches)
    for file in ("smoke.onnx", "smoke_int8.onnx"):
        result = evaluate.figures(evaluate.Lintel(out / file), held, (160, 96))
        print(file, {k: round(v, 1) for k, v in next(iter(result.values())).items()})


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--steps", type=int, default=60)
    steps = parser.parse_args().steps
    torch.set_num_threads(1)
    share = rounded_together()
    print(f"rounded together {share:.2f} of the error of rounding to the nearest")
    assert share < 0.3, "rounding weights together gains nothing"
    with tempfile.TemporaryDirectory() as place:
        place = pathlib.Path(place)
        data, teaching = place / "drawn", place / "teaching.onnx"
        data.mkdir()
        drawn.draw(data)
        drawn.teaching(teaching)
        back = packed(data, place / "pack.bin")
        learnt(place, data, teaching, steps)
        refusals(place, data)
        ends = mean.opened([place / run / "last.pt" for run in ("again", "whole")])
        middle, *parts = (state["average"]["stem.0.weight"]
                          for state in (mean.mean_of(ends), *ends))
        assert torch.allclose(middle, (parts[0] + parts[1]) / 2, atol=1e-6), "the mean is none"
        exported(place, data, [r for r in back if r.split == "val"])
    print("smoke: all well")


def learnt(place, data, teaching, steps):
    """Trains: at one go, in two, in two processes, and beside a teacher."""
    losses = trained(place / "whole", data, "--steps", steps)
    first, last = np.mean(losses[:5]), np.mean(losses[-5:])
    print(f"loss {first:.3f} -> {last:.3f}")
    assert last < FALL * first, "the loss does not fall"

    # Stopped half-way, then gone on with.
    trained(place / "half", data, "--steps", steps, "--stop-at", steps // 2)
    restored(place, data, teaching)
    half = place / "half" / "last.pt"
    again = trained(place / "again", data, "--steps", steps, "--resume", half)
    assert len(again) == steps - steps // 2
    assert np.mean(again[-5:]) < FALL * first, "going on from a checkpoint unlearns"

    # Two processes of half a batch each learn as well as one.
    shared = trained(place / "shared", data, "--steps", steps, "--workers", "2", "--batch", "3")
    assert len(shared) == steps
    assert np.mean(shared[-5:]) < FALL * first, "two workers do not learn"

    # Beside a teacher who knows nothing, from a checkpoint of a run without one, in half the
    # digits.
    taught = trained(place / "taught", data, "--steps", steps, "--half", "--teacher", teaching,
                     "--resume", half)
    assert np.mean(taught[-5:]) < FALL * first, "beside a teacher in bfloat16 it does not learn"
    assert abs(taught[0] / again[0] - 1) < NEAR, "bfloat16 sees something else"


if __name__ == "__main__":
    main()
