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


class Unfit(SystemExit):
    """One line on what is wrong with pictures or labels; ends a program that does not catch it."""


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

    def said(self):
        """Which picture of which file this is."""
        return f"{self.path}: {self.name}" if self.length else self.path

    def encoded(self):
        """The picture's file."""
        try:
            if self.length == 0:
                return pathlib.Path(self.path).read_bytes()
            with open(self.path, "rb") as file:
                file.seek(self.offset)
                return file.read(self.length)
        except OSError as error:
            raise Unfit(f"{self.said()}: {error.strerror}")

    def pixels(self):
        """The picture as RGB, [height, width, 3] bytes."""
        encoded = np.frombuffer(self.encoded(), np.uint8)
        picture = cv2.imdecode(encoded, cv2.IMREAD_COLOR) if len(encoded) else None
        if picture is None:
            raise Unfit(f"{self.said()}: is not a picture")
        height, width = picture.shape[:2]
        if (width, height) != (self.width, self.height):
            raise Unfit(f"{self.said()}: is of {width} x {height} px, its labels say "
                        f"{self.width} x {self.height}")
        return cv2.cvtColor(picture, cv2.COLOR_BGR2RGB)


def open_all(paths):
    """The records of packs (files) and of folders with an annotations.json."""
    records = []
    for path in map(pathlib.Path, paths):
        if not path.exists():
            raise Unfit(f"{path}: there is no such pack or folder")
        records += read_pack(path) if path.is_file() else read_folder(path)
    return records


def read_folder(folder):
    """A folder with an annotations.json, rendered or real."""
    path = folder / "annotations.json"
    labels = parsed(path)
    people = {}
    for person in listed(path, labels, "annotations", ("image_id", "bbox")):
        people.setdefault(person["image_id"], []).append(person)
    return [
        labelled(folder, image, people.get(image["id"], []))
        for image in listed(path, labels, "images", ("id", "file_name", "width", "height"))
    ]


def parsed(path):
    """What a JSON file says."""
    try:
        return json.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise Unfit(f"{path}: {error.strerror}: say a pack, or a folder that has one")
    except json.JSONDecodeError as error:
        raise Unfit(f"{path}: line {error.lineno} is no JSON: {error.msg}")
    except UnicodeDecodeError:
        raise Unfit(f"{path}: is not text in UTF-8")


def listed(path, labels, kind, needed):
    """A list of objects of the labels, each of which has what is needed."""
    rows = labels.get(kind) if isinstance(labels, dict) else None
    if not isinstance(rows, list):
        raise Unfit(f"{path}: has no list \"{kind}\"")
    for index, row in enumerate(rows):
        for name in needed:
            if not isinstance(row, dict) or row.get(name) is None:
                raise Unfit(f"{path}: {kind}[{index}] has no \"{name}\"")
    return rows


def labelled(folder, image, found):
    """The record of a picture of a folder, and of the people found on it."""
    camera = image.get("camera") or {}
    try:
        return Record(
            source=image.get("source", "rendered"),
            split=image.get("split", "train"),
            name=image["file_name"],
            width=image["width"],
            height=image["height"],
            boxes=rows(found, "bbox", 4),
            ignore=np.array([bool(p.get("ignore") or p.get("iscrowd")) for p in found], bool),
            full=rows(found, "full_box", 4),
            foot=rows(found, "foot", 2),
            head=rows(found, "head", 2),
            visible=rows(found, "visible", 1)[:, 0],
            pitch=camera.get("pitch_deg", float("nan")),
            light=image.get("light", ""),
            path=str(folder / image["file_name"]),
            extra={"scene": image.get("scene"), "camera": camera},
        )
    except (TypeError, ValueError) as error:
        raise Unfit(f"{folder / 'annotations.json'}: labels of {image['file_name']}: {error}")


def rows(people, key, width):
    """One row of `width` numbers a person; NaN where it is not said."""
    unknown = [float("nan")] * width
    values = [p.get(key) for p in people]
    values = [unknown if v is None else np.atleast_1d(v) for v in values]
    if any(len(v) != width for v in values):
        raise ValueError(f"a {key} is not of {width} numbers")
    return np.array(values, np.float32).reshape(len(people), width)


def read_pack(path):
    """The records of a pack."""
    try:
        with open(path, "rb") as file:
            if file.read(8) != MAGIC:
                raise Unfit(f"{path}: is not a pack: make one with pack.py")
            (length,) = struct.unpack("<Q", file.read(8))
            header = json.loads(zlib.decompress(file.read(length)))
        records = [unpacked(path, entry, 16 + length) for entry in header]
    except OSError as error:
        raise Unfit(f"{path}: {error.strerror}")
    except (struct.error, zlib.error, ValueError, KeyError, TypeError, OverflowError, MemoryError):
        raise Unfit(f"{path}: is a broken pack: copy it again") from None
    if records and max(r.offset + r.length for r in records) > path.stat().st_size:
        raise Unfit(f"{path}: is cut short: copy it again")
    return records


def unpacked(path, entry, start):
    """The record of a pack's header entry; pictures begin at `start`."""
    people = entry.pop("people")
    count = len(people)
    return Record(
        boxes=np.array([p[:4] for p in people], np.float32).reshape(-1, 4),
        ignore=np.array([bool(p[4]) for p in people], bool),
        full=np.full((count, 4), np.nan, np.float32),
        foot=np.full((count, 2), np.nan, np.float32),
        head=np.full((count, 2), np.nan, np.float32),
        visible=np.full(count, np.nan, np.float32),
        path=str(path),
        **(entry | {"offset": entry["offset"] + start}),
    )


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
