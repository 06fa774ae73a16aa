"""What downloads are written to: files that hash what they get."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from typing import IO

from posec3d_cli.https import SourceFailed
from posec3d_cli.staging import CannotWrite, Origin, Part

_CHUNK = 1 << 20

Progress = Callable[[int, int | None], None]


class HashingFile:
    """A file that hashes what is written to it, counts it, and refuses more than is allowed.

    Args:
        stream: the file, open for writing.
        limit: how many bytes there may be; None for any number.
        progress: called after each chunk with the number of bytes, and that in all or None.
    """

    def __init__(self, stream: IO[bytes], limit: int | None, progress: Progress) -> None:
        self._stream = stream
        self._limit = limit
        self._progress = progress
        self._hash = hashlib.sha256()
        self._size = 0

    @property
    def size(self) -> int:
        """How many bytes it holds."""
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
        progress: Progress,
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
        """Take the next bytes; nobody goes on from a file that is too long."""
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
