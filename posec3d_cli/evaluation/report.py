"""Report: the answer to every evaluated clip, and the accuracy, confusion and calibration that follow."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from posec3d_cli.evaluation.metrics import coverage, expected_calibration_error, mean_class_interval, wilson
from posec3d_cli.types import Floats, Ints

LEAST_SCORES = (0.3, 0.5, 0.7, 0.9)
"""Those that a report looks at."""

BEST = 5
"""How many labels of an answer are kept."""


@dataclass(frozen=True)
class Answer:
    """What a clip was called.

    Attributes:
        clip: its name.
        truth: its class.
        best: at most BEST labels with their probabilities, best first; none where nobody was found.
    """

    clip: str
    truth: str
    best: tuple[tuple[str, float], ...]

    @property
    def label(self) -> str:
        """The best label; empty where nobody was found."""
        return self.best[0][0] if self.best else ""

    @property
    def confidence(self) -> float:
        """The probability of the best label; 0 where nobody was found."""
        return self.best[0][1] if self.best else 0.0

    @property
    def right(self) -> bool:
        """Whether the best label is the true one."""
        return self.label == self.truth


@dataclass(frozen=True)
class ClassFigures:
    """How well one class was told apart.

    Attributes:
        label: the class.
        clips: that are of it.
        named: clips that were called by it.
        right: both.
    """

    label: str
    clips: int
    named: int
    right: int

    @property
    def recall(self) -> float | None:
        """The part of its clips that was called by it; None without clips."""
        return self.right / self.clips if self.clips else None

    @property
    def precision(self) -> float | None:
        """The part of what was called by it that is of it; None where nothing was."""
        return self.right / self.named if self.named else None

    @property
    def f1(self) -> float | None:
        """The harmonic mean of both; None where neither exists."""
        return 2 * self.right / (self.clips + self.named) if self.clips + self.named else None


@dataclass(frozen=True)
class Pair:
    """Two classes of which clips of the first were taken for the second; the surest mistakes come first."""

    truth: str
    named: str
    clips: tuple[str, ...]


@dataclass(frozen=True, eq=False)
class Report:
    """What was measured. Clips in which nobody was found count as mistakes.

    Attributes:
        labels: the classes, in the classifier's order.
        answers: at least one; every truth and every answer is among the labels.
    """

    labels: tuple[str, ...]
    answers: tuple[Answer, ...]

    @property
    def clips(self) -> int:
        """The number of clips."""
        return len(self.answers)

    @cached_property
    def confusion(self) -> Ints:
        """`(C, C)` int64, clips of class row that were called class column; those of nobody are in no column."""
        place = {label: number for number, label in enumerate(self.labels)}
        counts = np.zeros((len(self.labels), len(self.labels)), np.int64)
        for one in self.answers:
            if one.best:
                counts[place[one.truth], place[one.label]] += 1
        return counts

    @cached_property
    def missed(self) -> Ints:
        """`(C,)` int64, clips of each class in which nobody was found."""
        lost = [one.truth for one in self.answers if not one.best]
        return np.array([lost.count(label) for label in self.labels], np.int64)

    @property
    def wrong(self) -> tuple[Answer, ...]:
        """The mistakes."""
        return tuple(one for one in self.answers if not one.right)

    @property
    def nobody(self) -> tuple[str, ...]:
        """The clips in which nobody was found."""
        return tuple(one.clip for one in self.answers if not one.best)

    @property
    def confidences(self) -> Floats:
        """`(R,)` float32 the probabilities of the best labels, of clips in which somebody was found."""
        return np.array([one.confidence for one in self.answers if one.best], np.float32)

    @property
    def correct(self) -> NDArray[np.bool_]:
        """`(R,)` whether these labels are right."""
        return np.array([one.right for one in self.answers if one.best], np.bool_)

    @property
    def top1(self) -> float:
        """The part of the clips that was named rightly."""
        return sum(one.right for one in self.answers) / self.clips

    @property
    def interval(self) -> tuple[float, float]:
        """The 95 % interval of `top1`."""
        return wilson(sum(one.right for one in self.answers), self.clips)

    @property
    def top5(self) -> int:
        """Clips whose class was among the five best."""
        return sum(any(label == one.truth for label, _ in one.best) for one in self.answers)

    @property
    def top5_interval(self) -> tuple[float, float]:
        """The 95 % interval of the part `top5` of the clips."""
        return wilson(self.top5, self.clips)

    @cached_property
    def classes(self) -> tuple[ClassFigures, ...]:
        """The classes that have clips or were answered."""
        clips = self.confusion.sum(axis=1) + self.missed
        rows = zip(self.labels, clips.tolist(), self.confusion.sum(axis=0).tolist(), strict=True)
        right = np.diag(self.confusion).tolist()
        return tuple(ClassFigures(*row, hits) for row, hits in zip(rows, right, strict=True) if row[1] or row[2])

    @property
    def mean_class(self) -> float:
        """The mean over classes that have clips of the part of them that was named rightly."""
        recalls = [one.recall for one in self.classes if one.recall is not None]
        return sum(recalls) / len(recalls)

    @cached_property
    def mean_class_interval(self) -> tuple[float, float] | None:
        """The 95 % interval of `mean_class`; None where it would have no width."""
        there = [one for one in self.classes if one.clips]
        return mean_class_interval(np.array([one.right for one in there]), np.array([one.clips for one in there]))

    def pairs(self, most: int) -> list[Pair]:
        """The classes that were taken for another most often, at most so many."""
        together: dict[tuple[str, str], list[Answer]] = {}
        for one in self.wrong:
            if one.best:
                together.setdefault((one.truth, one.label), []).append(one)
        often = sorted(together.items(), key=lambda item: (-len(item[1]), item[0]))[:most]
        return [Pair(*both, tuple(one.clip for one in _surest_first(some))) for both, some in often]

    @property
    def calibration_error(self) -> float | None:
        """The expected calibration error of the clips in which somebody was found; None where nobody ever was."""
        return expected_calibration_error(self.confidences, self.correct) if len(self.confidences) else None

    @property
    def thresholds(self) -> list[tuple[float, float, float | None]]:
        """What `--min-score` would do: (least score, part of the clips named, part of these right)."""
        return coverage(self.confidences, self.correct, LEAST_SCORES) if len(self.confidences) else []

    def figures(self) -> dict[str, Any]:
        """The report as plain values for JSON, but for the answers to clips that were named rightly."""
        return {
            "clips": self.clips,
            "top1": round(self.top1, 4),
            "top1_interval": _rounded(self.interval),
            "top5": round(self.top5 / self.clips, 4),
            "top5_interval": _rounded(self.top5_interval),
            "mean_class": round(self.mean_class, 4),
            "mean_class_interval": None if self.mean_class_interval is None else _rounded(self.mean_class_interval),
            "nobody": list(self.nobody),
            "calibration_error": None if self.calibration_error is None else round(self.calibration_error, 4),
            "min_score": [
                {"min_score": least, "named": round(named, 4), "right": None if right is None else round(right, 4)}
                for least, named, right in self.thresholds
            ],
            "classes": [
                {
                    "label": one.label,
                    "clips": one.clips,
                    "named": one.named,
                    "right": one.right,
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
                    "truth": one.truth,
                    "named": one.label or None,
                    "probability": round(one.confidence, 4),
                }
                for one in self.wrong
            ],
        }


def _surest_first(answers: Sequence[Answer]) -> list[Answer]:
    return sorted(answers, key=lambda one: -one.confidence)


def _rounded(interval: tuple[float, float]) -> list[float]:
    return [round(edge, 4) for edge in interval]
