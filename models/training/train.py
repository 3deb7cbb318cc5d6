"""Trains the detector from scratch, or goes on from a checkpoint.

    python3 models/training/train.py --data pack.bin --rendered DIR --out OUT --seconds 1500
    python3 models/training/train.py ... --out OUT2 --resume OUT/last.pt --seconds 1500

The learning rate falls along `--steps`, or along `--seconds` of training summed over all runs;
`--time-limit` ends this run early, whatever is left. With `--flat` the rate stays, so that
training goes on for as long as there is time for it; `--finish SECONDS --resume COPY` makes a
model of any such checkpoint: its rate falls to nothing along this one run. OUT gets last.pt
(everything needed to go on), best.pt (the averaged weights of the best check so far), log.jsonl
and checks.jsonl.
`--render PROGRAM` makes rendered pictures while training goes on. On a CPU `--workers 2` trains in
two processes of one thread each, which is 1.4 times as fast as one process of two threads.
Everything random is seeded; on a GPU, and with `--render` or `--seconds`, runs still differ in the
last digits and in timing.
"""

import argparse
import copy
import json
import math
import os
import pathlib
import random
import shutil
import subprocess
import sys
import tempfile
import threading
import time
from concurrent.futures import ThreadPoolExecutor

import cv2
import numpy as np
import torch

import augment
import check
import loss
import model
import muon
import pictures
import teacher
import workers

# Width, height and how often: the shapes it is used at, and others so that scale is learnt.
SHAPES = ((416, 256, 0.45), (512, 320, 0.2), (640, 384, 0.15), (416, 416, 0.1), (320, 192, 0.1))
AREA = 416 * 256  # the batch size is meant for this many pixels a picture
LEARNING_RATE = 2e-3
LAST_RATE = 0.02  # share of the learning rate at the end
WEIGHT_DECAY = 0.05
WARM_STEPS = 400
AVERAGE = 0.9995  # of the averaged weights, a step
CALM = 0.92  # from this share of the training on, pictures are changed less
CLIP = 10.0
# Of so many pictures the teacher is asked about one: with all, its answers would take more than a
# quarter of the time.
ASKED = 2
HELD_SEED = 9  # of the rendered pictures to check on: the same in every run


class Average:
    """Exponential moving average of the weights: what is checked and exported."""

    def __init__(self, network):
        self.network = copy.deepcopy(network).eval().requires_grad_(False)
        self.steps = 0

    @torch.no_grad()
    def update(self, network):
        self.steps += 1
        keep = min(AVERAGE, (1 + self.steps) / (20 + self.steps))
        ours = [v for v in self.network.state_dict().values() if v.is_floating_point()]
        theirs = [v for v in network.state_dict().values() if v.is_floating_point()]
        torch._foreach_lerp_(ours, theirs, 1 - keep)


class Renderer(threading.Thread):
    """Renders folder after folder beside the training, and decodes what is done."""

    def __init__(self, options, first_seed, folder):
        super().__init__(daemon=True)
        self.options, self.seed, self.folder = options, first_seed, folder
        self.done, self.lock, self.stop = [], threading.Lock(), False

    def one(self, count, threads, held_seed=None):
        """Renders `count` pictures, held back if given a seed of their own; returns their
        records and pixels."""
        seed = self.seed if held_seed is None else held_seed
        folder = self.folder / f"seed{seed}"
        began = time.time()
        subprocess.run(
            [self.options.render, "--out", folder, "--count", str(count), "--seed", str(seed),
             "--size", "416x256", "--threads", str(threads),
             "--val-every", "0" if held_seed is None else "1"],
            check=True, stdout=subprocess.DEVNULL,
        )
        self.seed += held_seed is None
        records = pictures.read_folder(folder)
        decoded = pictures.decode_all(records, threads)
        shutil.rmtree(folder)
        print(f"rendered {len(records)} in {time.time() - began:.0f} s (seed {seed})",
              flush=True)
        return records, decoded

    def run(self):
        while not self.stop:
            try:
                threads = self.options.render_threads
                result = augment.prepare(*self.one(self.options.render_count, threads), 4,
                                         self.options.device)
            except (subprocess.CalledProcessError, OSError, ValueError) as error:
                print(f"rendering stopped: {error}", flush=True)
                return
            with self.lock:
                self.done.append(result)

    def take(self):
        with self.lock:
            done, self.done = self.done, []
        return done


