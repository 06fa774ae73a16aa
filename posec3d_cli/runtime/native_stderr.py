"""Filter lines that native libraries write to stderr."""

from __future__ import annotations

import os
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress

_STDERR = 2
_PATIENCE_SECONDS = 1.0
_one_at_a_time = threading.Lock()


@contextmanager
def without_lines(unwanted: str) -> Iterator[None]:
    """Lines with this text that are written within the block do not reach stderr; all others do, in their order.

    They go through a pipe, whose other end is read until everybody has let go of it: what other threads write at the
    same time is not lost either. Where stderr is closed, nothing is changed.
    """
    with _one_at_a_time:
        try:
            before = os.dup(_STDERR)
        except OSError:
            yield
            return
        source, sink = os.pipe()
        os.dup2(sink, _STDERR)
        os.close(sink)
        reader = threading.Thread(target=_pass_on, args=(source, before, unwanted.encode()), daemon=True)
        reader.start()
        try:
            yield
        finally:
            os.dup2(before, _STDERR)
            # A program that another thread has just started may hold the pipe for longer: it is read on.
            reader.join(_PATIENCE_SECONDS)


def _pass_on(source: int, target: int, unwanted: bytes) -> None:
    """Write the lines that come out of a pipe to `target`, until its other end is closed; then close both."""
    with os.fdopen(source, "rb") as lines:
        for line in lines:
            if unwanted not in line:
                with suppress(OSError):
                    os.write(target, line)
    os.close(target)
