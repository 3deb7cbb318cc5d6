#!/usr/bin/env python3
"""How many cameras a box carries, and how late its alerts are.

Renders a door at 1920 x 1080 px and 15 frames a second, plays it as RTSP streams (H.264 with noise, no B-frames)
that are busy one tenth of the time, each at another tenth, and runs `tailgate run` on them on the same machine: the
cameras and whoever is alerted take their share of the same cores, which is shown. Nobody has a grant, so everybody who
comes is a breach, with an alert and evidence (two seconds, not blurred: ten blurred ones take 6 s of a core, at low priority). For every number of cameras:
the share of CPU, the slowest camera, frames dropped, how long each stage takes, how late verdicts and alerts are.

    cargo build --release
    benches/box/cameras.py --cameras 4,8,12,16,20,24 --seconds 90 --plot docs/pictures/cameras-a-box.svg

Needs ffmpeg; `--model` names another detector. Standard library only. Figures: docs/guides/live.md.
"""

import argparse
import json
import os
import re
import signal
import subprocess
import sys
import threading
import time
import urllib.request
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
SIZE, FOCAL_FACTOR = "1920x1080", 2.25
# A clip of eight seconds in eighty: busy one tenth of the time.
TENTHS = 10
SECRET = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"
WARM_UP_S = 15
CAMERAS, HEALTH, ALERTS = "127.0.0.1:8560", "127.0.0.1:8475", 4595


def call(*words, **options):
    subprocess.run([str(word) for word in words], check=True, stdout=subprocess.DEVNULL, **options)


def render(tailgate, work):
    """The door's clip at full size, and its door file."""
    scene = (ROOT / "testdata/clips/two-on-one-grant/script.scene").read_text()
    scene = re.sub(r"size \d+x\d+", f"size {SIZE}", scene)
    scene = re.sub(r"focal (\d+)", lambda focal: f"focal {float(focal[1]) * FOCAL_FACTOR}", scene)
    scene = re.sub(r"rate \d+", "rate 15", scene)
    (work / "door.scene").write_text(scene)
    call(tailgate, "simulate", work / "door.scene", "--render", work / "rendered")
    return next((work / "rendered").rglob("clip.mp4")), next((work / "rendered").rglob("door.toml"))


def encode(clip, out, still=""):
    """As a camera would: no B-frames, a key picture every two seconds, noise that its filter left, as many bits as it takes."""
    if not out.exists():
        # Nobody is there in the last frame.
        seek = ["-sseof", "-0.3"] if still else []
        call("ffmpeg", "-v", "error", "-y", *seek, "-i", clip, "-vf", f"{still}noise=alls=3:allf=t", "-t", 8, "-r", 15, "-c:v", "libx264",
             "-preset", "superfast", "-bf", 0, "-g", 30, "-crf", 27, "-maxrate", "4M", "-bufsize", "4M", out)


def stream(clip, work, tenth):
    """Eighty seconds, of which somebody comes in the given tenth; `None`: all the time."""
    busy, quiet, out = work / "busy.mp4", work / "quiet.mp4", work / f"stream-{tenth}.mp4"
    encode(clip, busy)
    encode(clip, quiet, "loop=loop=-1:size=1:start=0,")
    pieces = [busy if tenth in (None, place) else quiet for place in range(TENTHS)]
    (work / "pieces.txt").write_text("".join(f"file '{piece}'\n" for piece in pieces))
    call("ffmpeg", "-v", "error", "-y", "-f", "concat", "-safe", 0, "-i", work / "pieces.txt", "-c", "copy", out)
    return out


