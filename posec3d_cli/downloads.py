"""Verified files: fetched from the first source that delivers the right bytes, or not kept at all.

A download goes to a folder of its own beside its target, is hashed while it arrives and renamed when the hash is
right, so that a file under its final name is always whole, whatever happens and however many processes fetch it.
What a killed process left behind is removed by the next one.
"""

from __future__ import annotations

import contextlib
import hashlib
import os
import platform
import re
import shutil
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import IO, TYPE_CHECKING

from posec3d_cli.errors import WeightsCorrupt, WeightsMissing
from posec3d_cli.sources import Archives, SourceFailed, parse_source, read_source

if TYPE_CHECKING:
    from posec3d_cli.catalog import WeightFile

Progress = Callable[[str, int, int], None]
"""Called as (file name, bytes so far, bytes in all); a client such as npm reports nothing until it has finished."""

_PART = ".part-"
_DAY_SECONDS = 86_400
_CHUNK = 1 << 20


def is_offline() -> bool:
    """Whether `POSEC3D_OFFLINE` forbids the network."""
    return os.environ.get("POSEC3D_OFFLINE", "") not in ("", "0")


def fetch_files(
    targets: Mapping[WeightFile, Path],
    *,
    owner: str,
    folder: Path,
    copies: Mapping[WeightFile, Path] | None = None,
    offline: bool | None = None,
    progress: Progress | None = None,
) -> dict[str, Path]:
    """Bring every file to its target.

    Args:
        targets: where each file belongs.
        owner: what needs the files, for messages.
        folder: what `file:` sources are relative to.
        copies: other places where a file may already be.
        offline: never touch the network; by default what `POSEC3D_OFFLINE` says.
        progress: told about each chunk.

    Returns:
        Where each file is, by `WeightFile.name`: its target, or beside the card for a file that ships with it.

    Raises:
        WeightsMissing: a file is not there and no source delivers it, or it cannot be written.
        WeightsCorrupt: what is there, or what a source delivered, has another sha256.
    """
    offline = is_offline() if offline is None else offline
    found: dict[str, Path] = {}
    with contextlib.ExitStack() as stack:
        stagings: dict[Path, Path] = {}
        archives: Archives | None = None
        for file, target in targets.items():
            attempt = _Attempt(file, target, owner)
            ready = attempt.local([target, *shipped_paths(file, folder)])
            if ready is None:
                if target.parent not in stagings:
                    stagings[target.parent] = stack.enter_context(_staging(target, owner))
                staging = stagings[target.parent]
                archives = archives or Archives(staging)
                copy = (copies or {}).get(file)
                ready = attempt.obtain(staging, archives, copy=copy, offline=offline, progress=progress)
            found[file.name] = ready
    return found


def sha256_of(path: Path) -> str:
    """The sha256 of a file, as 64 hexadecimal digits."""
    with path.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()


def shipped_paths(file: WeightFile, folder: Path) -> list[Path]:
    """Where the `file:` sources of a file are, relative to its card's folder."""
    sources = (parse_source(text) for text in file.sources)
    return [folder / source.path for source in sources if source.scheme == "file"]


class _CannotWrite(Exception):
    """The disk did not take the bytes: no fault of the source."""

    def __init__(self, error: OSError) -> None:
        super().__init__(error.strerror or str(error))


class _HashingFile:
    """A file that hashes what is written to it, counts it, and refuses more than was announced."""

    def __init__(self, stream: IO[bytes], file: WeightFile, progress: Progress | None) -> None:
        self._stream = stream
        self._file = file
        self._progress = progress
        self._hash = hashlib.sha256()
        self.size = 0

    def write(self, chunk: bytes) -> int:
        self.size += len(chunk)
        if self.size > self._file.size:
            raise SourceFailed(f"delivered more than the expected {self._file.size} bytes")
        try:
            self._stream.write(chunk)
        except OSError as error:
            raise _CannotWrite(error) from error
        self._hash.update(chunk)
        if self._progress is not None:
            self._progress(self._file.filename, self.size, self._file.size)
        return len(chunk)

    def flush(self) -> None:
        """Nothing to do: the file is flushed when it is closed."""

    @property
    def sha256(self) -> str:
        return self._hash.hexdigest()


