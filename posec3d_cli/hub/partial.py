"""Partial downloads: files that hash what is written to them, and can be resumed by the next process.

Each process writes into a staging folder of its own; what a dead process had downloaded is claimed by the next one.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import platform
import re
import shutil
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import IO, TYPE_CHECKING

if TYPE_CHECKING:
    pass
_CHUNK = 1 << 20
ByteCallback = Callable[[int, int | None], None]


class HashingFile:
    """A file that hashes what is written to it, counts it, and refuses more than is allowed.

    Args:
        stream: the file, open for writing.
        limit: how many bytes there may be; None for any number.
        progress: called after each chunk with the number of bytes, and that in all or None.
    """

    def __init__(self, stream: IO[bytes], limit: int | None, progress: ByteCallback) -> None:
        self._stream = stream
        self._limit = limit
        self._progress = progress
        self._hash = hashlib.sha256()
        self._size = 0

    @property
    def size(self) -> int:
        """The number of bytes that it holds."""
        return self._size

    @property
    def sha256(self) -> str:
        """The hash of what it holds, as 64 hexadecimal digits."""
        return self._hash.hexdigest()

    def write(self, chunk: bytes, /) -> int:
        """Take the next bytes.

        Raises:
            SourceFailed: there are more than allowed.
            CannotWrite: the disk does not take them.
        """
        if self._limit is not None and self._size + len(chunk) > self._limit:
            raise SourceFailed(f"delivered more than the expected {self._limit} bytes")
        try:
            self._stream.write(chunk)
        except OSError as error:
            raise CannotWrite(error) from error
        self._count(chunk)
        self._progress(self._size, self._total)
        return len(chunk)

    @property
    def _total(self) -> int | None:
        return self._limit

    def _count(self, chunk: bytes) -> None:
        self._hash.update(chunk)
        self._size += len(chunk)


class ResumedFile(HashingFile):
    """One that may hold the beginning of the file already.

    Args:
        stream: the part's bytes, open for appending.
        part: where they lie.
        origin: where the beginning must have come from to be of use; None starts over in any case.
    """

    def __init__(
        self,
        stream: IO[bytes],
        limit: int | None,
        progress: ByteCallback,
        *,
        part: Part,
        origin: Origin | None,
    ) -> None:
        super().__init__(stream, limit, progress)
        self._part = part
        self._origin = origin
        self.resumed = origin is not None
        if origin is not None:
            with part.path.open("rb") as beginning:
                while chunk := beginning.read(_CHUNK):
                    self._count(chunk)
            progress(self._size, self._total)

    @property
    def origin(self) -> Origin | None:
        """Where what it holds came from; None where it holds nothing."""
        return self._origin

    @property
    def _total(self) -> int | None:
        return None if self._origin is None else self._origin.length

    def write(self, chunk: bytes, /) -> int:
        """Append the next bytes; a file that is too long is not resumed."""
        try:
            return super().write(chunk)
        except SourceFailed:
            self._part.forget()
            raise

    def begin(self, origin: Origin) -> None:
        """Hold nothing; what is written next comes from `origin`.

        Raises:
            CannotWrite: the disk refuses.
        """
        self._hash = hashlib.sha256()
        self._size = 0
        self._origin = origin
        self.resumed = False
        try:
            self._stream.truncate(0)
            self._part.begin(origin)
        except OSError as error:
            raise CannotWrite(error) from error


_PART = ".part-"
_RESUME = ".resume-"
_WEB = ".web"
_DAY_SECONDS = 86_400
_KEPT_DAYS = 14


class CannotWrite(Exception):
    """The disk did not take the bytes: no fault of the source.

    Attributes:
        error: what the disk said.
    """

    def __init__(self, error: OSError) -> None:
        super().__init__(error.strerror or str(error))
        self.error = error


@dataclass(frozen=True)
class Origin:
    """Where the first bytes of a file came from, so that the rest is only taken from the same.

    Attributes:
        url: what was asked for.
        etag: what the server called this version; empty where it did not say. Likewise the next.
        modified: when it was last modified.
        length: of the whole file in bytes; None where the server did not say.
    """

    url: str
    etag: str = ""
    modified: str = ""
    length: int | None = None


class Part:
    """A download that is not finished.

    Args:
        folder: its own.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.path = folder / "bytes"
        self._origin = folder / "origin"

    @property
    def size(self) -> int:
        """How many bytes are there."""
        try:
            return self.path.stat().st_size
        except OSError:
            return 0

    @property
    def origin(self) -> Origin | None:
        """Where they came from; None where that is not known, and they are of no use."""
        try:
            return Origin(**json.loads(self._origin.read_bytes()))
        except (OSError, ValueError, TypeError):
            return None

    def begin(self, origin: Origin) -> None:
        """Say where the bytes that follow come from.

        Raises:
            OSError: it cannot be written.
        """
        self._origin.write_bytes(json.dumps(asdict(origin)).encode())

    def forget(self) -> None:
        """Make the part unusable for resuming."""
        with contextlib.suppress(OSError):
            self._origin.unlink()


