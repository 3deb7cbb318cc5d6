"""Training pictures painted on the CPU: the maps and labels that `augment` decided, one picture
at a time through OpenCV.

The same kinds of change as `augment.Maker` makes on a GPU, at a tenth of the CPU time: bytes are
warped as bytes, brightness goes through a table of 256, and what happens to one picture in ten is
computed for one picture in ten. They are as frequent as there, but for compression, which is a real
encoder's (0.2 here, 0.15 there), and for grey grain, which `often` does not make rarer here. Every
picture has a seed of its own, so the result does not depend on how many threads paint.
"""

import cv2
import numpy as np

import pictures

LUMINANCE = np.array([0.299, 0.587, 0.114], np.float32)
LEAST_LAMP = 0.02  # a lamp weaker than this is not seen


class Job:
    """What one batch is painted from: arrays of `augment.Maker`'s decisions.

    which [batch, PARTS] pictures, forward [batch, PARTS, 2, 3] their maps, windows [batch, PARTS,
    edges] where each shows, level [batch, PARTS] which size of each is sampled, seeds [batch],
    often: how often what may be changed is changed, 1 being the usual shares."""

    def __init__(self, which, forward, windows, level, seeds, often=1.0):
        self.often = often
        self.which, self.windows, self.level = which.numpy(), windows.numpy(), level.numpy()
        self.forward, self.seeds = forward.double().numpy(), seeds.numpy()


def batch(sources, job, width, height, plain):
    """[batch, height, width, 3] bytes, RGB. `sources`: all pictures at full size."""
    out = np.empty((len(job.seeds), height, width, 3), np.uint8)
    for i in range(len(out)):
        dice = np.random.default_rng(int(job.seeds[i]))
        paint(sources, job, i, out[i], dice)
        if not plain:
            out[i] = damaged(coloured(out[i], dice, job.often), dice, job.often)
    return out


def paint(sources, job, i, canvas, dice):
    """All parts of one picture onto its canvas."""
    height, width = canvas.shape[:2]
    pad = float(pictures.PAD) if dice.random() < 0.7 else float(dice.integers(0, 256))
    canvas[:] = round(pad)
    for part in range(job.which.shape[1]):
        # A pixel belongs to the window that its centre is in.
        x0, y0, x1, y1 = (int(np.ceil(v - 0.5)) for v in job.windows[i, part])
        x0, y0, x1, y1 = max(x0, 0), max(y0, 0), min(x1, width), min(y1, height)
        if x1 <= x0 or y1 <= y0:
            continue
        picture = sources[job.which[i, part]]
        level = int(job.level[i, part])
        for _ in range(level):
            picture = pictures.half(picture)
        # OpenCV counts from the middle of the first pixel, the labels from its corner.
        linear = job.forward[i, part, :, :2] * 2.0**level
        shift = job.forward[i, part, :, 2] + linear @ (0.5, 0.5) - 0.5 - (x0, y0)
        canvas[y0:y1, x0:x1] = cv2.warpAffine(
            picture, np.column_stack((linear, shift)), (x1 - x0, y1 - y0),
            flags=cv2.INTER_LINEAR, borderMode=cv2.BORDER_CONSTANT, borderValue=(pad,) * 3,
        )


def coloured(picture, dice, often=1.0):
    """Bytes in, float32 0 to 255 out: see `augment.Maker.coloured`."""
    height, width = picture.shape[:2]
    night = dice.random() < 0.33 * often
    saturation = dice.uniform(0.3, 1.6)
    mixing = saturation * np.eye(3) + (1 - saturation) * LUMINANCE
    if night:
        mix = dice.uniform(-0.3, 1.0, 3)
        mixing = np.tile(mix / max(mix.sum(), 0.3), (3, 1)) @ mixing
    mixing = mixing * np.exp(dice.standard_normal(3) * 0.08)
    picture = cv2.transform(picture, mixing)
    x = np.linspace(0, 1, 256)
    if night and dice.random() < 0.05:
        x = 1 - x
    x = x.clip(1e-4, 1) ** np.exp(dice.standard_normal() * 0.25)
    gain = dice.uniform(0.25, 0.6) if dice.random() < 0.1 * often else dice.uniform(0.7, 1.25)
    x = ((x - 0.5) * dice.uniform(0.6, 1.3) + 0.5) * gain + dice.standard_normal() * 0.05
    lamp = dice.uniform(0.0, 0.6) if night else dice.uniform(-0.05, 0.15)
    down, across = dice.uniform(-0.4, 0.4, 2)
    picture = cv2.LUT(picture, (x * 255).astype(np.float32))
    if abs(lamp) > LEAST_LAMP:
        y = ((np.linspace(-1, 1, height) - down) ** 2).astype(np.float32)
        z = ((np.linspace(-1, 1, width) - across) ** 2).astype(np.float32)
        light = np.float32(1) - np.float32(lamp) * (y[:, None] + z)
        picture = cv2.multiply(picture, cv2.merge((light, light, light)))
    return picture


def damaged(picture, dice, often=1.0):
    """Float32 in, bytes out: see `augment.Maker.damaged`. Compression is a real encoder's."""
    height, width = picture.shape[:2]
    if dice.random() < 0.1 * often:
        small = cv2.resize(picture, (width // 2, height // 2), interpolation=cv2.INTER_AREA)
        picture = cv2.resize(small, (width, height), interpolation=cv2.INTER_LINEAR)
    for share, size in ((0.15, (3, 1)), (0.12, (1, 3)), (0.05, (9, 1))):
        if dice.random() < share * often:
            picture = cv2.blur(picture, size)
    if dice.random() < 0.15 * often:
        picture = cv2.addWeighted(picture, 1.0, picture - cv2.blur(picture, (3, 3)),
                                  dice.uniform(0.0, 1.2), 0.0)
    if dice.random() < 0.3 * often:
        grey = dice.random() < 0.6
        shape = (height, width, 1 if grey else 3)
        grain = dice.standard_normal(shape, np.float32) * np.float32(dice.uniform(0.0, 14.0))
        picture = picture + grain
    picture = picture.clip(0, 255).astype(np.uint8)
    if dice.random() < 0.2 * often:
        quality = [cv2.IMWRITE_JPEG_QUALITY, int(dice.integers(12, 60))]
        # RGB goes in and comes out as if it were BGR: the encoder's loss is the same.
        picture = cv2.imdecode(cv2.imencode(".jpg", picture, quality)[1], cv2.IMREAD_COLOR)
    return picture
