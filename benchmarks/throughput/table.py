"""Ours, the published way, rtmlib's loop and the networks alone, over the same clips in the same run.

    python benchmarks/throughput/table.py CLIP FOLDER [--models MODELS --peers PYTHON] [--repeats N] [--only TABLE]

CLIP shows one person, FOLDER holds videos to label. MODELS is what `models.py` wrote, and PYTHON the interpreter of an
environment with the published packages and rtmlib; without them only the default pipeline is measured, beside the
whole-image loop that many programs for one person use (`whole_image.py`), with the same pose network.

All ways of a table are run in turn, N times, each as a program of its own. Printed are medians: the wall time of the
program from its start to its end, what it says of its steps, its largest process, and its processor time, also for a
minute of video; and, after the median, the fastest and the slowest run. The floor is the networks alone on ready
tensors, as often as the way calls them, in one process or in one per processor, whichever is faster: in seconds, and in
processor seconds, which others on the machine hardly disturb. "To the files" is the same where the file of a detector
runs as it is published, with the post-processing that ours takes out of it.
"""

from __future__ import annotations

import argparse
import json
import os
import sqlite3
import subprocess
import sys
import tempfile
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from statistics import median
from typing import Any

from process import run

from posec3d_cli.batch.find import find
from posec3d_cli.batch.lock import state_of
from posec3d_cli.hub.catalog import load_card, load_pipeline
from posec3d_cli.hub.weights import fetch
from posec3d_cli.runtime.threads import processors
from posec3d_cli.video.probe import probe

HERE = Path(__file__).parent
OURS = str(Path(sys.executable).with_name("posec3d"))
STEPS = ("wait", "detect", "pose", "build", "classify")
"""Ours decodes frames beside the networks, and "wait" is what these wait for a frame; that of others is decoding."""
OURS_ALIKE = [sys.executable, str(HERE / "ours.py")]
ALONE = [sys.executable, str(HERE / "alone.py")]
RTMDET_NANO = "rtmdet-nano-person"


@dataclass
class Way:
    """One way of doing the same.

    Attributes:
        name: in the table.
        command: a program and its arguments; `NEW` stands for a folder that is made for each run.
        minutes: of video that it goes through.
        counted: arguments of `ours.py` that make the same calls; empty for a way that has no floor of its own.
        workers: processes that share the work; steps are summed over them.
        said: of `ours.py`, the calls that were counted and the shapes of what the classifiers read.
    """

    name: str
    command: Sequence[str]
    counted: Sequence[str] = ()
    workers: int = 1
    minutes: float = 0.0
    seconds: list[float] = field(default_factory=list)
    processor_seconds: list[float] = field(default_factory=list)
    peaks: list[float] = field(default_factory=list)
    steps: list[dict[str, float]] = field(default_factory=list)
    said: dict[str, Any] = field(default_factory=dict)
    frames: int = 0

    def measure(self) -> None:
        """Run it once."""
        with tempfile.TemporaryDirectory() as folder:
            measured = run([part.replace("NEW", folder) for part in self.command])
            answers = _answers(Path(folder), measured.printed)
        if "calls" in answers[0]:
            self.said = answers[0]
        self.seconds.append(measured.seconds)
        self.processor_seconds.append(measured.processor_seconds)
        self.peaks.append(measured.peak)
        names = {step for answer in answers for step in answer["seconds"]}
        self.steps.append({step: sum(answer["seconds"].get(step, 0.0) for answer in answers) for step in names})
        self.frames = sum(map(_frames, answers))


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


def _frames(answer: Mapping[str, Any]) -> int:
    """The frames with poses that an answer tells of."""
    found = answer.get("poses", answer)
    return int(found.get("frames_used", found.get("frames", 0)))


