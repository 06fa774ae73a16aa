"""Run a task on every input that is left to do, and record each result in the run state."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Iterator, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any

from posec3d_cli.batch import TIMEOUT
from posec3d_cli.batch.callback import RunCallback
from posec3d_cli.batch.find import InputFile
from posec3d_cli.batch.outputs import CurrentRun, check_made, unfinished_files
from posec3d_cli.batch.pool import WorkerPool
from posec3d_cli.batch.resume import Todo
from posec3d_cli.batch.state import Record, RunState
from posec3d_cli.batch.task import ResumableTask
from posec3d_cli.files.digests import Stamp, stamp
from posec3d_cli.output.tables import TimedResult
from posec3d_cli.results import FAILED


def check_outputs(todo: Iterable[Todo], task: ResumableTask[Any], run_state: RunState) -> None:
    """Refuse to replace files that no run on this output made.

    Raises:
        OutputExists: there are some.
    """
    check_made((output for one in todo for output in task.outputs(one.file).values()), run_state)


def run(
    todo: deque[Todo],
    task: ResumableTask[Any],
    run_state: RunState,
    *,
    workers: int = 1,
    timeout: float = TIMEOUT,
    fail_fast: bool = False,
    overwrite: bool = False,
    log: Path | None = None,
    callback: RunCallback | None = None,
) -> None:
    """Do the videos, in processes of their own, and record what comes out of each.

    Args:
        todo: the videos; each is taken out once it is recorded, so what is left was not done.
        task: what is done with them.
        run_state: where outcomes are recorded.
        workers: how many processes there may be.
        timeout: seconds without a heartbeat after which a video is given up.
        fail_fast: end after the first failure.
        overwrite: replace files that no run on this output made; else a video whose file would be fails.
        log: file that tracebacks, and what decoders say, are appended to.
        callback: is told what happens.

    Raises:
        PoseC3DError: the models cannot be made, or nothing can be written any more.
    """
    callback = callback or RunCallback()
    pipeline = task.fingerprint()
    of_video = {one.file: one for one in todo}
    stamps: dict[InputFile, Stamp | None] = {}

    def taken() -> Iterator[InputFile]:
        for video in of_video:
            stamps[video] = stamp(video.path)
            for output in task.outputs(video).values():
                if not output.exists():  # what stands there later, if this run did not make it, is another's
                    run_state.disclaim(output)
            yield video

    with (
        unfinished_files(task.folders) as name,
        WorkerPool(
            task.in_run(CurrentRun(name, run_state.file, overwrite)),
            min(workers, len(todo)),
            device=task.config.device,
            log=log,
        ) as pool,
    ):
        for video, result in pool.results(taken(), timeout=timeout, progress=callback.frames):
            if result.status == FAILED and of_video[video].again:
                _remove(output for output in task.outputs(video).values() if run_state.made(output))
            run_state.put(Record(video.path, stamps[video], pipeline, result))
            todo.remove(of_video[video])
            callback.done(video, result)
            if fail_fast and result.status == FAILED:
                break


def _remove(outputs: Iterable[Path]) -> None:
    """Remove what was made of a video before it changed."""
    for output in outputs:
        with suppress(OSError):
            output.unlink()


def results(files: Sequence[InputFile], todo: Iterable[Todo], run_state: RunState) -> Iterator[TimedResult]:
    """The results of the files that are not to be done any more, in the order of `files`, one per clip."""
    waiting = {one.file.path for one in todo}
    for video in files:
        record = None if video.path in waiting else run_state.get(video.path)
        if record is not None:
            yield from ((result, record.result.seconds) for result in record.result.results)
