"""Threads: how many processors and network threads to use, and `ThreadLanes`, which gives each image a thread.

A network with one thread to itself does more images in a given time than a network that is spread over several, and
resizing and cropping around it leave no processor idle. With fewer images than lanes, some lanes are idle.
"""

from __future__ import annotations

import importlib
import os
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

from posec3d_cli.errors import BadCard
from posec3d_cli.runtime import cgroups

Item = TypeVar("Item")
Result = TypeVar("Result")


class ThreadLanes:
    """Threads that do one piece of work each at a time.

    Args:
        count: of the threads; None: see `posec3d_cli.runtime.threads.network_threads`.
        device: on another than "cpu" there is one lane, whatever `count` says.

    Raises:
        BadCard: `count` is below 1.
    """

    def __init__(self, count: int | None = None, *, device: str = "cpu") -> None:
        if count is not None and count < 1:
            raise BadCard(f"threads must be a number above 0, got {count}")
        self.count = (count or network_threads()) if device == "cpu" else 1
        self._pool = ThreadPoolExecutor(self.count) if self.count > 1 else None

    def map(self, work: Callable[[Item], Result], items: Sequence[Item]) -> list[Result]:
        """Apply `work` to each item, in their order; the error of the first failing item is raised."""
        if self._pool is None or len(items) < 2:
            return [work(item) for item in items]
        return list(self._pool.map(work, items))


_MOST_THREADS = 8  # each holds what its networks make of an image: some 70 MB


def processors() -> int:
    """The processors that this process may use: those it may run on, and no more than its container's quota of time."""
    count = getattr(os, "process_cpu_count", None)  # from Python 3.13 on; PYTHON_CPU_COUNT counts there
    if count is not None:
        there = count() or 1
    else:
        there = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    quota = cgroups.limits().processors
    return there if quota is None else max(1, min(there, int(quota)))


def network_threads() -> int:
    """Processor threads for the networks: what OMP_NUM_THREADS says, else a thread per processor, at most 8.

    torch keeps to OMP_NUM_THREADS by itself; the stages on other runtimes ask here, and give each thread an image.
    """
    said = os.environ.get("OMP_NUM_THREADS", "")
    if said.isascii() and said.isdigit() and int(said) > 0:
        return int(said)
    return min(processors(), _MOST_THREADS)


_BLAS = "OPENBLAS_NUM_THREADS"


def import_numpy() -> None:
    """Import NumPy with one thread for its linear algebra, unless it is there already or the user says how many.

    Each thread spins for a while when it starts, which holds up whatever starts beside it. The variable is that of
    other libraries too, so that it is set for this import only.
    """
    said = _BLAS in os.environ
    os.environ.setdefault(_BLAS, "1")
    try:
        importlib.import_module("numpy")
    finally:
        if not said:
            del os.environ[_BLAS]


def limit_threads(threads: int) -> None:
    """Let the networks and image operations of this process, which has made none yet, use so many threads."""
    import cv2

    os.environ["OMP_NUM_THREADS"] = str(threads)
    cv2.setNumThreads(threads)
