"""Task: the work on each input file. A value that can be pickled; each process prepares and runs its own copy.

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
"""Called with the numbers of frames done and in total; the same numbers again are a sign of progress too."""


class Task(Protocol[R_co]):
    """The work on each input file."""

    @property
    def config(self) -> PipelineConfig:
        """The settings of the pipeline."""

    def fetch(self, progress: Any = None) -> None:
        """Download the weights into the cache, so that the worker processes need not."""

    def prepare(self) -> None:
        """Load the models, in the process that uses them."""

    def run(self, file: InputFile, heartbeat: Heartbeat) -> Iterator[R_co]:
        """Process a file with the models that `prepare` loaded; yields one result per clip.

        Raises:
            PoseC3DError: the file failed.
        """

    def failed(self, file: InputFile, error: PoseC3DError) -> R_co:
        """The result of a file that failed."""


class ResumableTask(Task[R_co], Protocol[R_co]):
    """A task of a run that can be resumed, and that may write files."""

    @property
    def folders(self) -> tuple[Path, ...]:
        """The output folders."""

    def fingerprint(self) -> str:
        """A digest of everything that a result depends on, except the file."""

    def outputs(self, file: InputFile) -> dict[str, Path]:
        """The output files of an input file, by kind."""

    def in_run(self, run: CurrentRun) -> Self:
        """The same task as a part of this run."""


def attempt(
    task: Task[R], file: InputFile, heartbeat: Heartbeat, report: Callable[[Exception], None] = lambda error: None
) -> Iterator[R]:
    """Run a task on a file; any error becomes a failed result, so that other files are still processed.

    Args:
        task: a task that has been prepared.
        file: the input file.
        heartbeat: called with the frames done.
        report: called with the error; an exception that it raises ends the run.
    """
    try:
        if file.problem:
            raise InputError(file.problem, hint=file.hint)
        yield from task.run(file, heartbeat)
    except Exception as error:
        report(error)
        yield task.failed(file, _as_named(error if isinstance(error, PoseC3DError) else unexpected(error), file))


def _as_named(error: PoseC3DError, file: InputFile) -> PoseC3DError:
    """An error that calls a copy by what the user named."""
    if file.origin and str(file.path) in error.what:
        error.what = error.what.replace(str(file.path), file.origin)
    return error
