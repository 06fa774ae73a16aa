"""Measure memory and time of `posec3d predict --timeline` on a short and a long video.

    python benchmarks/timeline/memory.py CLIP.mp4 [--seconds 60 600] [--work DIR] [-- OPTIONS...]

CLIP is played again and again until a video of so many seconds is made (H.264, its own size and rate), once for each
length; each is read by a process of its own, without the pose cache. Prints the largest resident memory, the seconds
and the frames per second of each. An hour of 720p: `--seconds 60 3600`.
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
import tempfile
import time
from itertools import cycle
from pathlib import Path

from posec3d_cli.video import VideoWriter, open_video

MEGABYTE = 2**20


def write_long(clip: Path, seconds: float, target: Path) -> int:
    """The clip again and again, in `target`; the number of frames."""
    with open_video(clip) as video:
        frames = list(video.frames())
        info = video.info
        count = round(seconds * float(info.fps))
        with VideoWriter(target, fps=info.fps, size=(info.width, info.height)) as writer:
            for _, frame in zip(range(count), cycle(frames), strict=False):
                writer.write(frame.pixels)
    return count


def peak_of(command: list[str]) -> tuple[float, float]:
    """The largest resident memory of a command in megabytes, and its seconds."""
    begun = time.perf_counter()
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL)
    _, status, usage = os.wait4(process.pid, 0)
    if status:
        raise SystemExit(f"{' '.join(command)} failed with {os.waitstatus_to_exitcode(status)}")
    return usage.ru_maxrss * 1024 / MEGABYTE, time.perf_counter() - begun


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("clip", type=Path, metavar="CLIP")
    parser.add_argument("--seconds", type=float, nargs="+", default=[60, 600])
    parser.add_argument("--work", type=Path)
    given, options = parser.parse_known_args()
    with tempfile.TemporaryDirectory(dir=given.work) as folder:
        print(f"{'seconds':>8} {'frames':>8} {'MB':>7} {'s':>8} {'frames/s':>9}")
        for seconds in given.seconds:
            target = Path(folder) / f"{seconds:g}.mp4"
            frames = write_long(given.clip, seconds, target)
            command = [sys.executable, "-m", "posec3d_cli.cli.app", "predict", str(target), "--timeline", "--json"]
            peak, spent = peak_of([*command, "--no-cache", *(one for one in options if one != "--")])
            print(f"{seconds:8g} {frames:8} {peak:7.0f} {spent:8.1f} {frames / spent:9.1f}", flush=True)


if __name__ == "__main__":
    main()
