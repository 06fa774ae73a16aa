"""Whether a folder can be written to, found out by writing."""

from __future__ import annotations

import errno
import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from posec3d_cli.errors import OutputError, OutputExists

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


def settle(part: Path, target: Path) -> None:
    """Give a finished file its name, so that a cut of the power leaves it whole or not there.

    Raises:
        OutputError: it cannot have that name.
    """
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        with part.open("rb") as file:
            os.fsync(file.fileno())
        part.replace(target)
    except OSError as error:
        raise OutputError(f"{target} cannot be written: {error.strerror}") from error


def printable(text: object) -> str:
    """A text that can be encoded: bytes of a file name that are not UTF-8 are spelled out."""
    return str(text).encode("utf-8", "surrogateescape").decode("utf-8", "backslashreplace")


def check_free(path: Path, *, overwrite: bool = False, source: Path | None = None) -> None:
    """Refuse an output that cannot or must not be written; nothing is written.

    Raises:
        OutputExists: something is there and `overwrite` was not said, or it is the input itself.
        OutputError: there is no folder to write into, or `path` is one itself.
    """
    if path.is_dir():
        raise OutputError(f"{path} is a folder", hint="name a file in it")
    if not path.parent.is_dir():
        raise OutputError(f"{path}: there is no folder {path.parent}", hint="make it first")
    if path.exists():
        if source is not None and source.exists() and path.samefile(source):
            raise OutputExists(f"{path} is the input itself", hint="choose another name")
        if not overwrite:
            raise OutputExists(f"{path} is already there", hint="choose another name, or say --overwrite")


@contextmanager
def replacing(path: Path, *, overwrite: bool = False) -> Iterator[Path]:
    """Hand out a temporary name beside `path`, renamed to `path` when the block ends without an error.

    Raises:
        OutputExists, OutputError: as `check_free`; also where writing fails.
    """
    check_free(path, overwrite=overwrite)
    try:
        handle, name = tempfile.mkstemp(prefix=f".{path.stem[:64]}-", suffix=path.suffix, dir=path.parent)
        os.close(handle)
    except OSError as error:
        raise _unwritable(path, error) from error
    part = Path(name)
    try:
        yield part
        mask = os.umask(0)
        os.umask(mask)
        part.chmod(0o666 & ~mask)  # temporary files are private; the result is an ordinary file
        part.replace(path)
    except OSError as error:
        raise _unwritable(path, error) from error
    finally:
        with suppress(OSError):  # it has its name by now; or nothing can be changed there, and the first error counts
            part.unlink()


def _unwritable(path: Path, error: OSError) -> OutputError:
    return OutputError(
        f"{path} cannot be written: {error.strerror or error}",
        hint=remedy(error, "free some space, or choose another place", "choose a place that can be written"),
    )
