"""SourceCache: local copies of inputs, one folder each, called by what the input was called."""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import shutil
import time
import uuid
from collections.abc import Callable, Iterable, Iterator
from dataclasses import asdict, dataclass
from pathlib import Path

from filelock import FileLock

from posec3d_cli.errors import InputError, OutputError
from posec3d_cli.files.writing import remedy
from posec3d_cli.hub.weights import cache_home

LIMIT = 20 * 10**9  # bytes
MAX_BYTES = 4 * 10**9
"""Bytes of one input, unless another limit is given."""
_RECENT_SECONDS = 86_400  # a copy that was used since may be in use
_ORIGIN = "origin.json"
_PART = ".part"

FetchCallback = Callable[[str, int | None], None]
"""Called with the name of an input and its size in bytes, None where that is unknown, when its content is fetched."""
ReceivedCallback = Callable[[], None]
"""Called again and again while content comes."""


def default_folder() -> Path:
    """The default folder of the copies: beside the weights."""
    return cache_home() / "sources"


@dataclass(frozen=True)
class Origin:
    """Where a copy came from, and what its server called this version.

    Attributes:
        source: the input, without a password.
        name: the file's name in the folder of the copy.
        length: of the file in bytes.
        etag: the version's name; empty where there is none. Likewise the next.
        modified: when it was last modified.
    """

    source: str
    name: str
    length: int
    etag: str = ""
    modified: str = ""


class Copy:
    """The place of the copy of one input; perhaps it is there."""

    def __init__(self, folder: Path, name: str) -> None:
        self.folder = folder
        self.path = folder / name

    def origin(self) -> Origin | None:
        """Where the copy came from; None where there is none, or not a whole one."""
        try:
            origin = Origin(**json.loads((self.folder / _ORIGIN).read_text(encoding="utf-8")))
            whole = origin.name == self.path.name and self.path.stat().st_size == origin.length
        except (OSError, TypeError, ValueError):
            return None
        return origin if whole else None

    def used(self) -> Path:
        """Note that the copy is used now; its path."""
        with contextlib.suppress(OSError):  # where nothing can be written, it can be read all the same
            os.utime(self.folder / _ORIGIN)
        return self.path

    @contextlib.contextmanager
    def locked(self) -> Iterator[None]:
        """Nobody else fetches this input while the block runs.

        Raises:
            OutputError: the cache cannot be written.
        """
        with _writing(self.folder):
            self.folder.mkdir(parents=True, exist_ok=True)
            lock = FileLock(self.folder / ".lock")
            lock.acquire()
        try:
            yield
        finally:
            lock.release()

    def store(self, part: Path, origin: Origin) -> Path:
        """Give a file that was written beside it the place of the copy; the path."""
        with _writing(self.folder):
            (self.folder / _ORIGIN).unlink(missing_ok=True)
            part.replace(self.path)
            (self.folder / _ORIGIN).write_text(json.dumps(asdict(origin)), encoding="utf-8")
        return self.path


class SourceCache:
    """A folder of copies.

    Args:
        folder: made when something is first kept.
        limit: in bytes. Beyond it the copies that were not used for longest go, but none that was used in a day.
    """

    def __init__(self, folder: Path, *, limit: int = LIMIT) -> None:
        self.folder, self.limit = folder, limit

    def copy(self, key: str, name: str) -> Copy:
        """The place of the copy of an input.

        Args:
            key: what tells it from all others.
            name: what its file is called.
        """
        return Copy(self.folder / hashlib.sha256(os.fsencode(key)).hexdigest()[:32], name)

    @contextlib.contextmanager
    def part(self) -> Iterator[Path]:
        """Where an input is written until it is whole; what is left there is removed.

        Raises:
            OutputError: the cache cannot be written.
        """
        part = self.folder / f".{uuid.uuid4().hex}{_PART}"
        try:
            with _writing(self.folder):
                self.folder.mkdir(parents=True, exist_ok=True)
                self._sweep()
            yield part
        finally:
            part.unlink(missing_ok=True)

    def files(self) -> list[Path]:
        """The folders of the copies, those that were not used for longest first."""
        with contextlib.suppress(OSError):
            return sorted((path.parent for path in self.folder.glob(f"*/{_ORIGIN}")), key=_last_used)
        return []

    @property
    def size(self) -> int:
        """The bytes of all copies."""
        return sum(_bytes_of(folder) for folder in self.files())

    def clear(self) -> int:
        """Remove all copies, and return their number.

        Raises:
            OutputError: one cannot be removed.
        """
        folders = self.files()
        for folder in folders:
            with _writing(folder):
                shutil.rmtree(folder)
        return len(folders)

    def make_room(self) -> None:
        """Remove copies until they are within the limit."""
        with contextlib.suppress(OSError):  # another process made room
            excess = self.size - self.limit
            for folder in self.files():
                if excess <= 0 or time.time() - _last_used(folder) < _RECENT_SECONDS:
                    return
                excess -= _bytes_of(folder)
                shutil.rmtree(folder)

    def _sweep(self) -> None:
        """Remove what processes that were killed left unfinished."""
        for part in self.folder.glob(f".*{_PART}"):
            with contextlib.suppress(OSError):
                if time.time() - part.stat().st_mtime > _RECENT_SECONDS:
                    part.unlink()


def ignore() -> None:
    """Do nothing while content comes."""


def write_limited(
    chunks: Iterable[bytes], part: Path, limit: int, name: str, received: ReceivedCallback = ignore
) -> int:
    """Write the content of an input; returns its bytes.

    Raises:
        InputError: there are more than `limit`.
        OutputError: the disk does not take them.
    """
    size = 0
    with _writing(part.parent):
        file = part.open("wb")
    with file:
        for chunk in chunks:
            received()
            size += len(chunk)
            if size > limit:
                raise too_large(name, limit)
            with _writing(part.parent):
                file.write(chunk)
        with _writing(part.parent):
            file.flush()
    return size


def too_large(name: str, limit: int, size: int | None = None) -> InputError:
    """The error of an input beyond the limit."""
    found = "" if size is None else f" ({size / 1e9:.2f} GB)"
    return InputError(f"{name} is larger than {limit / 1e9:g} GB{found}", hint="--max-download GB sets another limit")


@contextlib.contextmanager
def _writing(folder: Path) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise OutputError(
            f"{folder} cannot be written: {error.strerror or error}",
            hint=remedy(error, "free some space; `posec3d cache clear` does", "POSEC3D_HOME names another place"),
        ) from error


def _last_used(folder: Path) -> float:
    return (folder / _ORIGIN).stat().st_mtime


def _bytes_of(folder: Path) -> int:
    return sum(path.stat().st_size for path in folder.iterdir())
