"""Output files of videos: where they go, and how each gets its name only when it is complete.

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
from collections.abc import Callable, Collection, Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

from filelock import FileLock, Timeout

from posec3d_cli.batch.find import InputFile
from posec3d_cli.batch.state import RunState
from posec3d_cli.errors import OutputError, OutputExists, counted
from posec3d_cli.files.digests import digest
from posec3d_cli.files.writing import atomic_write

_UNFINISHED = ".posec3d-unfinished"
_LOCK = ".lock"


@dataclass(frozen=True)
class CurrentRun:
    """The run that worker processes write files for; a value that can be pickled.

    Attributes:
        name: the name of the folder of its unfinished files.
        state: the file of its run state; None: the worker cannot open it, and `Claims` writes there.
        overwrite: whether files that the run did not make are replaced too.
        replaced: without a state: output files that the run made before, and that may be replaced.
        written: without a state: filled with the output files that got their names.
    """

    name: str
    state: Path | None
    overwrite: bool = False
    replaced: frozenset[Path] = frozenset()
    written: list[Path] = field(default_factory=list)


def output_path(folder: Path, input_file: InputFile, suffix: str) -> Path:
    """The output file of a video: its path below `folder` with another suffix."""
    return folder / ((input_file.stem or input_file.name) + suffix)


@contextlib.contextmanager
def unfinished_files(folders: Collection[Path]) -> Iterator[str]:
    """Make output folders, each with a hidden folder for the unfinished files of this run; yields the run's name.

    Files that interrupted runs left there are removed. The hidden folders are removed in the end.

    Raises:
        OutputError: the folder cannot be written.
    """
    run = uuid.uuid4().hex
    with contextlib.ExitStack() as held:
        for folder in {os.path.realpath(folder): folder for folder in folders}.values():
            _sweep(folder / _UNFINISHED)
            held.enter_context(_own_folder(folder, run))
        yield run


def unfinished(target: Path, folders: Collection[Path], run: str) -> Path:
    """The path under which a run writes a file before the file gets its name in one of `folders`.

    No other process of the run, on this machine or another, has the same.
    """
    folder = next(one for one in folders if target.is_relative_to(one))
    return unfinished_folder(folder, run) / f"{uuid.uuid4().hex}{target.suffix}"


def unfinished_folder(folder: Path, run: str) -> Path:
    """Where a run writes the files of an output folder before they get their names."""
    return folder / _UNFINISHED / run


@contextlib.contextmanager
def written_by_worker(target: Path, folders: Collection[Path], run: CurrentRun) -> Iterator[Path]:
    """The path where a process of a run writes a file; when the block ends without an error, the file gets its name.

    Raises:
        OutputExists: by then the target exists, and no run on this output made it.
        OutputError: the folder cannot be written.
    """
    part = unfinished(target, folders, run.name)
    if run.state is None:
        with atomic_write(target, part=part, ours=lambda: run.overwrite or target in run.replaced):
            yield part
        run.written.append(target)
        return
    with RunState(run.state) as run_state, _claimed(target, part, run_state, overwrite=run.overwrite):
        yield part


@contextlib.contextmanager
def written_by_run(target: Path, run_state: RunState, *, overwrite: bool = False) -> Iterator[Path]:
    """The path where one file of a run is written; when the block ends without an error, the file gets its name.

    The run state knows it by its content before it has its name.

    Raises:
        OutputExists: by then the target exists, no run on this output made it, and `overwrite` is not set.
        OutputError: the folder cannot be written.
    """
    folders = (target.parent,)
    with unfinished_files(folders) as run:
        part = unfinished(target, folders, run)
        with _claimed(target, part, run_state, overwrite=overwrite, by_content=True):
            yield part


@contextlib.contextmanager
def _claimed(
    target: Path, part: Path, run_state: RunState, *, overwrite: bool, by_content: bool = False
) -> Iterator[None]:
    """Give a file its name when the block ends, known to the run state before; what others made stays."""

    def ours() -> bool:
        there = target.exists()
        replaced = overwrite or (there and run_state.made(target))
        if replaced or not there:
            run_state.claim(target, digest(part) if by_content else "")
        return replaced

    try:
        with atomic_write(target, part=part, ours=ours):
            yield
    except OutputExists:
        run_state.disclaim(target)
        raise


class Claims:
    """What a run state says of output files that workers on other machines write: only this process can open it.

    Args:
        outputs: the output files of an input file.
        run_state: of the run.
    """

    def __init__(self, outputs: Callable[[InputFile], Collection[Path]], run_state: RunState) -> None:
        self._outputs = outputs
        self._run_state = run_state
        self._begun: dict[InputFile, list[Path]] = {}

    def begin(self, file: InputFile) -> frozenset[Path]:
        """Claim the outputs of a file that is given to a worker; returns those that are there, made by this run.

        They are claimed before they are there: where this process is killed, the next run knows them as its own.
        """
        there = [output for output in self._outputs(file) if output.exists()]
        self._begun[file] = [output for output in self._outputs(file) if output not in there]
        for output in self._begun[file]:
            self._run_state.claim(output)
        return frozenset(output for output in there if self._run_state.made(output))

    def end(self, file: InputFile, written: Collection[Path]) -> None:
        """Take the claims back but for the files that were written."""
        for output in self._begun.pop(file, ()):
            if output not in written:
                self._run_state.disclaim(output)
        for output in written:
            self._run_state.claim(output)


def check_made(targets: Iterable[Path], run_state: RunState) -> None:
    """Refuse to replace files that no run on this output made.

    Raises:
        OutputExists: one of the files exists and no run on this output made it.
    """
    foreign = [target for target in targets if target.exists() and not run_state.made(target)]
    if foreign:
        there = f"and {counted(len(foreign) - 1, 'more file')} are" if foreign[1:] else "is"
        raise OutputExists(
            f"{foreign[0]} {there} already there, and this run did not write it",
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
