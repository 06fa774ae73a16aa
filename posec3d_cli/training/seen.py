"""Digests of training clips, kept in the model folder, so that evaluation can tell clips that were trained on."""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

from posec3d_cli.datasets.checks import digest
from posec3d_cli.datasets.clips import LabeledClip
from posec3d_cli.errors import BadCard

RECORD = "training.json"
LEARNED = "learned_from"
"""The key of the digests in RECORD."""

_LENGTH = 16  # hexadecimal digits: among a million clips two alike have a chance of one in 37 million


def digests(clip: LabeledClip) -> set[str]:
    """Of a clip's poses and, where it is known, of the file that they are from: copies of either are recognized."""
    poses = digest(clip).hex()
    return {one[:_LENGTH] for one in (poses, clip.sha256) if one}


def learned_from(folders: Iterable[Path]) -> frozenset[str]:
    """The digests of the clips that the models in these folders were trained on; none where a model does not say.

    Raises:
        BadCard: a record is damaged.
    """
    return frozenset(one for folder in folders for one in _read(folder / RECORD))


def seen(clips: Sequence[LabeledClip], known: frozenset[str]) -> list[str]:
    """The names of the clips that are among those with the digests `known`."""
    return [one.name for one in clips if known and digests(one) & known]


def _read(file: Path) -> list[str]:
    if not file.is_file():
        return []
    try:
        record: Any = json.loads(file.read_text(encoding="utf-8"))
        values = record.get(LEARNED, [])
    except (OSError, ValueError, AttributeError) as error:
        raise BadCard(f"{file} cannot be read: {error}") from error
    if not isinstance(values, list) or not all(isinstance(one, str) for one in values):
        raise BadCard(f"{file}: {LEARNED} must be a list of digests")
    return values
