"""Trained: the facts of a training that its model card states."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from posec3d_cli.datasets.clips import BACKGROUND
from posec3d_cli.recognition.objects import ObjectReading
from posec3d_cli.training.config import TrainingConfig

NEW, KEPT, FITTED, EXTENDED = "new", "kept", "fitted", "extended"


@dataclass(frozen=True)
class Start:
    """What a training started from.

    Attributes:
        model: the name of the pretrained model.
        sha256: of its weights files.
        licence: of its card.
        data_terms: of its card.
        head: NEW, random weights; KEPT, the head of the pretrained model; FITTED on the features of its frozen
            backbone; or EXTENDED, fitted for more labels, with the backbone frozen for good.
        best_epochs: the epoch of each network whose weights are the model; 0: nothing was fine-tuned.
        frozen_statistics: whether batch normalisation kept the statistics of the pretrained model.
    """

    model: str
    sha256: Sequence[str]
    licence: str
    data_terms: str
    head: str
    best_epochs: Sequence[int]
    frozen_statistics: bool

    def sentences(self) -> str:
        """What the training started from and what was frozen, in words."""
        heads = {
            NEW: "its head was drawn anew",
            KEPT: "its head was kept",
            FITTED: "a new head was fitted on the features of its frozen backbone",
            EXTENDED: "its head was fitted anew for more labels",
        }
        begun = f"It started from {self.model}: {heads[self.head]}."
        if self.head == EXTENDED:
            return f"{begun} The backbone is frozen: it is that of {self.model}."
        if not self.best_epochs:
            return begun
        tuned = [epoch for epoch in self.best_epochs if epoch]
        if not tuned:
            return f"{begun} Fine-tuning made the validation no better, so the backbone is that of {self.model}."
        frozen = "the statistics of batch normalisation" if self.frozen_statistics else "nothing"
        tuning = f"Then the whole network was fine-tuned; {frozen} stayed frozen."
        return f"{begun} {tuning} The weights are those of epoch {', '.join(map(str, self.best_epochs))}."


@dataclass(frozen=True)
class Trained:
    """The facts of a training that its model card states.

    Attributes:
        classes: the label of each output of the network, of which several may be alike.
        network: the options of the network.
        config: the settings of the training.
        command: the command line.
        start: the pretrained model; None: random initial weights.
        clips: number of clips by source, for "training" and "held_out" (validation).
        history: the metrics of every epoch, one table each.
        figures: the final metrics on the validation clips.
        temperature: the divisor of the logits.
        min_score: the answer is `unknown` if the best action scores less.
        device: the device of training and evaluation.
        precision: the precision of training and evaluation.
        learned_from: digests of the training clips, see `posec3d_cli.training.seen`.
        objects: what objects mean to the model; None: it reads poses alone.
    """

    classes: Sequence[str]
    network: Mapping[str, Any]
    config: TrainingConfig
    command: str
    start: Start | None
    clips: Mapping[str, Mapping[str, int]]
    history: Sequence[Mapping[str, Any]]
    figures: Mapping[str, Any]
    temperature: float = 1.0
    min_score: float = 0.0
    device: str = "cpu"
    precision: str = "fp32"
    learned_from: Sequence[str] = ()
    objects: ObjectReading | None = None

    @property
    def actions(self) -> list[str]:
        """The labels without `unknown`, each once."""
        return [label for label in dict.fromkeys(self.classes) if label != BACKGROUND]
