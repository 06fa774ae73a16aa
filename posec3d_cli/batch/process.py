"""WorkerProcess: a process for a worker, which imports its part while the parent process finds out what is to be done.

Nothing that takes long to import is imported here.
"""

from __future__ import annotations

import importlib
import multiprocessing
import os
import signal
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from multiprocessing import connection
from typing import Any

from posec3d_cli.runtime.threads import import_numpy

MOST_WORKERS = 8
"""That are started without being asked for."""


class WorkerProcess:
    """A process that waits for a function and its arguments, and calls it with its end of the pipe and with these.

    It ends with the parent process, and where its pipe is closed: when nothing holds this object any more.

    Args:
        imports: modules that it imports meanwhile.

    Attributes:
        process: the process.
        pipe: to it.
    """

    def __init__(self, *imports: str) -> None:
        context = multiprocessing.get_context("spawn")
        self.pipe, theirs = context.Pipe()
        self.process = context.Process(target=_wait, args=(theirs, imports), daemon=True)
        with _interrupts_blocked():
            self.process.start()
        theirs.close()


@contextmanager
def _interrupts_blocked() -> Iterator[None]:
    """A process that is started in this block ignores Ctrl-C from its first moment: it inherits the blocked signal.

    Where signals cannot be blocked, on Windows, it ignores Ctrl-C as soon as it runs our code.
    """
    if not hasattr(signal, "pthread_sigmask"):
        yield
        return
    from multiprocessing import resource_tracker

    resource_tracker.ensure_running()  # starting it later would lift the block
    before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


def _wait(pipe: connection.Connection, imports: Sequence[str]) -> None:
    """What the process does first."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    threading.Thread(target=_end_with_parent, daemon=True).start()
    import_numpy()
    for module in imports:
        importlib.import_module(module)
    given: list[Any]
    try:
        function, *given = pipe.recv()
    except (EOFError, OSError):  # it is not needed
        return
    function(pipe, *given)


def _end_with_parent() -> None:
    parent = multiprocessing.parent_process()
    assert parent is not None
    connection.wait([parent.sentinel])
    os._exit(1)
