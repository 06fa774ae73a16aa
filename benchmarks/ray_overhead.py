"""Compare the cost per clip of a Ray cluster with that of local workers, in one run.

    python benchmarks/ray_overhead.py CLIP [--copies N] [--workers N] [--address ADDRESS]

Labels copies of a clip with other last bytes, without the pose cache: with local workers, then through Ray, by default
on a cluster of this machine alone, and both with half of the copies too: what a copy more costs is the cost per clip,
and the rest of the time is the start.
"""

from __future__ import annotations

import argparse
import subprocess
import sys
import tempfile
from pathlib import Path
from time import perf_counter


def label(clips: Path, table: Path, options: list[str]) -> float:
    """Seconds of a run over the clips."""
    program = [str(Path(sys.executable).with_name("posec3d")), "label", str(clips), "-o", str(table), "--no-cache"]
    started = perf_counter()
    subprocess.run([*program, "--quiet", "--offline", *options], check=True, stdout=subprocess.DEVNULL)
    return perf_counter() - started


def main() -> None:
    """Measure and print the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("clip", type=Path)
    parser.add_argument("--copies", type=int, default=40)
    parser.add_argument("--workers", type=int, default=2)
    parser.add_argument("--address", default="local")
    options = parser.parse_args()
    ways = {"local": ["--engine", "local"], "ray": ["--engine", "ray", "--address", options.address]}
    seconds: dict[tuple[str, int], float] = {}
    counts = (options.copies // 2, options.copies)
    with tempfile.TemporaryDirectory() as folder:
        for count in counts:
            clips = Path(folder, f"clips{count}")
            clips.mkdir()
            for number in range(count):
                content = options.clip.read_bytes() + b"\0\0\0\x10free%08d" % number
                (clips / f"{number:06}{options.clip.suffix}").write_bytes(content)
            for way, more in ways.items():
                table = Path(folder, f"{way}{count}.csv")
                seconds[way, count] = label(clips, table, [*more, "--workers", str(options.workers)])
    print(
        f"| engine | {counts[0]} clips, s | {counts[1]} clips, s | s per clip | start, s |\n|---|---:|---:|---:|---:|"
    )
    for way in ways:
        few, many = (seconds[way, count] for count in counts)
        each = (many - few) / (counts[1] - counts[0])
        print(f"| {way} | {few:.1f} | {many:.1f} | {each:.3f} | {few - each * counts[0]:.1f} |")


if __name__ == "__main__":
    main()
