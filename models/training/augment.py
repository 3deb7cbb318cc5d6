"""Training pictures made on the device: every output pixel is sampled straight from a store of
bytes, through a random affine map, and the labels go through the same map.

`Store` keeps all pictures as one flat tensor, each at full, half and quarter size, so that a
shrunk picture is not aliased. `Maker.batch` builds a batch: one picture, or a mosaic of four,
sometimes a bar of another picture that hides people's legs, then colour, infrared, noise, blur,
compression.

On a CPU the same decisions are carried out by `painted`, which is ten times as fast there: the
store then keeps plain pictures.
"""

import math
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

import cv2
import numpy as np
import torch
from torch.nn import functional as F

import painted
import pictures

# People a training picture holds at most; a mosaic drops what is over it.
MOST = 48
PARTS = 5  # four quadrants of a mosaic, and what hides people
PAD = float(pictures.PAD)

# How often each source is drawn, for each picture it has: what is most like a door camera most.
WEIGHTS = {
    "cctv_office_lobby": 3.0,
    "overhead_dji": 2.0,
    "thermal": 1.0,
    "doors_empty": 1.5,
    "meeting": 3.0,
    "walkcam": 2.0,
    "penn": 3.0,
    "clips": 2.0,
}
# Real people whose full body, foot and head are guessed from the visible box: standing upright.
UPRIGHT_SOURCES = {
    "cctv_office_lobby", "coco_b", "coco_c", "coco128", "cocomini", "openimages", "penn", "walkcam"
}
UPRIGHT = (2.0, 4.2)  # height by width of a box that may be a standing person
GUESS_WEIGHT = 0.3
FOOT_UP = 0.02  # the floor point below the body is this much of the height above the lower edge
HEAD_DOWN = 0.075  # the head's centre is this much of the height below the upper edge
HIDES = 0.3  # share of pictures in which a bar hides a part of somebody
CALM = 0.5  # towards the end, changes of pictures happen this much as often
STEEP = 65.0  # degrees from which a rendered view may be turned
TURNED = 0.6  # share of those that are


def guessed(record):
    """Who stands free and whole: rows whose full body is the visible box."""
    boxes = record.boxes
    count = len(boxes)
    if count == 0 or record.source not in UPRIGHT_SOURCES:
        return np.zeros(count, bool)
    x0, y0 = boxes[:, 0], boxes[:, 1]
    x1, y1 = x0 + boxes[:, 2], y0 + boxes[:, 3]
    ratio = boxes[:, 3] / np.maximum(boxes[:, 2], 1e-3)
    rim_x, rim_y = 0.012 * record.width + 2, 0.012 * record.height + 2
    inside = (x0 > rim_x) & (y0 > rim_y)
    inside &= (x1 < record.width - rim_x) & (y1 < record.height - rim_y)
    across = np.minimum(x1[:, None], x1) - np.maximum(x0[:, None], x0)
    down = np.minimum(y1[:, None], y1) - np.maximum(y0[:, None], y0)
    shared = np.clip(across, 0, None) * np.clip(down, 0, None)
    np.fill_diagonal(shared, 0)
    area = np.maximum(boxes[:, 2] * boxes[:, 3], 1e-3)
    free = shared.max(1) < 0.03 * area
    tall = (ratio > UPRIGHT[0]) & (ratio < UPRIGHT[1]) & (boxes[:, 3] > 24)
    return inside & free & tall & ~record.ignore


class Store:
    """All pictures and labels, on the device."""

    def __init__(self, prepared, device):
        self.device = device
        self.count = 0
        self.extend(prepared)

    def extend(self, prepared):
        """Adds pictures with their labels."""
        if "pictures" in prepared:
            self.pictures = getattr(self, "pictures", []) + prepared["pictures"]
        for name, rows in prepared.items():
            if name == "pictures":
                continue
            if name == "where" and self.count and hasattr(self, "flat"):
                rows = rows + np.array([self.flat.numel() - len(prepared["flat"]), 0, 0])
            self.add(name, rows)
        self.count += len(prepared["kind"])

    def add(self, name, rows):
        rows = torch.from_numpy(rows).to(self.device)
        setattr(self, name, torch.cat((getattr(self, name), rows)) if self.count else rows)


