"""One table: AP50, AP50:95, recall at 0.1 false boxes a picture, by source, of exported networks.

    python3 models/training/evaluate.py --data FOLDER [DIR ...] \
        --model lintel models/lintel/lintel_int8.onnx --model yolox_nano FILE [--size 416x416]

Families by the first word of `--model`: lintel..., yolox..., nanodet.... Held-back pictures only.
On rendered ones also the median error of foot points, in % of the body's larger side.
"""

import argparse

import numpy as np

import check
import export
import measure
import pictures

NANODET_OUTPUTS = (("792", "795"), ("814", "817"), ("836", "839"))
NANODET_MEAN = np.array([103.53, 116.28, 123.675], np.float32)
NANODET_STD = np.array([57.375, 57.12, 58.395], np.float32)
STRIDES = (8, 16, 32)
LEAST_SCORE = 0.01


def centres(width, height, offset):
    """Cells' positions [cells, 2], px, and strides [cells, 1]."""
    at, strides = [], []
    for stride in STRIDES:
        x, y = np.meshgrid(np.arange(width // stride), np.arange(height // stride))
        cell = np.stack((x, y), -1).reshape(-1, 2) + offset
        at.append(cell * stride)
        strides.append(np.full((len(cell), 1), stride))
    return np.concatenate(at).astype(np.float32), np.concatenate(strides).astype(np.float32)


class Lintel:
    """This project's own network: score, visible box, full box, foot, head."""

    def __init__(self, path):
        self.session = export.session(path)

    def __call__(self, picture):
        height, width = picture.shape[:2]
        images = picture.transpose(2, 0, 1)[None].astype(np.float32)
        rows = self.session.run(None, {"images": images})[0][0].copy()
        middle, _ = centres(width, height, 0.5)
        rows[:, 1:] += np.tile(middle, (1, 6))
        return rows


class Yolox:
    """YOLOX: undecoded x, y, log w, log h, objectness, 80 classes. Boxes only."""

    def __init__(self, path):
        self.path, self.sessions = path, {}

    def session(self, width, height):
        if (width, height) not in self.sessions:
            import onnx

            graph = onnx.load(self.path)
            sides = graph.graph.input[0].type.tensor_type.shape.dim
            sides[2].dim_value, sides[3].dim_value = height, width
            del graph.graph.value_info[:]
            for output in graph.graph.output:
                output.type.tensor_type.ClearField("shape")
            self.sessions[width, height] = export.session_of(graph.SerializeToString())
        return self.sessions[width, height]

    def __call__(self, picture):
        height, width = picture.shape[:2]
        session = self.session(width, height)
        images = np.ascontiguousarray(picture[..., ::-1].transpose(2, 0, 1)[None], np.float32)
        raw = session.run(None, {session.get_inputs()[0].name: images})[0][0]
        corner, stride = centres(width, height, 0.0)
        middle = raw[:, :2] * stride + corner
        half = np.exp(raw[:, 2:4]) * stride / 2
        score = raw[:, 4:5] * raw[:, 5:6]
        return np.concatenate((score, middle - half, middle + half), 1)


class Nanodet:
    """NanoDet: per level class probabilities, and distances as distributions over 8 bins."""

    def __init__(self, path):
        self.session = export.session(path)

    def __call__(self, picture):
        images = (picture[..., ::-1].astype(np.float32) - NANODET_MEAN) / NANODET_STD
        names = [name for pair in NANODET_OUTPUTS for name in pair]
        height, width = picture.shape[:2]
        feed = {"input.1": np.ascontiguousarray(images.transpose(2, 0, 1)[None])}
        out = dict(zip(names, self.session.run(names, feed)))
        score = np.concatenate([out[s].reshape(-1, 80)[:, :1] for s, _ in NANODET_OUTPUTS])
        bins = np.concatenate([out[b].reshape(-1, 4, 8) for _, b in NANODET_OUTPUTS])
        bins = np.exp(bins - bins.max(-1, keepdims=True))
        middle, stride = centres(width, height, 0.5)
        sides = (bins * np.arange(8)).sum(-1) / bins.sum(-1) * stride
        return np.concatenate((score, middle - sides[:, :2], middle + sides[:, 2:]), 1)


FAMILIES = {"lintel": Lintel, "yolox": Yolox, "nanodet": Nanodet}


def opened(name, path):
    for family, make in FAMILIES.items():
        if name.startswith(family):
            return make(path)
    raise SystemExit(f"{name}: a model's name begins with one of {', '.join(FAMILIES)}")


def people(network, record, size):
    """Who `network` finds in a picture: [n, 5 or 13], pixels of the picture, the surest first."""
    picture, scale = pictures.letterbox(record.pixels(), *size)
    rows = network(picture)
    rows = rows[rows[:, 0] >= LEAST_SCORE]
    rows = rows[np.argsort(-rows[:, 0], kind="stable")[:500]]
    rows[:, 1:] /= scale
    rows = check.cut(rows, record)
    return rows[measure.suppress(rows[:, 1:5], rows[:, 0], check.OVERLAP)]


def figures(network, records, size):
    """{group: figures} of one network."""
    by_group = {}
    for record in records:
        rows = people(network, record, size or check.canvas(record))
        for group in check.groups(record):
            by_group.setdefault(group, []).append((record, rows))
    result = {}
    for group, items in sorted(by_group.items()):
        tried = [(rows[:, 1:5], rows[:, 0], *check.truth(record)) for record, rows in items]
        line = {name: 100 * value for name, value in measure.summary(tried).items()}
        if group.startswith("rendered"):
            if items[0][1].shape[1] < 13:
                items = [(record, with_foot(rows)) for record, rows in items]
            line |= check.foot_errors(items)
        result[group] = line | {"pictures": len(items)}
    return result


def with_foot(rows):
    """Boxes only: the foot is the middle of the lower edge."""
    foot = np.stack(((rows[:, 1] + rows[:, 3]) / 2, rows[:, 4]), 1)
    return np.concatenate((rows, rows[:, 1:5], foot, foot), 1)


def judged(options):
    """The held-back pictures, of the sources wanted."""
    records = [r for r in pictures.open_all(options.data) if r.split == "val"]
    if not records:
        raise SystemExit(f"nothing to judge: {', '.join(options.data)} has no picture with split "
                         '"val"')
    chosen = [r for r in records if not options.only or r.source in options.only]
    if not chosen:
        known = ", ".join(sorted({r.source for r in records}))
        raise SystemExit(f"nothing to judge: --only knows only {known}")
    return chosen


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--data", nargs="+", required=True, help="packs or folders")
    parser.add_argument(
        "--model", nargs=2, action="append", required=True, metavar=("NAME", "FILE")
    )
    parser.add_argument("--size", help="WxH of the input; usual: 416x416, rendered 416x256")
    parser.add_argument("--only", nargs="*", help="these sources")
    options = parser.parse_args()
    size = tuple(map(int, options.size.split("x"))) if options.size else None
    records = judged(options)
    results = {name: figures(opened(name, path), records, size) for name, path in options.model}
    groups = sorted({group for result in results.values() for group in result})
    for group in groups:
        print(group)
        for name, result in results.items():
            line = "  ".join(f"{key} {value:6.1f}" for key, value in result[group].items())
            print(f"  {name:18s} {line}")


if __name__ == "__main__":
    main()
