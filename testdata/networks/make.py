#!/usr/bin/env python3
"""Tiny networks, one a family, that find what is bright: they stand in for real weights in tests.

A cell whose mean brightness is above 150 of 255 is a "person" of the cell's size. Each file is a few
kilobytes; its numbers are written below, nothing was trained. Run again only to change them:
`python3 make.py` (needs the packages onnx and numpy).
"""
import pathlib
import numpy as np
from onnx import TensorProto as T, helper as h, numpy_helper as nh, save

HERE = pathlib.Path(__file__).parent
W, H, STRIDES, CLASSES, PERSON = 96, 64, (8, 16, 32), 3, 1
F = np.float32


class Graph:
    def __init__(self):
        self.nodes, self.weights, self.count = [], [], 0

    def const(self, value):
        self.count += 1
        name = f"c{self.count}"
        self.weights.append(nh.from_array(np.asarray(value), name))
        return name

    def op(self, kind, *inputs, out=None, **attributes):
        self.count += 1
        out = out or f"t{self.count}"
        self.nodes.append(h.make_node(kind, list(inputs), [out], **attributes))
        return out

    def save(self, file, outputs, inputs=(("images", T.FLOAT, [1, 3, H, W]),), listed=False):
        ins = [h.make_tensor_value_info(*i) for i in inputs]
        if listed:  # initialisers among the inputs, as old exporters wrote them
            ins += [h.make_tensor_value_info(w.name, w.data_type, w.dims) for w in self.weights]
        outs = [h.make_tensor_value_info(*o) for o in outputs]
        graph = h.make_graph(self.nodes, "tiny", ins, outs, self.weights)
        save(h.make_model(graph, opset_imports=[h.make_opsetid("", 13)], ir_version=8), HERE / file)

    def brightness(self, stride):
        """[1, 1, H / stride, W / stride]: the mean of each cell over the colours."""
        pooled = self.op("AveragePool", "images", kernel_shape=[stride] * 2, strides=[stride] * 2)
        return self.op("ReduceMean", pooled, axes=[1], keepdims=1)

    def channels(self, x, weight, bias):
        """A 1 x 1 convolution from one channel."""
        weight = np.asarray(weight, F).reshape(-1, 1, 1, 1)
        return self.op("Conv", x, self.const(weight), self.const(np.asarray(bias, F)))

    def scores(self, x, objectness):
        weight, bias = [0.0] * CLASSES, [-6.0] * CLASSES
        weight[PERSON], bias[PERSON] = (0.0, 6.0) if objectness else (0.2, -30.0)
        if objectness:
            weight, bias = [0.2] + weight, [-30.0] + bias
        return self.op("Sigmoid", self.channels(x, weight, bias))

    def rows(self, x, count, cells):
        """[1, count, h, w] to [1, cells, count]."""
        flat = self.op("Reshape", x, self.const(np.array([1, count, cells], np.int64)))
        return self.op("Transpose", flat, perm=[0, 2, 1])