def prepare(records, decoded, threads, device="cuda"):
    """What `Store` takes: arrays of everything there is to know of these pictures."""
    if torch.device(device).type == "cpu":
        sizes = np.array([[(0, r.width, r.height)] for r in records], np.int64)
        return {"pictures": list(decoded), "where": sizes} | known(records)
    with ThreadPoolExecutor(threads) as pool:
        pyramids = list(pool.map(pyramid, decoded))
    where, at = [], 0
    for levels in pyramids:
        rows = []
        for level in levels:
            rows.append((at, level.shape[1], level.shape[0]))
            at += level.size
        where.append(rows)
    return {
        "flat": np.concatenate([level.reshape(-1) for levels in pyramids for level in levels]),
        # [picture, level, (first pixel, width, height)]
        "where": np.array(where, np.int64),
    } | known(records)


def known(records):
    """The part of `prepare` that is not pixels."""
    values, kind = labels(records)
    # Pictures looking straight down mean the same whichever way they are turned.
    turn = [r.source == "overhead_dji" or r.pitch >= STEEP for r in records]
    return {
        "values": values,
        "kind": kind,
        "weights": np.array([WEIGHTS.get(r.source, 1.0) for r in records], np.float32),
        "rendered": np.array([r.source == "rendered" for r in records], bool),
        "empty": np.array([len(r.boxes) == 0 for r in records], bool),
        "turn": np.array(turn, bool),
    }


def pyramid(picture):
    """A picture at full, half and quarter size, each pixel one 32-bit number, red lowest."""
    levels = [cv2.cvtColor(picture, cv2.COLOR_RGB2RGBA)]
    while len(levels) < 3:
        levels.append(pictures.half(levels[-1]))
    return [level.view(np.int32)[..., 0] for level in levels]


def labels(records):
    """[picture, MOST, 13]: visible box, full box, foot, head, weight of the last three.
    Boxes as edges. Beside it who is there (1), or to be ignored (2)."""
    values = np.zeros((len(records), MOST, 13), np.float32)
    kind = np.zeros((len(records), MOST), np.int8)
    for i, record in enumerate(records):
        order = np.argsort(-record.boxes[:, 2] * record.boxes[:, 3])[:MOST]
        free = guessed(record)
        for row, j in enumerate(order):
            box, full = edges(record.boxes[j]), edges(record.full[j])
            foot, head = record.foot[j], record.head[j]
            weight = 0.0
            if np.isfinite(full).all() and np.isfinite(foot).all() and np.isfinite(head).all():
                weight = 1.0
            elif free[j]:
                full, weight = box, GUESS_WEIGHT
                middle, tall = (box[0] + box[2]) / 2, box[3] - box[1]
                foot = np.array([middle, box[3] - FOOT_UP * tall])
                head = np.array([middle, box[1] + HEAD_DOWN * tall])
            else:
                full, foot, head = box, box[:2], box[:2]
            values[i, row] = np.concatenate([box, full, foot, head, [weight]])
            kind[i, row] = 2 if record.ignore[j] else 1
    return values, kind


def edges(box):
    """Left, top, width, height to left, top, right, bottom."""
    return np.array([box[0], box[1], box[0] + box[2], box[1] + box[3]], np.float32)


@dataclass
class Batch:
    """Pictures [batch, 3, height, width] 0 to 255, labels as `labels` gives them."""

    pictures: torch.Tensor
    values: torch.Tensor
    kind: torch.Tensor
    taught: torch.Tensor  # [batch], whether a teacher who learnt from snapshots knows such views


