"""Compare the peak memory of a command on a short and on a long video.

    python benchmarks/memory.py SHORT LONG [--command "extract-poses --detect-every 10"]

The command, `extract-poses` or `label` with any options, runs on one video after the other with one worker and without
the pose cache. Printed is the largest resident memory of any of its processes.
"""

from __future__ import annotations

import argparse
import resource
import shlex
import subprocess
import sys
import tempfile
from pathlib import Path


def peak(video: Path, command: list[str]) -> float:
    """Run the command on a video; the largest resident memory of all processes so far, in MB."""
    with tempfile.TemporaryDirectory() as folder:
        name = "poses" if command[0] == "extract-poses" else "labels.csv"
        program = [str(Path(sys.executable).with_name("posec3d")), *command, str(video), "-o", f"{folder}/{name}"]
        program += ["--workers", "1", "--quiet", *(["--no-cache"] if command[0] == "label" else [])]
        subprocess.run(program, check=True, stdout=subprocess.DEVNULL)
    used = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss
    return used / (1e6 if sys.platform == "darwin" else 1e3)


def main() -> None:
    """Measure both and print the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("short", type=Path)
    parser.add_argument("long", type=Path)
    parser.add_argument("--command", default="extract-poses", type=shlex.split)
    options = parser.parse_args()
    # The figure of the system only grows, so the short one goes first.
    print("| video | peak MB |\n|---|---:|")
    for video in (options.short, options.long):
        print(f"| {video.name} | {peak(video, options.command):.0f} |", flush=True)


if __name__ == "__main__":
    main()
