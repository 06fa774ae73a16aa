"""Recognize annotated videos of posec3d by a comment in the MP4 file, without a decoder."""

from __future__ import annotations

import os
import stat
from collections.abc import Iterator
from pathlib import Path
from typing import IO

MARK = "annotated by posec3d"
"""The comment of an annotated video."""
_MOST_BYTES = 1 << 20  # of the texts of a file; others have a few hundred
_SUFFIXES = frozenset({".mp4", ".m4v", ".mov"})


def is_annotated(path: Path) -> bool:
    """Whether a file is an MP4 whose comment is `MARK`; False where it cannot be read."""
    if path.suffix.lower() not in _SUFFIXES:
        return False
    try:
        if not stat.S_ISREG(path.stat().st_mode):
            return False
        with path.open("rb") as file:
            return any(MARK.encode() in file.read(min(size, _MOST_BYTES)) for size in _texts(file))
    except OSError:
        return False


def _texts(file: IO[bytes]) -> Iterator[int]:
    """Go to the start of each box of texts (moov/udta, ISO/IEC 14496-12) and give its size."""
    for name, start, stop in _boxes(file, 0, os.fstat(file.fileno()).st_size):
        if name == b"moov":
            for inner, begin, end in _boxes(file, start, stop):
                if inner == b"udta":
                    file.seek(begin)
                    yield end - begin


def _boxes(file: IO[bytes], start: int, stop: int) -> Iterator[tuple[bytes, int, int]]:
    """The name of each box between two places of a file, and where its content starts and stops."""
    while start + 8 <= stop:
        file.seek(start)
        head = file.read(16)
        size, name, content = int.from_bytes(head[:4]), head[4:8], start + 8
        if size == 1:
            size, content = int.from_bytes(head[8:16]), start + 16
        end = stop if size == 0 else start + size
        if end < content or end > stop:
            return
        yield name, content, end
        start = end
