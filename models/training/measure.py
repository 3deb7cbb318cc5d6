"""Average precision, recall at a rate of false boxes, and how far foot points are off.

A detection that matches no person but lies mostly in an ignore box, or on a person to be
ignored, counts neither way. Boxes are edges here.
"""

import numpy as np

FALSE_RATE = 0.1  # false boxes a picture at which recall is stated
INSIDE = 0.5  # share of a detection inside an ignore box that excuses it
LEVELS = np.arange(0.5, 0.96, 0.05)


def overlaps(a, b):
    """IoU of every box of a with every box of b, and the share of a inside b."""
    low = np.maximum(a[:, None, :2], b[None, :, :2])
    high = np.minimum(a[:, None, 2:], b[None, :, 2:])
    shared = np.clip(high - low, 0, None).prod(-1)
    own = np.clip(a[:, 2:] - a[:, :2], 0, None).prod(-1)
    other = np.clip(b[:, 2:] - b[:, :2], 0, None).prod(-1)
    union = own[:, None] + other[None] - shared
    return shared / np.maximum(union, 1e-9), shared / np.maximum(own[:, None], 1e-9)


def suppress(boxes, scores, overlap, most=100):
    """Greedy non-maximum suppression: which rows stay, the surest first."""
    order = np.argsort(-scores, kind="stable")
    stay = []
    while len(order) and len(stay) < most:
        best, order = order[0], order[1:]
        stay.append(best)
        iou, _ = overlaps(boxes[best : best + 1], boxes[order])
        order = order[iou[0] <= overlap]
    return np.array(stay, int)


def matched(found, scores, people, ignore, level):
    """Per detection, surest first: 1 right, 0 false, -1 does not count; and whom it found."""
    order = np.argsort(-scores, kind="stable")
    verdict = np.zeros(len(order), int)
    whom = np.full(len(order), -1)
    iou, within = overlaps(found, people)
    free = ~ignore
    for rank, i in enumerate(order):
        open_to = np.where(free, iou[i], 0.0) if len(people) else np.zeros(0)
        if len(open_to) and open_to.max() >= level:
            j = int(open_to.argmax())
            verdict[rank], whom[rank], free[j] = 1, j, False
        elif ignore.any() and (within[i][ignore].max() >= INSIDE or iou[i][ignore].max() >= level):
            verdict[rank] = -1
    return order, verdict, whom


def curve(pictures, level):
    """All detections of `pictures` by falling score: (score, right), and how many people."""
    scores, right, people = [], [], 0
    for found, score, truth, ignore in pictures:
        people += int((~ignore).sum())
        order, verdict, _ = matched(found, score, truth, ignore.copy(), level)
        keep = verdict >= 0
        scores.append(score[order][keep])
        right.append(verdict[keep])
    scores, right = np.concatenate(scores), np.concatenate(right)
    order = np.argsort(-scores, kind="stable")
    return scores[order], right[order], people


def average_precision(right, people):
    """Area under the precision-recall curve, as COCO: 101 recall points, precision made falling."""
    if people == 0:
        return float("nan")
    hits = np.cumsum(right)
    recall = hits / people
    precision = hits / np.arange(1, len(right) + 1)
    precision = np.maximum.accumulate(precision[::-1])[::-1]
    at = np.searchsorted(recall, np.linspace(0, 1, 101), side="left")
    # Beyond the last recall reached, precision is nothing.
    return float(np.append(precision, 0.0)[np.minimum(at, len(precision))].mean())


def recall_at(right, people, pictures):
    """Share of people found at the threshold that lets through `FALSE_RATE` false boxes a
    picture."""
    if people == 0:
        return float("nan")
    allowed = FALSE_RATE * pictures
    false = np.cumsum(1 - right)
    keep = false <= allowed
    return float(right[keep].sum() / people)


def summary(pictures, levels=LEVELS):
    """AP50, AP50:95 and recall of a list of (boxes, scores, truth, ignore)."""
    precisions = []
    for level in levels:
        _, right, people = curve(pictures, level)
        if len(precisions) == 0:
            recall = recall_at(right, people, len(pictures))
        precisions.append(average_precision(right, people))
    return {"ap50": precisions[0], "ap": float(np.mean(precisions)), "recall": recall}
