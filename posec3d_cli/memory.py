"""Keeps a process that goes through many large frames from growing."""

from __future__ import annotations

import ctypes

_M_MMAP_THRESHOLD = -3  # of mallopt(3)
_LARGE = 1 << 20


def return_large_blocks() -> None:
    """Let blocks of a megabyte and more, such as frames, go back to the system as soon as they are free.

    glibc would keep them, and put small results that outlive a frame into its place, so that the next frame needs new
    room: a process that poses 1080p frames grew by more than a megabyte with each. Where the C library is another,
    nothing is done.
    """
    try:
        ctypes.CDLL(None).mallopt(_M_MMAP_THRESHOLD, _LARGE)
    except (AttributeError, OSError, TypeError):
        return
