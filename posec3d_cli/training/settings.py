"""Training: one training run, and the settings that it must share with the checkpoint that it resumes."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import msgspec

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
        **msgspec.to_builtins(training.config),
        "options of the network": training.network,
        "number of networks": training.networks,
        "precision": precision,
        "pretrained model": training.pretrained.card.name if training.pretrained else "",
        "list of actions": list(classes),
        "clips to train on": _digest(training_clips),
        "clips to validate on": _digest(validation_clips),
    }
    plain: dict[str, Any] = json.loads(json.dumps(settings))
    return plain


def _digest(clips: Sequence[LabeledClip]) -> str:
    """Of the names, labels and poses of clips, with how many there are."""
    hasher = hashlib.sha256()
    for clip in clips:
        hasher.update(f"{clip.name}\0{clip.label}\0".encode("utf-8", "surrogateescape"))
        hasher.update(clip.keypoints.tobytes())
        hasher.update(clip.scores.tobytes())
    return f"{len(clips)} clips, {hasher.hexdigest()[:16]}"


@dataclass(frozen=True)
class Training:
    """How to train.

    Attributes:
        config: the settings of the loop, the kind of network and what it reads.
        network: options of the network.
        networks: how many of them are trained, from different first weights; the model averages their answers.
        held_out: of the clips whose part is not settled, the part to validate on, drawn by `split`.
        command: what was typed.
        pretrained: a model to fine-tune; None begins from random weights.
    """

    config: TrainingConfig
    network: dict[str, Any]
    networks: int = 1
    held_out: float = 0.1
    command: str = ""
    pretrained: Pretrained | None = None
