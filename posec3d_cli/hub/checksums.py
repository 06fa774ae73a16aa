"""Checksums of weights: what the card states, else what was recorded at the first fetch.

A card need not know the hash of a file. The first content that is fetched is trusted (trust on first use), if
it begins as the card says where that says anything: its hash and size are recorded in `<file>.sha256` beside the file,
as "<64 hexadecimal digits> <bytes>", and hold from then on. What `sha256sum` writes there counts too.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from posec3d_cli.errors import WeightsCorrupt
from posec3d_cli.files.writing import atomic_write

if TYPE_CHECKING:
    from posec3d_cli.hub.cards import WeightFile
DIGITS = 64
RECORDED_SUFFIX = ".sha256"


@dataclass(frozen=True)
class Expected:
    """The expected content of a file.

    Attributes:
        sha256: its 64 digits, or the first of them; empty if unknown.
        size: in bytes, if known.
        recorded: the file of the recorded checksum, if the card states none.
    """

    sha256: str
    size: int | None = None
    recorded: Path | None = None

    @property
    def whole(self) -> bool:
        """Whether the whole sha256 is known."""
        return len(self.sha256) == DIGITS

    def fits(self, sha256: str) -> bool:
        """Whether a content with this hash is accepted."""
        return sha256.startswith(self.sha256)

    def __str__(self) -> str:
        size = "" if self.size is None else f", {self.size} bytes"
        if self.recorded is not None:
            return f"{self.sha256}{size} (recorded in {self.recorded})"
        if self.whole:
            return f"{self.sha256}{size}"
        return f"{self.sha256}… (the beginning; the card does not know the rest)" if self.sha256 else "anything"


def expected_of(file: WeightFile, places: Iterable[Path] = ()) -> Expected:
    """The expected content of a file: as its card states, else as recorded beside the first of `places` with a record.

    Raises:
        WeightsCorrupt: a recorded checksum is damaged.
    """
    if file.sha256:
        return Expected(file.sha256, file.size)
    recorded_checksums = (read_recorded_checksum(place) for place in places)
    return next((recorded for recorded in recorded_checksums if recorded is not None), Expected(file.sha256_prefix))


def recorded_checksum_path(path: Path) -> Path:
    """The path of the recorded checksum of a file."""
    return path.with_name(path.name + RECORDED_SUFFIX)


def read_recorded_checksum(path: Path) -> Expected | None:
    """The recorded checksum of the file at `path`; None where there is none.

    Raises:
        WeightsCorrupt: the record holds no hash.
    """
    recorded = recorded_checksum_path(path)
    try:
        text = recorded.read_text(encoding="ascii", errors="replace")
    except (FileNotFoundError, NotADirectoryError):
        return None
    except OSError as error:
        raise WeightsCorrupt(f"{recorded} cannot be read: {error.strerror}") from error
    match = re.fullmatch(r"([0-9a-f]{64})(?:\s+(?:([0-9]+)|\S.*))?\s*", text)
    if match is None:
        raise WeightsCorrupt(f"{recorded} holds no sha256", hint=f"delete it, and fetch {path.name} again")
    return Expected(match[1], int(match[2]) if match[2] else None, recorded)


def write_recorded_checksum(path: Path, sha256: str, size: int) -> None:
    """Record the checksum of the file at `path`, atomically.

    Raises:
        OutputError: the record cannot be written.
    """
    with atomic_write(recorded_checksum_path(path), overwrite=True) as part:
        part.write_text(f"{sha256} {size}\n", encoding="ascii")
