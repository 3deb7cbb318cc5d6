"""Pictures with labelled people: packs, rendered folders, COCO-style folders, all as `Record`s.

A pack is one file: 8 bytes magic, 8 bytes length of the header (little endian), the header (JSON,
zlib), then the encoded pictures one after another. `pack.py` writes it.

Coordinates are pixels of the stored picture; (0, 0) is the top left corner of the top left pixel.
Boxes are left, top, width, height here, as in COCO.
"""

import json
import pathlib
import struct
import zlib
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field

import cv2
import numpy as np

MAGIC = b"TGPACK01"
PAD = 114  # grey where there is no picture


@dataclass
class Record:
    """One picture and who is in it. Arrays have one row a person; unknown numbers are NaN."""

    source: str
    split: str
    name: str
    width: int
    height: int
    boxes: np.ndarray  # visible part: left, top, width, height
    ignore: np.ndarray  # neither person nor background
    full: np.ndarray  # whole body: left, top, width, height
    foot: np.ndarray  # x, y
    head: np.ndarray  # x, y
    visible: np.ndarray  # share of the body that shows
    pitch: float = float("nan")  # degrees below the horizon, of rendered pictures
    light: str = ""
    path: str = ""
    offset: int = 0
    length: int = 0
    extra: dict = field(default_factory=dict)

    def encoded(self):
        """The picture's file."""
        if self.length == 0:
            return pathlib.Path(self.path).read_bytes()
        with open(self.path, "rb") as file:
            file.seek(self.offset)
            return file.read(self.length)

    def pixels(self):
        """The picture as RGB, [height, width, 3] bytes."""
        picture = cv2.imdecode(np.frombuffer(self.encoded(), np.uint8), cv2.IMREAD_COLOR)
        if picture is None:
            raise ValueError(f"{self.path}: {self.name} is not a picture")
        if picture.shape[:2] != (self.height, self.width):
            raise ValueError(f"{self.path}: {self.name} is not of the size its labels say")
        return cv2.cvtColor(picture, cv2.COLOR_BGR2RGB)


def open_all(paths):
    """The records of packs (files) and of folders with an annotations.json."""
    records = []
    for path in map(pathlib.Path, paths):
        records += read_pack(path) if path.is_file() else read_folder(path)
    return records


def read_folder(folder):
    """A folder with an annotations.json, rendered or real."""
    labels = json.loads((folder / "annotations.json").read_text())
    people = {}
    for person in labels["annotations"]:
        people.setdefault(person["image_id"], []).append(person)
    records = []
    for image in labels["images"]:
        found = people.get(image["id"], [])
        camera = image.get("camera") or {}
        records.append(
            Record(
                source=image.get("source", "rendered"),
                split=image["split"],
                name=image["file_name"],
                width=image["width"],
                height=image["height"],
                boxes=rows(found, "bbox", 4),
                ignore=np.array([bool(p.get("ignore", 0)) for p in found], bool),
                full=rows(found, "full_box", 4),
                foot=rows(found, "foot", 2),
                head=rows(found, "head", 2),
                visible=rows(found, "visible", 1)[:, 0],
                pitch=camera.get("pitch_deg", float("nan")),
                light=image.get("light", ""),
                path=str(folder / image["file_name"]),
                extra={"scene": image.get("scene"), "camera": camera},
            )
        )
    return records


def rows(people, key, width):
    """One row of `width` numbers a person; NaN where it is not said."""
    unknown = [float("nan")] * width
    values = [p.get(key) for p in people]
    values = [unknown if v is None else np.atleast_1d(v) for v in values]
    return np.array(values, np.float32).reshape(len(people), width)


def read_pack(path):
    """The records of a pack."""
    with open(path, "rb") as file:
        if file.read(8) != MAGIC:
            raise ValueError(f"{path} is not a pack")
        (length,) = struct.unpack("<Q", file.read(8))
        header = json.loads(zlib.decompress(file.read(length)))
    start = 16 + length
    records = []
    for entry in header:
        people = entry.pop("people")
        boxes = np.array([p[:4] for p in people], np.float32).reshape(-1, 4)
        count = len(people)
        records.append(
            Record(
                boxes=boxes,
                ignore=np.array([bool(p[4]) for p in people], bool),
                full=np.full((count, 4), np.nan, np.float32),
                foot=np.full((count, 2), np.nan, np.float32),
                head=np.full((count, 2), np.nan, np.float32),
                visible=np.full(count, np.nan, np.float32),
                path=str(path),
                **(entry | {"offset": entry["offset"] + start}),
            )
        )
    return records


def write_pack(path, entries):
    """Writes (header entry, encoded picture) pairs as a pack."""
    offset, header, bodies = 0, [], []
    for entry, body in entries:
        header.append(entry | {"offset": offset, "length": len(body)})
        bodies.append(body)
        offset += len(body)
    head = zlib.compress(json.dumps(header, separators=(",", ":")).encode(), 9)
    with open(path, "wb") as file:
        file.write(MAGIC + struct.pack("<Q", len(head)) + head)
        for body in bodies:
            file.write(body)


def decode_all(records, threads):
    """The pixels of all records, in order, decoded by several threads."""
    with ThreadPoolExecutor(threads) as pool:
        return list(pool.map(lambda record: record.pixels(), records))


def spread(records, count):
    """`count` records, evenly from every source."""
    by_source = {}
    for record in records:
        by_source.setdefault(record.source, []).append(record)
    each = max(1, -(-count // max(1, len(by_source))))
    chosen = []
    for source in sorted(by_source):
        found = by_source[source]
        chosen += found[:: max(1, len(found) // each)][:each]
    return chosen[:count] if len(chosen) > count else chosen


def half(picture):
    """Half the size, each pixel the mean of four; an odd row or column is doubled first."""
    height, width = picture.shape[:2]
    if height % 2 or width % 2:
        picture = cv2.copyMakeBorder(
            picture, 0, height % 2, 0, width % 2, cv2.BORDER_REPLICATE
        )
    size = (picture.shape[1] // 2, picture.shape[0] // 2)
    return cv2.resize(picture, size, interpolation=cv2.INTER_AREA)


def letterbox(picture, width, height, pad=PAD):
    """`picture` scaled to fit, at the top left, the rest grey. Returns it and the scale."""
    scale = min(width / picture.shape[1], height / picture.shape[0])
    w = max(1, round(picture.shape[1] * scale))
    h = max(1, round(picture.shape[0] * scale))
    way = cv2.INTER_AREA if scale < 1 else cv2.INTER_LINEAR
    out = np.full((height, width, 3), pad, np.uint8)
    out[:h, :w] = cv2.resize(picture, (w, h), interpolation=way)
    return out, scale
