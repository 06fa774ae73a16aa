"""Measure what a batch run costs per file besides reading the videos, and whether any step grows faster than the files.

    python benchmarks/many_files.py [--rows N] [--clips N] [--workers N]

The rows are made up: N files of a few bytes, and a run state that holds an answer for each. The steps of `label` on
them are measured in a process of its own, once with a tenth of the files and once with all: processor seconds, but for
the commits to disk. The clips are copies of one clip of a second with different last bytes, whose poses are in the
cache already: what is left is hashing, the cache, one classifier and the run state.
"""

from __future__ import annotations

import argparse
import json
import resource
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Callable
from dataclasses import replace
from fractions import Fraction
from pathlib import Path
from time import perf_counter, process_time
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from posec3d_cli.results import ClipResult

LABELS = ("walk", "run", "jump", "sit", "stand")


def measure_steps(folder: Path, count: int) -> dict[str, float]:
    """Seconds of each step of a run with nothing left to do, in order, and the growth of memory in MB."""
    from posec3d_cli.batch import run as batch
    from posec3d_cli.batch.corrections import kept_corrections, write_results
    from posec3d_cli.batch.file_result import FileResult
    from posec3d_cli.batch.find import find, with_stems
    from posec3d_cli.batch.label_task import LabelTask
    from posec3d_cli.batch.lock import locked
    from posec3d_cli.batch.own import without_own
    from posec3d_cli.batch.resume import plan
    from posec3d_cli.batch.state import Record
    from posec3d_cli.config import PipelineConfig
    from posec3d_cli.files.digests import digest, stamp

    clips, table = folder / "clips", folder / "labels.csv"
    for number in range(count):
        file = clips / f"{number % 100:02}" / f"{number:06}.mp4"
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(b"%d" % number)
    files = find([clips])
    task = LabelTask.of(PipelineConfig(), files)
    fingerprint = task.fingerprint()
    seconds: dict[str, float] = {}
    with locked(table) as (state, _):
        state._connection.execute("PRAGMA synchronous=OFF")
        state._connection.execute("BEGIN")
        for file in files:
            record = FileResult((made_up(file.path, file.name),), digest(file.path), 0.5)
            state.put(Record(file.path, stamp(file.path), fingerprint, record))
        state._connection.execute("COMMIT")
        write_results(table, batch.results(files, [], state), state)
    before = peak()

    def timed(name: str, step: Callable[[], Any]) -> Any:
        started = process_time()
        found = step()
        seconds[name] = process_time() - started
        return found

    files = timed("find the files", lambda: find([clips], poses=True))
    files, _ = timed("leave out own outputs", lambda: without_own(files))
    with locked(table) as (state, _):
        timed("read corrections", lambda: kept_corrections(table, state))
        files = timed("name the outputs", lambda: with_stems(files, state.paths()))
        todo = timed("plan", lambda: plan(files, task, state))
        assert not todo
        timed("write the table", lambda: write_results(table, batch.results(files, todo, state), state))
        some = files[:: max(1, count // 1000)]
        started = perf_counter()
        for file in some:
            state.put(state.get(file.path))
        seconds["put each result, with its commit"] = (perf_counter() - started) / len(some) * count
    return {**seconds, "memory": peak() - before}


def made_up(path: Path, name: str) -> ClipResult:
    """An answer with three windows and two people."""
    from posec3d_cli.results import ClipResult, Failure, PersonInWindow, PersonScores, VideoPoses, WindowScores
    from posec3d_cli.types import ActionScores, VideoInfo

    scores = ActionScores(np.array([0.6, 0.2, 0.1, 0.05, 0.05], np.float32), LABELS)
    people = tuple(PersonInWindow(number, 0.5, scores, ()) for number in (1, 2))
    info = VideoInfo(path, 320, 240, Fraction(25), 25, 1.0, "h264", 0, 0, False)
    return replace(
        ClipResult.failed(path, Failure("", ""), name=name),
        error=None,
        scores=scores,
        people=tuple(PersonScores(number, 25, 0.8, 0.5, scores) for number in (1, 2)),
        windows=tuple(WindowScores(start, start + 25, scores, people) for start in (0, 8, 16)),
        frames_used=25,
        frames_with_person=25,
        mean_keypoint_score=0.8,
        seconds={"decode": 0.1, "detect": 0.2, "pose": 0.2},
        video_poses=VideoPoses.of_no_frame(info),
    )


def measure_clips(folder: Path, count: int, workers: int) -> float:
    """Seconds of `label` per clip of a second whose poses are in the cache; the start of the models is part of it."""
    from posec3d_cli.batch.find import InputFile
    from posec3d_cli.batch.label_task import LabelTask
    from posec3d_cli.config import PipelineConfig
    from posec3d_cli.extraction.cache import PoseCache

    class Telling(PoseCache):
        def key(self, video: Path, made_of: str) -> str:
            self.made_of = made_of
            return super().key(video, made_of)

    clips = folder / "clips"
    clips.mkdir(parents=True)
    first = write_clip(clips / "0.mp4")
    task = LabelTask(PipelineConfig(cache_dir=folder / "cache"))
    task.prepare()
    cache = task.pipeline.extractor.cache = Telling(folder / "cache")
    list(task.run(InputFile(first, first.name), lambda done, total: None))
    [poses] = cache.files()
    content = first.read_bytes()
    for number in range(1, count):
        clip = clips / f"{number}.mp4"
        clip.write_bytes(content + b"\0\0\0\x10free%08d" % number)
        shutil.copyfile(poses, cache.folder / f"{cache.key(clip, cache.made_of)}.npz")
    program = [str(Path(sys.executable).with_name("posec3d")), "label", str(clips), "-o", str(folder / "labels.csv")]
    program += ["--cache", str(cache.folder), "--workers", str(workers), "--quiet", "--offline"]
    started = perf_counter()
    subprocess.run(program, check=True, stdout=subprocess.DEVNULL)
    return (perf_counter() - started) / count


def write_clip(path: Path) -> Path:
    """Write a clip of a second in which nothing moves."""
    import av

    with av.open(str(path), "w") as container:
        stream = container.add_stream("mpeg4", rate=25)
        stream.width, stream.height, stream.pix_fmt = 320, 240, "yuv420p"
        image = np.full((240, 320, 3), 99, np.uint8)
        for _ in range(25):
            container.mux(stream.encode(av.VideoFrame.from_ndarray(image, format="rgb24")))
        container.mux(stream.encode(None))
    return path


def peak() -> float:
    """The largest resident memory of this process so far, in MB."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / (1e6 if sys.platform == "darwin" else 1e3)


def measured(what: str, count: int, workers: int) -> dict[str, float]:
    """Measure in a process of its own, so that memory counts from the start."""
    with tempfile.TemporaryDirectory() as folder:
        program = [sys.executable, __file__, "--measure", what, "--rows", str(count), "--workers", str(workers), "--in"]
        done = subprocess.run([*program, folder], check=True, stdout=subprocess.PIPE, text=True)
    found: dict[str, float] = json.loads(done.stdout.splitlines()[-1])
    return found


def main() -> None:
    """Measure and print the tables."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rows", type=int, default=100_000)
    parser.add_argument("--clips", type=int, default=5_000)
    parser.add_argument("--workers", type=int, default=2)
    parser.add_argument("--measure", choices=["steps", "clips"], help="of this program's own processes")
    parser.add_argument("--in", dest="folder", type=Path, help="of this program's own processes")
    options = parser.parse_args()
    if options.measure == "steps":
        print(json.dumps(measure_steps(options.folder, options.rows)))
    elif options.measure == "clips":
        print(json.dumps({"clip": measure_clips(options.folder, options.rows, options.workers)}))
    else:
        few, many = (measured("steps", count, 1) for count in (options.rows // 10, options.rows))
        print(f"| step | {options.rows // 10} files, s | {options.rows} files, s | growth |\n|---|---:|---:|---:|")
        for name in few:
            unit = " MB" if name == "memory" else ""
            growth = f"{many[name] / few[name]:.1f}" if few[name] else ""
            print(f"| {name} | {few[name]:.2f}{unit} | {many[name]:.2f}{unit} | {growth} |")
        print("\n| clips in the pose cache | s per clip |\n|---|---:|")
        for count in (options.clips // 10, options.clips):
            print(f"| {count} | {measured('clips', count, options.workers)['clip']:.4f} |", flush=True)


if __name__ == "__main__":
    main()