def default_pipeline(clip: Path, folder: Path, workers: int) -> list[Way]:
    """The commands, with the models that they take by themselves."""
    names = load_pipeline("light")
    both = ["--detector", names.detector, "--pose", names.pose]
    whole = [*both, "--classifier", names.classifier]
    videos = [str(found.path) for found in find([folder])]
    one, many = minutes_of([clip]), minutes_of(map(Path, videos))
    ways = [Way("whole image, one person", [sys.executable, str(HERE / "whole_image.py"), str(clip)], minutes=one)]
    for every in (1, 3):
        thrifty = ["--detect-every", str(every)] if every > 1 else []
        said = " ".join(["", *thrifty])
        predict = [OURS, "predict", str(clip), "--no-cache", "--json", *thrifty]
        ways.append(Way(f"predict{said}", predict, [str(clip), *thrifty, *whole], minutes=one))
        extract = [OURS, "extract-poses", str(clip), "-o", "NEW/poses", "--quiet", *thrifty]
        ways.append(Way(f"extract-poses{said}", extract, [str(clip), *thrifty, *both], minutes=one))
        label = [OURS, "label", str(folder), "-o", "NEW/labels.csv", "--no-cache", "--quiet"]
        label += ["--workers", str(workers), *thrifty]
        counted = [*videos, *thrifty, *whole]
        ways.append(Way(f"label{said}, {workers} workers", label, counted, workers, minutes=many))
    return ways


def minutes_of(videos: Iterable[Path]) -> float:
    """The minutes of some videos."""
    return sum(info.frame_count / float(info.fps) for info in (probe(video).info for video in videos)) / 60


def published_networks(clip: Path, given: Path, models: Path, peers: str) -> list[Way]:
    """The networks of the published way, on random weights."""
    mine = ["--detector", str(models / "rtmdet-m"), "--pose", str(models / "hrnet-w32")]
    classifier = ["--classifier", str(models / "posec3d")]
    theirs = [peers, str(HERE / "published.py"), str(clip), "--given", str(given), "--models", str(models)]
    minutes = minutes_of([clip])
    ways = [Way("published: poses of all frames, one view", theirs, minutes=minutes)]
    four = ["--detect-every", "4"]
    for name, looks, reads in (
        ("one view", [], classifier),
        ("one view, --detect-every 4", four, classifier),
        ("one view, --detect-every 4, no flip test", four, [*classifier, "--no-flip-test"]),
        ("poses of all frames", [], []),
        ("poses of all frames, --detect-every 4", four, []),
        ("poses of all frames, --detect-every 8, no flip test", ["--detect-every", "8"], ["--no-flip-test"]),
    ):
        chosen = [str(clip), "--given", str(given), *looks, *mine, *reads]
        ways.append(Way(f"ours, {name}", [*OURS_ALIKE, *chosen], chosen, minutes=minutes))
    return ways


def same_files(clip: Path, models: Path, peers: str) -> list[Way]:
    """The same ONNX files, frame by frame and our way."""
    detector, pose = RTMDET_NANO, models / "rtmpose-m"
    file = fetch(load_card(detector, "detector"))["model"]
    chosen = ["--detector", detector, "--pose", str(pose)]
    theirs = [peers, str(HERE / "rtmlib_loop.py"), str(clip), str(file), str(pose / "model.onnx")]
    minutes = minutes_of([clip])
    return [
        Way("rtmlib", theirs, minutes=minutes),
        Way("ours", [*OURS_ALIKE, str(clip), *chosen], [str(clip), *chosen], minutes=minutes),
    ]


class Floor:
    """What the networks of a way take alone, measured as often as the ways that have these networks.

    Args:
        networks: arguments of `alone.py`.
    """

    def __init__(self, networks: Sequence[str]) -> None:
        self._command = [*ALONE, *networks]
        self._alone: list[dict[str, list[float]]] = []

    def measure(self) -> None:
        """Time the networks once, in both arrangements."""
        ways = [side_by_side(self._command, number) for number in {1, processors()}]
        self._alone.append(
            {name: [min(of) for of in zip(*(one[name] for one in ways), strict=True)] for name in ways[0]}
        )

    def of(self, calls: Mapping[str, int], *, processor: bool = False, published: bool = False) -> float:
        """Seconds, or processor seconds, of so many calls of each network, the median of what was measured.

        With `published` a detector counts with the post-processing of its file.
        """

        def name_of(name: str) -> str:
            return "published" if published and name == "detect" and "published" in self._alone[0] else name

        return median(
            sum(number * alone[name_of(name)][int(processor)] for name, number in calls.items())
            for alone in self._alone
        )


