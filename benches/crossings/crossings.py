"""How many people a detector lets the engine count where that is hardest: people who pass a door as
close together as people can, and people seen from straight above.

    python3 benches/crossings/crossings.py --tailgate target/release/tailgate \
        --model lintel lintel_f32 yolox_nano [--scenes above] [--models DIR]

Rendered clips, made on the spot by `tailgate simulate` from scripts written here, each with three
casts and rooms and one grant. Close: three abreast half a metre apart, three in file half a metre
behind each other, two pairs shoulder to shoulder; from 22, 42 and 68 degrees above; 27 clips, 90
people. Above: one person, two and three in file, from 80, 84 and 88 degrees above; 27 clips, 54
people. Says for each detector how many crossings were seen, missed and made up. `--models` where not
all of them lie in ./models: yolox_nano.onnx is not in this repository (`tailgate models fetch
yolox_nano`).
"""

import argparse
import json
import pathlib
import subprocess
import tempfile

# Cameras; ways to walk: m/s, and of each person metres beside the door's middle and seconds when
# they start; numbers that casts are drawn by; and how far before the line they start, m.
SCENES = {
    "close": {
        "cameras": {
            "low": "(-1.6,-5.4) height 3.0 pitch 22 yaw 14 focal 470",
            "mid": "(0.3,-3.6) height 3.4 pitch 42 yaw -4 focal 420",
            "steep": "(0,-1.6) height 3.6 pitch 68 yaw 0 focal 380",
        },
        "ways": {
            "abreast": (1.2, [(-0.5, 1.0), (0.0, 1.0), (0.5, 1.02)]),
            "file": (1.2, [(0.05, 1.0), (-0.08, 1.42), (0.1, 1.84)]),
            "pairs": (1.15, [(-0.24, 1.0), (0.24, 1.05), (-0.22, 1.6), (0.26, 1.65)]),
        },
        "casts": (51, 62, 73), "from_m": 3.4, "grid": "(-3,-4) (3,4)",
    },
    "above": {
        "cameras": {
            "from80": "(0,-0.6) height 3.2 pitch 80 yaw 0 focal 330",
            "from84": "(0.2,-0.4) height 4.5 pitch 84 yaw 0 focal 400",
            "from88": "(0,-0.1) height 3.2 pitch 88 yaw 0 focal 330",
        },
        "ways": {
            "one": (1.3, [(0.2, 1.5)]),
            "two": (1.2, [(0.0, 1.0), (0.1, 2.0)]),
            "three": (1.2, [(-0.3, 1.0), (0.3, 1.6), (0.0, 2.6)]),
        },
        "casts": (11, 22, 33), "from_m": 3.0, "grid": "(-3,-3) (3,3)",
    },
}


def script(scenes, way, camera, cast):
    """A scene as `tailgate simulate` reads it."""
    (speed, people), from_m = scenes["ways"][way], scenes["from_m"]
    lines = [
        f"scene  {way}, camera {camera}", "rate 12", "length 8",
        f"look people {cast} room {cast + 7} open", "door front line (-0.9,0) (0.9,0)",
        f"grid {scenes['grid']}", f"camera at {scenes['cameras'][camera]} size 640x480",
        "0.6    grant A holder 2087",
    ]
    for number, (x, start) in enumerate(people):
        path = f"({x},{-from_m}) ({x},{from_m})"
        lines.append(f"walker w{number} from {start} speed {speed} path {path}")
    lines.append("expect within 0.8")
    for number, (_, start) in enumerate(people):
        verdict = "tailgating" if number else "authorised A"
        lines.append(f"expect {start + from_m / speed:.2f} in {verdict}")
    return "\n".join([*lines, "expect grant A used", ""])


def rendered(options, scenes, place):
    """The folders of the clips of all scenes."""
    files = []
    for way in scenes["ways"]:
        for camera in scenes["cameras"]:
            for cast in scenes["casts"]:
                files.append(place / f"{way}-{camera}-{cast}.scene")
                files[-1].write_text(script(scenes, way, camera, cast))
    clips = place / "clips"
    subprocess.run([options.tailgate, "simulate", "--render", clips, *files], check=True,
                   stdout=subprocess.DEVNULL)
    return sorted(clips.iterdir())


def counted(options, clip, model):
    """Crossings matched, missed and false of one replay."""
    said = subprocess.run(
        [options.tailgate, "replay", clip / "clip.mp4", "--door", clip / "door.toml", "--grants",
         clip / "grants.csv", "--truth", clip / "truth.json", "--models", options.models,
         "--model", model, "--json", "--quiet"],
        stdout=subprocess.PIPE, check=True,
    )
    crossings = json.loads(said.stdout)["score"]["crossings"]
    return [crossings[name] for name in ("matched", "missed", "false")]


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n\n")[0])
    parser.add_argument("--tailgate", default="target/release/tailgate")
    parser.add_argument("--models", default="models")
    parser.add_argument("--model", nargs="+", default=["lintel"])
    parser.add_argument("--scenes", nargs="+", default=list(SCENES), choices=list(SCENES))
    options = parser.parse_args()
    for name in options.scenes:
        with tempfile.TemporaryDirectory() as place:
            clips = rendered(options, SCENES[name], pathlib.Path(place))
            for model in options.model:
                sums = [0, 0, 0]
                for clip in clips:
                    counts = counted(options, clip, model)
                    sums = [a + b for a, b in zip(sums, counts)]
                    if counts[1] or counts[2]:
                        print(f"  {clip.name}: {counts[1]} missed, {counts[2]} false")
                print(f"{name}, {model}: {sums[0]} of {sums[0] + sums[1]} crossings, "
                      f"{sums[2]} false", flush=True)


if __name__ == "__main__":
    main()
