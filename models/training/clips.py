"""Frames of clips whose people are labelled in clips.json, as a folder to train on.

    python3 models/training/clips.py --clips DIR --out FOLDER

clips.json: clip, number of the frame, boxes of people (left, top, width, height) in pixels of the
frame at most 640 px wide. They are yolox_nano's at 640 x 384, each looked at; boxes that missed
part of somebody were drawn by hand, boxes of things were left out. Frames without anybody are
kept: they show what is no person. Writes pictures and an annotations.json in COCO's style.
"""

import argparse
import json
import pathlib
import sys

import cv2

LABELS = pathlib.Path(__file__).with_name("clips.json")
WIDEST = 640  # px: what the labels are in


def frames(path, wanted):
    """(number, picture) of the frames of a clip that are wanted."""
    clip = cv2.VideoCapture(str(path))
    number, left = 0, set(wanted)
    while left:
        read, picture = clip.read()
        if not read:
            raise ValueError(f"{path}: has no frame {min(left)}")
        if number in left:
            left.remove(number)
            scale = min(1.0, WIDEST / picture.shape[1])
            size = (round(picture.shape[1] * scale), round(picture.shape[0] * scale))
            yield number, cv2.resize(picture, size, interpolation=cv2.INTER_AREA)
        number += 1


def main(argv=None):
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--clips", required=True, type=pathlib.Path, help="folder of the clips")
    parser.add_argument("--out", required=True, type=pathlib.Path)
    options = parser.parse_args(argv)
    options.out.mkdir(parents=True, exist_ok=True)
    images, people = [], []
    for clip, labelled in json.loads(LABELS.read_text()).items():
        boxes = {int(number): found for number, found in labelled.items()}
        for number, picture in frames(options.clips / clip, boxes):
            name = f"{pathlib.Path(clip).stem}-{number}.png"
            cv2.imwrite(str(options.out / name), picture)
            height, width = picture.shape[:2]
            images.append({"id": len(images), "file_name": name, "width": width, "height": height,
                           "source": "clips", "split": "train", "scene": clip})
            people += [{"image_id": images[-1]["id"], "bbox": box} for box in boxes[number]]
    labels = {"images": images, "annotations": people}
    (options.out / "annotations.json").write_text(json.dumps(labels))
    print(f"{len(images)} frames, {len(people)} people")


if __name__ == "__main__":
    sys.exit(main())