def decoding_floor(clip):
    """Frames a second that libavcodec decodes on each of two cores at once, with nothing else to do."""
    words = ["ffmpeg", "-v", "error", "-threads", "1", "-i", str(clip), "-f", "null", "-"]
    begun = time.monotonic()
    for process in [subprocess.Popen(words) for _ in range(2)]:
        process.wait()
    spent = time.monotonic() - begun
    frames = subprocess.run(["ffprobe", "-v", "error", "-select_streams", "v", "-show_entries", "stream=nb_frames", "-of", "csv=p=0", str(clip)],
                            check=True, capture_output=True, text=True).stdout
    return int(frames.strip().strip(",")) / spent


def write_site(work, door, count, model):
    text = door.read_text()
    cameras = []
    for number in range(count):
        name = f"c{number}"
        own, section = [], ""
        for line in text.splitlines():
            section = line if line.startswith("[") else section
            named = line.startswith("name = ") and section in ("[door]", "[camera]")
            own.append(f'name = "{name}"' if named else line)
        (work / f"{name}.toml").write_text("\n".join(own) + "\n")
        cameras.append(f'[[camera]]\nname = "{name}"\nurl = "rtsp://{CAMERAS}/{name}"\n')
    doors = ", ".join(f'"c{number}.toml"' for number in range(count))
    (work / "guard.secret").write_text(SECRET + "\n")
    site = work / "site.toml"
    site.write_text(
        f'[site]\nname = "bench"\ndoors = [{doors}]\ndata = "data-{count}-{int(time.time())}"\n\n' + "\n".join(cameras)
        + f'\n[detector]\nmodel = "{model}"\nmodels = "{ROOT / "models"}"\n\n[health]\nlisten = "{HEALTH}"\n\n'
        "[evidence]\nbefore_s = 1\nafter_s = 1\nclear = true\n\n"
        f'[[alerts.webhook]]\nname = "guard"\nurl = "http://127.0.0.1:{ALERTS}/"\nsecrets = [{{ file = "guard.secret" }}]\n')
    return site


class Guard(BaseHTTPRequestHandler):
    """Notes when the first byte of each alert came."""
    arrivals = []

    def handle_one_request(self):
        # The request line is there when its first byte is.
        self.rfile.peek(1)
        self.came = time.time()
        super().handle_one_request()

    def do_POST(self):
        body = json.loads(self.rfile.read(int(self.headers["content-length"])))
        if body.get("sort") == "verdict" and body.get("revision") == 1:
            Guard.arrivals.append((self.came, body))
        self.send_response(204)
        self.end_headers()

    def log_message(self, *_):
        pass


def metrics():
    text = urllib.request.urlopen(f"http://{HEALTH}/metrics", timeout=10).read().decode()
    values = {}
    for line in text.splitlines():
        if not line.startswith("#"):
            name, value = line.rsplit(" ", 1)
            values[name] = float(value)
    return values


def cpu_s(pid):
    fields = Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def resident_mib(pid):
    status = Path(f"/proc/{pid}/status").read_text()
    return int(re.search(r"VmRSS:\s+(\d+)", status)[1]) / 1024


def quantile(before, after, prefix, share):
    """A quantile of a histogram between two readings, from its buckets: their upper end, so never too good. Seconds."""
    rows = []
    for name, value in after.items():
        if name.startswith(prefix) and 'le="' in name:
            end = re.search(r'le="([^"]+)"', name)[1]
            rows.append((float("inf") if end == "+Inf" else float(end), value - before.get(name, 0)))
    rows.sort()
    total = rows[-1][1] if rows else 0
    return next((end for end, count in rows if total and count >= share * total), float("nan")), int(total)


def summed(before, after, name):
    return sum(value - before.get(key, 0) for key, value in after.items() if key.startswith(name + "_total"))


