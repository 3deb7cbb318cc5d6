"""Trains the detector from scratch, or goes on from a checkpoint.

    python3 models/training/train.py --data pack.bin --rendered DIR --out OUT --seconds 1500
    python3 models/training/train.py ... --out OUT2 --resume OUT/last.pt --seconds 1500

The learning rate falls along `--steps`, or along `--seconds` of training summed over all runs;
`--time-limit` ends this run early, whatever is left. With `--flat` the rate stays, so that
training goes on for as long as there is time for it; `--finish SECONDS --resume FILE` makes a
model of any such checkpoint: its rate falls to nothing along that many seconds. A finish that was
killed goes on where it was with `--resume OUT/last.pt`; from a file of another folder it begins
anew. OUT gets last.pt (everything needed to go on), best.pt (the averaged weights of the best
check in this OUT so far; without held-back pictures the newest), log.jsonl and checks.jsonl.
`--render PROGRAM` makes rendered pictures while training goes on. On a CPU `--workers 2` trains in
two processes of one thread each, which is 1.4 times as fast as one process of two threads.
Everything random is seeded. Runs still differ in the last digits and in timing on a GPU and with
`--render`, `--seconds`, `--finish` or `--time-limit`; and a run gone on with draws other pictures
than one that was never stopped.
"""

import copy
import json
import math
import os
import random
import sys
import time
from concurrent.futures import ThreadPoolExecutor

import cv2
import numpy as np
import torch

import augment
import check
import checkpoint
import loss
import model
import muon
import pictures
import teacher
import workers
from options import AREA, arguments, in_place
from renderer import Renderer

LAST_RATE = 0.02  # share of the learning rate at the end
WEIGHT_DECAY = 0.05
WARM_STEPS = 400
AVERAGE = 0.9995  # of the averaged weights, a step
CALM = 0.92  # from this share of the training on, pictures are changed less
CLIP = 10.0
# Of so many pictures the teacher is asked about one: with all, its answers would take more than a
# quarter of the time.
ASKED = 2
EARLY = 3  # steps that are printed one by one, to see that a run runs


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


class Feed:
    """Batches, one after another; on a CPU the next is made while the network works on one."""

    def __init__(self, maker, options):
        self.maker, self.options = maker, options
        self.random = random.Random(options.seed)
        self.often = options.changes  # of the batches begun from now on: how often they are changed
        # Workers keep their processor busy by themselves.
        alone = options.device == "cpu" and options.workers == 1
        self.pool = ThreadPoolExecutor(1) if alone else None
        self.ready = None

    @torch.no_grad()
    def make(self, width, height, often):
        size = max(2, round(self.options.batch * AREA / (width * height) / 8) * 8)
        if self.options.batch < 8:
            size = self.options.batch
        self.maker.often = often
        return self.maker.batch(size, width, height)

    def begin(self):
        shapes = self.options.shapes
        width, height, _ = self.random.choices(shapes, [s[2] for s in shapes])[0]
        if self.pool:
            return self.pool.submit(self.make, width, height, self.often)
        return self.make(width, height, self.often)

    def next(self):
        if not self.pool:
            return self.begin()
        ready = self.ready or self.begin()
        batch = ready.result()
        self.ready = self.begin()
        return batch

    def extend(self, fresh):
        """More pictures to draw from; while no batch is being made of those there are."""
        if self.ready:
            self.ready.result()
        for prepared in fresh:
            self.maker.store.extend(prepared)
        self.maker.weigh()

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
        self.finished = 0.0  # seconds of this finish in runs before this one
        if options.resume:
            self.restore(options.resume)
        self.forward = self.network
        if options.compile:
            self.forward = torch.compile(self.network, dynamic=False)
        self.centres, self.times = {}, {}
        self.begun = time.time()  # of the steps: what came before took no training

    def restore(self, path):
        state = checkpoint.read(path, self.device)
        if state["size"] != self.options.size:
            size = state["size"]
            raise SystemExit(f"{path} is of a {size} network: say --size {size}")
        # A file of weights alone, as the repository keeps it, begins with a fresh optimiser.
        weights = state.get("network", state["average"])
        self.network.load_state_dict(checkpoint.floats(weights))
        self.average.network.load_state_dict(checkpoint.floats(state["average"]))
        self.average.steps = state["step"]
        taught = state.get("pupil")
        if self.pupil and taught:
            self.pupil.load_state_dict(taught)
        if "muon" in state.get("optimiser", {}):
            self.optimiser.load_state_dict(state["optimiser"])
        self.step, self.seconds = state["step"], state["seconds"]
        said = f"going on from step {self.step}, {self.seconds:.0f} s"
        if in_place(self.options):
            # What another OUT was best at was checked on other pictures, perhaps, and lies there.
            self.best = state.get("best", -1.0)
            self.finished = state.get("finish_s", 0.0)
            said += f", best {self.best:.2f}" if self.best >= 0 else ""
            said += f", {self.finished:.0f} s of the finish" if self.options.finish else ""
        print(said, flush=True)

    def save(self, name, everything=True):
        state = {
            "size": self.options.size,
            "step": self.step,
            "seconds": self.seconds,
            "best": self.best,
            "finish_s": self.finish_s(),
            "average": self.average.network.state_dict(),
        }
        if everything:
            state["network"] = self.network.state_dict()
            state["optimiser"] = self.optimiser.state_dict()
            state["pupil"] = self.pupil.state_dict() if self.pupil else None
        path = self.options.out / name
        torch.save(state, path.with_suffix(".part"))
        path.with_suffix(".part").rename(path)

    def finish_s(self):
        """Seconds of the finish so far, those before a kill too; none in other trainings."""
        return self.finished + time.time() - self.begun if self.options.finish else 0.0

    def progress(self):
        """How far the whole training is, 0 to 1."""
        if self.options.finish:
            return min(1.0, self.finish_s() / self.options.finish)
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