class _Attempt:
    """Getting one file, with what was tried and why it failed."""

    def __init__(self, file: WeightFile, target: Path, owner: str) -> None:
        self.file = file
        self.target = target
        self.owner = owner
        self.reasons: list[str] = []
        self.corrupt = False
        self.offline = False

    def local(self, paths: list[Path]) -> Path | None:
        """The first of `paths` that holds the right bytes."""
        for path in paths:
            try:
                if self._matches(str(path), path.stat().st_size, sha256_of(path)):
                    return path
            except FileNotFoundError:
                if path != self.target:
                    self.reasons.append(f"{path}: there is no such file")
            except OSError as error:
                self.reasons.append(f"{path}: cannot be read: {error.strerror}")
        return None

    def obtain(
        self, staging: Path, archives: Archives, *, copy: Path | None, offline: bool, progress: Progress | None
    ) -> Path:
        """Copy or download the file to its target."""
        part = staging / self.target.name
        try:
            if copy is not None and copy.is_file() and self._write(str(copy), part, progress, copy=copy):
                return self._keep(part)
            for text in self.file.sources:
                if parse_source(text).scheme == "file":
                    continue
                if offline:
                    self.offline = True
                    self.reasons.append(f"{text}: not tried, because the network is switched off (offline)")
                elif self._write(text, part, progress, archives=archives):
                    return self._keep(part)
        except _CannotWrite as error:
            raise _cannot_write(self.target, self.owner, str(error), self.file.size) from error
        raise self._failure()

    def _write(
        self,
        place: str,
        part: Path,
        progress: Progress | None,
        *,
        copy: Path | None = None,
        archives: Archives | None = None,
    ) -> bool:
        """Write the file from one place to `part`; say whether its bytes are the right ones."""
        try:
            with _writing(part) as stream:
                sink = _HashingFile(stream, self.file, progress)
                if copy is not None:
                    with copy.open("rb") as source:
                        while chunk := source.read(_CHUNK):
                            sink.write(chunk)
                elif archives is not None:
                    if progress is not None:
                        # Shows that something is under way while a client such as npm works unseen.
                        progress(self.file.filename, 0, self.file.size)
                    read_source(parse_source(place), sink, archives)
        except (SourceFailed, OSError) as error:
            self.reasons.append(f"{place}: {error}")
            return False
        return self._matches(place, sink.size, sink.sha256)

    def _matches(self, place: str, size: int, sha256: str) -> bool:
        if sha256 == self.file.sha256:
            return True
        self.corrupt = True
        self.reasons.append(
            f"{place}: wrong content\n      expected {self.file.sha256}, {self.file.size} bytes"
            f"\n      got      {sha256}, {size} bytes"
        )
        return False

    def _keep(self, part: Path) -> Path:
        try:
            part.replace(self.target)
        except OSError as error:
            raise _CannotWrite(error) from error
        return self.target

    def _failure(self) -> WeightsMissing | WeightsCorrupt:
        tried = "".join(f"\n  - {reason}" for reason in self.reasons)
        by_hand = f"put the file with sha256 {self.file.sha256} at {self.target}"
        name = f"{self.file.filename} ({self.file.size / 1e6:.1f} MB) of {self.owner}"
        if self.corrupt:
            return WeightsCorrupt(
                f"{name} has the wrong sha256:{tried}",
                hint=f"nothing of the download was kept; try again, or {by_hand}",
            )
        remedy = "try without --offline and POSEC3D_OFFLINE" if self.offline else "mend one of these"
        return WeightsMissing(f"{name} cannot be had:{tried}", hint=f"{remedy}, or {by_hand}")


@contextlib.contextmanager
def _writing(part: Path) -> Iterator[IO[bytes]]:
    """Open `part` for writing; its last bytes may only fail to be written when it is closed."""
    try:
        stream = part.open("wb")
    except OSError as error:
        raise _CannotWrite(error) from error
    try:
        yield stream
    except BaseException:
        with contextlib.suppress(OSError):
            stream.close()
        raise
    try:
        stream.close()
    except OSError as error:
        raise _CannotWrite(error) from error


@contextlib.contextmanager
def _staging(target: Path, owner: str) -> Iterator[Path]:
    """A folder of this process's own beside `target`, on the same disk; left-overs of dead processes are removed."""
    parent = target.parent
    host = "".join(c for c in platform.node() if c.isalnum())[:32]
    try:
        parent.mkdir(parents=True, exist_ok=True)
        for old in parent.glob(f"{_PART}*"):
            if _is_abandoned(old, host):
                shutil.rmtree(old, ignore_errors=True)
        folder = Path(tempfile.mkdtemp(prefix=f"{_PART}{host}-{os.getpid()}-", dir=parent))
    except OSError as error:
        raise _cannot_write(target, owner, error.strerror or str(error), 0) from error
    try:
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _is_abandoned(folder: Path, host: str) -> bool:
    """Whether the process that made a staging folder is gone, or, where that cannot be asked, a day has passed."""
    made_here = re.fullmatch(rf"{re.escape(_PART + host)}-(\d+)-.*", folder.name)
    if made_here and sys.platform != "win32":
        try:
            os.kill(int(made_here.group(1)), 0)
        except ProcessLookupError:
            return True
        except OSError:
            return False
        return False
    try:
        return time.time() - folder.stat().st_mtime > _DAY_SECONDS
    except OSError:
        return False


def _cannot_write(target: Path, owner: str, reason: str, size: int) -> WeightsMissing:
    room = f"free {size / 1e6:.0f} MB there" if size else "make that folder writable"
    return WeightsMissing(
        f"{target}, which {owner} needs, cannot be written: {reason}",
        hint=f"{room}, or let POSEC3D_HOME name another folder",
    )
