#!/usr/bin/env python3
"""Our tracker and a peer, ByteTrackTracker of the `trackers` package, on the same MOT17 detections.

One command runs both: `cargo test --test mot17` for ours (it leaves its boxes and what its counter found in
target/tmp), then the peer with its defaults and with a grid of other settings. All boxes are scored by the
same code, TrackEval's metrics under MOT17 rules, for the whole sequence and for the second half apart (the
detector had seen the first half in training). Crossings are found / missed / false at the line of
crossings.json, ours by our counter, the peer's by supervision's LineZone.

Set up:  python3 -m venv venv && venv/bin/pip install trackers supervision trackeval
Use:     venv/bin/python benches/peer/mot_bytetrack.py [FOLDER_OF_SEQUENCES] [--each]
         (in the root of the repository; --each prints every setting of the peer)
"""
import argparse
import contextlib
import io
import itertools
import json
import pathlib
import subprocess

import numpy as np
import supervision as sv
import trackeval
from trackers import ByteTrackTracker
from trackeval.datasets import MotChallenge2DBox

CLASSES = dict(pedestrian=1, person_on_vehicle=2, car=3, bicycle=4, motorbike=5, non_mot_vehicle=6,
               static_person=7, distractor=8, occluder=9, occluder_on_ground=10, occluder_full=11,
               reflection=12, crowd=13)


def read(path):
    """Rows of a MOTChallenge file by frame."""
    frames = {}
    for line in path.read_text().splitlines():
        cells = [float(cell) for cell in line.split(",")]
        frames.setdefault(int(cells[0]), []).append(cells)
    return frames


def track(detections, last, weakest, **settings):
    """The peer's boxes by frame: [id, left, top, width, height]."""
    tracker = ByteTrackTracker(frame_rate=30.0, **settings)
    result = {}
    for frame in range(1, last + 1):
        rows = np.array([r[2:7] for r in detections.get(frame, []) if r[6] >= weakest]).reshape(-1, 5)
        found = tracker.update(sv.Detections(
            xyxy=np.concatenate([rows[:, :2], rows[:, :2] + rows[:, 2:4]], axis=1).astype(np.float32),
            confidence=rows[:, 4].astype(np.float32), class_id=np.zeros(len(rows), int)))
        for box, identity in zip(found.xyxy, found.tracker_id if found.tracker_id is not None else []):
            if identity >= 0:
                result.setdefault(frame, []).append([identity, box[0], box[1], box[2] - box[0], box[3] - box[1]])
    return result


def score(truth, tracks, first, last):
    """HOTA, IDF1, MOTA by TrackEval, with its MOT17 preparation."""
    names = ["gt_ids", "gt_dets", "gt_classes", "gt_extras", "tracker_ids", "tracker_dets", "tracker_classes",
             "tracker_confidences", "similarity_scores"]
    raw = {name: [] for name in names}
    data = MotChallenge2DBox.__new__(MotChallenge2DBox)
    data.benchmark, data.do_preproc = "MOT17", True
    data.class_name_to_class_id, data.valid_class_numbers = CLASSES, list(CLASSES.values())
    for frame in range(first, last + 1):
        true = np.array(truth.get(frame, [])).reshape(-1, 9)
        ours = np.array(tracks.get(frame, [])).reshape(-1, 5)
        row = [true[:, 1].astype(int), true[:, 2:6], true[:, 7].astype(int), {"zero_marked": true[:, 6].astype(int)},
               ours[:, 0].astype(int), ours[:, 1:5], np.ones(len(ours), int), np.ones(len(ours)),
               data._calculate_box_ious(true[:, 2:6], ours[:, 1:5])]
        for name, value in zip(names, row):
            raw[name].append(value)
    raw["num_timesteps"], raw["seq"] = last - first + 1, "sequence"
    with contextlib.redirect_stdout(io.StringIO()):
        ready = data.get_preprocessed_seq_data(raw, "pedestrian")
        hota = trackeval.metrics.HOTA().eval_sequence(ready)
        identity = trackeval.metrics.Identity({"PRINT_CONFIG": False}).eval_sequence(ready)
        clear = trackeval.metrics.CLEAR({"PRINT_CONFIG": False}).eval_sequence(ready)
    return np.mean(hota["HOTA"]), identity["IDF1"], clear["MOTA"]


