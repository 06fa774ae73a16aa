"""Pictures side by side: each on a processor thread of its own.

A network that has one thread to itself does more pictures in a given time than one spread over several, and what is
done around it, as resizing and cutting out, leaves no processor idle. Fewer pictures than lanes leave some idle.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

from posec3d_cli.device import network_threads
from posec3d_cli.errors import BadCard

Item = TypeVar("Item")
Result = TypeVar("Result")


class Lanes:
    """Threads that do one piece of work each at a time.

    Args:
        count: of the threads; None: see `posec3d_cli.device.network_threads`.
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
        """What `work` makes of each item, in their order; what it raises for the first that fails is raised here."""
        if self._pool is None or len(items) < 2:
            return [work(item) for item in items]
        return list(self._pool.map(work, items))
