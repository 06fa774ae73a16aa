"""Batch commands: list the inputs, run a task on them, print a summary."""

from __future__ import annotations

import contextlib
import os
from collections import Counter, deque
from collections.abc import Callable, Collection, Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import typer

from posec3d_cli.cli.logs import log_file
from posec3d_cli.cli.progress import now_and_then, one_line, watching
from posec3d_cli.cli.render import download_progress, note, print_table
from posec3d_cli.cli.sources import rate
from posec3d_cli.errors import are, counted, listed

if TYPE_CHECKING:
    from posec3d_cli.batch.find import InputFile
    from posec3d_cli.batch.label_task import LabelTask
    from posec3d_cli.batch.pose_task import PoseTask
    from posec3d_cli.batch.process import WorkerProcess
    from posec3d_cli.batch.resume import Todo
    from posec3d_cli.batch.state import RunState
    from posec3d_cli.config import PipelineConfig
    from posec3d_cli.datasets.clips import LabeledClip
    from posec3d_cli.datasets.labeled_dataset import LabeledDataset, UnreadableClip
    from posec3d_cli.datasets.poses import PoseFrames
    from posec3d_cli.sources.local_copies import LocalCopies
REASONS = {
    "video": "content changed",
    "unread": "not readable before",
    "pipeline": "the models or their settings changed",
    "output": "an output file is missing or was changed",
    "failed": "failed before",
}


def gather(
    given: Sequence[str],
    from_file: Path | None,
    glob: str | None,
    *,
    poses: bool,
    without: Collection[Path],
    root: Path | None = None,
    fps: float | None = None,
    copies: LocalCopies,
) -> tuple[list[InputFile], list[InputFile]]:
    """The input files of a command line, and the files that are excluded as posec3d's own outputs.

    Folders that the command writes into are not searched. Addresses are fetched later, one by one; those of folders
    are listed now.
    """
    from posec3d_cli.batch.find import find, read_list
    from posec3d_cli.batch.inputs import inputs_elsewhere, split, with_list
    from posec3d_cli.batch.own import without_own
    from posec3d_cli.sources.local_copies import log_fetch

    paths, others = split([*given, *([] if from_file is None else read_list(from_file, root=root))])
    if not paths and not others:
        raise typer.BadParameter("name a folder or a video, or a list with --from-file")
    for folder in without:
        if folder.exists() and any(path.exists() and path.samefile(folder) for path in paths):
            raise typer.BadParameter(f"{folder} is searched for videos: write into another folder, it may lie inside")
    found = find(paths, glob=glob, poses=poses, pictures=fps is not None, without=without) if paths else []
    listed_files = [with_list(file, copies, rate(fps)) for file in found]
    elsewhere = replace(copies, progress=log_fetch)  # worker processes fetch
    return without_own([*listed_files, *inputs_elsewhere(others, elsewhere, glob=glob, poses=poses)])


def say_left_out(own: Sequence[InputFile]) -> None:
    """Print which files below the folders were excluded."""
    from posec3d_cli.files.writing import printable

    if own:
        names = listed([one_line(printable(one.name)) for one in own])
        left_out = f"{counted(len(own), 'file')} that posec3d made {are(len(own))} left out"
        note("note", f"{left_out}: {names}; name a file to process it")


def say_plan(todo: Collection[Todo], total: int, before: str) -> None:
    """Print which files are processed again and why, and how many are done already."""
    if before:
        note("note", f"the previous run was interrupted ({before}); this run resumes it")
    for again, count in Counter(one.again for one in todo).items():
        if again:
            note("note", f"{count} of {counted(total, 'video')} {are(count)} processed again: {REASONS[again]}")
    if len(todo) < total:
        done = total - len(todo)
        note("note", f"{done} of {counted(total, 'video')} {are(done)} done already")