class Maker:
    """Makes batches from a store. All randomness comes from one seeded generator."""

    def __init__(self, store, seed, rendered_share=0.45, mosaics=0.3):
        self.store, self.mosaics = store, mosaics
        self.random = torch.Generator(device=store.device).manual_seed(seed)
        self.rendered_share = rendered_share
        self.often = 1.0  # how often pictures are changed; towards the end more are like real ones
        self.weigh()

    def weigh(self):
        """How likely each picture is drawn; again after the store has grown."""
        store, share = self.store, self.rendered_share
        weights = store.weights.clone()
        for chosen, part in ((store.rendered, share), (~store.rendered, 1 - share)):
            total = weights[chosen].sum()
            if total > 0:
                weights[chosen] *= part / total
        self.draw = weights / weights.sum()
        hides = store.empty.float()
        self.hides = hides / hides.sum() if hides.sum() > 0 else self.draw

    def uniform(self, *shape, low=0.0, high=1.0):
        device = self.store.device
        return low + (high - low) * torch.rand(*shape, generator=self.random, device=device)

    def chance(self, share, *shape):
        return self.uniform(*shape) < share

    def normal(self, *shape):
        return torch.randn(*shape, generator=self.random, device=self.store.device)

    def pick(self, weights, *shape):
        count = math.prod(shape)
        drawn = torch.multinomial(weights, count, replacement=True, generator=self.random)
        return drawn.reshape(shape)

    def batch(self, size, width, height, plain=False):
        """`size` pictures of `width` by `height`. `plain`: whole pictures without any change."""
        which = self.pick(self.draw, size, PARTS)
        which[:, 4] = self.pick(self.hides, size)
        mosaic = self.chance(0.0 if plain else self.mosaics * self.often, size)
        which[:, 1:4] = torch.where(mosaic[:, None], which[:, 1:4], which[:, :1])
        middle = torch.stack(
            (self.uniform(size, low=0.3, high=0.7), self.uniform(size, low=0.3, high=0.7)), -1
        )
        middle = torch.where(mosaic[:, None], middle, torch.ones_like(middle) * 2)
        middle = middle * torch.tensor([width, height], device=middle.device)
        strange = self.store.rendered | self.store.turn
        taught = ~strange[which[:, :4]].any(1)
        windows = self.windows(middle, mosaic, size, width, height)
        forward = self.maps(which, windows, mosaic, width, height, plain)
        values, kind = self.moved(which, forward, windows)
        values, kind, bar = self.hidden(values, kind, width, height, plain)
        windows[:, 4] = bar
        if hasattr(self.store, "pictures"):
            painting = self.painting(which, forward, windows, width, height, plain)
            return Batch(painting, *strongest(values, kind), taught)
        sampled = self.sampled(which, forward, windows, middle, width, height)
        if sampled.is_cuda:
            sampled = sampled.half()  # an eighth of a grey step at worst, and half the traffic
        if not plain:
            sampled = self.coloured(sampled)
            sampled = self.damaged(sampled)
        return Batch(sampled.clamp(0, 255), *strongest(values, kind), taught)

    def windows(self, middle, mosaic, size, width, height):
        """Where each part shows: [batch, PARTS, edges]. Only part 0 without a mosaic."""
        x, y = middle[:, 0].clamp(max=width), middle[:, 1].clamp(max=height)
        zero = torch.zeros_like(x)
        right, bottom = torch.full_like(x, width), torch.full_like(x, height)
        parts = [
            torch.stack(edge, -1)
            for edge in ((zero, zero, x, y), (x, zero, right, y), (zero, y, x, bottom),
                         (x, y, right, bottom), (zero, zero, zero, zero))
        ]
        return torch.stack(parts, 1)

    def maps(self, which, windows, mosaic, width, height, plain):
        """Source to output of every part: [batch, PARTS, 2, 3]."""
        batch = which.shape[0]
        shape = (batch, PARTS)
        source = self.store.where[which, 0, 1:].float()  # width, height
        space = (windows[..., 2:] - windows[..., :2]).clamp(min=8.0)
        space[:, 4] = torch.tensor([width, height], device=space.device)
        fit = (space / source).amin(-1)
        fill = (space / source).amax(-1)
        if plain:
            linear = torch.eye(2, device=source.device) * fit[..., None, None]
            shift = torch.zeros(*shape, 2, device=source.device)
            return torch.cat((linear, shift[..., None]), -1)
        # From less than what fits to twice what fills: zoomed out, or cropped.
        scale = torch.exp(self.uniform(*shape, low=math.log(0.65), high=math.log(2.0)))
        base = torch.where(self.chance(0.35, *shape) & ~mosaic[:, None], fit, fill)
        whole = self.chance(0.5 - 0.25 * self.often, *shape) & ~mosaic[:, None]
        scale = torch.where(whole, fit, scale * base)
        ratio = torch.exp(self.normal(*shape) * torch.where(whole, 0.06, 0.13))
        flip = torch.where(self.chance(0.5, *shape), -1.0, 1.0)
        steep = self.store.turn[which]
        # Mostly a few degrees.
        tilt = self.normal(*shape) * math.radians(4.0)
        tilt = torch.where(self.chance(0.4, *shape), tilt, tilt * 0.1).clamp(-0.26, 0.26)
        # Straight from above no side is up. By right angles alone: after others the box of what
        # shows would be a guess, and two who stand close would be learnt with wrong edges.
        right = torch.floor(self.uniform(*shape, low=-1.0, high=3.0)) * (math.pi / 2)
        angle = torch.where(steep & self.chance(TURNED, *shape), right, tilt)
        skew = self.normal(*shape) * 0.03
        cos, sin = torch.cos(angle), torch.sin(angle)
        across, down = scale * ratio.sqrt(), scale / ratio.sqrt()
        turn = torch.stack((cos, -sin, sin, cos), -1).reshape(*shape, 2, 2)
        stretch = torch.stack(
            (across * flip, across * skew, torch.zeros_like(across), down), -1
        ).reshape(*shape, 2, 2)
        linear = turn @ stretch
        # The source's middle lands somewhere such that what is larger still fills the window.
        reach = (linear.abs() @ (source / 2)[..., None])[..., 0]
        slack = (reach - space / 2).abs() * self.uniform(*shape, 2, low=-1.0, high=1.0)
        target = (windows[..., :2] + windows[..., 2:]) / 2
        target[:, 4] = space[:, 4] / 2
        shift = target + slack - (linear @ (source / 2)[..., None])[..., 0]
        return torch.cat((linear, shift[..., None]), -1)

    def moved(self, which, forward, windows):
        """The labels of all parts in the output, cut at their windows."""
        store = self.store
        count = 4  # what hides people has no people
        values = store.values[which[:, :count]].clone()
        kind = store.kind[which[:, :count]].clone()
        shown = (windows[:, :count, 2:] - windows[:, :count, :2]).amin(-1) > 1
        kind[~shown] = 0
        linear, shift = forward[:, :count, None, :, :2], forward[:, :count, None, :, 2]

        def point(xy):
            return (linear @ xy[..., None])[..., 0] + shift

        def box(edges):
            middle = point((edges[..., :2] + edges[..., 2:]) / 2)
            wide = (edges[..., 2:] - edges[..., :2]) / 2
            # Half extents of the turned ellipse inside the box: exact without a turn, and
            # closer to a person than the turned corners.
            reach = ((linear * wide[..., None, :]) ** 2).sum(-1).sqrt()
            return torch.cat((middle - reach, middle + reach), -1)

        visible = box(values[..., :4])
        values[..., 4:8] = box(values[..., 4:8])
        values[..., 8:10] = point(values[..., 8:10])
        values[..., 10:12] = point(values[..., 10:12])
        window = windows[:, :count, None]
        cut = torch.cat(
            (visible[..., :2].maximum(window[..., :2]), visible[..., 2:].minimum(window[..., 2:])),
            -1,
        )
        values[..., :4] = cut
        left = area(cut) / area(visible).clamp(min=1e-3)
        side = (cut[..., 2:] - cut[..., :2]).amin(-1)
        tall = (cut[..., 2:] - cut[..., :2]).amax(-1)
        gone = (left < 0.06) | (side < 1.0)
        doubtful = (left < 0.3) | (tall < 7.0) | (side < 3.0)
        kind = torch.where(gone, torch.zeros_like(kind), kind)
        kind = torch.where(doubtful & (kind == 1), torch.full_like(kind, 2), kind)
        batch = which.shape[0]
        return values.reshape(batch, -1, 13), kind.reshape(batch, -1)

    def hidden(self, values, kind, width, height, plain):
        """Hides somebody's lower part (at times a side) behind a bar of another picture."""
        batch = values.shape[0]
        device = values.device
        use = self.chance(0.0 if plain else HIDES, batch)
        person = (kind == 1).float() + 1e-6
        chosen = torch.multinomial(person, 1, generator=self.random)[:, 0]
        rows = torch.arange(batch, device=device)
        box = values[rows, chosen, :4]
        wide, tall = box[:, 2] - box[:, 0], box[:, 3] - box[:, 1]
        use &= (kind[rows, chosen] == 1) & (tall > 20)
        top = box[:, 1] + tall * self.uniform(batch, low=0.35, high=0.9)
        bottom = box[:, 3] + tall * self.uniform(batch, low=0.02, high=0.3)
        left = box[:, 0] - wide * self.uniform(batch, low=0.05, high=1.2)
        right = box[:, 2] + wide * self.uniform(batch, low=0.05, high=1.2)
        sideways = self.chance(0.25, batch)
        from_left = self.chance(0.5, batch)
        part = wide * self.uniform(batch, low=0.3, high=0.65)
        high, low = box[:, 1] - 0.1 * tall, box[:, 3] + 0.1 * tall
        left = torch.where(sideways & ~from_left, box[:, 2] - part, left)
        right = torch.where(sideways & from_left, box[:, 0] + part, right)
        top = torch.where(sideways, high, top)
        bottom = torch.where(sideways, low, bottom)
        bar = torch.stack((left, top, right, bottom), -1).round()
        bar = torch.where(use[:, None], bar, torch.zeros_like(bar))
        values, kind = behind(values, kind, bar)
        return values, kind, bar

    def painting(self, which, forward, windows, width, height, plain):
        """The pixels on a CPU, as bytes."""
        level = levels(inverse(forward[..., :2]))
        seeds = torch.randint(2**62, (len(which),), generator=self.random)
        job = painted.Job(which, forward, windows, level, seeds, self.often)
        pixels = painted.batch(self.store.pictures, job, width, height, plain)
        return torch.from_numpy(pixels).permute(0, 3, 1, 2)

    def sampled(self, which, forward, windows, middle, width, height):
        """The pixels: each from the part that shows there."""
        store = self.store
        batch = which.shape[0]
        device = store.device
        # Output to source, in each picture's pixels.
        linear = inverse(forward[..., :2])
        shift = -(linear @ forward[..., 2:])[..., 0]
        level = levels(linear)
        size = torch.exp2(level.float())
        at = store.where[which].gather(2, level[..., None, None].expand(-1, -1, 1, 3))[:, :, 0]
        shown = torch.cat((linear.reshape(batch, PARTS, 4), shift), -1) / size[..., None]
        y, x = torch.meshgrid(
            torch.arange(height, device=device) + 0.5,
            torch.arange(width, device=device) + 0.5,
            indexing="ij",
        )
        part = (x >= middle[:, 0, None, None]).long() + 2 * (y >= middle[:, 1, None, None]).long()
        bar = windows[:, 4, :, None, None]
        over = (x >= bar[:, 0]) & (x < bar[:, 2]) & (y >= bar[:, 1]) & (y < bar[:, 3])
        part = torch.where(over, 4, part)
        rows = torch.arange(batch, device=device)[:, None, None]
        a = shown[rows, part]  # [batch, height, width, 6]
        u = a[..., 0] * x + a[..., 1] * y + a[..., 4] - 0.5
        v = a[..., 2] * x + a[..., 3] * y + a[..., 5] - 0.5
        del a
        first, wide, tall = at[rows, part].unbind(-1)
        inside = (u > -0.5) & (u < wide - 0.5) & (v > -0.5) & (v < tall - 0.5)
        u0, v0 = u.floor(), v.floor()
        fu, fv = (u - u0)[..., None], (v - v0)[..., None]
        u0, v0 = u0.long(), v0.long()

        def pixel(du, dv):
            column = (u0 + du).clamp(min=0).minimum(wide - 1)
            row = (v0 + dv).clamp(min=0).minimum(tall - 1)
            packed = store.flat[first + row * wide + column]
            colours = (packed & 255, (packed >> 8) & 255, (packed >> 16) & 255)
            return torch.stack(colours, -1).float()

        top = pixel(0, 0) * (1 - fu) + pixel(1, 0) * fu
        bottom = pixel(0, 1) * (1 - fu) + pixel(1, 1) * fu
        picture = top * (1 - fv) + bottom * fv
        pad = torch.where(self.chance(0.7, batch), PAD, self.uniform(batch, high=255.0))
        picture = torch.where(inside[..., None], picture, pad[:, None, None, None])
        return picture.permute(0, 3, 1, 2)

    def coloured(self, x):
        """Brightness, contrast, gamma, tint; a third as grey night pictures with a lamp."""
        batch, _, height, width = x.shape

        def each(low, high):
            return self.uniform(batch, 1, 1, 1, low=low, high=high).to(x.dtype)

        def some(share):
            return self.chance(share * self.often, batch, 1, 1, 1)

        x = x / 255.0
        x = (x * torch.exp(self.normal(batch, 3, 1, 1).to(x.dtype) * 0.08)).clamp(0, 1)
        grey = (x * x.new_tensor([0.299, 0.587, 0.114])[:, None, None]).sum(1, keepdim=True)
        x = grey + (x - grey) * each(0.3, 1.6)
        night = some(0.33)
        # Infrared: clothes turn pale or dark regardless of their colour.
        mix = self.uniform(batch, 3, 1, 1, low=-0.3, high=1.0).to(x.dtype)
        mix = mix / mix.sum(1, keepdim=True).clamp(min=0.3)
        x = torch.where(night, (x * mix).sum(1, keepdim=True).clamp(0, 1).expand_as(x), x)
        x = torch.where(night & self.chance(0.05, batch, 1, 1, 1), 1 - x, x)
        gamma = torch.exp(self.normal(batch, 1, 1, 1).to(x.dtype) * 0.25)
        x = x.clamp(1e-4, 1) ** gamma
        gain = torch.where(some(0.1), each(0.25, 0.6), each(0.7, 1.25))
        x = (x - 0.5) * each(0.6, 1.3) + 0.5
        x = x * gain + self.normal(batch, 1, 1, 1).to(x.dtype) * 0.05
        # A lamp beside the lens: bright in the middle, dark at the rim.
        y, z = torch.meshgrid(
            torch.linspace(-1, 1, height, device=x.device, dtype=x.dtype),
            torch.linspace(-1, 1, width, device=x.device, dtype=x.dtype),
            indexing="ij",
        )
        far = (y - each(-0.4, 0.4)) ** 2 + (z - each(-0.4, 0.4)) ** 2
        lamp = 1 - far * torch.where(night, each(0.0, 0.6), each(-0.05, 0.15))
        return (x * lamp).clamp(0, 1) * 255.0

    def damaged(self, x):
        """Blur, noise, blocks and steps as of a cheap camera and its encoder."""
        batch, _, height, width = x.shape

        def each(low, high):
            return self.uniform(batch, 1, 1, 1, low=low, high=high).to(x.dtype)

        def some(share):
            return self.chance(share * self.often, batch, 1, 1, 1)

        # Low resolution: shrunk and enlarged again, as of a digital zoom.
        small = F.interpolate(x, scale_factor=0.5, mode="area")
        small = F.interpolate(small, size=(height, width), mode="bilinear", align_corners=False)
        x = torch.where(some(0.1), small, x)
        # Blur of a wrong focus or of moving: three taps each way, twice as wide at times.
        soft = (x + x.roll(1, 3) + x.roll(-1, 3)) / 3
        x = torch.where(some(0.15), soft, x)
        soft = (x + x.roll(1, 2) + x.roll(-1, 2)) / 3
        x = torch.where(some(0.12), soft, x)
        wide = (x + x.roll(2, 3) + x.roll(-2, 3) + x.roll(4, 3) + x.roll(-4, 3)) / 5
        x = torch.where(some(0.05), wide, x)
        # Over-sharpened, as most door cameras are.
        soft = F.avg_pool2d(x, 3, 1, 1, count_include_pad=False)
        x = torch.where(some(0.15), x + (x - soft) * each(0.0, 1.2), x)
        level = torch.where(some(0.3), each(0.0, 14.0), 0.0)
        grain = self.normal(batch, 3, height, width).to(x.dtype)
        grain = torch.where(some(0.6), grain[:, :1], grain)
        x = x + grain * level
        # Compression: blocks of 8 lose their fine differences.
        mean = F.interpolate(F.avg_pool2d(x, 8), scale_factor=8.0, mode="nearest")
        step = each(4.0, 20.0)
        blocky = mean + ((x - mean) / step).round() * step
        return torch.where(some(0.15), blocky, x)


