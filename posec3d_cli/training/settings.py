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
    """All settings that decide the result of a training, as plain values to compare with those of a checkpoint."""
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
    """The number of clips and a digest of their names, labels and poses."""
    hasher = hashlib.sha256()
    for clip in clips:
        hasher.update(f"{clip.name}\0{clip.label}\0".encode("utf-8", "surrogateescape"))
        hasher.update(clip.keypoints.tobytes())
        hasher.update(clip.scores.tobytes())
    return f"{len(clips)} clips, {hasher.hexdigest()[:16]}"


@dataclass(frozen=True)
class Training:
    """One training run.

    Attributes:
        config: the settings of the loop, the architecture and its input.
        network: options of the network.
        networks: number of networks, trained from different initial weights; the model averages their predictions.
        held_out: the share of the clips without a split to validate on, chosen by `split`.
        command: the command line.
        pretrained: a model to fine-tune; None: random initial weights.
    """

    config: TrainingConfig
    network: dict[str, Any]
    networks: int = 1
    held_out: float = 0.1
    command: str = ""
    pretrained: Pretrained | None = None
