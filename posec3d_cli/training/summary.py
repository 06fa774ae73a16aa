"""Trained: what a model card says about a training."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from posec3d_cli.training.config import TrainingConfig


@dataclass(frozen=True)
class Trained:
    """What a card says about a training.

    Attributes:
        classes: the labels in the order of the network's outputs.
        network: the options of the network.
        config: the settings of the training.
        command: what was typed.
        pretrained: the name of the model that was fine-tuned; empty for none.
        clips: how many, by source, for "training" and "held_out".
        history: what was known after every epoch, one table each.
        figures: what was measured on the held-out clips in the end.
        temperature: the logits are divided by it.
        device: where it was trained and measured.
        precision: of the training steps and of what was measured.
        learned_from: digests of the clips that were learnt from, see `posec3d_cli.training.seen`.
    """

    classes: Sequence[str]
    network: Mapping[str, Any]
    config: TrainingConfig
    command: str
    pretrained: str
    clips: Mapping[str, Mapping[str, int]]
    history: Sequence[Mapping[str, Any]]
    figures: Mapping[str, Any]
    temperature: float = 1.0
    device: str = "cpu"
    precision: str = "fp32"
    learned_from: Sequence[str] = ()