def floors_of(ways: Sequence[Way]) -> dict[str, Floor]:
    """The floor of each way, by its name; ways of the same networks share one. Counts calls that are not known yet."""
    made: dict[str, Floor] = {}
    found = {}
    for way in ways:
        if way.counted:
            if "calls" not in way.said:
                way.said = json.loads(run([*OURS_ALIKE, *way.counted]).printed)
            networks = list(way.counted[way.counted.index("--detector") :])
            found[way.name] = made.setdefault(
                str(networks), Floor([*networks, "--shapes", json.dumps(way.said["shapes"])])
            )
    return found


def side_by_side(command: Sequence[str], processes: int) -> dict[str, list[float]]:
    """Seconds and processor seconds per call of each network where so many processes share processors and calls."""
    environment = {**os.environ, "OMP_NUM_THREADS": str(processors() // processes), "POSEC3D_OFFLINE": "1"}
    started = [subprocess.Popen(command, stdout=subprocess.PIPE, env=environment) for _ in range(processes)]
    said = [json.loads(process.communicate()[0]) for process in started]
    return {
        name: [max(one[name][0] for one in said) / processes, median(one[name][1] for one in said)] for name in said[0]
    }


def report(title: str, ways: Sequence[Way], repeats: int, *, alike: bool = True) -> None:
    """Measure the ways of one table and print it; `alike`: all do what the first does."""
    floors: dict[str, Floor] = {}
    for _ in range(repeats):
        for way in ways:
            way.measure()
        floors = floors or floors_of(ways)
        for floor in dict.fromkeys(floors.values()):
            floor.measure()
    # A way of others is what ours are held against, where both do the same.
    first = None if ways[0].counted or not alike else median(ways[0].seconds)
    print(f"\n{title}\n")
    beside = first is not None
    print("| way | frames | seconds | floor | to the floor | to the files |", end="")
    print(" times as fast as the first |" * beside, end="")
    print(
        "".join(f" {step} |" for step in STEPS),
        "rest | MB | processor s | to the floor's | to the files' | per video minute |",
    )
    print("|---|" + "---:|" * (11 + beside + len(STEPS)))
    for way in ways:
        whole = median(way.seconds)
        cells = [f"{whole:.1f} ({min(way.seconds):.1f} to {max(way.seconds):.1f})"]
        floor = floors.get(way.name)
        calls = way.said.get("calls", {})
        cells += [""] * 3
        if floor is not None:
            alone = floor.of(calls)
            cells[-3:] = [f"{alone:.1f}", f"{whole / alone:.2f}", f"{whole / floor.of(calls, published=True):.2f}"]
        steps = [median(one.get(step, 0.0) for one in way.steps) / way.workers for step in STEPS]
        cells += [f"{first / whole:.2f}"] if first is not None else []
        cells += [*(f"{step:.1f}" for step in steps), f"{whole - sum(steps):.1f}"]
        taken = median(way.processor_seconds)
        cells += [f"{max(way.peaks):.0f}", f"{taken:.1f}"]
        for published in (False, True):
            cells += ["" if floor is None else f"{taken / floor.of(calls, processor=True, published=published):.2f}"]
        cells += [f"{taken / way.minutes:.0f}"]
        print(f"| {way.name} | {way.frames} | {' | '.join(cells)} |", flush=True)
    for way in ways:
        if way.name in floors:
            print(f"calls of {way.name}: {', '.join(f'{name} {number}' for name, number in way.said['calls'].items())}")


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
        report("The default pipeline", ways, options.repeats, alike=False)
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