def arguments(argv):
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--data", nargs="+", default=[], help="packs, or COCO-style folders")
    parser.add_argument("--rendered", nargs="*", default=[], help="rendered folders")
    parser.add_argument("--render", help="program that renders while training goes on")
    parser.add_argument("--render-first", type=int, default=3000, help="pictures before the start")
    parser.add_argument("--render-held", type=int, default=300, help="held back to check on")
    parser.add_argument("--render-count", type=int, default=3000, help="pictures a round after it")
    parser.add_argument("--render-threads", type=int, default=12)
    parser.add_argument("--render-folder", default=os.path.join(tempfile.gettempdir(), "rendered"))
    parser.add_argument("--render-most", type=int, default=40000, help="pictures kept at most")
    parser.add_argument("--out", required=True, type=pathlib.Path)
    parser.add_argument("--teacher",
                        help="a YOLOX in ONNX whose answers are learnt beside, on a CPU")
    parser.add_argument("--resume", help="a last.pt to go on from")
    parser.add_argument("--size", default="medium", choices=sorted(model.SIZES))
    parser.add_argument("--batch", type=int, default=192, help="pictures of 416 x 256 a step")
    parser.add_argument("--steps", type=int, help="steps of the whole training")
    parser.add_argument("--seconds", type=float, help="seconds of the whole training, all runs")
    parser.add_argument("--time-limit", type=float, default=math.inf, help="seconds of this run")
    parser.add_argument("--flat", action="store_true", help="the learning rate does not fall")
    parser.add_argument("--finish", type=float, help="seconds in which this run's rate falls to 0")
    parser.add_argument("--mosaics", type=float, default=0.3, help="share of mosaics of four")
    parser.add_argument("--changes", type=float, default=1.0,
                        help="how often pictures are changed, 1 being the usual shares")
    parser.add_argument("--save-every", type=float, default=300, help="seconds")
    parser.add_argument("--check-most", type=int, default=2**31, help="pictures of a check")
    parser.add_argument("--check-every", type=float, default=150, help="seconds")
    parser.add_argument("--log-every", type=int, default=50, help="steps")
    parser.add_argument("--stop-at", type=int, default=2**62, help="step at which this run ends")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--rate", type=float, default=LEARNING_RATE)
    parser.add_argument("--rendered-share", type=float, default=0.45)
    parser.add_argument("--device", default="cuda" if torch.cuda.is_available() else "cpu")
    parser.add_argument("--threads", type=int, default=0, help="to decode with; 0: all")
    parser.add_argument("--workers", type=int, default=1,
                        help="processes of one thread each, on a CPU; each takes a whole batch")
    parser.add_argument("--half", action="store_true",
                        help="bfloat16 on a CPU too: faster where it has AMX")
    parser.add_argument("--compile", action="store_true", help="torch.compile the network")
    parser.add_argument("--profile", action="store_true", help="time the parts of a step; slower")
    parser.add_argument("--shapes", help="like 416x256:3,320x192:1 instead of the usual mix")
    options = parser.parse_args(argv)
    if not (options.steps or options.seconds or options.flat or options.finish):
        parser.error("say --steps, --seconds, --flat or --finish")
    if options.teacher and options.device != "cpu":
        parser.error("--teacher is for a CPU")
    if options.workers > 1 and (options.device != "cpu" or options.render):
        parser.error("--workers is for a CPU, without --render")
    return options


def shapes_of(options):
    if not options.shapes:
        return SHAPES
    shapes = [shape.partition(":") for shape in options.shapes.split(",")]
    return [(*map(int, size.split("x")), float(share or 1)) for size, _, share in shapes]