def one(tailgate, work, door, streams, count, seconds, model):
    """Runs so many cameras; returns a row of figures."""
    site = write_site(work, door, count, model)
    Guard.arrivals.clear()
    words = [str(tailgate), "fake", "camera", "--listen", CAMERAS]
    words += [f"--stream=c{number}={streams[number % len(streams)]}" for number in range(count)]
    cameras = subprocess.Popen(words, stdout=subprocess.PIPE, text=True)
    cameras.stdout.readline()
    run = subprocess.Popen([str(tailgate), "run", str(site), "--json"], stdout=subprocess.PIPE, text=True, cwd=work)
    starved = []

    def read():
        for line in run.stdout:
            if '"sight":"starved"' in line:
                starved.append(time.time())
    threading.Thread(target=read, daemon=True).start()
    try:
        time.sleep(WARM_UP_S + count / 4)
        before, cpu, fake_cpu, begun = metrics(), cpu_s(run.pid), cpu_s(cameras.pid), time.time()
        slowest = float("inf")
        while time.time() - begun < seconds:
            time.sleep(2)
            after = metrics()
            rates = [value for name, value in after.items() if name.startswith("tailgate_frame_rate_hertz")]
            slowest = min([slowest, *rates])
        spent = time.time() - begun
        busy = (cpu_s(run.pid) - cpu) / spent, (cpu_s(cameras.pid) - fake_cpu) / spent
        memory = resident_mib(run.pid)
    finally:
        for process in (run, cameras):
            process.send_signal(signal.SIGTERM)
        run.wait(60)
        cameras.wait(60)
    row = {"cameras": count, "cpu": busy[0], "fake_cpu": busy[1], "memory_mib": memory, "slowest_hz": slowest,
           "starved": len([at for at in starved if at > begun])}
    for name in ("received", "decoded", "dropped", "looked", "skipped", "damaged"):
        row[name] = int(summed(before, after, f"tailgate_frames_{name}"))
    for stage in ("decode", "wait", "look", "queue", "judge"):
        alike = {name.replace(f'stage="{stage}",', ""): value for name, value in after.items() if f'stage="{stage}"' in name}
        was = {name.replace(f'stage="{stage}",', ""): value for name, value in before.items() if f'stage="{stage}"' in name}
        row[stage] = [quantile(was, alike, "tailgate_stage_seconds_bucket", share)[0] * 1e3 for share in (0.5, 0.99)]
    row["verdict"] = [quantile(before, after, "tailgate_verdict_seconds_bucket", share)[0] * 1e3 for share in (0.5, 0.99)]
    late = sorted((came - stated_s(alert)) * 1e3 for came, alert in Guard.arrivals if came > begun)
    row["alerts"] = len(late)
    row["alert"] = [late[int(share * (len(late) - 1))] if late else float("nan") for share in (0.5, 0.99)]
    return row


def stated_s(alert):
    from datetime import datetime
    return datetime.fromisoformat(alert["stated"].replace("Z", "+00:00")).timestamp()


def show(rows, floor):
    print(f"\nDecoding alone: {floor:.0f} frames a second and core; {2 * floor / 15:.0f} cameras of 15 on two cores that do nothing else.\n")
    print("| cameras | cores of the box | of the cameras played | MiB | slowest camera, frames/s | dropped | looked at | starved | decode | wait | look | judge | frame to verdict | verdict to alert |")
    print("|---|---|---|---|---|---|---|---|---|---|---|---|---|---|")
    for row in rows:
        both = lambda name: "{:.1f} / {:.1f}".format(*row[name])  # noqa: E731
        print(f"| {row['cameras']} | {row['cpu']:.2f} | {row['fake_cpu']:.2f} | {row['memory_mib']:.0f} | {row['slowest_hz']:.1f} | "
              f"{row['dropped']} of {row['received']} | {row['looked']} | {row['starved']} | {both('decode')} | {both('wait')} | {both('look')} | "
              f"{both('judge')} | {both('verdict')} | {both('alert')} ({row['alerts']}) |")
    print("\nTimes in ms, median / 99 of 100; from histograms: the upper end of the bucket. Alerts: their number.")


