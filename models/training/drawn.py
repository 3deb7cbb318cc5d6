"""What smoke.py works with: a few drawn pictures with labels, and a teacher who knows nothing."""

import json

import cv2
import numpy as np
import onnx
from onnx import helper, numpy_helper

import model
import teacher

WIDTH, HEIGHT = 192, 128


def draw(folder, count=24):
    """Writes a COCO-style folder of figures before noise, one picture in four held back; the
    figures of one in six are to be ignored."""
    random = np.random.default_rng(7)
    labels = {"images": [], "annotations": []}
    for number in range(count):
        coarse = random.integers(60, 200, (8, 12, 3), np.uint8)
        picture = cv2.resize(coarse, (WIDTH, HEIGHT), interpolation=cv2.INTER_CUBIC)
        for _ in range(int(random.integers(0, 3))):
            tall = int(random.integers(40, 100))
            wide = tall // 3
            x = int(random.integers(2, WIDTH - wide - 2))
            y = int(random.integers(2, HEIGHT - tall - 2))
            middle, colour = x + wide // 2, tuple(int(v) for v in random.integers(0, 60, 3))
            cv2.rectangle(picture, (x, y + tall // 6), (x + wide, y + tall), colour, -1)
            cv2.circle(picture, (middle, y + tall // 12), tall // 12, (120, 160, 230), -1)
            labels["annotations"].append(
                {"id": len(labels["annotations"]) + 1, "image_id": number,
                 "iscrowd": int(number % 6 == 5),
                 "bbox": [x, y, wide, tall], "full_box": [x, y, wide, tall],
                 "foot": [middle, y + tall], "head": [middle, y + tall // 12], "visible": 1.0}
            )
        name = f"{number:03}.jpg"
        cv2.imwrite(str(folder / name), picture)
        labels["images"].append(
            {"id": number, "file_name": name, "width": WIDTH, "height": HEIGHT,
             "source": "drawn" if number % 4 == 0 else "rendered",
             "camera": {"pitch_deg": 30.0}} | ({"split": "val"} if number % 4 == 3 else {})
        )
    (folder / "annotations.json").write_text(json.dumps(labels))


def teaching(path):
    """Writes a network with the face of a YOLOX and random weights: one layer a level."""
    random = np.random.default_rng(5)
    nodes, values = [], [numpy_helper.from_array(np.array([1, 5 + teacher.KINDS, -1]), "rows")]
    for stride in model.STRIDES:
        weights = random.normal(0, 0.002, (5 + teacher.KINDS, 3, stride, stride))
        values.append(numpy_helper.from_array(weights.astype(np.float32), f"w{stride}"))
        sides = [stride, stride]
        nodes += [
            helper.make_node("Conv", ["images", f"w{stride}"], [f"c{stride}"], strides=sides,
                             kernel_shape=sides),
            helper.make_node("Reshape", [f"c{stride}", "rows"], [f"r{stride}"]),
        ]
    levels = [f"r{stride}" for stride in model.STRIDES]
    nodes += [
        helper.make_node("Concat", levels, ["all"], axis=2),
        helper.make_node("Transpose", ["all"], ["cells"], perm=[0, 2, 1]),
        helper.make_node("Sigmoid", ["cells"], ["output"]),
    ]
    images = helper.make_tensor_value_info("images", onnx.TensorProto.FLOAT, [1, 3, 416, 416])
    said = [1, 3549, 5 + teacher.KINDS]
    output = helper.make_tensor_value_info("output", onnx.TensorProto.FLOAT, said)
    graph = helper.make_graph(nodes, "teaching", [images], [output], values)
    opsets = [helper.make_opsetid("", 17)]
    onnx.save(helper.make_model(graph, opset_imports=opsets, ir_version=8), path)
