"""What a file's content must be: the sha256 that its card states, a part of it, or what was first fetched.

A card need not know the hash of a file. The first content that is seen, and that begins as its card says where that
says anything, is then pinned: its hash and size are written to `<file>.sha256` beside the file, as
"<64 hexadecimal digits> <bytes>", and hold from then on. What `sha256sum` writes there is a pin too.
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
    """What is known beforehand of a file's content.

    Attributes:
        sha256: its 64 digits, or the first of them; empty where anything will do.
        size: in bytes, where it is known.
        pin: the file that says so, where that is no card.
    """

    sha256: str
    size: int | None = None
    pin: Path | None = None

    @property
    def whole(self) -> bool:
        """Whether only one content fits."""
        return len(self.sha256) == DIGITS

    def fits(self, sha256: str) -> bool:
        """Whether a content of this hash will do."""
        return sha256.startswith(self.sha256)

    def __str__(self) -> str:
        size = "" if self.size is None else f", {self.size} bytes"
        if self.pin is not None:
            return f"{self.sha256}{size} (pinned in {self.pin})"
        if self.whole:
            return f"{self.sha256}{size}"
        return f"{self.sha256}… (the beginning; the card does not know the rest)" if self.sha256 else "anything"


def expected_of(file: WeightFile, places: Iterable[Path] = ()) -> Expected:
    """What a file must be: as its card says, else as it is pinned beside the first of `places` that has a pin.

    Raises:
        WeightsCorrupt: a pin is damaged.
    """
    if file.sha256:
        return Expected(file.sha256, file.size)
    pins = (read_recorded_checksum(place) for place in places)
    return next((pin for pin in pins if pin is not None), Expected(file.sha256_prefix))


def recorded_checksum_path(path: Path) -> Path:
    """Where the pin of a file lies, or would lie."""
    return path.with_name(path.name + RECORDED_SUFFIX)


def read_recorded_checksum(path: Path) -> Expected | None:
    """What is pinned of the file at `path`; None where nothing is.

    Raises:
        WeightsCorrupt: the pin holds no hash.
    """
    pin = recorded_checksum_path(path)
    try:
        text = pin.read_text(encoding="ascii", errors="replace")
    except (FileNotFoundError, NotADirectoryError):
        return None
    except OSError as error:
        raise WeightsCorrupt(f"{pin} cannot be read: {error.strerror}") from error
    found = re.fullmatch(r"([0-9a-f]{64})(?:\s+(?:([0-9]+)|\S.*))?\s*", text)
    if found is None:
        raise WeightsCorrupt(f"{pin} holds no sha256", hint=f"delete it, and fetch {path.name} again")
    return Expected(found[1], int(found[2]) if found[2] else None, pin)


def write_recorded_checksum(path: Path, sha256: str, size: int) -> None:
    """Pin the file at `path`, whole or not at all.

    Raises:
        OutputError: the pin cannot be written.
    """
    with atomic_write(recorded_checksum_path(path), overwrite=True) as part:
        part.write_text(f"{sha256} {size}\n", encoding="ascii")
