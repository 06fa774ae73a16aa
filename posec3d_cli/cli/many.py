"""What the commands over many videos share: finding them, doing what is to be done, and what came of it."""

from __future__ import annotations

from collections import Counter, deque
from collections.abc import Collection, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import typer

from posec3d_cli.cli.progress import one_line, watching
from posec3d_cli.cli.render import download_progress, note, print_table
from posec3d_cli.errors import OutputError
from posec3d_cli.words import are, counted, listed

if TYPE_CHECKING:
    from posec3d_cli.batch.find import Found
    from posec3d_cli.batch.ledger import Ledger
    from posec3d_cli.batch.run import Todo
    from posec3d_cli.batch.work import Labelling, Posing

REASONS = {
    "video": "their content changed",
    "pipeline": "the models or their settings changed",
    "output": "a file made of them is gone or another stands in its place",
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
) -> tuple[list[Found], list[Found]]:
    """The videos that a command line names, and what is left out because posec3d made it of them.

    Those below the folders that the command writes into are not even looked at.
    """
    from posec3d_cli.batch.find import find, read_list
    from posec3d_cli.batch.own import without_own

    listed = [] if from_file is None else read_list(from_file, root=root, say=lambda text: note("note", one_line(text)))
    named = [*paths, *listed]
    if not named:
        raise typer.BadParameter("name a folder or a video, or a list with --from-file")
    for folder in without:
        if folder.exists() and any(path.exists() and path.samefile(folder) for path in named):
            raise typer.BadParameter(f"{folder} is searched for videos: write into another folder, which may lie in it")
    return without_own(find(named, glob=glob, poses=poses, without=without))


def say_left_out(own: Sequence[Found]) -> None:
    """Say which files below the folders were not done."""
    from posec3d_cli.output import printable

    if own:
        names = listed([one_line(printable(one.name)) for one in own])
        left_out = f"{counted(len(own), 'file')} that posec3d made {are(len(own))} left out"
        note("note", f"{left_out}: {names}; one that is named is done")


def say_plan(todo: Collection[Todo], total: int, before: str) -> None:
    """Say what is done again and why, and how much was done already."""
    if before:
        note("note", f"the run before this one was cut off ({before}); it is taken up where it ended")
    for again, count in Counter(one.again for one in todo).items():
        if again:
            note("note", f"{count} of {counted(total, 'video')} {are(count)} done again: {REASONS[again]}")
    if len(todo) < total:
        done = total - len(todo)
        note("note", f"{done} of {counted(total, 'video')} {are(done)} done already")


def work_through(
    todo: deque[Todo],
    total: int,
    task: Labelling | Posing,
    ledger: Ledger,
    *,
    workers: int | None,
    timeout: float,
    fail_fast: bool,
    quiet: bool,
    log: Path | None,
) -> None:
    """Do what is to be done, showing how far it is. Nothing is fetched or made where nothing is to be done."""
    from posec3d_cli.batch.run import run

    if todo:
        workers = choose_workers(workers, task.models.device, len(todo))
        with download_progress() as bars:
            task.fetch(bars)
    try:
        with watching(len(todo), total, quiet=quiet, log=log) as watcher:
            run(
                todo, task, ledger, workers=workers or 1, timeout=timeout, fail_fast=fail_fast, log=log, watcher=watcher
            )
    except KeyboardInterrupt:
        done = total - len(todo)
        note(
            "note",
            f"interrupted: {done} of {counted(total, 'video')} {are(done)} done; the same command goes on from here",
        )
        raise


def choose_workers(asked: int | None, device: str, videos: int) -> int:
    """How many videos are done at the same time; what was chosen where nothing was asked for is said on stderr."""
    from posec3d_cli.batch.crew import crew_size

    if asked is not None:
        return asked
    size = crew_size(device)
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


def start_log(log: Path | None) -> None:
    """Refuse a log file that cannot be written, before anything is done."""
    if log is None:
        return
    try:
        log.open("ab").close()
    except OSError as error:
        raise OutputError(f"{log} cannot be written: {error.strerror}") from error