class Feed:
    """Batches, one after another; on a CPU the next is made while the network works on one."""

    def __init__(self, maker, options):
        self.maker, self.options = maker, options
        self.random = random.Random(options.seed)
        self.shapes = shapes_of(options)
        # Workers keep their processor busy by themselves.
        alone = options.device == "cpu" and options.workers == 1
        self.pool = ThreadPoolExecutor(1) if alone else None
        self.ready = None

    @torch.no_grad()
    def make(self, width, height):
        size = max(2, round(self.options.batch * AREA / (width * height) / 8) * 8)
        if self.options.batch < 8:
            size = self.options.batch
        return self.maker.batch(size, width, height)

    def begin(self):
        width, height, _ = self.random.choices(self.shapes, [s[2] for s in self.shapes])[0]
        if self.pool:
            return self.pool.submit(self.make, width, height)
        return self.make(width, height)

    def next(self):
        if not self.pool:
            return self.begin()
        ready = self.ready or self.begin()
        batch = ready.result()
        self.ready = self.begin()
        return batch

    def close(self):
        if self.pool:
            self.pool.shutdown(cancel_futures=True)


class Training:
    """The state of a run: network, optimiser, data, and how far it is."""

    def __init__(self, options, started):
        self.options, self.started = options, started
        self.group = workers.Alone()
        self.device = torch.device(options.device)
        torch.manual_seed(options.seed)
        self.half = self.device.type == "cuda" or options.half
        if options.flat or options.finish:
            options.steps = options.steps or 2**31
        self.network = model.Lintel(options.size).to(self.device)
        self.network = self.network.to(memory_format=torch.channels_last)
        self.average = Average(self.network)
        self.teacher, self.pupil = None, None
        weights, last = list(self.network.parameters()), []
        if options.teacher:
            self.teacher = teacher.Teacher(options.teacher)
            self.pupil = teacher.Pupil(options.size).to(self.device)
            last = list(self.pupil.parameters())
        self.weights = weights + last
        self.optimiser = muon.Optimiser(weights, last, options.rate, WEIGHT_DECAY)
        self.step, self.seconds, self.best = 0, 0.0, -1.0
        if options.resume:
            self.restore(options.resume)
        self.forward = self.network
        if options.compile:
            self.forward = torch.compile(self.network, dynamic=False)
        self.centres, self.times = {}, {}
        self.begun = time.time()  # of the steps: what came before took no training

    def restore(self, path):
        state = torch.load(path, map_location=self.device, weights_only=True)
        # A file of weights alone, as the repository keeps it, begins with a fresh optimiser.
        weights = state.get("network", state["average"])
        self.network.load_state_dict({k: v.float() if v.is_floating_point() else v
                                      for k, v in weights.items()})
        self.average.network.load_state_dict(
            {k: v.float() if v.is_floating_point() else v for k, v in state["average"].items()}
        )
        self.average.steps = state["step"]
        taught = state.get("pupil")
        if self.pupil and taught:
            self.pupil.load_state_dict(taught)
        if "muon" in state.get("optimiser", {}):
            self.optimiser.load_state_dict(state["optimiser"])
        self.step, self.seconds, self.best = state["step"], state["seconds"], state["best"]
        print(f"going on from step {self.step}, {self.seconds:.0f} s, best {self.best:.2f}")

    def save(self, name, everything=True):
        state = {
            "size": self.options.size,
            "step": self.step,
            "seconds": self.seconds,
            "best": self.best,
            "average": self.average.network.state_dict(),
        }
        if everything:
            state["network"] = self.network.state_dict()
            state["optimiser"] = self.optimiser.state_dict()
            state["pupil"] = self.pupil.state_dict() if self.pupil else None
        path = self.options.out / name
        torch.save(state, path.with_suffix(".part"))
        path.with_suffix(".part").rename(path)

    def progress(self):
        """How far the whole training is, 0 to 1."""
        if self.options.finish:
            return min(1.0, (time.time() - self.begun) / self.options.finish)
        if self.options.steps:
            return min(1.0, self.step / self.options.steps)
        return min(1.0, self.seconds / self.options.seconds)

    def rate(self):
        warm_steps = min(WARM_STEPS, (self.options.steps or math.inf) / 10)
        warm = min(1.0, (self.step + 1) / warm_steps)
        if self.options.finish:
            return self.options.rate * max(0.0, 1 - self.progress())
        if self.options.flat:
            return self.options.rate * warm
        fall = LAST_RATE + (1 - LAST_RATE) * 0.5 * (1 + math.cos(math.pi * self.progress()))
        return self.options.rate * warm * fall

    def over(self):
        """Whether this run is to end after the step that is being taken."""
        last = min(self.options.steps or math.inf, self.options.stop_at)
        late = time.time() - self.started >= self.options.time_limit
        return self.step + 1 >= last or late or self.progress() >= 1

    def mark(self, part):
        """With `--profile`: seconds since the mark before, as a part of the step."""
        if not self.options.profile:
            return
        if self.device.type == "cuda":
            torch.cuda.synchronize()
        now = time.perf_counter()
        if part != "start" and self.step >= 20:
            self.times.setdefault(part, []).append(now - self.marked)
        self.marked = now

    def cells(self, width, height):
        if (width, height) not in self.centres:
            self.centres[width, height] = model.cells(height, width, self.device)
        return self.centres[width, height]

    def taught(self, batch, logits, necks):
        """The loss beside the teacher, on every `ASKED`th of the pictures that it knows."""
        known = batch.taught.nonzero()[self.step % ASKED :: ASKED, 0]
        if len(known) == 0:
            # Nothing to learn, but other workers wait for the gradients.
            return sum(weights.sum() for weights in self.pupil.parameters()) * 0.0
        answers = self.teacher.answers(batch.pictures[known])
        return self.pupil.loss([level[known].float() for level in necks], logits[known], answers)

    def one_step(self, feed):
        """One step of the optimiser; returns the loss's parts."""
        self.mark("start")
        batch = feed.next()
        size, (height, width) = len(batch.pictures), batch.pictures.shape[2:]
        images = batch.pictures.float().contiguous(memory_format=torch.channels_last)
        self.mark("augment")
        with torch.autocast(self.device.type, torch.bfloat16, enabled=self.half):
            raw, necks = self.forward(images, necks=True)
        self.mark("forward")
        whole, parts = loss.losses(raw, batch.values, batch.kind, *self.cells(width, height))
        self.mark("loss")
        if self.teacher:
            parts["teacher"] = self.taught(batch, raw[..., 0], necks)
            whole = whole + parts["teacher"]
            self.mark("teacher")
        self.optimiser.zero_grad()
        whole.backward()
        self.mark("backward")
        rate = self.group.agree(self.weights, self.rate(), self.over())
        for group in self.optimiser.param_groups:
            group["lr"] = rate
        self.mark("agree")
        torch.nn.utils.clip_grad_norm_(self.weights, CLIP)
        self.optimiser.step()
        self.average.update(self.network)
        self.mark("update")
        self.step += 1
        parts["loss"] = whole
        return {name: value.detach() for name, value in parts.items()}, size


