"""OpenSetReport: how well scores tell clips of other actions from clips of the actions of a classifier."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any, Self

from posec3d_cli.evaluation.metrics import area_under_roc, count_below, wilson
from posec3d_cli.evaluation.predictions import ClipPrediction
from posec3d_cli.results import UNKNOWN

THRESHOLDS = tuple(step / 100 for step in range(101))
"""The values of `min_score` that the curve has."""


@dataclass(frozen=True)
class Threshold:
    """The effect of one `min_score`.

    Attributes:
        min_score: where the best action scores less, the answer is `unknown`.
        unknown: the number of clips of other actions with the answer `unknown`.
        others: the number of clips of other actions, at least 1.
        lost: the number of clips whose best action is correct, with the answer `unknown`.
        correct: the number of clips whose best action is correct.
    """

    min_score: float
    unknown: int
    others: int
    lost: int
    correct: int

    @property
    def unknown_share(self) -> tuple[float, tuple[float, float]]:
        """The share of the clips of other actions with the answer `unknown`, and its 95 % interval."""
        return self.unknown / self.others, wilson(self.unknown, self.others)

    @property
    def lost_share(self) -> tuple[float, tuple[float, float]] | None:
        """The share of the correct answers that are lost, and its 95 % interval; None if no answer is correct."""
        return (self.lost / self.correct, wilson(self.lost, self.correct)) if self.correct else None

    def figures(self) -> dict[str, Any]:
        """The values for JSON."""
        share, interval = self.unknown_share
        found: dict[str, Any] = {
            "min_score": self.min_score,
            "unknown": round(share, 4),
            "unknown_interval": [round(edge, 4) for edge in interval],
            "lost": None,
            "lost_interval": None,
        }
        if self.lost_share is not None:
            share, interval = self.lost_share
            found |= {"lost": round(share, 4), "lost_interval": [round(edge, 4) for edge in interval]}
        return found


@dataclass(frozen=True, eq=False)
class OpenSetReport:
    """The scores of clips of the classifier's actions, and of clips of other actions.

    The answer is `unknown` without a person, where `unknown` is itself the best label, and where the best label is less
    probable than the threshold.

    Attributes:
        known: the predictions for clips of the classifier's actions.
        others: the predictions for clips of other actions, at least one.
        min_score: of the classifier.
    """

    known: tuple[ClipPrediction, ...]
    others: tuple[ClipPrediction, ...]
    min_score: float

    @classmethod
    def of(cls, predictions: Sequence[ClipPrediction], others: Sequence[ClipPrediction], min_score: float) -> Self:
        """The report on labeled clips, of which those with the label `unknown` are no known action, and on others."""
        known = tuple(one for one in predictions if one.ground_truth != UNKNOWN)
        return cls(known, tuple(others), min_score)

    @property
    def no_person(self) -> tuple[str, ...]:
        """The names of the clips of other actions without a person."""
        return tuple(one.clip for one in self.others if not one.best)

    @property
    def auroc(self) -> float | None:
        """The share of pairs of a known and another clip of which the known one scores more; None without known clips.

        Equal scores count one half. See `ClipPrediction.score`.
        """
        if not self.known:
            return None
        return area_under_roc([one.score for one in self.known], [one.score for one in self.others])

    def at(self, min_score: float) -> Threshold:
        """The effect of one `min_score`."""
        [found] = self._at([min_score])
        return found

    @cached_property
    def curve(self) -> tuple[Threshold, ...]:
        """The effect of each of THRESHOLDS."""
        return tuple(self._at(THRESHOLDS))

    def _at(self, thresholds: Sequence[float]) -> list[Threshold]:
        others = [one.least for one in self.others]
        correct = [one.least for one in self.known if one.known[0] == one.ground_truth]
        pairs = zip(thresholds, count_below(others, thresholds), count_below(correct, thresholds), strict=True)
        return [Threshold(least, unknown, len(others), lost, len(correct)) for least, unknown, lost in pairs]

    def figures(self) -> dict[str, Any]:
        """The report as plain values for JSON."""
        return {
            "clips": len(self.others),
            "known_clips": len(self.known),
            "no_person": list(self.no_person),
            "auroc": None if self.auroc is None else round(self.auroc, 4),
            **self.at(self.min_score).figures(),
            "curve": [one.figures() for one in self.curve],
        }
