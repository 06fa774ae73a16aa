"""WorkerPool: several worker processes side by side, and how many suit a device."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from multiprocessing import connection
from pathlib import Path
from types import TracebackType
from typing import Generic, Protocol, Self

from posec3d_cli.batch.file_result import FileResult, R
from posec3d_cli.batch.find import InputFile
from posec3d_cli.batch.process import MOST_WORKERS, WorkerProcess
from posec3d_cli.batch.task import Task
from posec3d_cli.batch.worker import Worker
from posec3d_cli.runtime.device import resolve_device, visible_gpus
from posec3d_cli.runtime.memory import free_memory
from posec3d_cli.runtime.threads import network_threads, processors

WORKER_BYTES = 750 * 10**6
"""What a worker holds with the models of the default pipeline."""


@dataclass(frozen=True)
class WorkerCount:
    """A number of workers, and its reason in a few words."""

    count: int
    why: str


def default_workers(device: str) -> WorkerCount:
    """The default number of workers for a device: one per processor or, for "cuda", GPU, at most 8; else one.

    No more than memory allows, but one: `posec3d_cli.runtime.threads.processors` and
    `posec3d_cli.runtime.memory.free_memory` say what there is, also in a container.
    """
    resolved = resolve_device(device)
    if resolved not in ("cpu", "cuda"):
        return WorkerCount(1, f"one for {resolved}")
    unit, there = ("processor", processors()) if resolved == "cpu" else ("GPU", max(1, len(visible_gpus())))
    wanted = min(there, MOST_WORKERS)
    free = free_memory()
    fitting = wanted if free is None else max(1, free // WORKER_BYTES)
    if free is not None and fitting < wanted:
        each = f"each takes some {WORKER_BYTES // 10**6} MB"
        return WorkerCount(fitting, f"for {free / 1e6:.0f} MB of memory are free, and {each}")
    return WorkerCount(wanted, f"one per {unit}" if there == wanted else f"at most {wanted}, of {there} {unit}s")


class Pool(Protocol[R]):
    """Where a task runs on many files: `WorkerPool`, or `posec3d_cli.batch.ray_pool.RayPool`."""

    def results(
        self,
        videos: Iterable[InputFile],
        *,
        timeout: float,
        progress: Callable[[InputFile, int], None],
    ) -> Iterator[tuple[InputFile, FileResult[R]]]:
        """Run the task on the files; yields the result of each, in the order in which they are done."""

    def __enter__(self) -> Self: ...

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None: ...


class WorkerPool(Generic[R]):
    """Workers that share the processors among them; a context manager.

    A network that has one processor to itself is faster than a network that is spread over several, so one worker per
    processor does the most videos in a given time. On the device "cuda", the GPUs are dealt out to the workers in turn,
    and each sees its own only.

    Args:
        task: the task to run on each file; each process prepares its own copy.
        size: number of workers.
        device: where the networks run, as in `posec3d_cli.runtime.device.resolve_device`.
        log: file that the processes' own output and tracebacks are appended to; None throws them away.
        started: processes for them that wait for their work already, perhaps too few or too many.
    """

    def __init__(
        self,
        task: Task[R],
        size: int,
        *,
        device: str = "cpu",
        log: Path | None = None,
        started: Sequence[WorkerProcess] = (),
    ) -> None:
        threads = min(network_threads(), max(1, processors() // size)) if size > 1 else None
        gpus = visible_gpus() if size and resolve_device(device) == "cuda" else []
        self._workers = [
            Worker(
                task,
                threads=threads,
                gpu=gpus[number % len(gpus)] if gpus else None,
                log=log,
                started=started[number] if number < len(started) else None,
            )
            for number in range(size)
        ]

    def results(
        self,
        videos: Iterable[InputFile],
        *,
        timeout: float,
        progress: Callable[[InputFile, int], None],
    ) -> Iterator[tuple[InputFile, FileResult[R]]]:
        """Run the task on the files; yields the result of each, in the order in which they are done.

        Args:
            videos: the files; the next is taken whenever a worker is free.
            timeout: seconds without a heartbeat after which a video fails.
            progress: called with a video in work and the number of its frames done.

        Raises:
            PoseC3DError: the models cannot be loaded, or the disk is full: the next video would fail too.
        """
        source = iter(videos)
        idle, busy = list(self._workers), list[Worker[R]]()
        while True:
            while idle and (file := next(source, None)) is not None:
                idle[-1].begin(file)
                busy.append(idle.pop())
            if not busy:
                return
            left = timeout - max(worker.idle_seconds for worker in busy)
            readable = connection.wait([worker.pipe for worker in busy], max(left, 0))
            for worker in list(busy):
                file = worker.file
                assert file is not None
                message: FileResult[R] | int | None = None
                if worker.pipe in readable:
                    message = worker.receive()
                elif worker.idle_seconds >= timeout:
                    message = worker.end_idle(timeout)
                if isinstance(message, FileResult):
                    busy.remove(worker)
                    idle.append(worker)
                    yield file, message
                elif message is not None:
                    progress(file, message)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        for worker in self._workers:
            worker.stop()
