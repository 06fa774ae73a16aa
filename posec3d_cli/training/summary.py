"""Trained: the facts of a training that its model card states."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from posec3d_cli.training.config import TrainingConfig


@dataclass(frozen=True)
class Trained:
    """The facts of a training that its model card states.

    Attributes:
        classes: the labels in the order of the network's outputs.
        network: the options of the network.
        config: the settings of the training.
        command: the command line.
        pretrained: the name of the model that was fine-tuned; empty for none.
        clips: number of clips by source, for "training" and "held_out" (validation).
        history: the metrics of every epoch, one table each.
        figures: the final metrics on the validation clips.
        temperature: the divisor of the logits.
        device: the device of training and evaluation.
        precision: the precision of training and evaluation.
        learned_from: digests of the training clips, see `posec3d_cli.training.seen`.
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
