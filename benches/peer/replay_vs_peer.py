#!/usr/bin/env python3
"""The whole replay against what a user would otherwise write, in one run: same clips, model, threads.

Runs `tailgate replay --json` and a peer script (OpenCV, ONNX Runtime, trackers, supervision; it is
not part of this project) in turn on each clip and prints frames a second, counts and the share of
each stage. Needs a release build and the peer's Python environment.

Use: replay_vs_peer.py --peer PEER.py --data DIR [--tailgate target/release/tailgate] [--rounds 3] [--threads 1] [--model NAME]
DIR holds clips/, truth/ and models/yolox_nano.onnx, which is the peer's model; ours is the default one unless it is named.
"""
import argparse, json, os, pathlib, statistics, subprocess, sys

CLIPS = {"one-by-one": "one-by-one-person-detection", "worker-zone": "worker-zone-detection", "vtest-first-half": "vtest-first-half"}
p = argparse.ArgumentParser()
p.add_argument("--peer", required=True)
p.add_argument("--data", required=True, type=pathlib.Path)
p.add_argument("--tailgate", default="target/release/tailgate")
p.add_argument("--rounds", type=int, default=3)
p.add_argument("--threads", type=int, default=1)
p.add_argument("--model", default="lintel")
a = p.parse_args()
root = pathlib.Path(__file__).resolve().parents[2]
model = a.data / "models/yolox_nano.onnx"


def output(command):
    where = dict(os.environ, TAILGATE_WEIGHTS_DIR=str(a.data / "models"))
    return json.loads(subprocess.run(command, check=True, capture_output=True, text=True, env=where).stdout)


for short, name in CLIPS.items():
    clip, truth = a.data / f"clips/{name}.mp4", a.data / f"truth/{name}.json"
    line = json.loads(truth.read_text())["line"]
    door = root / f"tests/real_clips/{short}"
    ours_command = [a.tailgate, "replay", str(clip), "--door", str(door / "door.toml"), "--grants", str(door / "grants.csv"),
                    "--truth", str(truth), "--model", a.model, "--threads", str(a.threads), "--json", "--quiet"]
    peer_command = [sys.executable, a.peer, str(clip), str(model), *map(str, line["a"] + line["b"]), "--threads", str(a.threads)]
    ours, peer = [], []
    for _ in range(a.rounds):
        ours.append(output(ours_command))
        peer.append(output(peer_command))
    o, q = ours[-1], peer[-1]
    fps = lambda runs: statistics.median(run["fps"] for run in runs)
    ratio = [x["fps"] / y["fps"] for x, y in zip(ours, peer)]
    score = o["score"]["crossings"]
    print(f"{short}: ours {fps(ours):.0f} frames/s, peer {fps(peer):.0f}; ratio {statistics.median(ratio):.2f} (pair by pair {min(ratio):.2f} to {max(ratio):.2f})")
    print(f"  ours: {score['matched']} matched, {score['missed']} missed, {score['false']} false; peer counts in {q['count_in']}, out {q['count_out']}")
    print(f"  ours, ms a frame: {', '.join(f'{k} {v:.3f}' for k, v in o['stages'].items())}")
    print(f"  peer, ms a frame: {', '.join(f'{k} {v:.3f}' for k, v in q['ms_per_frame'].items())}")
    print(f"  floors, frames/s: decoding alone {1000 / o['stages']['decode_ms']:.0f}, inference alone {1000 / o['stages']['infer_ms']:.0f}")
