"""Draws augmented pictures with their labels on one sheet, to be looked at by a person.

    python3 models/training/sheet.py --data pack.bin DIR --out sheet.png [--size 416x256] [--plain]

Visible boxes green, full bodies blue, feet red, heads yellow; boxes to be ignored grey, guessed
bodies thin.
"""

import argparse

import cv2
import numpy as np
import torch

import augment
import pictures


def drawn(picture, values, kind):
    picture = np.ascontiguousarray(picture)
    for row, what in zip(values, kind):
        if what == 0:
            continue
        x0, y0, x1, y1 = (int(round(float(v))) for v in row[:4])
        if what == 2:
            cv2.rectangle(picture, (x0, y0), (x1, y1), (150, 150, 150), 1)
            continue
        if row[12] > 0:
            a, b, c, d = (int(round(float(v))) for v in row[4:8])
            cv2.rectangle(picture, (a, b), (c, d), (255, 120, 0), 1)
            for at, colour in ((row[8:10], (0, 0, 255)), (row[10:12], (0, 255, 255))):
                point = tuple(int(round(float(v))) for v in at)
                cv2.circle(picture, point, 3 if row[12] == 1 else 2, colour, -1)
        cv2.rectangle(picture, (x0, y0), (x1, y1), (0, 255, 0), 1)
    return picture


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--data", nargs="+", required=True)
    parser.add_argument("--out", required=True)
    parser.add_argument("--size", default="416x256")
    parser.add_argument("--rows", type=int, default=6)
    parser.add_argument("--columns", type=int, default=4)
    parser.add_argument("--plain", action="store_true")
    parser.add_argument("--only", help="pictures of this source")
    parser.add_argument("--seed", type=int, default=1)
    options = parser.parse_args()
    torch.manual_seed(options.seed)
    records = [r for r in pictures.open_all(options.data) if r.split == "train"]
    records = [r for r in records if options.only in (None, r.source)]
    prepared = augment.prepare(records, pictures.decode_all(records, 1), 1, "cpu")
    store = augment.Store(prepared, torch.device("cpu"))
    maker = augment.Maker(store, options.seed)
    width, height = map(int, options.size.split("x"))
    batch = maker.batch(options.rows * options.columns, width, height, options.plain)
    tiles = []
    for picture, values, kind in zip(batch.pictures, batch.values, batch.kind):
        picture = picture.permute(1, 2, 0).numpy()[..., ::-1].astype(np.uint8)
        tiles.append(drawn(picture, values.numpy(), kind.numpy()))
    starts = range(0, len(tiles), options.columns)
    rows = [np.hstack(tiles[start : start + options.columns]) for start in starts]
    cv2.imwrite(options.out, np.vstack(rows))


if __name__ == "__main__":
    main()