def crossings(tracks, last, truth):
    """What LineZone counts at the line, held against the truth: (found, missed, false)."""
    line = truth["line"]
    zone = sv.LineZone(start=sv.Point(*line["a"]), end=sv.Point(*line["b"]),
                       triggering_anchors=[sv.Position.BOTTOM_CENTER])
    counted = {"+": [], "-": []}
    for frame in range(1, last + 1):
        rows = np.array(tracks.get(frame, []), float).reshape(-1, 5)
        ways = zone.trigger(sv.Detections(xyxy=np.concatenate([rows[:, 1:3], rows[:, 1:3] + rows[:, 3:5]], axis=1),
                                          class_id=np.zeros(len(rows), int), tracker_id=rows[:, 0].astype(int)))
        for way, crossed in zip("+-", ways):
            counted[way] += [(frame - 1) / 30.0] * int(crossed.sum())
    def held_against(names):
        found = 0
        for name, way in names.items():
            left = list(counted[way])
            for time in sorted(c["t"] for c in truth["crossings"] if c["dir"] == name):
                near = min(left, key=lambda t: abs(t - time), default=None)
                if near is not None and abs(near - time) <= 0.7:
                    left.remove(near)
                    found += 1
        return found, len(truth["crossings"]) - found, sum(map(len, counted.values())) - found
    return max(held_against({"+": "+", "-": "-"}), held_against({"+": "-", "-": "+"}))


def settings_of_the_peer():
    """Its defaults, and a grid around them; `weakest` is the lowest score that it is given."""
    yield dict(weakest=0.1)
    for weakest, strong, new, buffer, frames in itertools.product(
            (0.1, 0.3), (0.5, 0.6), (0.5, 0.6, 0.7), (30, 60), (1, 3)):
        if new >= strong:
            yield dict(weakest=weakest, high_conf_det_threshold=strong, track_activation_threshold=new,
                       lost_track_buffer=buffer, minimum_consecutive_frames=frames)


def line_of(name, scores, crossed=None):
    halves = " | ".join("%.4f  %.4f  %.4f" % tuple(values) for values in scores)
    return "  %-22s %s | %s" % (name, halves, "%d/%d/%d" % tuple(crossed) if crossed else "")


def compare(folder, each):
    truth, detections = read(folder / "gt.txt"), read(folder / "det_yolox_x.txt")
    lines = json.loads((folder / "crossings.json").read_text())
    last = max(truth)
    parts = [(1, last), (last // 2 + 1, last)]
    print(f"{folder.name:24s} whole: HOTA IDF1 MOTA     | second half: the same    | crossings found/missed/false")
    left = pathlib.Path("target/tmp")
    ours = {frame: [r[1:6] for r in rows] for frame, rows in read(left / f"{folder.name}.txt").items()}
    counted = json.loads((left / f"{folder.name}.crossings.json").read_text())
    print(line_of("ours", [score(truth, ours, *part) for part in parts], counted), flush=True)
    runs = []
    for index, settings in enumerate(settings_of_the_peer()):
        tracks = track(detections, last, **settings)
        runs.append((np.array([score(truth, tracks, *part) for part in parts]), crossings(tracks, last, lines)))
        if index == 0:
            print(line_of("peer, its defaults", *runs[0]), flush=True)
        elif each:
            print(line_of("peer", *runs[-1]), settings, flush=True)
    print(line_of("peer, best HOTA of %d" % len(runs), *max(runs, key=lambda run: run[0][0][0])))
    print(line_of("peer, best of each", np.max([scores for scores, _ in runs], axis=0)), flush=True)


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("folder", type=pathlib.Path, nargs="?", default="../shared/data/tracking")
    parser.add_argument("--each", action="store_true")
    args = parser.parse_args()
    subprocess.run(["cargo", "test", "--test", "mot17"], check=True)
    for sequence in ("MOT17-02", "MOT17-09"):
        compare(args.folder / sequence, args.each)


if __name__ == "__main__":
    main()
