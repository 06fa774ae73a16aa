"""Digests of files: a stamp of size and time that is quick to take, and the sha256 of the content."""

from __future__ import annotations

import hashlib
import os
import stat
from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any


@dataclass(frozen=True)
class Stamp:
    """The size and modification time of a file.

    Attributes:
        size: bytes; of a folder, of all its files.
        mtime_ns: when it was last written; of a folder, the latest of its files.
    """

    size: int
    mtime_ns: int


def stamp(path: Path) -> Stamp | None:
    """The stamp of a file or folder; None where there is none or it may not be looked at."""
    try:
        status = os.stat(path)
        if not stat.S_ISDIR(status.st_mode):
            return Stamp(status.st_size, status.st_mtime_ns)
        statuses = [file.stat() for file in _files(path)]
    except (OSError, ValueError):
        return None
    return Stamp(sum(one.st_size for one in statuses), max((one.st_mtime_ns for one in statuses), default=0))


def sha256_of(path: Path, *, after: bytes = b"") -> str:
    """The sha256 of a file's content, as 64 hexadecimal digits; where `after` is given, of both one after the other.

    Raises:
        OSError: it cannot be read.
    """
    sha256 = hashlib.sha256(after)
    with path.open("rb") as content:
        hashlib.file_digest(content, lambda: sha256)
    return sha256.hexdigest()


def content_digest(path: Path) -> str:
    """As `digest`, of the last file from memory as long as its stamp stays: one run asks several times for one file."""
    return _remembered(path, stamp(path))


@lru_cache(maxsize=1)
def _remembered(path: Path, _: Stamp | None) -> str:
    return digest(path)


def digest(path: Path) -> str:
    """The sha256 of a file, or of a folder's names and files; empty where it cannot be read or is no ordinary file."""
    try:
        if path.is_dir():
            parts = [f"{_ordinary(file)} ".encode() + os.fsencode(file.name) for file in _files(path)]
            return hashlib.sha256(b"\0".join(parts)).hexdigest()
        return _ordinary(path)
    except (OSError, ValueError):
        return ""


def _ordinary(path: Path) -> str:
    """The sha256 of an ordinary file; others might never end.

    Raises:
        ValueError: it is another.
    """
    if not stat.S_ISREG(path.stat().st_mode):
        raise ValueError(f"{path} is no ordinary file")
    return sha256_of(path)


def _files(folder: Path) -> list[Path]:
    return sorted(file for file in folder.iterdir() if file.is_file())


def files_named(options: Mapping[str, Any]) -> dict[str, str]:
    """The sha256 of each file that a setting names, by the setting: what comes of it depends on the bytes."""
    paths = {name: Path(value).expanduser() for name, value in options.items() if isinstance(value, str | Path)}
    return {name: sha256_of(path) for name, path in paths.items() if path.is_file()}
