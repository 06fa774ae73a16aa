"""The content of a report: counts, labels, confidence, failures and confusion of saved results."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from posec3d_cli.batch.find import InputFile
from posec3d_cli.batch.saved_results import SavedResult, SavedResults
from posec3d_cli.errors import BadDataset
from posec3d_cli.evaluation.ground_truth import read_ground_truth
from posec3d_cli.evaluation.predictions import ClipPrediction
from posec3d_cli.evaluation.report import EvaluationReport
from posec3d_cli.output.tables import DOUBTFUL_MARGIN, DOUBTFUL_SCORE
from posec3d_cli.results import FAILED, NO_PERSON, OK, UNKNOWN

BINS = 10
"""Of the distribution of confidence."""


@dataclass(frozen=True)
class LabelCount:
    """How often a label was answered.

    Attributes:
        label: the label.
        clips: the number of its clips.
        mean: their mean score.
        doubtful: the number of doubtful ones among them.
    """

    label: str
    clips: int
    mean: float
    doubtful: int


@dataclass(frozen=True, eq=False)
class ReportContent:
    """What a report says, but for its images.

    Attributes:
        saved: the results.
        truth: the ground truth by name of a clip; empty if none is given.
        evaluation: the accuracy on the clips with ground truth; None without any.
        parts: the number of rows of the ground truth about parts of clips or single people, which are not compared.
    """

    saved: SavedResults
    truth: Mapping[str, str] = field(default_factory=dict)
    evaluation: EvaluationReport | None = None
    parts: int = 0

    @classmethod
    def of(cls, saved: SavedResults, truth: Path | None = None, root: Path | None = None) -> ReportContent:
        """Compare results with a table of ground truth, if one is given.

        Raises:
            BadDataset: the table cannot be used, or names none of the clips that have a result.
        """
        if truth is None:
            return cls(saved)
        inputs = [InputFile(one.path or Path(one.name), one.name) for one in saved.results]
        ground_truth = read_ground_truth(truth, inputs, root=root)
        labels = ground_truth.labels
        predictions = tuple(
            ClipPrediction(one.name, labels[one.name], _best(one))
            for one in saved.results
            if one.name in labels and one.status != FAILED
        )
        if not predictions:
            raise BadDataset(
                f"{truth} has a label for no whole clip that has a result",
                hint="`posec3d label --truth` also compares parts of clips and single people",
            )
        known = {label for one in predictions for label, _ in one.best} | {one.ground_truth for one in predictions}
        return cls(saved, labels, EvaluationReport(tuple(sorted(known)), predictions), len(ground_truth.segments))

    @property
    def answered(self) -> list[SavedResult]:
        """The clips with an answer."""
        return [one for one in self.saved.results if one.status == OK and one.best]

    @property
    def failed(self) -> list[SavedResult]:
        """The clips that failed."""
        return [one for one in self.saved.results if one.status == FAILED]

    @property
    def counts(self) -> list[tuple[str, int]]:
        """The numbers of clips, by what became of them."""
        statuses = Counter(one.status for one in self.saved.results)
        return [
            ("clips", len(self.saved.results)),
            ("with an answer", len(self.answered)),
            ("of these unknown", sum(one.label == UNKNOWN for one in self.answered)),
            ("of these doubtful", sum(map(is_doubtful, self.answered))),
            ("without a person", statuses[NO_PERSON]),
            ("failed", statuses[FAILED]),
            ("corrected by a person", sum(bool(one.corrected) for one in self.saved.results)),
        ]

    @property
    def labels(self) -> list[LabelCount]:
        """Every answer, the most frequent first."""
        by_label: dict[str, list[SavedResult]] = {}
        for one in self.answered:
            by_label.setdefault(one.label, []).append(one)
        found = [
            LabelCount(label, len(mine), sum(one.score or 0.0 for one in mine) / len(mine), sum(map(is_doubtful, mine)))
            for label, mine in by_label.items()
        ]
        return sorted(found, key=lambda one: (-one.clips, one.label))

    @property
    def confidence(self) -> list[int]:
        """The numbers of clips by score, in BINS equal bins from 0 to 1."""
        bins = Counter(min(int((one.score or 0.0) * BINS), BINS - 1) for one in self.answered)
        return [bins[number] for number in range(BINS)]

    @property
    def reasons(self) -> list[tuple[str, list[str]]]:
        """The reasons of failures, and the warnings, each with the clips that it is about, the most frequent first."""
        by_reason: dict[str, list[str]] = {}
        for one in self.saved.results:
            if one.error:
                by_reason.setdefault(_without_name(one), []).append(one.name)
        return sorted(by_reason.items(), key=lambda item: (-len(item[1]), item[0]))

    def is_mistake(self, one: SavedResult) -> bool:
        """Whether the answer is not the ground truth."""
        return one.name in self.truth and one.label != self.truth[one.name]

    def worth_seeing(self, most: int) -> Sequence[SavedResult]:
        """The clips to show: mistakes, then the least certain answers, then clips without a person; at most `most`."""
        shown = [one for one in self.saved.results if one.status != FAILED]
        return sorted(shown, key=lambda one: (not self.is_mistake(one), one.score is None, one.score or 0.0))[:most]


def is_doubtful(one: SavedResult) -> bool:
    """Whether an answer is doubtful, as in the table of `label`."""
    first, second = (*(score for _, score in one.best[:2]), 0.0, 0.0)[:2]
    return bool(one.best) and (first < DOUBTFUL_SCORE or round(first - second, 6) < DOUBTFUL_MARGIN)


def _best(one: SavedResult) -> tuple[tuple[str, float], ...]:
    """The best labels; `unknown` comes first, with the score of the best label, if it is the answer."""
    if one.label != UNKNOWN:
        return one.best
    return ((UNKNOWN, one.best[0][1]), *(best for best in one.best if best[0] != UNKNOWN))


def _without_name(one: SavedResult) -> str:
    """The error of a clip without the clip's own path, so that equal reasons are equal."""
    return re.sub(rf"\S*{re.escape(one.name)}", "…", one.error)