@contextlib.contextmanager
def writing(part: Path, mode: str = "wb") -> Iterator[IO[bytes]]:
    """Open `part` for writing; its last bytes may only fail to be written when it is closed."""
    try:
        stream: IO[bytes] = part.open(mode)
    except OSError as error:
        raise CannotWrite(error) from error
    try:
        yield stream
    except BaseException:
        with contextlib.suppress(OSError):
            stream.close()
        raise
    try:
        stream.close()
    except OSError as error:
        raise CannotWrite(error) from error


@contextlib.contextmanager
def staging(parent: Path) -> Iterator[Path]:
    """A folder of this process's own in `parent`, which is made; left-overs of dead processes are removed.

    Raises:
        CannotWrite: nothing can be made there.
    """
    host = "".join(c for c in platform.node() if c.isalnum())[:32]
    try:
        parent.mkdir(parents=True, exist_ok=True)
        folder = Path(tempfile.mkdtemp(prefix=f"{_PART}{host}-{os.getpid()}-", dir=parent))
    except OSError as error:
        raise CannotWrite(error) from error
    try:
        _sweep(parent, folder, host)
        yield folder
    finally:
        _salvage(folder, parent)
        shutil.rmtree(folder, ignore_errors=True)


def claim(folder: Path, name: str) -> Part:
    """In a process's own folder, the part of the file `name` that was left to go on from, or an empty one.

    Raises:
        CannotWrite: it cannot be made.
    """
    own = folder / (name + _WEB)
    try:
        with contextlib.suppress(OSError):
            (folder.parent / (_RESUME + name)).rename(own)
        own.mkdir(exist_ok=True)
    except OSError as error:
        raise CannotWrite(error) from error
    return Part(own)


def _sweep(parent: Path, folder: Path, host: str) -> None:
    """Remove leftovers, and keep the partial downloads of processes that have ended."""
    for number, old in enumerate(parent.glob(f"{_PART}*")):
        if old != folder and _is_abandoned(old, host):
            with contextlib.suppress(OSError):
                mine = old.rename(folder / f"abandoned-{number}")
                _salvage(mine, parent)
                shutil.rmtree(mine, ignore_errors=True)
    for number, old in enumerate(parent.glob(f"{_RESUME}*")):
        finished = (parent / old.name.removeprefix(_RESUME)).exists()
        if finished or _age(old / "bytes") > _KEPT_DAYS * _DAY_SECONDS:
            with contextlib.suppress(OSError):
                shutil.rmtree(old.rename(folder / f"stale-{number}"), ignore_errors=True)


def _salvage(folder: Path, parent: Path) -> None:
    """Leave the parts in a folder to whoever comes next, the longer one where there is one already."""
    for own in folder.glob(f"*{_WEB}"):
        part, name = Part(own), own.name.removesuffix(_WEB)
        left = parent / (_RESUME + name)
        if part.origin is None or not part.size or (parent / name).exists() or Part(left).size >= part.size:
            continue
        with contextlib.suppress(OSError):
            if left.exists():
                left.rename(folder / f"shorter-{name}")
            own.rename(left)


def _is_abandoned(folder: Path, host: str) -> bool:
    """Whether the process that made a staging folder has ended or, if unknown, whether a day has passed."""
    made_here = re.fullmatch(rf"{re.escape(_PART + host)}-(\d+)-.*", folder.name)
    if made_here and sys.platform != "win32":
        try:
            os.kill(int(made_here.group(1)), 0)
        except ProcessLookupError:
            return True
        except OSError:
            return False
        return False
    return _age(folder) > _DAY_SECONDS


def _age(path: Path) -> float:
    """Seconds since it was last changed; 0 where there is nothing."""
    try:
        return time.time() - path.stat().st_mtime
    except OSError:
        return 0.0


class SourceFailed(Exception):
    """A source did not deliver; the text says why, in one line."""
