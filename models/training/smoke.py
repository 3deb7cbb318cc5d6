"""The whole way on a few drawn pictures: pack, train, stop, go on, be taught, export, compare,
evaluate.

    python3 models/training/smoke.py [--steps 60]

Takes a minute or two on one CPU core and needs no data. Fails when the loss does not fall, when a
run gone on from a checkpoint unlearns, when bfloat16 sees something else than float32, when PyTorch
and ONNX Runtime disagree, or when weights rounded together do no better than each by itself.
"""

import argparse
import copy
import json
import pathlib
import subprocess
import sys
import tempfile

import cv2
import numpy as np
import onnx
import torch
from onnx import helper, numpy_helper

import evaluate
import export
import mean
import model
import pack
import pictures
import rounding
import teacher
import train

WIDTH, HEIGHT = 192, 128
FALL = 0.75  # the last loss must be below this share of the first
NEAR = 0.02  # of the loss, between float32 and bfloat16


def draw(folder, count=24):
    """Writes a COCO-style folder of figures before noise, one in four held back."""
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
                {"id": len(labels["annotations"]) + 1, "image_id": number, "ignore": 0,
                 "bbox": [x, y, wide, tall], "full_box": [x, y, wide, tall],
                 "foot": [middle, y + tall], "head": [middle, y + tall // 12], "visible": 1.0}
            )
        name = f"{number:03}.jpg"
        cv2.imwrite(str(folder / name), picture)
        labels["images"].append(
            {"id": number, "file_name": name, "width": WIDTH, "height": HEIGHT,
             "source": "drawn" if number % 4 == 0 else "rendered",
             "split": "val" if number % 4 == 3 else "train", "camera": {"pitch_deg": 30.0}}
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


def trained(out, data, steps, *more):
    """Runs train.py; returns the loss of every logged step."""
    arguments = [
        "--data", str(data), "--out", str(out), "--size", "tiny", "--batch", "6", "--shapes",
        "160x96", "--device", "cpu", "--threads", "1", "--steps", str(steps), "--log-every", "1",
        "--seed", "3", "--rate", "0.006", *more,
    ]
    if "--workers" in more:
        # Processes are split off before anything was computed.
        script = pathlib.Path(train.__file__)
        subprocess.run([sys.executable, script, *arguments], check=True)
    else:
        train.main(arguments)
    lines = [json.loads(line) for line in open(out / "log.jsonl", encoding="utf-8")]
    # What the teacher adds is not the network's own.
    return [line["loss"] - line.get("teacher", 0.0) for line in lines]


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


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--steps", type=int, default=60)
    options = parser.parse_args()
    torch.set_num_threads(1)
    share = rounded_together()
    print(f"rounded together {share:.2f} of the error of rounding to the nearest")
    assert share < 0.3, "rounding weights together gains nothing"
    with tempfile.TemporaryDirectory() as place:
        place = pathlib.Path(place)
        data = place / "drawn"
        data.mkdir()
        draw(data)
        packed = [pack.packed(r, 192, 80) for r in pictures.read_folder(data)]
        pictures.write_pack(place / "pack.bin", packed)
        back = pictures.read_pack(place / "pack.bin")
        assert [r.pixels().shape for r in back] == [(HEIGHT, WIDTH, 3)] * len(back)

        losses = trained(place / "whole", data, options.steps)
        first, last = np.mean(losses[:5]), np.mean(losses[-5:])
        print(f"loss {first:.3f} -> {last:.3f}")
        assert last < FALL * first, "the loss does not fall"

        # Stopped half-way, then gone on with: the step counter and the weights carry over.
        trained(place / "half", data, options.steps, "--stop-at", str(options.steps // 2))
        again = trained(place / "again", data, options.steps, "--resume",
                        str(place / "half" / "last.pt"))
        assert len(again) == options.steps - options.steps // 2
        assert np.mean(again[-5:]) < FALL * first, "going on from a checkpoint unlearns"

        # Two processes of half a batch each learn as well as one.
        shared = trained(place / "shared", data, options.steps, "--workers", "2", "--batch", "3")
        assert len(shared) == options.steps
        assert np.mean(shared[-5:]) < FALL * first, "two workers do not learn"

        # Beside a teacher who knows nothing, from a checkpoint of a run without one, in half the
        # digits.
        teaching(place / "teaching.onnx")
        taught = trained(place / "taught", data, options.steps, "--half", "--teacher",
                         str(place / "teaching.onnx"), "--resume", str(place / "half" / "last.pt"))
        assert np.mean(taught[-5:]) < FALL * first, "beside a teacher in bfloat16 it does not learn"
        assert taught[0] != again[0], "bfloat16 changes nothing: it was not used"
        assert abs(taught[0] / again[0] - 1) < NEAR, "bfloat16 sees something else"

        ends = [torch.load(place / run / "last.pt", weights_only=True)
                for run in ("again", "whole")]
        middle, *parts = (state["average"]["stem.0.weight"]
                          for state in (mean.mean_of(ends), *ends))
        assert torch.allclose(middle, (parts[0] + parts[1]) / 2, atol=1e-6), "the mean is none"

        sys.argv = ["export.py", "--weights", str(place / "whole" / "best.pt"), "--data", str(data),
                    "--out", str(place / "model"), "--name", "smoke"]
        export.main()
        held = [r for r in back if r.split == "val"]
        for file in ("smoke.onnx", "smoke_int8.onnx"):
            network = evaluate.Lintel(place / "model" / file)
            result = evaluate.figures(network, held, (160, 96))
            print(file, {k: round(v, 1) for k, v in next(iter(result.values())).items()})
    print("smoke: all well")


if __name__ == "__main__":
    main()
