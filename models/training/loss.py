"""What the network is taught: which cells answer for whom, and how wrong they are.

Cells are assigned by how well they do already (task-aligned assignment, TOOD, ICCV 2021): of the
cells inside a person's visible box those with the highest score**ALPHA * overlap**BETA. The score
learns the overlap that the cell's own box reaches (varifocal loss, CVPR 2021), from POOR, which is
worth nothing, to GOOD, which is worth as much as an exact fit: so the score is near to how likely
the box will do. A score that learnt the plain overlap made a person whose box is hard to tell less
sure than a plant whose box is easy, and half of one person as sure as the whole of another. Boxes
learn by GIoU (CVPR 2019) whatever they are worth yet, points by their distance relative to the
person's size.
"""

from dataclasses import dataclass

import torch
from torch.nn import functional as F

import model
from augment import area

ALPHA, BETA = 1.0, 5.0
GOOD = 0.65  # overlap from which a box is good enough to be sure
POOR = 0.3  # overlap up to which a box is as wrong as one on nobody
TOP = 10  # cells that answer for one person, at most
REACH = 1.2  # strides around a small person's middle whose cells may answer too
EASY = 0.75  # weight of a background cell, times its score squared

WEIGHT_SCORE = 1.0
WEIGHT_BOX = 2.5
WEIGHT_EDGE = 0.25
WEIGHT_FULL = 1.5
WEIGHT_FOOT = 2.0
WEIGHT_HEAD = 1.0


@dataclass
class Assigned:
    """Per cell: whether it answers, for whom (index), how much compared with the best cell of
    that person, what its score should be, whether its score counts at all."""

    positive: torch.Tensor
    person: torch.Tensor
    share: torch.Tensor
    target: torch.Tensor
    counts: torch.Tensor


def overlap(a, b, generalised=False):
    """IoU of boxes by their edges, or the generalised one."""
    low = torch.maximum(a[..., :2], b[..., :2])
    high = torch.minimum(a[..., 2:], b[..., 2:])
    shared = (high - low).clamp(min=0).prod(-1)
    union = area(a) + area(b) - shared
    iou = shared / union.clamp(min=1e-3)
    if not generalised:
        return iou
    hull = torch.maximum(a[..., 2:], b[..., 2:]) - torch.minimum(a[..., :2], b[..., :2])
    hull = hull.clamp(min=0).prod(-1).clamp(min=1e-3)
    return iou - (hull - union) / hull


@torch.no_grad()
def assign(score, boxes, values, kind, centres, strides):
    """Who answers for whom. score [batch, cells], boxes [batch, cells, 4] px."""
    truth = values[..., :4]
    person = kind == 1
    x, y = centres[:, 0], centres[:, 1]
    # [batch, people, cells]
    middle = (truth[..., :2] + truth[..., 2:]) / 2
    reach = REACH * strides
    near = ((x - middle[..., :1]).abs() < reach) & ((y - middle[..., 1:]).abs() < reach)
    within = inside(truth, x, y)
    # A small person's box may hold no cell's centre.
    small = (truth[..., 2:] - truth[..., :2]).amin(-1)[..., None] < 2 * strides
    may = (within | (near & small)) & person[..., None]
    iou = overlap(truth[:, :, None], boxes[:, None]).clamp(min=0)
    fit = score[:, None].clamp(min=1e-4) ** ALPHA * (iou + 1e-3) ** BETA
    fit = torch.where(may, fit, torch.zeros_like(fit))
    best, cell = fit.topk(min(TOP, fit.shape[-1]), dim=-1)
    taken = torch.zeros_like(fit).scatter(-1, cell, (best > 0).float()) > 0
    taken &= may
    # A cell wanted by several answers for the one it overlaps most.
    rival = torch.where(taken, iou + 1e-6, torch.zeros_like(iou))
    strength, who = rival.max(1)
    positive = strength > 0
    taken &= torch.arange(truth.shape[1], device=who.device)[:, None] == who[:, None]
    # The best cell of each person should reach what the best overlap is worth, the others less.
    fit = torch.where(taken, fit, torch.zeros_like(fit))
    top_fit = fit.amax(-1, keepdim=True).clamp(min=1e-12)
    top_iou = torch.where(taken, iou, torch.zeros_like(iou)).amax(-1, keepdim=True)
    worth = ((top_iou - POOR) / (GOOD - POOR)).clamp(0.0, 1.0)
    share = fit / top_fit
    target = (share * worth).amax(1)
    ignored = (inside(truth, x, y) & (kind == 2)[..., None]).any(1)
    return Assigned(positive, who, share.amax(1), target, positive | ~ignored)


def inside(boxes, x, y):
    """Which cell centres lie in which boxes: [batch, boxes, cells]."""
    left, top, right, bottom = (edge[..., None] for edge in boxes.unbind(-1))
    return (x > left) & (x < right) & (y > top) & (y < bottom)


def losses(raw, values, kind, centres, strides):
    """The loss and its parts (as a dictionary of tensors) of raw outputs [batch, cells, 13]."""
    raw = raw.float()
    # Rows of labels that nobody of this batch has cost as much as those that somebody has.
    most = max(1, int((kind > 0).sum(1).max())) if raw.device.type == "cpu" else kind.shape[1]
    values, kind = values[:, :most], kind[:, :most]
    logit, places = raw[..., 0], model.decode(raw[..., 1:], centres, strides)
    chosen = assign(
        logit.sigmoid().detach(), places[..., :4].detach(), values, kind, centres, strides
    )
    total = chosen.target.sum().clamp(min=1.0)
    weight = torch.where(chosen.positive, chosen.target, EASY * logit.detach().sigmoid() ** 2)
    score = F.binary_cross_entropy_with_logits(logit, chosen.target, reduction="none")
    score = (score * weight * chosen.counts).sum() / total

    batch, cell = chosen.positive.nonzero(as_tuple=True)
    got = places[batch, cell]
    want = values[batch, chosen.person[batch, cell]]
    share = chosen.share[batch, cell].clamp(min=0.05)
    answers = chosen.share.sum().clamp(min=1.0)
    stride = strides[cell][:, None]
    box = (share * (1 - overlap(got[:, :4], want[:, :4], True))).sum() / answers
    edge = F.smooth_l1_loss(got[:, :4] / stride, want[:, :4] / stride, reduction="none", beta=0.5)
    edge = (share * edge.mean(-1)).sum() / answers

    known = share * want[:, 12]
    size = area(want[:, 4:8]).clamp(min=16.0).sqrt()
    full = (1 - overlap(got[:, 4:8], want[:, 4:8], True))
    full = full + smooth((got[:, 4:8] - want[:, 4:8]) / size[:, None])
    foot = smooth((got[:, 8:10] - want[:, 8:10]) / size[:, None])
    head = smooth((got[:, 10:12] - want[:, 10:12]) / size[:, None])
    full, foot, head = ((known * part).sum() / answers for part in (full, foot, head))
    parts = {"score": score, "box": box, "edge": edge, "full": full, "foot": foot, "head": head}
    whole = (
        WEIGHT_SCORE * score
        + WEIGHT_BOX * box
        + WEIGHT_EDGE * edge
        + WEIGHT_FULL * full
        + WEIGHT_FOOT * foot
        + WEIGHT_HEAD * head
    )
    return whole, parts


def smooth(difference):
    """Mean over the last axis of a loss that is square below a 50th of a person's size, then
    grows like the distance: far wrong feet must not drown the others."""
    return F.smooth_l1_loss(
        difference, torch.zeros_like(difference), reduction="none", beta=0.02
    ).mean(-1)
