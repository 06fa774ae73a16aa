"""Training: one training run, and the settings that it must share with the checkpoint that it resumes."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any

from posec3d_cli.datasets.clips import LabeledClip
from posec3d_cli.training.config import TrainingConfig
from posec3d_cli.training.finetune import Pretrained


def settings_of(
    training: Training,
    training_clips: Sequence[LabeledClip],
    validation_clips: Sequence[LabeledClip],
    classes: Sequence[str],
    precision: str,
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
        "clips to train on": _digest(training_clips),
        "clips to validate on": _digest(validation_clips),
    }
    plain: dict[str, Any] = json.loads(json.dumps(settings))
    return plain


def _digest(examples: Sequence[LabeledClip]) -> str:
    """Of the names, labels and poses of clips, with how many there are."""
    hasher = hashlib.sha256()
    for example in examples:
        hasher.update(f"{example.name}\0{example.label}\0".encode("utf-8", "surrogateescape"))
        hasher.update(example.keypoints.tobytes())
        hasher.update(example.scores.tobytes())
    return f"{len(examples)} clips, {hasher.hexdigest()[:16]}"


@dataclass(frozen=True)
class Training:
    """How to train.

    Attributes:
        recipe: the settings of the loop, and the kind of network.
        network: options of the network.
        networks: how many of them are trained, from different first weights; the model averages their answers.
        window_seconds: the stretch that the classifier reads at once; None for the whole video.
        people: "together" or "each".
        held_out: of the clips whose part is not settled, the part to validate on, drawn by `split`.
        command: what was typed.
        start: a model to begin from; None begins from chance.
    """

    recipe: TrainingConfig
    network: dict[str, Any]
    networks: int = 1
    window_seconds: float | None = None
    people: str = "each"
    held_out: float = 0.1
    command: str = ""
    start: Pretrained | None = None
