"""The whole way on a few drawn pictures: pack, train, stop, go on, export, compare, evaluate.

    python3 models/training/smoke.py [--steps 60]

Takes a minute or two on one CPU core and needs no data. Fails when the loss does not fall, when
a run gone on from a checkpoint differs from one in a single piece, or when PyTorch and ONNX
Runtime disagree.
"""

import argparse
import json
import pathlib
import subprocess
import sys
import tempfile

import cv2
import numpy as np
import torch

import evaluate
import export
import pack
import pictures
import train

WIDTH, HEIGHT = 192, 128
FALL = 0.75  # the last loss must be below this share of the first


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
             "split": "val" if number % 4 == 3 else "train", "camera": {"pitch_deg": 30.0}}
        )
    (folder / "annotations.json").write_text(json.dumps(labels))


def trained(out, data, steps, *more):
    """Runs train.py; returns the loss of every logged step."""
    arguments = [
        "--data", str(data), "--out", str(out), "--size", "tiny", "--batch", "6", "--shapes",
        "160x96", "--device", "cpu", "--threads", "1", "--steps", str(steps), "--log-every", "1",
        "--seed", "3", *more,
    ]
    if "--workers" in more:
        # Processes are split off before anything was computed.
        script = pathlib.Path(train.__file__)
        subprocess.run([sys.executable, script, *arguments], check=True)
    else:
        train.main(arguments)
    return [json.loads(line)["loss"] for line in open(out / "log.jsonl", encoding="utf-8")]


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--steps", type=int, default=60)
    options = parser.parse_args()
    torch.set_num_threads(1)
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
