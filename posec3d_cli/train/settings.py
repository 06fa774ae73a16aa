"""Everything that decides what a training learns: what two starts of one training must have in common."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

from posec3d_cli.train.examples import Example

if TYPE_CHECKING:
    from posec3d_cli.train.run import Training


def settings_of(
    training: Training, learned: Sequence[Example], held: Sequence[Example], classes: Sequence[str], precision: str
) -> dict[str, Any]:
    """Everything that decides what a training learns, as plain values to compare with those of another start."""
    settings = {
        **asdict(training.recipe),
        "options of the network": training.network,
        "number of networks": training.networks,
        "window": training.window_seconds,
        "people": training.people,
        "precision": precision,
        "model to begin from": training.start.card.name if training.start else "",
        "list of actions": list(classes),
        "clips to train on": _digest(learned),
        "clips to validate on": _digest(held),
    }
    plain: dict[str, Any] = json.loads(json.dumps(settings))
    return plain


def _digest(examples: Sequence[Example]) -> str:
    """Of the names, labels and poses of clips, with how many there are."""
    hasher = hashlib.sha256()
    for example in examples:
        hasher.update(f"{example.name}\0{example.label}\0".encode("utf-8", "surrogateescape"))
        hasher.update(example.keypoints.tobytes())
        hasher.update(example.scores.tobytes())
    return f"{len(examples)} clips, {hasher.hexdigest()[:16]}"
