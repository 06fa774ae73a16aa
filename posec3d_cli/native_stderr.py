"""Keeps a line that native code writes to stderr, and that nobody needs, from being seen."""

from __future__ import annotations

import os
import tempfile
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress

_STDERR = 2
_one_at_a_time = threading.Lock()


@contextmanager
def without_lines(unwanted: str) -> Iterator[None]:
    """Lines with this text do not reach stderr from within the block; all others do so at its end, in their order.

    Meant for short blocks: what other threads write meanwhile waits too. Where stderr is closed, or nothing can be kept
    anywhere, nothing is changed.
    """
    with _one_at_a_time:
        try:
            before = os.dup(_STDERR)
        except OSError:
            before = None
        heard = None if before is None else _file_in_memory()
        if before is None or heard is None:
            yield
            return
        os.dup2(heard, _STDERR)
        try:
            yield
        finally:
            os.dup2(before, _STDERR)
            os.close(before)
            os.lseek(heard, 0, os.SEEK_SET)
            with os.fdopen(heard, "rb") as lines, suppress(OSError):
                for line in lines:
                    if unwanted.encode() not in line:
                        os.write(_STDERR, line)


def _file_in_memory() -> int | None:
    """The descriptor of a file that nobody else sees; None where there can be none."""
    try:
        if hasattr(os, "memfd_create"):
            return os.memfd_create("stderr")
        with tempfile.TemporaryFile() as file:
            return os.dup(file.fileno())
    except OSError:
        return None