def plot(rows, floor, path):
    """Cameras against cores and against the slowest camera's rate, as SVG."""
    wide, high, left, low = 640, 320, 50, 280
    most = max(row["cameras"] for row in rows)
    across = lambda cameras: left + (wide - left - 60) * cameras / most  # noqa: E731
    up = lambda share: low - (low - 20) * min(share, 1.0)  # noqa: E731
    line = lambda points, colour: (  # noqa: E731
        f'<polyline fill="none" stroke="{colour}" stroke-width="2" points="' + " ".join(f"{x:.1f},{y:.1f}" for x, y in points) + '"/>')
    parts = [f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {wide} {high}" font-family="sans-serif" font-size="12">',
             f'<rect width="{wide}" height="{high}" fill="white"/>']
    for share in (0, 0.25, 0.5, 0.75, 1.0):
        parts.append(f'<line x1="{left}" x2="{wide - 60}" y1="{up(share)}" y2="{up(share)}" stroke="#ddd"/>')
        parts.append(f'<text x="{left - 6}" y="{up(share) + 4}" text-anchor="end">{2 * share:g}</text>')
        parts.append(f'<text x="{wide - 54}" y="{up(share) + 4}">{16 * share:g}</text>')
    for row in rows:
        parts.append(f'<text x="{across(row["cameras"])}" y="{low + 16}" text-anchor="middle">{row["cameras"]}</text>')
    parts.append(line([(across(row["cameras"]), up(row["cpu"] / 2)) for row in rows], "#1f5fa8"))
    parts.append(line([(across(row["cameras"]), up((row["cpu"] + row["fake_cpu"]) / 2)) for row in rows], "#8fb3d9"))
    parts.append(line([(across(cameras), up(cameras * 15 / floor / 2)) for cameras in (0, most)], "#bbb"))
    parts.append(line([(across(row["cameras"]), up(row["slowest_hz"] / 16)) for row in rows], "#b03a2e"))
    for place, (colour, text) in enumerate([("#1f5fa8", "cores, tailgate"), ("#8fb3d9", "cores, with the cameras played"), ("#bbb", "cores, decoding alone"),
                                            ("#b03a2e", "slowest camera, frames a second (right)")]):
        parts.append(f'<text x="{left + 12}" y="{34 + 16 * place}" fill="{colour}">{text}</text>')
    parts.append(f'<text x="{(left + wide - 60) / 2}" y="{low + 34}" text-anchor="middle">cameras of 1080p15, busy one tenth of the time</text></svg>')
    Path(path).write_text("\n".join(parts) + "\n")


def main():
    arguments = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    arguments.add_argument("--tailgate", type=Path, default=ROOT / "target/release/tailgate")
    arguments.add_argument("--work", type=Path, default=ROOT / "out/cameras-a-box", help="clips are kept there")
    arguments.add_argument("--cameras", default="4,8,12,16,20,24")
    arguments.add_argument("--seconds", type=float, default=90)
    arguments.add_argument("--always-busy", action="store_true", help="people all the time: how late alerts are")
    arguments.add_argument("--model", default="lintel")
    arguments.add_argument("--plot", type=Path)
    given = arguments.parse_args()
    work = given.work.resolve()
    work.mkdir(parents=True, exist_ok=True)
    known = list((work / "rendered").rglob("clip.mp4"))
    clip, door = (known[0], known[0].parent / "door.toml") if known else render(given.tailgate.resolve(), work)
    tenths = [None] if given.always_busy else range(TENTHS)
    streams = [stream(clip, work, tenth) for tenth in tenths]
    floor = decoding_floor(streams[0])
    server = ThreadingHTTPServer(("127.0.0.1", ALERTS), Guard)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    rows = []
    for count in map(int, given.cameras.split(",")):
        rows.append(one(given.tailgate.resolve(), work, door, streams, count, given.seconds, given.model))
        print(json.dumps(rows[-1]), file=sys.stderr, flush=True)
    show(rows, floor)
    if given.plot:
        plot(rows, floor, given.plot)


if __name__ == "__main__":
    main()
