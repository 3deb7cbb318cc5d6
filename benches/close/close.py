"""How many people a detector lets the engine count who pass a door as close as people can.

    python3 benches/close/close.py --tailgate target/release/tailgate --model lintel yolox_nano

27 rendered clips, made on the spot by `tailgate simulate` from scripts written here: three abreast
half a metre apart, three in file half a metre behind each other, two pairs shoulder to shoulder;
from 22, 42 and 68 degrees above; three casts and rooms. 90 people pass, on one grant a clip. Says
for each detector how many crossings were seen, missed and made up.
"""

import argparse
import json
import pathlib
import subprocess
import tempfile

CAMERAS = {
    "low": "(-1.6,-5.4) height 3.0 pitch 22 yaw 14 focal 470",
    "mid": "(0.3,-3.6) height 3.4 pitch 42 yaw -4 focal 420",
    "steep": "(0,-1.6) height 3.6 pitch 68 yaw 0 focal 380",
}
# Of each: metres beside the door's middle, seconds when they start.
WAYS = {
    "abreast": (1.2, [(-0.5, 1.0), (0.0, 1.0), (0.5, 1.02)]),
    "file": (1.2, [(0.05, 1.0), (-0.08, 1.42), (0.1, 1.84)]),
    "pairs": (1.15, [(-0.24, 1.0), (0.24, 1.05), (-0.22, 1.6), (0.26, 1.65)]),
}
CASTS = (51, 62, 73)
FROM_M = 3.4  # they start so far before the line


def script(way, camera, cast):
    """The scene as `tailgate simulate` reads it."""
    speed, people = WAYS[way]
    lines = [
        f"scene  Close together, {way}, {camera} camera", "rate 12", "length 8",
        f"look people {cast} room {cast + 7} open", "door front line (-0.9,0) (0.9,0)",
        "grid (-3,-4) (3,4)", f"camera at {CAMERAS[camera]} size 640x480",
        "0.6    grant A holder 2087",
    ]
    for number, (x, start) in enumerate(people):
        path = f"({x},{-FROM_M}) ({x},{FROM_M})"
        lines.append(f"walker w{number} from {start} speed {speed} path {path}")
    lines.append("expect within 0.8")
    for number, (_, start) in enumerate(people):
        verdict = "tailgating" if number else "authorised A"
        lines.append(f"expect {start + FROM_M / speed:.2f} in {verdict}")
    return "\n".join([*lines, "expect grant A used", ""])


def counted(options, clip, model):
    """Crossings matched, missed and false of one replay."""
    said = subprocess.run(
        [options.tailgate, "replay", clip / "clip.mp4", "--door", clip / "door.toml", "--grants",
         clip / "grants.csv", "--truth", clip / "truth.json", "--models", options.models,
         "--model", model, "--json", "--quiet"],
        stdout=subprocess.PIPE, check=False,  # it ends with 1 after a tailgating verdict
    )
    crossings = json.loads(said.stdout)["score"]["crossings"]
    return [crossings[name] for name in ("matched", "missed", "false")]


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--tailgate", default="target/release/tailgate")
    parser.add_argument("--models", default="models")
    parser.add_argument("--model", nargs="+", default=["lintel"])
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as place:
        scenes = [(w, c, n) for w in WAYS for c in CAMERAS for n in CASTS]
        files = [pathlib.Path(place, "-".join(map(str, scene)) + ".scene") for scene in scenes]
        for file, scene in zip(files, scenes):
            file.write_text(script(*scene))
        clips = pathlib.Path(place, "clips")
        subprocess.run([options.tailgate, "simulate", "--render", clips, *files], check=True,
                       stdout=subprocess.DEVNULL)
        for model in options.model:
            sums = [0, 0, 0]
            for clip in sorted(clips.iterdir()):
                counts = counted(options, clip, model)
                sums = [a + b for a, b in zip(sums, counts)]
                if counts[1] or counts[2]:
                    print(f"  {clip.name}: {counts[1]} missed, {counts[2]} false")
            print(f"{model}: {sums[0]} of {sums[0] + sums[1]} crossings, {sums[2]} false",
                  flush=True)


if __name__ == "__main__":
    main()
