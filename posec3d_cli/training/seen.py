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
    """The digests of a clip's poses and, if known, of its file: copies of either are recognized."""
    poses = digest(clip).hex()
    return {value[:_LENGTH] for value in (poses, clip.sha256) if value}


def learned_from(folders: Iterable[Path]) -> frozenset[str]:
    """The digests of the training clips of the models in these folders; none for a model without a record.

    Raises:
        BadCard: a record is damaged.
    """
    return frozenset(value for folder in folders for value in _read(folder / RECORD))


def seen(clips: Sequence[LabeledClip], known: frozenset[str]) -> list[str]:
    """The names of the clips whose digests are in `known`."""
    return [clip.name for clip in clips if known and digests(clip) & known]


def _read(file: Path) -> list[str]:
    if not file.is_file():
        return []
    try:
        record: Any = json.loads(file.read_text(encoding="utf-8"))
        values = record.get(LEARNED, [])
    except (OSError, ValueError, AttributeError) as error:
        raise BadCard(f"{file} cannot be read: {error}") from error
    if not isinstance(values, list) or not all(isinstance(value, str) for value in values):
        raise BadCard(f"{file}: {LEARNED} must be a list of digests")
    return values
