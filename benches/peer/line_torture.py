#!/usr/bin/env python3
"""The line-crossing torture suite through what others would count with.

Reads testdata/torture/cases.toml (its head explains the fields), plays every case with the ids that it
gives, and prints a table of counts: a plain sign test, and LineZone of the `supervision` package, once
as it comes and once asking for three frames on the new side.

Set up:  python3 -m venv .venv && .venv/bin/pip install supervision    (Python 3.11 or newer)
Use:     .venv/bin/python benches/peer/line_torture.py > table.md
"""
import pathlib
import tomllib

import numpy as np
import supervision as sv

CASES = pathlib.Path(__file__).resolve().parents[2] / "testdata" / "torture" / "cases.toml"
PX_PER_M = 100.0  # a metre is a hundred pixels; the picture's y points down
ORIGIN_PX = (1000.0, 1000.0)
PERSON_PX = (50.0, 170.0)  # a box of a person's size, feet at its lower middle
TAIL_S = 3.0
MASK = 0xFFFFFFFF


def draw(frame, person, axis):
    """A number from -1 to 1, always the same for the same frame, person and axis."""
    h = ((frame + 1) * 73856093 ^ (person + 1) * 19349663 ^ (axis + 1) * 83492791) & MASK
    h = ((h ^ (h >> 13)) * 1274126177) & MASK
    h ^= h >> 16
    return h / MASK * 2.0 - 1.0


def seen(person, number, frame, at_s):
    """Id and place of a person in a frame, or None."""
    at_s = round(at_s, 6)

    def within(span):
        return span[0] <= at_s <= span[1]

    if "hidden" in person and within(person["hidden"]):
        return None
    walk = person["walk"]
    after = next((i for i, way in enumerate(walk) if way[0] >= at_s), None)
    if after is None or (after == 0 and at_s < walk[0][0]):
        return None
    a, b = walk[max(after - 1, 0)], walk[after]
    share = (at_s - a[0]) / (b[0] - a[0]) if b[0] > a[0] else 0.0
    x, y = a[1] + share * (b[1] - a[1]), a[2] + share * (b[2] - a[2])
    if "shaking" not in person or within(person["shaking"]):
        shake, zigzag = person.get("shake_m", 0.0), person.get("zigzag_m", 0.0)
        x += shake * draw(frame, number, 0)
        y += shake * draw(frame, number, 1) + (zigzag if frame % 2 == 0 else -zigzag)
    names = [name for start, name in person.get("ids", []) if start <= at_s]
    return (names[-1] if names else number + 1), x, y


def frames(case):
    """For each frame, a list of (id, x, y)."""
    lead_s, fps, steps = case.get("lead_s", 1.0), case.get("fps", 10.0), case.get("steps_s")
    end_s = max(person["walk"][-1][0] for person in case["person"]) + TAIL_S
    at_s, index = -lead_s, 0
    while at_s <= end_s:
        found = (seen(person, n, index, at_s) for n, person in enumerate(case["person"]))
        yield [one for one in found if one]
        at_s = at_s + steps[index % len(steps)] if steps else -lead_s + (index + 1) / fps
        index += 1


def segments(case):
    line = case.get("line", [[0, 0], [2, 0]])
    return list(zip(line, line[1:]))


def sign_test(case):
    """Counts whenever the step between two samples of an id cuts a segment of the line."""
    last, counts = {}, [0, 0]
    for people in frames(case):
        for name, x, y in people:
            before, last[name] = last.get(name), (x, y)
            if before is None:
                continue
            for (ax, ay), (bx, by) in segments(case):
                def side(px, py):
                    return (bx - ax) * (py - ay) - (by - ay) * (px - ax)

                def along(px, py):
                    return (x - before[0]) * (py - before[1]) - (y - before[1]) * (px - before[0])

                if side(*before) * side(x, y) < 0 and along(ax, ay) * along(bx, by) <= 0:
                    counts[0 if side(x, y) > 0 else 1] += 1
    return tuple(counts)


def to_px(x, y):
    return ORIGIN_PX[0] + PX_PER_M * x, ORIGIN_PX[1] - PX_PER_M * y


def line_zone(case, threshold):
    """One LineZone for each segment, as it knows straight lines only; their counts are added."""
    lines = [
        sv.LineZone(
            start=sv.Point(*to_px(*a)),
            end=sv.Point(*to_px(*b)),
            triggering_anchors=[sv.Position.BOTTOM_CENTER],
            minimum_crossing_threshold=threshold,
        )
        for a, b in segments(case)
    ]
    for people in frames(case):
        feet = [to_px(x, y) for _, x, y in people]
        w, h = PERSON_PX
        boxes = np.array([[x - w / 2, y - h, x + w / 2, y] for x, y in feet]).reshape(-1, 4)
        ids = np.array([name for name, _, _ in people], dtype=int)
        for line in lines:
            line.trigger(sv.Detections(xyxy=boxes, tracker_id=ids, class_id=np.zeros(len(ids), int)))
    return sum(line.in_count for line in lines), sum(line.out_count for line in lines)


def main():
    cases = tomllib.loads(CASES.read_text())["case"]
    ways = {
        "sign test": sign_test,
        "LineZone": lambda case: line_zone(case, 1),
        "LineZone, 3 frames": lambda case: line_zone(case, 3),
    }
    # Which way is in must be the same for all; the first case walks in and nothing else.
    for name, way in ways.items():
        assert way(cases[0]) == (1, 0), f"{name} counts {way(cases[0])} in and out for a plain walk in"
    right = dict.fromkeys(ways, 0)
    print(f"| case | true in, out | {' | '.join(ways)} |")
    print("|---|---|" + "---|" * len(ways))
    for case in cases:
        truth = (case["expect"]["in"], case["expect"]["out"])
        cells = []
        for name, way in ways.items():
            found = way(case)
            right[name] += found == truth
            cells.append(f"{found[0]}, {found[1]}" if found == truth else f"**{found[0]}, {found[1]}**")
        print(f"| {case['name']} | {truth[0]}, {truth[1]} | {' | '.join(cells)} |")
    print(f"| **right, of {len(cases)}** | | {' | '.join(str(n) for n in right.values())} |")


if __name__ == "__main__":
    main()
