"""Task: what is done with each file. A value that can be pickled; each process prepares and runs its own.

`LabelTask` recognizes actions, `PoseTask` writes the poses of every frame. A task is run by `attempt`, in worker
processes (`posec3d_cli.batch.worker`) or in this one.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, Protocol, Self

from posec3d_cli.batch.file_result import R, R_co
from posec3d_cli.batch.find import InputFile
from posec3d_cli.batch.outputs import CurrentRun
from posec3d_cli.config import PipelineConfig
from posec3d_cli.errors import InputError, PoseC3DError, unexpected

Heartbeat = Callable[[int, int], None]
"""Told the numbers of frames done and to do, also with the same numbers again, as a heartbeat."""


class Task(Protocol[R_co]):
    """What is done with each file."""

    @property
    def config(self) -> PipelineConfig:
        """Which models do it, where and how."""

    def fetch(self, progress: Any = None) -> None:
        """Get the weights into the cache, so that the processes need not."""

    def prepare(self) -> None:
        """Make the models, in the process that uses them."""

    def run(self, file: InputFile, heartbeat: Heartbeat) -> Iterator[R_co]:
        """Do a file with the models that `prepare` made, and give one result per clip.

        Raises:
            PoseC3DError: it cannot be done.
        """

    def failed(self, file: InputFile, error: PoseC3DError) -> R_co:
        """The result of a file that cannot be done."""


class ResumableTask(Task[R_co], Protocol[R_co]):
    """A task of a run that can be resumed, and that may write files."""

    @property
    def folders(self) -> tuple[Path, ...]:
        """The folders that are written into."""

    def fingerprint(self) -> str:
        """Changes with everything that a result depends on, but for the file."""

    def outputs(self, file: InputFile) -> dict[str, Path]:
        """The files that are made of a file."""

    def in_run(self, run: CurrentRun) -> Self:
        """The same, of this run."""


def attempt(
    task: Task[R], file: InputFile, heartbeat: Heartbeat, report: Callable[[Exception], None] = lambda error: None
) -> Iterator[R]:
    """Run a task on a file; whatever goes wrong becomes a result that failed, and the other files are done.

    Args:
        task: it has been prepared.
        file: the file.
        heartbeat: told how far it is.
        report: is told the error; what it raises ends the run.
    """
    try:
        if file.problem:
            raise InputError(file.problem, hint="give yourself permission to read it")
        yield from task.run(file, heartbeat)
    except Exception as error:
        report(error)
        yield task.failed(file, error if isinstance(error, PoseC3DError) else unexpected(error))
