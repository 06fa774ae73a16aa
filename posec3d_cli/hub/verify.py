"""Verify the weights on this machine against their checksums, and remove what downloads left behind."""

from __future__ import annotations

import contextlib
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from posec3d_cli.errors import WeightsCorrupt
from posec3d_cli.files.digests import sha256_of
from posec3d_cli.hub.checksums import RECORDED_SUFFIX, expected_of
from posec3d_cli.hub.converted import converted_path, is_whole, kept_models
from posec3d_cli.hub.download import shipped_paths
from posec3d_cli.hub.partial import CannotWrite, staging
from posec3d_cli.hub.weights import cached_path, weights_cache

if TYPE_CHECKING:
    from posec3d_cli.hub.cards import ModelCard, WeightFile

OK, NOT_RECORDED, WRONG, UNKNOWN = "ok", "not recorded", "wrong", "unknown file"


@dataclass(frozen=True)
class Verified:
    """One verified file.

    Attributes:
        path: the file.
        model: the name of its model; empty where no card knows it.
        size: in bytes.
        state: "ok"; "not recorded" for a file that was never used and whose card states no whole sha256; "wrong";
            or "unknown file".
        reason: why it is wrong, else empty.
        hint: what to do about that.
    """

    path: Path
    model: str
    size: int
    state: str
    reason: str = ""
    hint: str = ""


def verify(cards: Sequence[ModelCard], *, everything: bool = False) -> list[Verified]:
    """Hash the files of these models that are in the cache or ship with posec3d.

    Args:
        cards: the models.
        everything: also name the files of the cache that belong to none of them.
    """
    verified = []
    for card in cards:
        for file in card.files:
            places = [cached_path(file), *shipped_paths(file, card.folder)]
            verified += [_verify(path, card, file, places) for path in places if path.is_file()]
        verified += _converted(card)
    known = {one.path for one in verified}
    rest = []
    if everything and weights_cache().is_dir():
        files = (path for path in sorted(weights_cache().iterdir()) if path.is_file())
        rest = [path for path in files if not path.name.startswith(".") and path.suffix != RECORDED_SUFFIX]
        rest = [path for path in (*rest, *kept_models(weights_cache())) if path not in known]
    return verified + [Verified(path, "", path.stat().st_size, UNKNOWN) for path in rest]


def _converted(card: ModelCard) -> list[Verified]:
    """The converted model of a card, if the cache holds it."""
    paths = {file.name: cached_path(file) for file in card.files}
    if card.conversion is None or not all(path.is_file() for path in paths.values()):
        return []
    path = converted_path(card, paths, weights_cache())
    if not path.is_file():
        return []
    if is_whole(path):
        return [Verified(path, card.name, path.stat().st_size, OK)]
    reason = "its content has changed since it was converted"
    return [
        Verified(
            path, card.name, path.stat().st_size, WRONG, reason, f"`posec3d models pull {card.name}` makes it anew"
        )
    ]


def remove_leftovers() -> None:
    """Remove partial downloads from the cache that are old or complete elsewhere."""
    if weights_cache().is_dir():
        with contextlib.suppress(CannotWrite), staging(weights_cache()):
            pass


def _verify(path: Path, card: ModelCard, file: WeightFile, places: list[Path]) -> Verified:
    size = path.stat().st_size
    try:
        expected, sha256 = expected_of(file, places), sha256_of(path)
    except OSError as error:
        return Verified(path, card.name, size, WRONG, f"it cannot be read: {error.strerror}")
    except WeightsCorrupt as error:
        return Verified(path, card.name, size, WRONG, error.what, error.hint)
    if expected.fits(sha256):
        return Verified(path, card.name, size, OK if expected.whole else NOT_RECORDED)
    anew = f"delete it, and `posec3d models pull {card.name}` fetches it again"
    if expected.recorded is not None:
        anew += f"; where the new content is the one that you want, delete {expected.recorded} instead"
    return Verified(path, card.name, size, WRONG, f"expected {expected}\ngot      {sha256}, {size} bytes", anew)
