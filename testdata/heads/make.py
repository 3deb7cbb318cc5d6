#!/usr/bin/env python3
"""Reference decodes of every family's head, on small random tensors: writes FAMILY.json beside this file.

Each decode follows the family's own publication, in numpy and float64, one number after another, and
shares nothing with the code it checks. Run again only to add a family: `python3 make.py` (needs numpy).
"""
import json, pathlib
import numpy as np

HERE = pathlib.Path(__file__).parent
W, H, STRIDES, CLASSES, PERSON, THRESHOLD = 64, 32, [8, 16, 32], 3, 1, 0.3
rng = np.random.default_rng(20)


def cells():
    """(stride, column, row) of every grid cell, level by level, row by row."""
    return [(s, x, y) for s in STRIDES for y in range(H // s) for x in range(W // s)]


def tensor(name, array):
    array = np.round(np.asarray(array, dtype=np.float64), 4)
    return array, dict(name=name, shape=list(array.shape), data=[float(v) for v in array.ravel()])


def write(family, tensors, boxes, **more):
    assert 3 <= len(boxes) <= 60, (family, len(boxes))
    document = dict(input=[W, H], strides=STRIDES, classes=CLASSES, person=PERSON, threshold=THRESHOLD,
                    tensors=tensors, boxes=[[round(float(v), 5) for v in box] for box in boxes], **more)
    (HERE / f"{family}.json").write_text(json.dumps(document) + "\n")


def spread(shape):
    """Probabilities, most of them low, none within 0.002 of the threshold's product."""
    return rng.beta(0.8, 1.6, shape)


def yolox():
    n = len(cells())
    raw = np.concatenate((rng.normal(0, 1, (n, 2)), rng.normal(0.5, 0.7, (n, 2)), spread((n, 1 + CLASSES))), 1)
    raw, t = tensor("output", raw[None])
    boxes = []
    for row, (s, x, y) in zip(raw[0], cells()):
        score = row[4] * row[5 + PERSON]
        if score > THRESHOLD:
            cx, cy, w, h = (row[0] + x) * s, (row[1] + y) * s, np.exp(row[2]) * s, np.exp(row[3]) * s
            boxes.append([cx - w / 2, cy - h / 2, cx + w / 2, cy + h / 2, score])
    write("yolox", [t], boxes)


def yolov8():
    n = len(cells())
    xywh = np.stack((rng.uniform(0, W, n), rng.uniform(0, H, n), rng.uniform(2, 30, n), rng.uniform(2, 30, n)))
    raw, t = tensor("output0", np.concatenate((xywh, spread((CLASSES, n))), 0)[None])
    boxes = []
    for k in range(n):
        cx, cy, w, h = raw[0, :4, k]
        if raw[0, 4 + PERSON, k] > THRESHOLD:
            boxes.append([cx - w / 2, cy - h / 2, cx + w / 2, cy + h / 2, raw[0, 4 + PERSON, k]])
    write("yolov8", [t], boxes)


def nanodet(bins=4, anchor=0.5):
    scores, edges, boxes = [], [], []
    for s in STRIDES:
        n = (W // s) * (H // s)
        score, t = tensor(f"cls_{s}", spread((1, n, CLASSES)))
        scores.append(t)
        logits, t = tensor(f"dis_{s}", rng.normal(0, 2, (1, n, 4 * bins)))
        edges.append(t)
        for k in range(n):
            if score[0, k, PERSON] <= THRESHOLD:
                continue
            cx, cy = (k % (W // s) + anchor) * s, (k // (W // s) + anchor) * s
            d = []
            for e in range(4):
                p = np.exp(logits[0, k, e * bins:(e + 1) * bins])
                d.append(float((p / p.sum() * np.arange(bins)).sum()) * s)
            boxes.append([cx - d[0], cy - d[1], cx + d[2], cy + d[3], score[0, k, PERSON]])
    write("nanodet", scores + edges, boxes, bins=bins, anchor=anchor)


def detr(queries=40):
    labels = rng.integers(0, CLASSES, queries)
    corner, size = rng.uniform(-2, 40, (queries, 2)), rng.uniform(1, 25, (queries, 2))
    box, tb = tensor("boxes", np.concatenate((corner, corner + size), 1)[None])
    score, ts = tensor("scores", spread((1, queries)))
    keep = [k for k in range(queries) if labels[k] == PERSON and score[0, k] > THRESHOLD]
    write("detr", [tb, ts], [[*box[0, k], score[0, k]] for k in keep], labels=[int(v) for v in labels])


def detr_logits(queries=40):
    box, tb = tensor("dets", rng.uniform(0.05, 0.9, (1, queries, 4)))
    logit, tl = tensor("labels", rng.normal(-1, 2, (1, queries, CLASSES)))
    boxes = []
    for k in range(queries):
        score = 1 / (1 + np.exp(-logit[0, k, PERSON]))
        if score > THRESHOLD:
            x, y, w, h = box[0, k] * [W, H, W, H]
            boxes.append([x - w / 2, y - h / 2, x + w / 2, y + h / 2, score])
    write("detr_logits", [tb, tl], boxes)


def lintel():
    raw = np.concatenate((spread((len(cells()), 1)), rng.normal(0, 20, (len(cells()), 12))), 1)
    raw, t = tensor("people", raw[None])
    boxes, parts = [], []
    for row, (s, x, y) in zip(raw[0], cells()):
        if row[0] > THRESHOLD:
            cx, cy = s * x + s / 2, s * y + s / 2
            p = [v + (cx, cy)[k % 2] for k, v in enumerate(row[1:])]
            boxes.append([*p[:4], row[0]])
            foot, head = np.array(p[8:10]), np.array(p[10:12])
            top = foot + (head - foot) * 1.075
            parts.append([round(float(v), 5) for v in (*p[4:10], *top)])
    write("lintel", [t], boxes, parts=parts)


for make in (yolox, yolov8, nanodet, detr, detr_logits, lintel):
    make()
