"""Pictures side by side: each on a processor thread of its own, with all that is done to it before and after.

A network that has one thread to itself does more pictures in a given time than one spread over several, and nothing
around it, as resizing and cutting out, leaves the other processors idle.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

from posec3d_cli.device import network_threads

Item = TypeVar("Item")
Result = TypeVar("Result")


class Lanes:
    """Threads that do one piece of work each at a time.

    Args:
        count: of the threads; None: see `posec3d_cli.device.network_threads`.
        device: on another than "cpu" there is one lane, for the processors have little to do.
    """

    def __init__(self, count: int | None = None, *, device: str = "cpu") -> None:
        self.count = (count or network_threads()) if device == "cpu" else 1
        self._pool = ThreadPoolExecutor(self.count) if self.count > 1 else None

    def map(self, work: Callable[[Item], Result], items: Sequence[Item]) -> list[Result]:
        """What `work` makes of each item, in their order; what it raises for the first that fails is raised here."""
        if self._pool is None or len(items) < 2:
            return [work(item) for item in items]
        return list(self._pool.map(work, items))
