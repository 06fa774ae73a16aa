"""Digests of files: a stamp of size and time that is quick to take, and the sha256 of the content."""

from __future__ import annotations

import hashlib
import os
import stat
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    pass


@dataclass(frozen=True)
class Stamp:
    """What can be told without reading a file.

    Attributes:
        size: bytes; of a folder, of all its files.
        mtime_ns: when it was last written; of a folder, the latest of its files.
    """

    size: int
    mtime_ns: int


def stamp(path: Path) -> Stamp | None:
    """The stamp of a file or folder; None where there is none or it may not be looked at."""
    try:
        if not path.is_dir():
            status = path.stat()
            return Stamp(status.st_size, status.st_mtime_ns)
        statuses = [file.stat() for file in _files(path)]
    except (OSError, ValueError):
        return None
    return Stamp(sum(one.st_size for one in statuses), max((one.st_mtime_ns for one in statuses), default=0))


def digest(path: Path) -> str:
    """The sha256 of a file, or of a folder's names and files; empty where it cannot be read or is no ordinary file."""
    sha256 = hashlib.sha256()
    try:
        for file in _files(path) if path.is_dir() else [path]:
            if not stat.S_ISREG(file.stat().st_mode):
                return ""
            if file != path:
                sha256.update(os.fsencode(file.name) + b"\0")
            with file.open("rb") as content:
                hashlib.file_digest(content, lambda: sha256)
    except (OSError, ValueError):
        return ""
    return sha256.hexdigest()


def _files(folder: Path) -> list[Path]:
    return sorted(file for file in folder.iterdir() if file.is_file())


def files_named(options: Mapping[str, Any]) -> dict[str, str]:
    """The sha256 of each file that a setting names, by the setting: what comes of it depends on the bytes."""
    found = {}
    for name, value in options.items():
        path = Path(value).expanduser() if isinstance(value, str | Path) else None
        if path is not None and path.is_file():
            with path.open("rb") as file:
                found[name] = hashlib.file_digest(file, "sha256").hexdigest()
    return found


def sha256_of(path: Path) -> str:
    """The sha256 of a file, as 64 hexadecimal digits."""
    with path.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()