def write_line(path, line):
    with open(path, "a", encoding="utf-8") as file:
        file.write(json.dumps(line) + "\n")


def main(argv=None):
    started = time.time()
    options = arguments(argv)
    options.out.mkdir(parents=True, exist_ok=True)
    torch.backends.cudnn.benchmark = True
    torch.backends.cuda.matmul.allow_tf32 = torch.backends.cudnn.allow_tf32 = True
    threads = options.threads or (len(os.sched_getaffinity(0)))
    if options.workers > 1:
        # Before anything starts threads: processes are split off later.
        torch.set_num_threads(1)
        cv2.setNumThreads(0)
    training = Training(options, started)

    records = pictures.open_all(options.data + options.rendered)
    decoded = pictures.decode_all(records, threads)
    renderer = None
    if options.render:
        # Later runs see other pictures: their seeds begin where no run was before.
        first_seed = 100 + training.step % 100_000_000
        renderer = Renderer(options, first_seed, pathlib.Path(options.render_folder))
        for more in (
            renderer.one(options.render_held, threads, HELD_SEED),
            renderer.one(options.render_first, threads),
        ):
            records, decoded = records + more[0], decoded + more[1]
    train = [i for i, r in enumerate(records) if r.split == "train"]
    held = [(r, d) for r, d in zip(records, decoded) if r.split == "val"]
    prepared = augment.prepare(
        [records[i] for i in train], [decoded[i] for i in train], threads, options.device
    )
    store = augment.Store(prepared, training.device)
    del records, decoded, prepared
    held = held[:: max(1, len(held) // options.check_most)]
    print(f"{store.count} pictures to train on, {len(held)} to check on, "
          f"after {time.time() - started:.0f} s", flush=True)
    if options.workers > 1:
        training.group = workers.Group(options.workers)
    seed = options.seed + training.step + 1_000_003 * training.group.rank
    maker = augment.Maker(store, seed, options.rendered_share, options.mosaics)
    if renderer:
        renderer.start()
    try:
        run(training, maker, renderer, held)
    finally:
        if renderer:
            renderer.stop = True
        training.group.close()


def run(training, maker, renderer, held):
    """Steps until the training or this run is over; checks and saves on the way."""
    options, started = training.options, training.started
    training.group.over = training.progress() >= 1 or training.step >= options.stop_at
    feed = Feed(maker, options)
    training.begun = saved = time.time()
    sums, seen, logged, checked = {}, 0, time.time(), time.time()
    last_step, log_from = None, training.step
    every = options.log_every
    first = training.group.rank == 0
    while not training.group.over:
        if renderer and (fresh := renderer.take()):
            for prepared in fresh:
                maker.store.extend(prepared)
            maker.weigh()
            renderer.stop = maker.store.count >= options.render_most
        calm = bool(options.finish) or training.progress() > CALM
        maker.often = options.changes * (augment.CALM if calm else 1.0)
        parts, size = training.one_step(feed)
        now = time.time()
        if last_step is not None:
            training.seconds += now - last_step
        last_step = now
        if not first:
            continue
        seen += size * options.workers
        for name, value in parts.items():
            sums[name] = sums.get(name, 0) + value
        if training.step % every == 0 or training.step <= 3:
            steps = training.step - log_from
            line = {name: round(float(value) / steps, 4) for name, value in sums.items()}
            line |= {"step": training.step, "rate": round(training.rate(), 6),
                     "progress": round(training.progress(), 4),
                     "pictures_s": round(seen / (time.time() - logged))}
            if training.step % every == 0:
                write_line(options.out / "log.jsonl", line)
                sums, seen, logged, log_from = {}, 0, time.time(), training.step
            if training.step % (10 * every) == 0 or training.step <= 3:
                print(json.dumps(line), flush=True)
        if now - saved > options.save_every:
            training.save("last.pt")
            saved = time.time()
        if now - checked > options.check_every:
            report(training, held)
            checked = saved = time.time()
            last_step = None
    if not first:
        return
    report(training, held)
    for part, times in training.times.items():
        print(f"{part}: median {np.median(times) * 1e3:.1f} ms a step")
    feed.close()
    print(f"stopped at step {training.step}, {training.seconds:.0f} s of training, "
          f"progress {training.progress():.3f}, run of {time.time() - started:.0f} s", flush=True)


def report(training, held):
    """Checks the averaged weights, prints and keeps the figures, saves checkpoints."""
    began = time.time()
    figures = check.check(training.average.network, held, training.device) if held else {}
    goal = check.goal(figures)
    if goal > training.best:
        training.best = goal
        training.save("best.pt", everything=False)
    training.save("last.pt")
    line = {"step": training.step, "goal": goal} | figures
    write_line(training.options.out / "checks.jsonl", line)
    print(f"check at step {training.step}: goal {goal:.2f} (best {training.best:.2f}), "
          f"{time.time() - began:.1f} s\n{check.table(figures)}", flush=True)


if __name__ == "__main__":
    sys.exit(main())
