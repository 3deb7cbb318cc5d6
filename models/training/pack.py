"""Makes a pack: labelled real pictures, smaller and in one file, to carry to a training machine.

    python3 models/training/pack.py --data FOLDER --out pack.bin [--quality 55] [--side 384]

FOLDER holds annotations.json (COCO style, with source, split and ignore) and the pictures.
Pictures that are most like a door camera keep more of their quality.
"""

import argparse
import io
import pathlib

import cv2
from PIL import Image

import pictures

# Sources worth more bytes: they look most like a door camera, or are what is judged by.
BEST = {"cctv_office_lobby", "overhead_dji", "meeting", "walkcam", "thermal"}
BEST_SIDE = 448
BEST_QUALITY = 70


def packed(record, side, quality):
    """Header entry and bytes of one picture."""
    if record.source in BEST or record.split == "val":
        side, quality = BEST_SIDE, max(quality, BEST_QUALITY)
    picture = record.pixels()
    scale = min(1.0, side / max(picture.shape[:2]))
    if scale < 1:
        size = (round(record.width * scale), round(record.height * scale))
        picture = cv2.resize(picture, size, interpolation=cv2.INTER_AREA)
    height, width = picture.shape[:2]
    across, down = width / record.width, height / record.height
    people = [
        [round(float(v), 1) for v in (x * across, y * down, w * across, h * down)] + [int(ignore)]
        for (x, y, w, h), ignore in zip(record.boxes, record.ignore)
    ]
    body = io.BytesIO()
    Image.fromarray(picture).save(body, "WEBP", quality=quality, method=5)
    entry = {
        "source": record.source,
        "split": record.split,
        "name": record.name,
        "width": width,
        "height": height,
        "people": people,
    }
    return entry, body.getvalue()


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--data", required=True, type=pathlib.Path)
    parser.add_argument("--out", required=True, type=pathlib.Path)
    parser.add_argument("--side", type=int, default=384, help="longer side of the others, px")
    parser.add_argument("--quality", type=int, default=55, help="WebP quality of the others")
    parser.add_argument("--every", type=int, default=1, help="keep one picture in so many")
    options = parser.parse_args()
    records = pictures.read_folder(options.data)[:: options.every]
    entries = [packed(record, options.side, options.quality) for record in records]
    pictures.write_pack(options.out, entries)
    size = options.out.stat().st_size / 2**20
    print(f"{options.out}: {len(entries)} pictures, {size:.1f} MiB")


if __name__ == "__main__":
    main()
