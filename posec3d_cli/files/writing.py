"""Files that are whole or not there, and whether a folder takes any."""

from __future__ import annotations

import errno
import os
import tempfile
import uuid
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from posec3d_cli.errors import OutputError, OutputExists

_BYTES = 1 << 20  # a disk that is full takes a file, and nothing in it
FULL = frozenset({errno.ENOSPC, getattr(errno, "EDQUOT", errno.ENOSPC)})
"""The errors that say that there is no room."""
_NO_LINKS = frozenset({errno.EINVAL, errno.EPERM, errno.ENOTSUP, errno.EOPNOTSUPP, errno.ENOSYS, errno.EMLINK})


def cannot_write(folder: Path) -> str:
    """Why a folder is not writable, in a sentence; empty if it is.

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
    """The hint for a failed write: `room` if the disk is full, else `otherwise`."""
    return room if error.errno in FULL else otherwise


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
def atomic_write(
    path: Path, *, overwrite: bool = False, part: Path | None = None, ours: Callable[[], bool] | None = None
) -> Iterator[Path]:
    """Hand out where to write the content of `path`, which gets its name when the block ends without an error.

    At every moment `path` is as it was before or whole, also for another process and after a cut of the power: the
    content is on the disk before it has the name. Of several writers at once, one wins and none mixes with another;
    what another made meanwhile is replaced only where `overwrite` or `ours` says so. A block that ends in an error
    leaves nothing behind; a process that is killed may leave a hidden file.

    Args:
        path: the file; its permissions are those of any new file.
        overwrite: it may be there already and is then replaced.
        part: where it is written meanwhile, on the same disk, in a folder that the caller sweeps; then the folders of
            `path` are made too. By default a hidden file with the same suffix beside `path`.
        ours: asked when the content is whole: whether what stands there by then may be replaced too.

    Raises:
        OutputExists, OutputError: as `check_free`; also where writing fails.
    """
    try:
        if part is None:
            check_free(path, overwrite=overwrite)
            part = path.with_name(f".{uuid.uuid4().hex}{path.suffix}")
            part.open("xb").close()
        else:
            path.parent.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise _unwritable(path, error) from error
    try:
        yield part
        with part.open("r+b") as file:  # Windows syncs only what may be written
            os.fsync(file.fileno())
        if (ours is not None and ours()) or overwrite:
            part.replace(path)
        else:
            _name_new(part, path)
    except OSError as error:
        raise _unwritable(path, error) from error
    finally:
        with suppress(OSError):  # it has its name by now; or nothing can be changed there, and the first error counts
            part.unlink()


def _name_new(part: Path, path: Path) -> None:
    """Give a whole file its name unless something has it; at once, but on disks that know no hard links."""
    try:
        try:
            path.hardlink_to(part)
        except OSError as error:
            if error.errno not in _NO_LINKS:
                raise
            if path.exists():
                raise FileExistsError from error
            part.rename(path)
    except FileExistsError as error:
        raise OutputExists(
            f"{path} was made by something else meanwhile, and is replaced only with --overwrite",
            hint="choose another name or folder, or say --overwrite",
        ) from error


def _unwritable(path: Path, error: OSError) -> OutputError:
    return OutputError(
        f"{path} cannot be written: {error.strerror or error}",
        hint=remedy(error, "free some space, or choose another place", "choose a place that can be written"),
    )
