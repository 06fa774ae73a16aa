"""Ours, the published way, rtmlib's loop and the networks alone, over the same clips in the same run.

    python benchmarks/throughput/table.py CLIP FOLDER [--models MODELS --peers PYTHON] [--repeats N] [--only TABLE]

CLIP shows one person, FOLDER holds videos to label. MODELS is what `models.py` wrote, and PYTHON the interpreter of an
environment with the published packages and rtmlib; without them only the default pipeline is measured.

All ways of a table are run in turn, N times, each as a program of its own. Printed are medians: the wall time of the
program from its start to its end, what it says of its steps, and its largest memory; and, after the median, the fastest
and the slowest run. The floor is the networks alone on ready tensors, as often as the way calls them: in one process
with all threads or in one process per processor, whichever is faster.
"""

from __future__ import annotations

import argparse
import json
import os
import sqlite3
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from statistics import median
from typing import Any

from process import run

from posec3d_cli.batch.find import find
from posec3d_cli.batch.lock import state_of
from posec3d_cli.catalog import load_card, load_pipeline
from posec3d_cli.device import processors
from posec3d_cli.weights import fetch

HERE = Path(__file__).parent
OURS = str(Path(sys.executable).with_name("posec3d"))
STEPS = ("decode", "detect", "pose", "build", "classify")
ALONE = [sys.executable, str(HERE / "alone.py")]
RTMDET_NANO = "rtmdet-nano-person"


@dataclass
class Way:
    """One way of doing the same.

    Attributes:
        name: in the table.
        command: a program and its arguments; `NEW` stands for a folder that is made for each run.
        counted: arguments of `alone.py` that count its calls; empty for a way whose floor is another's.
        workers: processes that share the work; steps are summed over them.
    """

    name: str
    command: Sequence[str]
    counted: Sequence[str] = ()
    workers: int = 1
    seconds: list[float] = field(default_factory=list)
    peaks: list[float] = field(default_factory=list)
    steps: list[dict[str, float]] = field(default_factory=list)
    frames: int = 0

    def measure(self) -> None:
        """Run it once."""
        with tempfile.TemporaryDirectory() as folder:
            seconds, peak, printed = run([part.replace("NEW", folder) for part in self.command])
            answers = _answers(Path(folder), printed)
        self.seconds.append(seconds)
        self.peaks.append(peak)
        names = {step for answer in answers for step in answer["seconds"]}
        self.steps.append({step: sum(answer["seconds"].get(step, 0.0) for answer in answers) for step in names})
        self.frames = sum(answer.get("frames_used", answer.get("frames", 0)) for answer in answers)


def _answers(folder: Path, printed: str) -> list[dict[str, Any]]:
    """What a way says of each video: by its table of results, or by the JSON that it prints."""
    for output in ("labels.csv", "poses"):
        state = state_of(folder / output)
        if state.exists():
            connection = sqlite3.connect(f"file:{state}?mode=ro", uri=True)
            rows = connection.execute("SELECT entries FROM videos").fetchall()
            connection.close()
            return [entry for (entries,) in rows for entry in json.loads(entries)]
    said = json.loads(printed)
    return said.get("videos", [said])


def default_pipeline(clip: Path, folder: Path, workers: int) -> list[Way]:
    """The commands, with the models that they take by themselves."""
    names = load_pipeline("light")
    both = ["--detector", names.detector, "--pose", names.pose]
    whole = [*both, "--classifier", names.classifier]
    videos = [str(found.path) for found in find([folder])]
    ways = []
    for every in (1, 3):
        thrifty = ["--detect-every", str(every)] if every > 1 else []
        said = " ".join(["", *thrifty])
        predict = [OURS, "predict", str(clip), "--no-cache", "--json", *thrifty]
        ways.append(Way(f"predict{said}", predict, [str(clip), *thrifty, *whole]))
        extract = [OURS, "extract-poses", str(clip), "-o", "NEW/poses", "--quiet", *thrifty]
        ways.append(Way(f"extract-poses{said}", extract, [str(clip), *thrifty, *both]))
        label = [OURS, "label", str(folder), "-o", "NEW/labels.csv", "--no-cache", "--quiet"]
        label += ["--workers", str(workers), *thrifty]
        ways.append(Way(f"label{said}, {workers} workers", label, [*videos, *thrifty, *whole], workers))
    return ways


def published_networks(clip: Path, given: Path, models: Path, peers: str) -> list[Way]:
    """The networks of the published way, on random weights."""
    mine = ["--given", str(given), "--detector", str(models / "rtmdet-m"), "--pose", str(models / "hrnet-w32")]
    classifier = ["--classifier", str(models / "posec3d")]
    theirs = [peers, str(HERE / "published.py"), str(clip), "--given", str(given), "--models", str(models)]
    ours = [sys.executable, str(HERE / "ours.py"), str(clip)]
    ways = [Way("published: poses of all frames, one view", theirs)]
    for said, more in (
        ("", []),
        (" --detect-every 4", ["--detect-every", "4"]),
        (" --detect-every 4, no flip test", ["--no-flip-test", "--detect-every", "4"]),
    ):
        for name, reads in (("one view", classifier), ("poses of all frames", [])):
            chosen = [*more, *mine, *reads]
            ways.append(Way(f"ours, {name}{said}", [*ours, *chosen], [str(clip), *chosen]))
    return ways


