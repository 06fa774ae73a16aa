"""EvaluationReport: the prediction for each clip, and accuracy, confusion matrix and calibration."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from posec3d_cli.evaluation.metrics import (
    coverage,
    error_if_calibrated,
    expected_calibration_error,
    mean_class_interval,
    wilson,
)
from posec3d_cli.evaluation.predictions import ClipPrediction
from posec3d_cli.types import Floats, Ints

MIN_SCORES = (0.3, 0.5, 0.7, 0.9)
"""The values of `--min-score` that a report has, besides that of the classifier."""


@dataclass(frozen=True)
class ClassMetrics:
    """Precision and recall of one class.

    Attributes:
        label: the class.
        clips: the number of clips of the class.
        predicted: the number of clips that were predicted as the class.
        correct: the number of clips of the class that were predicted as the class.
    """

    label: str
    clips: int
    predicted: int
    correct: int

    @property
    def recall(self) -> float | None:
        """The share of the clips of the class that were predicted as it; None without clips."""
        return self.correct / self.clips if self.clips else None

    @property
    def precision(self) -> float | None:
        """The share of correct predictions of the class; None if no clip was predicted as it."""
        return self.correct / self.predicted if self.predicted else None

    @property
    def f1(self) -> float | None:
        """The harmonic mean of precision and recall; None if neither exists."""
        return 2 * self.correct / (self.clips + self.predicted) if self.clips + self.predicted else None


@dataclass(frozen=True)
class ConfusedPair:
    """Two classes, and the clips of the first that were predicted as the second, most confident mistakes first."""

    ground_truth: str
    predicted: str
    clips: tuple[str, ...]


@dataclass(frozen=True, eq=False)
class EvaluationReport:
    """The results of an evaluation. Clips without a person count as mistakes.

    Attributes:
        labels: the C classes, in the order of the classifier.
        predictions: one per clip, at least one; all labels in them are among `labels`.
        min_score: of the classifier; no figure but `thresholds` depends on it.
    """

    labels: tuple[str, ...]
    predictions: tuple[ClipPrediction, ...]
    min_score: float = 0.0

    @property
    def clips(self) -> int:
        """The number of clips."""
        return len(self.predictions)

    @cached_property
    def confusion(self) -> Ints:
        """The confusion matrix, `(C, C)` int64: clips by class (row) and predicted class (column).

        Clips without a person are in no column.
        """
        place = {label: number for number, label in enumerate(self.labels)}
        counts = np.zeros((len(self.labels), len(self.labels)), np.int64)
        for one in self.predictions:
            if one.best:
                counts[place[one.ground_truth], place[one.label]] += 1
        return counts

    @cached_property
    def without_person(self) -> Ints:
        """`(C,)` int64, the number of clips of each class without a person."""
        lost = [one.ground_truth for one in self.predictions if not one.best]
        return np.array([lost.count(label) for label in self.labels], np.int64)

    @property
    def mistakes(self) -> tuple[ClipPrediction, ...]:
        """The predictions that are not correct."""
        return tuple(one for one in self.predictions if not one.correct)

    @property
    def no_person(self) -> tuple[str, ...]:
        """The names of the clips without a person."""
        return tuple(one.clip for one in self.predictions if not one.best)

    @property
    def confidences(self) -> Floats:
        """`(R,)` float32, the probability of the best label of each clip with a person."""
        return np.array([one.confidence for one in self.predictions if one.best], np.float32)

    @property
    def correct(self) -> NDArray[np.bool_]:
        """`(R,)` bool, whether the best label of each clip with a person is correct."""
        return np.array([one.correct for one in self.predictions if one.best], np.bool_)

    @property
    def top1(self) -> float:
        """Top-1 accuracy in [0, 1]."""
        return sum(one.correct for one in self.predictions) / self.clips

    @property
    def top1_interval(self) -> tuple[float, float]:
        """The 95 % confidence interval of `top1`."""
        return wilson(sum(one.correct for one in self.predictions), self.clips)

    @property
    def top5(self) -> int:
        """The number of clips whose class is among the five best labels."""
        return sum(any(label == one.ground_truth for label, _ in one.best) for one in self.predictions)

    @property
    def top5_interval(self) -> tuple[float, float]:
        """The 95 % confidence interval of the top-5 accuracy, `top5 / clips`."""
        return wilson(self.top5, self.clips)

    @cached_property
    def classes(self) -> tuple[ClassMetrics, ...]:
        """The metrics of each class that has clips or was predicted."""
        clips = self.confusion.sum(axis=1) + self.without_person
        rows = zip(self.labels, clips.tolist(), self.confusion.sum(axis=0).tolist(), strict=True)
        correct = np.diag(self.confusion).tolist()
        return tuple(ClassMetrics(*row, hits) for row, hits in zip(rows, correct, strict=True) if row[1] or row[2])

    @property
    def mean_class(self) -> float:
        """Mean class accuracy in [0, 1]: the mean recall of the classes that have clips."""
        recalls = [one.recall for one in self.classes if one.recall is not None]
        return sum(recalls) / len(recalls)

    @cached_property
    def mean_class_interval(self) -> tuple[float, float] | None:
        """The 95 % confidence interval of `mean_class`; None if it has no width."""
        there = [one for one in self.classes if one.clips]
        return mean_class_interval(np.array([one.correct for one in there]), np.array([one.clips for one in there]))

    def pairs(self, most: int) -> list[ConfusedPair]:
        """The most confused pairs of classes, at most `most` of them."""
        together: dict[tuple[str, str], list[ClipPrediction]] = {}
        for one in self.mistakes:
            if one.best:
                together.setdefault((one.ground_truth, one.label), []).append(one)
        often = sorted(together.items(), key=lambda item: (-len(item[1]), item[0]))[:most]
        return [ConfusedPair(*both, tuple(one.clip for one in _surest_first(some))) for both, some in often]

    @property
    def calibration_error(self) -> float | None:
        """The expected calibration error of the clips with a person; None if no clip has one."""
        return expected_calibration_error(self.confidences, self.correct) if len(self.confidences) else None

    @cached_property
    def error_if_calibrated(self) -> float | None:
        """The calibration error that chance gives as many clips of a perfectly calibrated model; None likewise."""
        return error_if_calibrated(self.confidences) if len(self.confidences) else None

    @cached_property
    def sources(self) -> dict[str, EvaluationReport]:
        """The report on the clips of each source, by its name; empty if all clips are of one source."""
        parts: dict[str, list[ClipPrediction]] = {}
        for one in self.predictions:
            parts.setdefault(one.source, []).append(one)
        if len(parts) == 1:
            return {}
        return {source: replace(self, predictions=tuple(part)) for source, part in parts.items()}

    @property
    def thresholds(self) -> list[tuple[float, float, float | None]]:
        """The effect of `--min-score`: (minimum score, share of clips with a label, accuracy of these).

        Of the clips with a person; a clip whose best label is `unknown` has no label.
        """
        least = [one.least for one in self.predictions if one.best]
        steps = sorted({*MIN_SCORES, self.min_score} - {0.0})
        return coverage(least, self.correct, steps) if least else []

    def _calibration(self) -> dict[str, float | None]:
        found = {"calibration_error": self.calibration_error, "error_if_calibrated": self.error_if_calibrated}
        return {name: None if value is None else round(value, 4) for name, value in found.items()}

    def figures(self) -> dict[str, Any]:
        """The report as plain values for JSON, without the correct predictions."""
        return {
            "clips": self.clips,
            "top1": round(self.top1, 4),
            "top1_interval": _rounded(self.top1_interval),
            "top5": round(self.top5 / self.clips, 4),
            "top5_interval": _rounded(self.top5_interval),
            "mean_class": round(self.mean_class, 4),
            "mean_class_interval": None if self.mean_class_interval is None else _rounded(self.mean_class_interval),
            "nobody": list(self.no_person),
            **self._calibration(),
            "sources": [
                {
                    "source": source,
                    "clips": part.clips,
                    "top1": round(part.top1, 4),
                    "top1_interval": _rounded(part.top1_interval),
                    **part._calibration(),
                }
                for source, part in self.sources.items()
            ],
            "min_score": [
                {
                    "min_score": least,
                    "named": round(predicted, 4),
                    "right": None if correct is None else round(correct, 4),
                }
                for least, predicted, correct in self.thresholds
            ],
            "classes": [
                {
                    "label": one.label,
                    "clips": one.clips,
                    "named": one.predicted,
                    "right": one.correct,
                    "precision": None if one.precision is None else round(one.precision, 4),
                    "recall": None if one.recall is None else round(one.recall, 4),
                    "f1": None if one.f1 is None else round(one.f1, 4),
                }
                for one in self.classes
            ],
            "confusion": {"labels": list(self.labels), "rows_are_truth": self.confusion.tolist()},
            "mistakes": [
                {
                    "clip": one.clip,
                    "truth": one.ground_truth,
                    "named": one.label or None,
                    "probability": round(one.confidence, 4),
                }
                for one in self.mistakes
            ],
        }


def _surest_first(predictions: Sequence[ClipPrediction]) -> list[ClipPrediction]:
    return sorted(predictions, key=lambda one: -one.confidence)


def _rounded(interval: tuple[float, float]) -> list[float]:
    return [round(edge, 4) for edge in interval]