class Log:
    """Means over some steps of what each step says: the lines of log.jsonl."""

    def __init__(self, training):
        self.path, self.every = training.options.out / "log.jsonl", training.options.log_every
        self.begin(training)

    def begin(self, training):
        self.sums, self.seen, self.since, self.first = {}, 0, time.time(), training.step

    def add(self, training, parts, size):
        """One step more; a line where one is due."""
        self.seen += size * training.options.workers
        for name, value in parts.items():
            self.sums[name] = self.sums.get(name, 0) + value
        step, full = training.step, training.step % self.every == 0
        if not (full or step <= EARLY):
            return
        steps = step - self.first
        line = {name: round(float(value) / steps, 4) for name, value in self.sums.items()}
        line |= {"step": step, "rate": round(training.rate(), 6),
                 "progress": round(training.progress(), 4),
                 "pictures_s": round(self.seen / (time.time() - self.since))}
        if full:
            write_line(self.path, line)
            self.begin(training)
        if step % (10 * self.every) == 0 or step <= EARLY:
            print(json.dumps(line), flush=True)


def begun_renderer(options, step):
    """What renders beside the training, if that is wanted."""
    if not options.render:
        return None
    # Later runs see other pictures: their seeds begin where no run was before.
    return Renderer(options, 100 + step % 100_000_000)


def opened(options, renderer):
    """The store of all pictures to train on; records and pixels of those to check on."""
    threads = options.threads or len(os.sched_getaffinity(0))
    records = pictures.open_all(options.data + options.rendered)
    decoded = pictures.decode_all(records, threads)
    if renderer:
        more = renderer.before(threads)
        records, decoded = records + more[0], decoded + more[1]
    train = [i for i, r in enumerate(records) if r.split == "train"]
    if not train:
        raise SystemExit('no picture to train on: none of --data and --rendered is of '
                         'the split "train"')
    held = [(r, d) for r, d in zip(records, decoded) if r.split == "val"]
    held = held[:: max(1, -(-len(held) // options.check_most))]
    prepared = augment.prepare(
        [records[i] for i in train], [decoded[i] for i in train], threads, options.device
    )
    return augment.Store(prepared, torch.device(options.device)), held


def main(argv=None):
    started = time.time()
    options = arguments(argv)
    options.out.mkdir(parents=True, exist_ok=True)
    torch.backends.cudnn.benchmark = True
    torch.backends.cuda.matmul.allow_tf32 = torch.backends.cudnn.allow_tf32 = True
    if options.workers > 1:
        # Before anything starts threads: processes are split off later.
        torch.set_num_threads(1)
        cv2.setNumThreads(0)
    training = Training(options, started)
    renderer = begun_renderer(options, training.step)
    store, held = opened(options, renderer)
    print(f"{store.count} pictures to train on, {len(held)} to check on, "
          f"after {time.time() - started:.0f} s", flush=True)
    if not held:
        print("no picture is held back: best.pt will be the newest", flush=True)
    training.begun = time.time()
    # Before workers split off: clocks that differ must not tell some of them to begin.
    ended = training.progress() >= 1 or training.step >= options.stop_at
    try:
        if options.workers > 1 and not ended:
            training.group = workers.Group(options.workers)
        training.group.over = ended
        seed = options.seed + training.step + 1_000_003 * training.group.rank
        maker = augment.Maker(store, seed, options.rendered_share, options.mosaics)
        if renderer:
            renderer.start()
        run(training, maker, renderer, held)
    finally:
        if renderer:
            renderer.stop = True
        training.group.close()


def run(training, maker, renderer, held):
    """Steps until the training or this run is over; checks and saves on the way."""
    options, first = training.options, training.group.rank == 0
    feed, log = Feed(maker, options), Log(training)
    saved = checked = time.time()
    last_step = None
    while not training.group.over:
        if renderer and (fresh := renderer.take()):
            feed.extend(fresh)
            renderer.stop = maker.store.count >= options.render_most
        calm = bool(options.finish) or training.progress() > CALM
        feed.often = options.changes * (augment.CALM if calm else 1.0)
        parts, size = training.one_step(feed)
        now = time.time()
        if last_step is not None:
            training.seconds += now - last_step
        last_step = now
        if not first:
            continue
        log.add(training, parts, size)
        if now - saved > options.save_every:
            training.save("last.pt")
            saved = time.time()
        if now - checked > options.check_every:
            report(training, held)
            checked = saved = time.time()
            last_step = None
    feed.close()
    if not first:
        return
    report(training, held)
    for part, times in training.times.items():
        print(f"{part}: median {np.median(times) * 1e3:.1f} ms a step")
    print(f"stopped at step {training.step}, {training.seconds:.0f} s of training, "
          f"progress {training.progress():.3f}, run of {time.time() - training.started:.0f} s",
          flush=True)


def report(training, held):
    """Checks the averaged weights, prints and keeps the figures, saves checkpoints."""
    began = time.time()
    figures = check.check(training.average.network, held, training.device) if held else {}
    goal = check.goal(figures)
    said = "nobody to judge by, best.pt is the newest"
    if goal is not None:
        new, training.best = goal > training.best, max(goal, training.best)
        said = f"goal {goal:.2f} (best {training.best:.2f})"
    if goal is None or new:
        training.save("best.pt", everything=False)
    training.save("last.pt")
    line = {"step": training.step, "goal": goal} | figures
    write_line(training.options.out / "checks.jsonl", line)
    print(f"check at step {training.step}: {said}, {time.time() - began:.1f} s\n"
          f"{check.table(figures)}", flush=True)


if __name__ == "__main__":
    sys.exit(main())