def same_files(clip: Path, models: Path, peers: str) -> list[Way]:
    """The same ONNX files, frame by frame and our way."""
    detector, pose = RTMDET_NANO, models / "rtmpose-m"
    file = fetch(load_card(detector, "detector"))["model"]
    chosen = ["--detector", detector, "--pose", str(pose)]
    return [
        Way("rtmlib", [peers, str(HERE / "rtmlib_loop.py"), str(clip), str(file), str(pose / "model.onnx")]),
        Way("ours", [sys.executable, str(HERE / "ours.py"), str(clip), *chosen], [str(clip), *chosen]),
    ]


class Floors:
    """What the networks of the ways take alone."""

    def __init__(self) -> None:
        self._known: dict[str, dict[str, float]] = {}

    def of(self, way: Way) -> tuple[dict[str, int], float]:
        """How often a way calls its networks, and the seconds that this takes alone."""
        said = json.loads(run([*ALONE, *way.counted])[2].strip().splitlines()[-1])
        models = way.counted[way.counted.index("--detector") :]
        each = [*models, "--shape", json.dumps(said["shape"])]
        if str(each) not in self._known:
            ways = [side_by_side([*ALONE, *way.counted[:1], *each], number) for number in {1, processors()}]
            self._known[str(each)] = {name: min(one[name] for one in ways) for name in said["calls"]}
        alone = self._known[str(each)]
        return said["calls"], sum(number * alone[name] for name, number in said["calls"].items())


def side_by_side(command: Sequence[str], processes: int) -> dict[str, float]:
    """Seconds per call of each network where so many processes share the processors and the calls."""
    environment = {**os.environ, "OMP_NUM_THREADS": str(processors() // processes), "POSEC3D_OFFLINE": "1"}
    started = [subprocess.Popen(command, stdout=subprocess.PIPE, env=environment) for _ in range(processes)]
    said = [json.loads(process.communicate()[0]) for process in started]
    return {name: max(one[name] for one in said) / processes for name in said[0]}


def report(title: str, ways: Sequence[Way], repeats: int) -> None:
    """Measure the ways of one table and print it."""
    for _ in range(repeats):
        for way in ways:
            way.measure()
    alone = Floors()
    floors = {way.name: alone.of(way) for way in ways if way.counted}
    first = median(ways[0].seconds)
    print(f"\n{title}\n")
    print("| way | frames | seconds | floor | to the floor | times as fast as the first |", end="")
    print("".join(f" {step} |" for step in STEPS), "rest | MB |")
    print("|---|" + "---:|" * (7 + len(STEPS)))
    for way in ways:
        whole = median(way.seconds)
        cells = [f"{whole:.1f} ({min(way.seconds):.1f} to {max(way.seconds):.1f})"]
        _, floor = floors.get(way.name, ({}, None))
        cells += ["" if floor is None else f"{floor:.1f}", "" if floor is None else f"{whole / floor:.2f}"]
        steps = [median(one.get(step, 0.0) for one in way.steps) / way.workers for step in STEPS]
        cells += [f"{first / whole:.2f}", *(f"{step:.1f}" for step in steps), f"{whole - sum(steps):.1f}"]
        print(f"| {way.name} | {way.frames} | {' | '.join(cells)} | {max(way.peaks):.0f} |", flush=True)
    for way in ways:
        if way.name in floors:
            print(
                f"calls of {way.name}: {', '.join(f'{name} {number}' for name, number in floors[way.name][0].items())}"
            )


def main() -> None:
    """Measure and print the tables."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("clip", type=Path)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--models", type=Path)
    parser.add_argument("--peers")
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument("--only", choices=("default", "published", "rtmlib"))
    options = parser.parse_args()
    wanted = [options.only] if options.only else ["default", *(["published", "rtmlib"] if options.models else [])]
    if "default" in wanted:
        ways = default_pipeline(options.clip, options.folder, min(8, processors()))
        report("The default pipeline", ways, options.repeats)
    if "published" in wanted:
        with tempfile.TemporaryDirectory() as folder:
            given = [str(options.clip), "-o", f"{folder}/poses", "--max-people", "1", "--quiet"]
            run([OURS, "extract-poses", *given])
            [poses] = Path(folder, "poses").rglob("*.npz")
            ways = published_networks(options.clip, poses, options.models, options.peers)
            report("The published networks on random weights, one person in every frame", ways, options.repeats)
    if "rtmlib" in wanted:
        report("The same ONNX files", same_files(options.clip, options.models, options.peers), options.repeats)


if __name__ == "__main__":
    main()
