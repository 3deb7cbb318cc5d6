"""The quick check during training: figures by source on held-back pictures."""

import numpy as np
import torch

import measure
import model
import pictures

# What is judged by: most like a door camera.
DOOR_SOURCES = ("cctv_office_lobby", "walkcam", "penn", "meeting")
LEAST_SCORE = 0.02
MOST = 200  # candidates of a picture
STEEP = 60.0  # degrees
OVERLAP = 0.45  # of two boxes of one person


def canvas(record):
    """Input size for a picture: a square for real ones, what it is used at for rendered ones."""
    return (416, 256) if record.source == "rendered" else (416, 416)


def batches(held, size=64):
    """Pictures of the same input size together."""
    by_shape = {}
    for item in held:
        by_shape.setdefault(canvas(item[0]), []).append(item)
    for shape, items in by_shape.items():
        for start in range(0, len(items), size):
            yield shape, items[start : start + size]


@torch.no_grad()
def people(network, held, device):
    """For every picture its record and people found: [n, 13], score and pixels of the picture."""
    found = []
    for (width, height), items in batches(held):
        boxed = [pictures.letterbox(pixels, width, height) for _, pixels in items]
        images = torch.from_numpy(np.stack([b[0] for b in boxed])).to(device)
        images = images.permute(0, 3, 1, 2).float()
        raw = network(images).float()
        centres, strides = model.cells(height, width, device)
        places = model.decode(raw[..., 1:], centres, strides)
        everything = torch.cat((raw[..., :1].sigmoid(), places), -1)
        best = everything[..., 0].topk(min(MOST, everything.shape[1]), dim=1).indices
        everything = everything.gather(1, best[..., None].expand(-1, -1, model.OUTPUTS))
        for (record, _), (_, scale), rows in zip(items, boxed, everything.cpu().numpy()):
            rows = rows[rows[:, 0] >= LEAST_SCORE]
            rows[:, 1:] /= scale
            rows = rows[measure.suppress(rows[:, 1:5], rows[:, 0], OVERLAP)]
            found.append((record, cut(rows, record)))
    return found


def cut(rows, record):
    """Visible boxes do not leave the picture."""
    rows[:, [1, 3]] = rows[:, [1, 3]].clip(0, record.width)
    rows[:, [2, 4]] = rows[:, [2, 4]].clip(0, record.height)
    return rows


def groups(record):
    """What a picture is counted under."""
    if record.source != "rendered":
        return [record.source]
    view = "rendered_steep" if record.pitch >= STEEP else "rendered_flat"
    return [view] + ([f"rendered_{record.light}"] if record.light == "infrared" else [])


def truth(record):
    """Edges of the visible boxes, and which are to be ignored."""
    boxes = record.boxes.copy()
    boxes[:, 2:] += boxes[:, :2]
    return boxes, record.ignore


def check(network, held, device):
    """{group: {ap50, recall, foot...}} of a network."""
    by_group = {}
    for record, rows in people(network, held, device):
        for group in groups(record):
            by_group.setdefault(group, []).append((record, rows))
    figures = {}
    for group, items in sorted(by_group.items()):
        tried = [(rows[:, 1:5], rows[:, 0], *truth(record)) for record, rows in items]
        result = measure.summary(tried, levels=(0.5, 0.75))
        line = {"ap50": result["ap50"] * 100, "recall": result["recall"] * 100}
        line["pictures"] = len(items)
        if group.startswith("rendered"):
            line |= foot_errors(items)
        figures[group] = {name: round(float(value), 2) for name, value in line.items()}
    return figures


def foot_errors(items):
    """Median distance of foot points, % of the body's larger side: the network's own, and of
    the middle of its box's lower edge; of feet inside the visible box and of hidden ones."""
    own, edge, hidden = [], [], []
    for record, rows in items:
        boxes, ignore = truth(record)
        order, verdict, whom = measure.matched(
            rows[:, 1:5], rows[:, 0], boxes, ignore.copy(), 0.5
        )
        for i, right, j in zip(order, verdict, whom):
            if right != 1 or rows[i, 0] < 0.2 or not np.isfinite(record.foot[j]).all():
                continue
            size = max(record.full[j, 2:])
            if not np.isfinite(size):
                continue  # a body that reaches behind the camera has no box
            lower = np.array([(rows[i, 1] + rows[i, 3]) / 2, rows[i, 4]])
            own.append(np.linalg.norm(rows[i, 9:11] - record.foot[j]) / size * 100)
            edge.append(np.linalg.norm(lower - record.foot[j]) / size * 100)
            hidden.append(record.foot[j, 1] > boxes[j, 3] + 0.05 * size)
    own, edge, hidden = np.array(own), np.array(edge), np.array(hidden, bool)
    if len(own) == 0:
        return {}
    line = {"foot": np.median(own), "edge": np.median(edge)}
    if hidden.any():
        line |= {"foot_hidden": np.median(own[hidden]), "edge_hidden": np.median(edge[hidden])}
    return line


def goal(figures):
    """One number to choose the best by: AP50 of door-like sources, real and rendered, or of all
    where there are none of those; None where nobody is to be found."""
    found = {g: line["ap50"] for g, line in figures.items() if np.isfinite(line["ap50"])}
    judged = [g for g in found if g in DOOR_SOURCES or g.startswith("rendered")]
    return float(np.mean([found[g] for g in judged or found])) if found else None


def table(figures):
    """For a person to read."""
    lines = []
    for group, line in figures.items():
        rest = "  ".join(f"{name} {value:6.1f}" for name, value in line.items())
        lines.append(f"  {group:20s} {rest}")
    return "\n".join(lines)