def start_workers(
    paths: Sequence[str], from_file: Path | None, workers: int | None, *, cluster: str | None, merge: bool
) -> list[WorkerProcess]:
    """Start the processes of workers, which import what they need meanwhile; none where others do the work.

    There may be too many of them, if few videos are found or all are done: those end by themselves. The first eight are
    started so; more wait until there are videos for them.
    """
    from posec3d_cli.batch.process import MOST_WORKERS, WorkerProcess
    from posec3d_cli.runtime.threads import import_numpy, processors

    if cluster is not None or merge:
        return []
    count = min(workers or processors(), MOST_WORKERS)
    if from_file is None and not any(os.path.isdir(path) for path in paths):
        count = min(count, len(paths))
    started = [WorkerProcess("posec3d_cli.batch.worker", "posec3d_cli.pipeline") for _ in range(count)]
    import_numpy()
    return started


def work_through(
    todo: deque[Todo],
    total: int,
    task: LabelTask | PoseTask,
    run_state: RunState,
    *,
    workers: int | None,
    cluster: str | None,
    timeout: float,
    fail_fast: bool,
    overwrite: bool,
    quiet: bool,
    started: Sequence[WorkerProcess],
) -> None:
    """Run a task on the files to process, with progress. Nothing is downloaded if there are none."""
    from posec3d_cli.batch.run import run

    if todo:
        workers = workers if cluster else choose_workers(workers, task.config.device, len(todo))
        with download_progress() as bars:
            task.fetch(bars)
    try:
        with watching(len(todo), total, quiet=quiet) as callback:
            run(
                todo,
                task,
                run_state,
                workers=workers,
                cluster=cluster,
                timeout=timeout,
                fail_fast=fail_fast,
                overwrite=overwrite,
                log=log_file(),
                callback=callback,
                started=started,
            )
    except KeyboardInterrupt:
        done = total - len(todo)
        note(
            "note",
            f"interrupted: {done} of {counted(total, 'video')} {are(done)} done; the same command resumes from here",
        )
        raise


def choose_workers(requested: int | None, device: str, videos: int) -> int:
    """The number of workers; a default is printed on stderr."""
    from posec3d_cli.batch.pool import default_workers

    if requested is not None:
        return requested
    default = default_workers(device)
    if videos < default.count:
        note("workers", f"{videos}, one per video")
        return videos
    note("workers", f"{default.count}, {default.why}")
    return default.count


def print_summary(counts: Counter[str], failures: Sequence[tuple[str, str]]) -> None:
    """Print how many videos have each status, and the failed videos with their reasons."""
    print_table(["status", "videos"], [(status, str(count)) for status, count in sorted(counts.items())])
    if failures:
        typer.echo()
        print_table(["failed", "why"], [(one_line(name), one_line(why)) for name, why in failures])


def find_people(
    dataset: LabeledDataset,
    config: PipelineConfig,
    *,
    frames: PoseFrames,
    workers: int | None,
    cluster: str | None = None,
) -> tuple[list[LabeledClip], list[UnreadableClip]]:
    """Estimate the poses of labeled clips in worker processes, with progress, and read pose files.

    Nothing is downloaded if there is no video.

    Args:
        dataset: the labeled clips.
        config: the settings of the detector and the pose model, with the pose cache.
        frames: in which frames of the videos poses are estimated.
        workers: the number of processes; None: the default for the device.
        cluster: the address of a Ray cluster; None: this machine.

    Returns:
        The clips with their poses, and the unreadable clips.
    """
    from posec3d_cli.datasets import labeled_dataset, poses

    task = poses.PeopleTask(config, frames)
    videos = dataset.videos
    if not videos:
        return labeled_dataset.collect_poses(dataset, poses.side_by_side(task, 1))
    with download_progress() as bars:
        task.fetch(bars)
    size = workers if cluster else choose_workers(workers, config.device, len(videos))
    with watching(len(videos), len(videos), quiet=False) as callback:
        estimate = poses.side_by_side(task, size, cluster=cluster, log=log_file(), callback=callback)
        return labeled_dataset.collect_poses(dataset, estimate)


@contextlib.contextmanager
def saying_read() -> Iterator[Callable[[int, int], None]]:
    """A callback for the number of clips that the classifier has read; prints it on stderr now and then."""
    known = (0, 0)

    def note_down(done: int, total: int) -> None:
        nonlocal known
        known = (done, total)

    with now_and_then(lambda: note("read", f"{known[0]} of {counted(known[1], 'clip')}")):
        yield note_down