def yolox(file, fixed=False, listed=False, tail=None):
    g, levels = Graph(), []
    for s in STRIDES:
        b = g.brightness(s)
        x = g.op("Concat", g.channels(b, [0] * 4, [0.5, 0.5, 0, 0]), g.scores(b, True), axis=1)
        levels.append(g.rows(x, 5 + CLASSES, (H // s) * (W // s) if fixed else -1))
    out = g.op("Concat", *levels, axis=1, out=None if tail else "output")
    if tail:
        tail(g, out)
    n = sum((H // s) * (W // s) for s in STRIDES)
    g.save(file, [("output", T.FLOAT, [1, n, 5 + CLASSES])], listed=listed)


def yolov8():
    g, levels = Graph(), []
    for s in STRIDES:
        b = g.brightness(s)
        # The cells' middles are a picture of their own here: fixed to one size.
        ys, xs = np.meshgrid(np.arange(H // s), np.arange(W // s), indexing="ij")
        place = np.stack(((xs + 0.5) * s, (ys + 0.5) * s, xs * 0 + s, ys * 0 + s))[None].astype(F)
        x = g.op("Concat", g.const(place), g.scores(b, False), axis=1)
        levels.append(g.op("Reshape", x, g.const(np.array([1, 4 + CLASSES, -1], np.int64))))
    g.op("Concat", *levels, axis=2, out="output0")
    n = sum((H // s) * (W // s) for s in STRIDES)
    g.save("yolov8.onnx", [("output0", T.FLOAT, [1, 4 + CLASSES, n])])


def nanodet(bins=4):
    g, outs = Graph(), []
    # All weight on distance 0 and 1: half a stride from the middle to each edge.
    logits = np.array([0.0, 0.0] + [-40.0] * (bins - 2))
    for s in STRIDES:
        b = g.brightness(s)
        n = (H // s) * (W // s)
        for name, x, c in ((f"cls_{s}", g.scores(b, False), CLASSES),
                           (f"dis_{s}", g.channels(b, [0] * 4 * bins, np.tile(logits, 4)), 4 * bins)):
            flat = g.op("Reshape", x, g.const(np.array([1, c, -1], np.int64)))
            g.op("Transpose", flat, perm=[0, 2, 1], out=name)
            outs.append((name, T.FLOAT, [1, n, c]))
    g.save("nanodet.onnx", outs)


def queries(g):
    """[1, 6]: the brightness of the picture's 2 x 3 fields, and the fields in 0..1."""
    b = g.brightness(32)
    return g.op("Reshape", b, g.const(np.array([1, -1], np.int64))), [(x, y) for y in (0, 1) for x in (0, 1, 2)]


def detr():
    g = Graph()
    b, fields = queries(g)
    g.op("Sigmoid", g.op("Add", g.op("Mul", b, g.const(F(0.2))), g.const(F(-30))), out="scores")
    g.op("Identity", g.const(np.array([[PERSON] * 5 + [0]], np.int64)), out="labels")
    unit = np.array([[[x / 3, y / 2, (x + 1) / 3, (y + 1) / 2] for x, y in fields]], F)
    size = g.op("Cast", "orig_target_sizes", to=T.FLOAT)
    size = g.op("Unsqueeze", g.op("Concat", size, size, axis=1), g.const(np.array([1], np.int64)))
    g.op("Mul", g.const(unit), size, out="boxes")
    g.save("detr.onnx", [("labels", T.INT64, [1, 6]), ("boxes", T.FLOAT, [1, 6, 4]), ("scores", T.FLOAT, [1, 6])],
           inputs=[("images", T.FLOAT, [1, 3, H, W]), ("orig_target_sizes", T.INT64, [1, 2])])


def detr_logits():
    g = Graph()
    b, fields = queries(g)
    b = g.op("Unsqueeze", b, g.const(np.array([2], np.int64)))
    weight, bias = np.zeros((1, 1, CLASSES), F), np.full((1, 1, CLASSES), -6, F)
    weight[..., PERSON], bias[..., PERSON] = 0.2, -30
    g.op("Add", g.op("Mul", b, g.const(weight)), g.const(bias), out="labels")
    unit = np.array([[[(x + 0.5) / 3, (y + 0.5) / 2, 1 / 3, 1 / 2] for x, y in fields]], F)
    g.op("Identity", g.const(unit), out="dets")
    g.save("detr_logits.onnx", [("dets", T.FLOAT, [1, 6, 4]), ("labels", T.FLOAT, [1, 6, CLASSES])])


yolox("yolox.onnx")
yolox("yolox_fixed.onnx", fixed=True)
yolox("yolox_listed.onnx", listed=True)
yolox("nan.onnx", tail=lambda g, x: g.op("Log", g.op("Sub", x, g.const(F(2))), out="output"))
yolox("logits.onnx", tail=lambda g, x: g.op("Add", x, g.const(F(4)), out="output"))
yolov8()
nanodet()
detr()
detr_logits()
