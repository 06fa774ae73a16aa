"""Where the files that are made of videos go, and how each appears under its name only when it is whole.

    DIR/.posec3d-unfinished/RUN/...    what a run is writing into the output folder DIR
    DIR/.posec3d-unfinished/RUN.lock   held for as long as the run lives

Runs that share an output folder have hidden folders of their own. What a dead run left is known by its lock, which the
system dropped with its process, and is removed by the next run.
"""

from __future__ import annotations

import contextlib
import os
import shutil
import uuid
from collections.abc import Collection, Iterable, Iterator
from pathlib import Path

from filelock import FileLock, Timeout

from posec3d_cli.batch.find import InputFile
from posec3d_cli.batch.state import RunState
from posec3d_cli.errors import OutputError, OutputExists, counted
from posec3d_cli.files.digests import digest
from posec3d_cli.files.writing import atomic_write

_UNFINISHED = ".posec3d-unfinished"
_LOCK = ".lock"


def place(folder: Path, found: InputFile, suffix: str) -> Path:
    """Where the file that is made of a video goes: in folders like its own below `folder`, with a suffix of its own."""
    return folder / ((found.stem or found.name) + suffix)


@contextlib.contextmanager
def unfinished_files(folders: Collection[Path]) -> Iterator[str]:
    """Make output folders, each with a hidden one for the unfinished files of this run, and hand out the run's name.

    What dead runs left in them is removed. The hidden folders are removed in the end.

    Raises:
        OutputError: nothing can be written there.
    """
    run = uuid.uuid4().hex
    with contextlib.ExitStack() as held:
        for folder in {os.path.realpath(folder): folder for folder in folders}.values():
            _sweep(folder / _UNFINISHED)
            held.enter_context(_own_folder(folder, run))
        yield run


def unfinished(target: Path, folders: Collection[Path], run: str) -> Path:
    """Where a run writes a file before it takes its place in one of `folders`: in its hidden folder of that one.

    Each process of the run that writes has one of its own; it writes one file at a time.
    """
    folder = next(one for one in folders if target.is_relative_to(one))
    return folder / _UNFINISHED / run / f"{os.getpid()}{target.suffix}"


@contextlib.contextmanager
def written_by_run(target: Path, run_state: RunState) -> Iterator[Path]:
    """Hand out where one file of a run is to be written; when the block ends without an error, it gets its name.

    The run state knows it by its content before it has its name.

    Raises:
        OutputError: nothing can be written there.
    """
    folders = (target.parent,)
    with unfinished_files(folders) as run, atomic_write(target, part=unfinished(target, folders, run)) as part:
        yield part
        run_state.claim(target, digest(part))


def check_made(targets: Iterable[Path], run_state: RunState) -> None:
    """Refuse to replace files that no run on this output made.

    Raises:
        OutputExists: there are some.
    """
    foreign = [target for target in targets if target.exists() and not run_state.made(target)]
    if foreign:
        there = f"and {counted(len(foreign) - 1, 'more file')} are" if foreign[1:] else "is"
        raise OutputExists(
            f"{foreign[0]} {there} already there, and not of this run's making",
            hint="choose another name, or say --overwrite",
        )


@contextlib.contextmanager
def _own_folder(folder: Path, run: str) -> Iterator[None]:
    hidden = folder / _UNFINISHED
    try:
        lock = _held(hidden, run)
    except (OSError, NotImplementedError) as error:
        reason = getattr(error, "strerror", None) or error
        raise OutputError(f"nothing can be written into {folder}: {reason}") from error
    try:
        (hidden / run).mkdir()
        yield
    finally:
        _remove(hidden, run)
        lock.release()
        with contextlib.suppress(OSError):  # another run is at work there
            hidden.rmdir()


def _held(hidden: Path, run: str) -> FileLock:
    """The lock of a run, held; another run that sweeps at this moment may take the file away, then it is made again."""
    while True:
        hidden.mkdir(parents=True, exist_ok=True)
        lock = FileLock(hidden / f"{run}{_LOCK}", blocking=False)
        try:
            lock.acquire()
        except (Timeout, FileNotFoundError):
            continue
        if (hidden / f"{run}{_LOCK}").exists():
            return lock
        lock.release()


def _sweep(hidden: Path) -> None:
    """Remove what dead runs left."""
    try:
        runs = {name.removesuffix(_LOCK) for name in os.listdir(hidden)}
    except OSError:  # there is none
        return
    for run in runs:
        lock = FileLock(hidden / f"{run}{_LOCK}", blocking=False)
        with contextlib.suppress(Timeout, OSError, NotImplementedError), lock:  # it lives, or is gone by now
            _remove(hidden, run)


def _remove(hidden: Path, run: str) -> None:
    """Remove the folder of a run, or a stray file of that name, and the lock, which is held."""
    shutil.rmtree(hidden / run, ignore_errors=True)
    for file in (hidden / run, hidden / f"{run}{_LOCK}"):
        with contextlib.suppress(OSError):
            file.unlink()
