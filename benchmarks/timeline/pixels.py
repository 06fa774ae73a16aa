"""Join films to long videos of known cuts, with a table of their segments that `evaluate --timeline` reads.

    python benchmarks/timeline/pixels.py CLIPS.csv OUT [--root DATA/web] [--videos N] [--seconds S] [--seed N]
    posec3d evaluate OUT/truth.csv --timeline

CLIPS has the columns video and label. Each video is a random sequence of the clips at 25 frames per second, 426 x 240,
with black borders where their shape is another; a clip that is shorter than three seconds is played to and fro. OUT
gets `composed-0.mp4` and so on, and `truth.csv` with video, label, start and end in frames.
"""

from __future__ import annotations

import argparse
import csv
from fractions import Fraction
from pathlib import Path

import cv2
import numpy as np

from posec3d_cli.types import Pixels
from posec3d_cli.video import VideoWriter, open_video

RATE = Fraction(25)
SIZE = (426, 240)
"""(W, H)"""
LEAST, MOST = 3.0, 10.0  # seconds of a clip


def fitted(pixels: Pixels) -> Pixels:
    """The picture in `SIZE`, with black borders."""
    height, width = pixels.shape[:2]
    scale = min(SIZE[0] / width, SIZE[1] / height)
    small = cv2.resize(pixels, (max(1, round(width * scale)), max(1, round(height * scale))))
    canvas = np.zeros((SIZE[1], SIZE[0], 3), np.uint8)
    top, left = (SIZE[1] - small.shape[0]) // 2, (SIZE[0] - small.shape[1]) // 2
    canvas[top : top + small.shape[0], left : left + small.shape[1]] = small
    return canvas


def frames_of(path: Path, rng: np.random.Generator) -> list[Pixels]:
    """The frames of a clip at `RATE`, of `LEAST` to `MOST` seconds."""
    with open_video(path) as video:
        wanted = np.arange(0, video.info.frame_count, float(video.info.fps / RATE)).astype(int)
        pictures = {frame.index: fitted(frame.pixels) for frame in video.read(sorted(set(wanted.tolist())))}
    frames = [pictures[index] for index in wanted.tolist() if index in pictures]
    count = max(round(LEAST * RATE), min(len(frames), round(rng.uniform(LEAST, MOST) * RATE)))
    swing = [*frames, *frames[-2:0:-1]]
    return [swing[number % len(swing)] for number in range(count)]


def main() -> None:
    """Write the videos and the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("clips", type=Path, metavar="CLIPS.csv")
    parser.add_argument("out", type=Path, metavar="OUT")
    parser.add_argument("--root", type=Path)
    parser.add_argument("--videos", type=int, default=3)
    parser.add_argument("--seconds", type=float, default=240)
    parser.add_argument("--seed", type=int, default=1)
    given = parser.parse_args()
    with given.clips.open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    rng = np.random.default_rng(given.seed)
    given.out.mkdir(parents=True, exist_ok=True)
    truth: list[tuple[str, str, int, int]] = []
    for number in range(given.videos):
        name = f"composed-{number}.mp4"
        done = 0
        with VideoWriter(given.out / name, fps=RATE, size=SIZE) as writer:
            while done < given.seconds * RATE:
                row = rows[int(rng.integers(len(rows)))]
                begin = done
                for pixels in frames_of((given.root or given.clips.parent) / row["video"], rng):
                    writer.write(pixels)
                    done += 1
                truth.append((name, row["label"], begin, done))
    with (given.out / "truth.csv").open("w", encoding="utf-8", newline="") as file:
        table = csv.writer(file, lineterminator="\n")
        table.writerow(["video", "label", "start", "end"])
        table.writerows(truth)


if __name__ == "__main__":
    main()
