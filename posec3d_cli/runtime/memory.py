"""Memory: how much is free, and returning large blocks to the system so that long runs do not grow."""

from __future__ import annotations

import ctypes
import os
import re
from pathlib import Path

from posec3d_cli.runtime import cgroups

_M_TRIM_THRESHOLD, _M_MMAP_THRESHOLD = -1, -3  # of mallopt(3)
_LARGE = 1 << 20
_SPARE = 8 << 20
"""Bytes of smaller blocks that a heap keeps: what one image takes beside its network comes and goes."""


def return_large_blocks() -> None:
    """Let blocks of a megabyte and more, such as frames, go back to the system as soon as they are free.

    glibc would keep them, and put small results that outlive a frame into its place, so that the next frame needs new
    room: a process that poses 1080p frames grew by more than a megabyte with each. A few megabytes of smaller blocks
    stay, which threads else gave back and took anew, page by page, with each image. Where the C library is another,
    nothing is done.
    """
    try:
        mallopt = ctypes.CDLL(None).mallopt
        mallopt(_M_MMAP_THRESHOLD, _LARGE)
        mallopt(_M_TRIM_THRESHOLD, _SPARE)
    except (AttributeError, OSError, TypeError):
        return


def free_memory(meminfo: Path = Path("/proc/meminfo")) -> int | None:
    """Bytes that new processes may use: what the system, and the container that this process is in, have left.

    Where the system does not say what it has left, all that it has; None where it does not even say that.
    """
    found = [room for room in (_available(meminfo), cgroups.limits().memory) if room is not None]
    return min(found, default=None)


def _available(meminfo: Path) -> int | None:
    try:
        line = re.search(r"^MemAvailable:\s*(\d+) kB", meminfo.read_text(encoding="ascii"), re.MULTILINE)
    except OSError:
        line = None
    if line is not None:
        return 1024 * int(line[1])
    try:
        return os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
    except (AttributeError, OSError, ValueError):
        return None