def levels(linear):
    """The pyramid's level whose pixels are about as large as the output's, of maps from output to
    source [..., 2, 2]."""
    step = linear.norm(dim=-2).amin(-1)
    return (step + 0.1).log2().floor().clamp(0, 2).long()


def inverse(matrix):
    """Of matrices [..., 2, 2]."""
    a, b, c, d = matrix.flatten(-2).unbind(-1)
    turned = torch.stack((d, -b, -c, a), -1) / (a * d - b * c)[..., None]
    return turned.reshape(matrix.shape)


def area(box):
    """Of boxes by their edges; nothing when turned inside out."""
    return (box[..., 2] - box[..., 0]).clamp(min=0) * (box[..., 3] - box[..., 1]).clamp(min=0)


def behind(values, kind, bar):
    """What of each visible box is left beside the bar [batch, edges]. A box is cut where the bar
    covers it from side to side; one that is mostly covered otherwise is to be ignored."""
    bar = bar[:, None]
    x0, y0, x1, y1 = values[..., :4].unbind(-1)
    before = area(values[..., :4]).clamp(min=1e-3)
    shared = torch.stack(
        (
            x0.maximum(bar[..., 0]),
            y0.maximum(bar[..., 1]),
            x1.minimum(bar[..., 2]),
            y1.minimum(bar[..., 3]),
        ),
        -1,
    )
    covered = area(shared)
    touched = covered > 0
    tall, wide = y1 - y0, x1 - x0
    over = (bar[..., 0] <= x0 + 0.12 * wide) & (bar[..., 2] >= x1 - 0.12 * wide) & touched
    beside = (bar[..., 1] <= y0 + 0.12 * tall) & (bar[..., 3] >= y1 - 0.12 * tall) & touched
    new_y1 = torch.where(over & (bar[..., 3] >= y1 - 0.05 * tall), y1.minimum(bar[..., 1]), y1)
    new_y0 = torch.where(over & (bar[..., 1] <= y0 + 0.05 * tall), y0.maximum(bar[..., 3]), y0)
    new_x1 = torch.where(beside & (bar[..., 2] >= x1 - 0.05 * wide), x1.minimum(bar[..., 0]), x1)
    new_x0 = torch.where(beside & (bar[..., 0] <= x0 + 0.05 * wide), x0.maximum(bar[..., 2]), x0)
    # Covered whole, whichever way it is looked at.
    cut = torch.stack((new_x0, new_y0, new_x1, new_y1), -1)
    whole = covered > 0.93 * before
    cut = torch.where(whole[..., None], values[..., :4], cut)
    left = torch.where(whole, torch.zeros_like(before), area(cut) / before)
    # A hole in the middle leaves the box as it is, but not if little shows.
    shows = 1 - covered / before
    kind = torch.where(touched & (left < 0.06), torch.zeros_like(kind), kind)
    doubtful = touched & ((left < 0.25) | (shows < 0.25))
    kind = torch.where(doubtful & (kind == 1), torch.full_like(kind, 2), kind)
    values = torch.cat((cut, values[..., 4:]), -1)
    return values, kind


def strongest(values, kind):
    """The labels that count first, at most `MOST` of them."""
    order = torch.argsort((kind == 0).long() * 2 + (kind == 2).long(), dim=1, stable=True)
    order = order[:, :MOST]
    values = values.gather(1, order[..., None].expand(-1, -1, values.shape[-1]))
    return values, kind.gather(1, order)
