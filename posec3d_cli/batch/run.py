"""Run a task on every input without a valid result, and record each result in the run state."""

from __future__ import annotations

import os
from collections import deque
from collections.abc import Iterable, Iterator, Sequence
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from typing import Any

from posec3d_cli.batch import TIMEOUT
from posec3d_cli.batch.callback import RunCallback
from posec3d_cli.batch.find import InputFile
from posec3d_cli.batch.outputs import Claims, CurrentRun, check_made, unfinished_files, unfinished_folder
from posec3d_cli.batch.pool import Pool, WorkerPool
from posec3d_cli.batch.process import WorkerProcess
from posec3d_cli.batch.ray_pool import RayPool
from posec3d_cli.batch.resume import Todo
from posec3d_cli.batch.state import Record, RunState
from posec3d_cli.batch.task import ResumableTask
from posec3d_cli.files.digests import Stamp, stamp
from posec3d_cli.files.writing import printable
from posec3d_cli.output.tables import TimedResult
from posec3d_cli.results import FAILED, ClipResult


def check_outputs(todo: Iterable[Todo], task: ResumableTask[Any], run_state: RunState) -> None:
    """Refuse to replace files that no run on this output made.

    Raises:
        OutputExists: one of the files exists and no run on this output made it.
    """
    check_made((output for one in todo for output in task.outputs(one.file).values()), run_state)


def run(
    todo: deque[Todo],
    task: ResumableTask[Any],
    run_state: RunState,
    *,
    workers: int | None = 1,
    cluster: str | None = None,
    timeout: float = TIMEOUT,
    fail_fast: bool = False,
    overwrite: bool = False,
    log: Path | None = None,
    callback: RunCallback | None = None,
    started: Sequence[WorkerProcess] = (),
) -> None:
    """Run a task on input files in worker processes, and record each result.

    Args:
        todo: the files; each is removed once its result is recorded, so the rest has none.
        task: the task to run on each file.
        run_state: where results are recorded.
        workers: the largest number of processes; None: on a cluster, as many as it has room for.
        cluster: the address of a Ray cluster, see `posec3d_cli.batch.ray_pool.RayPool`; None: this machine.
        timeout: seconds without a heartbeat after which a video fails.
        fail_fast: end after the first failure.
        overwrite: replace files that no run on this output made; else a video whose file would be fails.
        log: file that tracebacks, and what decoders say, are appended to.
        callback: called for frames and files that are done.
        started: processes for workers that wait for their work already.

    Raises:
        PoseC3DError: the models cannot be loaded, the disk is full, or the cluster cannot be used.
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

    def pool_of(name: str) -> Pool[Any]:
        if cluster is None or not todo:
            size = min(workers or 1, len(todo))
            part = task.in_run(CurrentRun(name, run_state.file, overwrite))
            return WorkerPool(part, size, device=task.config.device, log=log, started=started)
        return RayPool(
            task.in_run(CurrentRun(name, None, overwrite)),
            cluster,
            list(of_video),
            size=workers,
            folders=[unfinished_folder(folder, name) for folder in task.folders],
            claims=Claims(lambda file: task.outputs(file).values(), run_state),
        )

    with unfinished_files(task.folders) as name, pool_of(name) as pool:
        for video, result in pool.results(taken(), timeout=timeout, progress=callback.frames):
            if result.status == FAILED and of_video[video].again:
                _remove(output for output in task.outputs(video).values() if run_state.made(output))
            # The copy of an address was made meanwhile.
            now = stamps[video] if video.address is None else stamp(video.path)
            run_state.put(Record(video.path, now, pipeline, result))
            todo.remove(of_video[video])
            callback.done(video, result)
            if fail_fast and result.status == FAILED:
                break


def _remove(outputs: Iterable[Path]) -> None:
    """Remove the outputs of a video from before it changed."""
    for output in outputs:
        with suppress(OSError):
            output.unlink()


def results(files: Sequence[InputFile], todo: Iterable[Todo], run_state: RunState) -> Iterator[TimedResult]:
    """The results of the files that are done, in the order of `files`, one per clip."""
    waiting = {one.file.path for one in todo}
    for video in files:
        record = None if video.path in waiting else run_state.get(video.path)
        if record is not None:
            yield from ((_renamed(result, video), record.result.seconds) for result in record.result.results)


def _renamed(result: ClipResult, file: InputFile) -> ClipResult:
    """The result of a clip, called as its file is called now: among other inputs it had more folders, or fewer."""
    now = printable(file.name)
    parts = printable(Path(os.path.abspath(file.path)).as_posix()).split("/")
    for count in range(1, len(parts) + 1):
        before = "/".join(parts[-count:])
        if result.name == before or result.name.startswith(f"{before}: "):
            return replace(result, name=now + result.name.removeprefix(before))
    return result
