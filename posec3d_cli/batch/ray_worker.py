"""What runs on the nodes of a Ray cluster: the check of a node, and the actor that runs a task on files."""

from __future__ import annotations

import logging
import os
import platform
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Generic

from posec3d_cli import __version__
from posec3d_cli.batch.file_result import FileResult, R
from posec3d_cli.batch.find import InputFile
from posec3d_cli.batch.outputs import CurrentRun
from posec3d_cli.batch.task import Task
from posec3d_cli.batch.worker import run_task
from posec3d_cli.errors import InputError, PoseC3DError, StageError, unexpected
from posec3d_cli.files.digests import Stamp, stamp
from posec3d_cli.runtime.memory import return_large_blocks
from posec3d_cli.runtime.threads import limit_threads

logger = logging.getLogger("posec3d")


@dataclass(frozen=True)
class Visible:
    """What every node must see as the driver does.

    Attributes:
        version: of posec3d.
        folder: the working directory of the driver, in which relative paths begin.
        files: some input files with their sizes and times.
        folders: folders that the driver made for this run, in which nodes write.
    """

    version: str
    folder: Path
    files: Sequence[tuple[Path, Stamp | None]]
    folders: Sequence[Path]


def check_node(task: Task[Any], wanted: Visible, node: str) -> PoseC3DError | None:
    """Get the weights into the cache of this node; returns what this node lacks, or None."""
    if __version__ != wanted.version:
        return _another_version(node, wanted.version)
    try:
        os.chdir(wanted.folder)
    except OSError:
        return InputError(f"node {node} cannot see {wanted.folder}, where this command runs", hint=_SHARED)
    for file, expected in wanted.files:
        now = stamp(file)
        if expected is not None and (now is None or now.size != expected.size):
            return InputError(f"node {node} cannot see {file.absolute()}", hint=_SHARED)
    for folder in wanted.folders:
        if not folder.is_dir():
            return InputError(f"node {node} does not write into the same {folder.absolute()}", hint=_SHARED)
    try:
        task.fetch()
    except PoseC3DError as error:
        return type(error)(f"node {node}: {error.what}", hint=error.hint)
    except Exception as error:
        return unexpected(error)
    return None


def _another_version(node: str, version: str) -> StageError:
    what = f"node {node} has posec3d {__version__}, and this command is {version}"
    return StageError(what, hint="install the same version on every node")


_SHARED = "inputs, outputs and --weights-dir lie on storage that every node mounts under the same path"


@dataclass(frozen=True)
class Done(Generic[R]):
    """What an actor sends about a file.

    Attributes:
        result: the result, or the error that every other file would meet too.
        written: output files that it gave their names.
        said: what was logged, with its level.
    """

    result: FileResult[R] | PoseC3DError
    written: tuple[Path, ...] = ()
    said: tuple[tuple[int, str], ...] = ()


class Actor(Generic[R]):
    """A process of the cluster with models of its own. Two of its methods run at a time: `run`, and `heartbeat`.

    Args:
        task: the task to run on each file.
        folder: in which relative paths begin.
        level: of what is logged.
    """

    def __init__(self, task: Task[R], folder: Path, level: int) -> None:
        os.chdir(folder)
        return_large_blocks()
        limit_threads(1)
        self._task = task
        self._beats = self._frames = 0
        self._said: list[tuple[int, str]] = []
        keep_log(self._said, level)

    def prepare(self, version: str) -> PoseC3DError | None:
        """Load the models; returns why that cannot be done, or None.

        Args:
            version: of posec3d where the command runs; this node may have joined after all others were checked.
        """
        if version != __version__:
            return _another_version(platform.node(), version)
        try:
            self._task.prepare()
        except PoseC3DError as error:
            return error
        except Exception as error:
            return StageError(f"the models cannot be loaded: {type(error).__name__}: {error}")
        return None

    def run(self, file: InputFile, replaced: frozenset[Path]) -> Done[R]:
        """Run the task on a file.

        Args:
            file: the file.
            replaced: output files that this run made before.
        """
        self._beats, self._frames = 0, 0
        task: Any = self._task
        written: list[Path] = []
        run: CurrentRun | None = getattr(task, "current_run", None)
        if run is not None:
            task.current_run = replace(run, replaced=replaced, written=written)

        def beat(done: int) -> None:
            self._beats += 1
            self._frames = done

        result = run_task(task, file, beat)
        said, self._said[:] = tuple(self._said), []
        return Done(result, tuple(written), said)

    def heartbeat(self) -> tuple[int, int]:
        """How often the file in work gave a sign of progress, and the frames of it that are done."""
        return self._beats, self._frames


def keep_log(said: list[tuple[int, str]], level: int) -> None:
    """Add what is logged in this process to a list."""
    logger.setLevel(level)
    logger.addHandler(_Keeper(said))
    logger.propagate = False


class _Keeper(logging.Handler):
    """Keeps what is logged until it is sent."""

    def __init__(self, said: list[tuple[int, str]]) -> None:
        super().__init__()
        self._kept = said

    def emit(self, record: logging.LogRecord) -> None:
        """Keep a record."""
        self._kept.append((record.levelno, self.format(record)))
