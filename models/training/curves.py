"""Draws how a training went: the loss and the checks' precision over the steps.

    python3 models/training/curves.py --curves models/lintel/curves.csv \
        --out models/lintel/training.svg [--log OUT/log.jsonl --name "rate falls"] \
        [--checks OUT/checks.jsonl]

`curves.csv` holds what earlier runs left (kind, series, step, value); a log and checks are added to
it first, from the steps on that it does not have. Needs matplotlib, which training does not.
"""

import argparse
import csv
import json
import pathlib

from matplotlib import pyplot

LOSS, PRECISION = "loss", "ap50"
EVERY = 25  # steps between points of the loss
# Groups of the checks that are drawn, and what a reader calls them.
GROUPS = {
    "rendered_flat": "rendered, 0-60 degrees", "rendered_steep": "rendered, 60-90 degrees",
    "cctv_office_lobby": "lobby", "walkcam": "walkcam", "penn": "penn", "meeting": "meeting",
}


def read(path):
    """Rows (kind, series, step, value)."""
    with open(path, encoding="utf-8", newline="") as file:
        return [(r["kind"], r["series"], int(r["step"]), float(r["value"]))
                for r in csv.DictReader(file)]


def write(path, rows):
    with open(path, "w", encoding="utf-8", newline="") as file:
        out = csv.writer(file, lineterminator="\n")
        out.writerow(("kind", "series", "step", "value"))
        out.writerows((kind, series, step, f"{value:.4g}") for kind, series, step, value in rows)


def lines(path):
    return [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]


def losses(path, name, after):
    """The network's own loss, without what a teacher adds to it."""
    return [(LOSS, name, line["step"], line["loss"] - line.get("teacher", 0.0))
            for line in lines(path) if line["step"] > after and line["step"] % EVERY == 0]


def precisions(path, after):
    return [(PRECISION, name, line["step"], line[group]["ap50"])
            for line in lines(path) if line["step"] > after
            for group, name in GROUPS.items() if group in line]


def last(rows, kind):
    return max((step for its, _, step, _ in rows if its == kind), default=0)


def smooth(values, over=6):
    """Each the mean of itself and up to `over` - 1 before it."""
    return [sum(values[max(0, i - over + 1) : i + 1]) / len(values[max(0, i - over + 1) : i + 1])
            for i in range(len(values))]


def draw(rows, path):
    figure, (left, right) = pyplot.subplots(1, 2, figsize=(10, 3.6), layout="constrained")
    for panel, kind in ((left, LOSS), (right, PRECISION)):
        for name in dict.fromkeys(row[1] for row in rows if row[0] == kind):
            mine = sorted((s, v) for its, n, s, v in rows if (its, n) == (kind, name))
            steps, values = zip(*mine)
            values = smooth(values) if kind == LOSS else values
            panel.plot(steps, values, label=name, linewidth=1.2,
                       marker=None if kind == LOSS else ".")
        panel.set_xlabel("step")
        panel.grid(alpha=0.3)
        panel.legend(fontsize=7)
    left.set_ylabel("loss")
    right.set_ylabel("AP at IoU 0.5, held back, %")
    pyplot.rcParams["svg.hashsalt"] = "lintel"  # the same file from the same curves
    figure.savefig(path, metadata={"Date": None})


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--curves", required=True, type=pathlib.Path)
    parser.add_argument("--out", required=True, type=pathlib.Path)
    parser.add_argument("--log", type=pathlib.Path, help="log.jsonl of a run")
    parser.add_argument("--name", help="what its line is called")
    parser.add_argument("--checks", type=pathlib.Path, help="checks.jsonl of a run")
    options = parser.parse_args()
    if bool(options.log) != bool(options.name):
        parser.error("--log and --name go together")
    rows = read(options.curves)
    if options.log:
        rows += losses(options.log, options.name, last(rows, LOSS))
    if options.checks:
        rows += precisions(options.checks, last(rows, PRECISION))
    write(options.curves, rows)
    draw(rows, options.out)


if __name__ == "__main__":
    main()
