"""What the commands over many videos share: finding them, doing what is to be done, and what came of it."""

from __future__ import annotations

import contextlib
from collections import Counter, deque
from collections.abc import Callable, Collection, Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import typer

from posec3d_cli.cli.logs import log_file
from posec3d_cli.cli.progress import now_and_then, one_line, watching
from posec3d_cli.cli.render import download_progress, note, print_table
from posec3d_cli.errors import are, counted, listed

if TYPE_CHECKING:
    from posec3d_cli.batch.find import InputFile
    from posec3d_cli.batch.label_task import LabelTask
    from posec3d_cli.batch.pose_task import PoseTask
    from posec3d_cli.batch.resume import Todo
    from posec3d_cli.batch.state import RunState
    from posec3d_cli.config import PipelineConfig
    from posec3d_cli.datasets.clips import LabeledClip
    from posec3d_cli.datasets.labeled_dataset import LabeledDataset, UnreadableClip
REASONS = {
    "video": "their content changed",
    "pipeline": "the models or their settings changed",
    "output": "an output file is missing or was changed",
    "failed": "they failed",
}


def gather(
    paths: Sequence[Path],
    from_file: Path | None,
    glob: str | None,
    *,
    poses: bool,
    without: Collection[Path],
    root: Path | None = None,
) -> tuple[list[InputFile], list[InputFile]]:
    """The videos that a command line names, and what is left out because posec3d made it of them.

    Those below the folders that the command writes into are not even looked at.
    """
    from posec3d_cli.batch.find import find, read_list
    from posec3d_cli.batch.own import without_own

    listed = [] if from_file is None else read_list(from_file, root=root)
    named = [*paths, *listed]
    if not named:
        raise typer.BadParameter("name a folder or a video, or a list with --from-file")
    for folder in without:
        if folder.exists() and any(path.exists() and path.samefile(folder) for path in named):
            raise typer.BadParameter(f"{folder} is searched for videos: write into another folder, it may lie inside")
    return without_own(find(named, glob=glob, poses=poses, without=without))


def say_left_out(own: Sequence[InputFile]) -> None:
    """Say which files below the folders were not done."""
    from posec3d_cli.files.writing import printable

    if own:
        names = listed([one_line(printable(one.name)) for one in own])
        left_out = f"{counted(len(own), 'file')} that posec3d made {are(len(own))} left out"
        note("note", f"{left_out}: {names}; name a file to process it")


def say_plan(todo: Collection[Todo], total: int, before: str) -> None:
    """Say what is done again and why, and how much was done already."""
    if before:
        note("note", f"the previous run was interrupted ({before}); this run resumes it")
    for again, count in Counter(one.again for one in todo).items():
        if again:
            note("note", f"{count} of {counted(total, 'video')} {are(count)} processed again: {REASONS[again]}")
    if len(todo) < total:
        done = total - len(todo)
        note("note", f"{done} of {counted(total, 'video')} {are(done)} done already")


def work_through(
    todo: deque[Todo],
    total: int,
    task: LabelTask | PoseTask,
    run_state: RunState,
    *,
    workers: int | None,
    timeout: float,
    fail_fast: bool,
    overwrite: bool,
    quiet: bool,
) -> None:
    """Do what is to be done, showing how far it is. Nothing is fetched or made where nothing is to be done."""
    from posec3d_cli.batch.run import run

    if todo:
        workers = choose_workers(workers, task.config.device, len(todo))
        with download_progress() as bars:
            task.fetch(bars)
    try:
        with watching(len(todo), total, quiet=quiet) as callback:
            run(
                todo,
                task,
                run_state,
                workers=workers or 1,
                timeout=timeout,
                fail_fast=fail_fast,
                overwrite=overwrite,
                log=log_file(),
                callback=callback,
            )
    except KeyboardInterrupt:
        done = total - len(todo)
        note(
            "note",
            f"interrupted: {done} of {counted(total, 'video')} {are(done)} done; the same command resumes from here",
        )
        raise


def choose_workers(asked: int | None, device: str, videos: int) -> int:
    """How many videos are done at the same time; what was chosen where nothing was asked for is said on stderr."""
    from posec3d_cli.batch.pool import default_workers

    if asked is not None:
        return asked
    size = default_workers(device)
    if videos < size.count:
        note("workers", f"{videos}, one per video")
        return videos
    note("workers", f"{size.count}, {size.why}")
    return size.count


def print_summary(counts: Counter[str], failures: Sequence[tuple[str, str]]) -> None:
    """How many videos came out how, and those that failed, with the reason."""
    print_table(["status", "videos"], [(status, str(count)) for status, count in sorted(counts.items())])
    if failures:
        typer.echo()
        print_table(["failed", "why"], [(one_line(name), one_line(why)) for name, why in failures])


def find_people(
    found: LabeledDataset, config: PipelineConfig, *, every: int, workers: int | None
) -> tuple[list[LabeledClip], list[UnreadableClip]]:
    """Estimate the poses of labelled clips in processes of their own, showing how far it is, and read pose files.

    Nothing is fetched or made where there is no video.

    Args:
        found: the clips.
        config: of the detector and the pose model, with the cache of poses.
        every: estimate poses of every N-th frame.
        workers: how many processes; None: as many as suit the device.

    Returns:
        The examples, and the clips that gave none.
    """
    from posec3d_cli.datasets import labeled_dataset, poses

    task = poses.PeopleTask(config, every)
    videos = found.videos
    if not videos:
        return labeled_dataset.collect_poses(found, poses.side_by_side(task, 1))
    with download_progress() as bars:
        task.fetch(bars)
    size = choose_workers(workers, config.device, len(videos))
    with watching(len(videos), len(videos), quiet=False) as callback:
        return labeled_dataset.collect_poses(found, poses.side_by_side(task, size, log=log_file(), callback=callback))


@contextlib.contextmanager
def saying_read() -> Iterator[Callable[[int, int], None]]:
    """What is told how many clips of how many the classifier has read; it says so on stderr now and then."""
    known = (0, 0)

    def note_down(done: int, total: int) -> None:
        nonlocal known
        known = (done, total)

    with now_and_then(lambda: note("read", f"{known[0]} of {counted(known[1], 'clip')}")):
        yield note_down
