"""Whether a folder can be written to, found out by writing."""

from __future__ import annotations

import errno
import tempfile
from pathlib import Path

_BYTES = 1 << 20  # a disk that is full takes a file, and nothing in it
FULL = frozenset({errno.ENOSPC, errno.EDQUOT})
"""The errors that say that there is no room."""


def cannot_write(folder: Path) -> str:
    """Why a folder takes no file, in a sentence; empty where it does.

    Nothing is left behind. One that is not there yet is judged by the folder in which it would be made.
    """
    place = folder
    try:
        while not place.exists() and place != place.parent:
            place = place.parent
        if not place.is_dir():
            return f"{place} is a file, where a folder is needed" if place != folder else f"{folder} is a file"
        with tempfile.TemporaryFile(dir=place) as file:
            file.write(bytes(_BYTES))
            file.flush()
    except OSError as error:
        return f"{folder} cannot be written: {error.strerror or error}"
    return ""


def remedy(error: OSError, room: str, otherwise: str) -> str:
    """What to do about a write that failed: `room` where there is no room, else `otherwise`."""
    return room if error.errno in FULL else otherwise
