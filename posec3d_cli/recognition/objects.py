"""ObjectReading: what people hold and stand beside, added to what a classifier says of their poses.

A linear reading of `posec3d_cli.transforms.object_features`: each class of objects, seen and at a hand, makes each
action more or less likely. The sums are added to the logarithms of the classifier's probabilities. It has no
constants, so where no object is seen, or nothing but people was looked for, the answer is that of the poses alone.
"""

from __future__ import annotations

import csv
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Self

import numpy as np

from posec3d_cli.errors import BadCard
from posec3d_cli.transforms.object_features import FEATURES, object_features
from posec3d_cli.types import ActionScores, Floats, PoseSequence

_HEADER = ("object", "feature")
SHOWN = 0.1  # the smallest feature at a hand that is told
_FLOOR = 1e-6  # of a probability, before its logarithm is taken


@dataclass(frozen=True, eq=False)
class ObjectReading:
    """What each class of objects says of each action.

    Attributes:
        names: C classes of objects.
        labels: L labels of the classifier.
        weights: `(2, C, L)` float32: what a feature of 1 adds to the logarithm of a label's probability, for each of
            `posec3d_cli.transforms.object_features.FEATURES`.
    """

    names: tuple[str, ...]
    labels: tuple[str, ...]
    weights: Floats

    def scaled(self, strength: float) -> ObjectReading:
        """The same with all weights multiplied by `strength`."""
        return replace(self, weights=(self.weights * strength).astype(np.float32))

    def for_labels(self, labels: Sequence[str]) -> ObjectReading:
        """The same for a classifier of these labels; of those that are new here, objects say nothing."""
        weights = np.zeros((*self.weights.shape[:2], len(labels)), np.float32)
        for place, label in enumerate(labels):
            if label in self.labels:
                weights[:, :, place] = self.weights[:, :, self.labels.index(label)]
        return replace(self, labels=tuple(labels), weights=weights)

    def moves(self, features: Floats) -> Floats:
        """`(C, L)`: what each class adds to the logarithm of each label's probability, of `(2, C)` features."""
        moved: Floats = np.einsum("fc,fcl->cl", features, self.weights)
        return moved

    def features(self, sequence: PoseSequence) -> Floats | None:
        """`(2, C)` of the people in a window; None where nothing but people was looked for."""
        return object_features(sequence, self.names)

    def at_hand(self, features: Floats) -> tuple[tuple[str, float], ...]:
        """The classes at the hands of people, with their features, the surest first; those below 0.1 are left out."""
        near = features[FEATURES.index("at_hand")]
        order = np.argsort(-near, kind="stable")
        return tuple((self.names[place], float(near[place])) for place in order.tolist() if near[place] >= SHOWN)

    def apply(self, scores: ActionScores, features: Floats | None, weight: float = 1.0) -> ActionScores:
        """The scores of the poses, moved by the objects; the same where there are none.

        Args:
            scores: of the poses of one person, or of all together.
            features: of the objects, as `features` gives them.
            weight: the person's share in the answer of the window, from 0 to 1: of many people in the picture, it is
                the less certain whose the things are. The moves are multiplied by it.
        """
        if features is None or not features.any():
            return scores
        moves = weight * self.moves(features).sum(axis=0)
        moved = np.log(np.maximum(scores.probabilities, _FLOOR).astype(np.float64)) + moves
        powers = np.exp(moved - moved.max())
        return ActionScores((powers / powers.sum()).astype(np.float32), scores.labels, scores.of_poses.probabilities)

    @classmethod
    def read(cls, path: Path, labels: Sequence[str]) -> Self:
        """Read the table of a model folder: a row per class and feature, a column per label.

        Raises:
            BadCard: the table is none, or its columns are not the labels of the classifier.
        """
        with path.open(encoding="utf-8", newline="") as file:
            header, *rows = list(csv.reader(file)) or [[]]
        if tuple(header[:2]) != _HEADER or header[2:] != list(labels):
            raise BadCard(f"{path}: the columns must be object, feature and the {len(labels)} labels of the model")
        names = tuple(dict.fromkeys(row[0] for row in rows))
        weights = np.zeros((len(FEATURES), len(names), len(labels)), np.float32)
        try:
            for name, feature, *values in rows:
                weights[FEATURES.index(feature), names.index(name)] = np.array(values, np.float32)
        except ValueError as error:
            raise BadCard(f"{path}: {error}") from error
        if not np.isfinite(weights).all():
            raise BadCard(f"{path}: every weight must be a number")
        return cls(names, tuple(labels), weights)

    def write(self, path: Path) -> None:
        """Write the table that `read` reads."""
        with path.open("w", encoding="utf-8", newline="") as file:
            writer = csv.writer(file, lineterminator="\n")
            writer.writerow([*_HEADER, *self.labels])
            for place, name in enumerate(self.names):
                for number, feature in enumerate(FEATURES):
                    writer.writerow([name, feature, *(f"{value:.4g}" for value in self.weights[number, place])])
