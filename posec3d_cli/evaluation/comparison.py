"""Comparison of classifiers on the same clips: McNemar's exact test against the first."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Self

from posec3d_cli.evaluation.report import EvaluationReport


@dataclass(frozen=True)
class PairedTest:
    """McNemar's exact test of two classifiers on the same clips (Psychometrika 12, 1947).

    Attributes:
        only_first: the number of clips that only the first classifier answers correctly.
        only_other: the number of clips that only the other one answers correctly.
        p: the probability of so unequal numbers, or more so, if both are as accurate: two-sided, by the binomial
            distribution. 1 where no clip differs.
    """

    only_first: int
    only_other: int
    p: float

    @classmethod
    def of(cls, first: EvaluationReport, other: EvaluationReport) -> Self:
        """The test of two reports on the same clips.

        Raises:
            ValueError: the clips differ.
        """
        from scipy.stats import binomtest  # half a second, that only a report needs

        pairs = list(zip(first.predictions, other.predictions, strict=True))
        if any((a.clip, a.ground_truth) != (b.clip, b.ground_truth) for a, b in pairs):
            raise ValueError("the reports are not about the same clips in the same order")
        only_first = sum(a.correct and not b.correct for a, b in pairs)
        only_other = sum(b.correct and not a.correct for a, b in pairs)
        differ = only_first + only_other
        p = float(binomtest(min(only_first, only_other), differ).pvalue) if differ else 1.0
        return cls(only_first, only_other, p)


@dataclass(frozen=True, eq=False)
class ComparedClassifier:
    """A classifier in a comparison.

    Attributes:
        name: as the user called it.
        report: of its predictions.
        test: against the first classifier; None for the first.
    """

    name: str
    report: EvaluationReport
    test: PairedTest | None = None

    def figures(self) -> dict[str, Any]:
        """The figures of the table as plain values for JSON."""
        kept = ("clips", "top1", "top1_interval", "top5", "top5_interval", "mean_class", "mean_class_interval")
        figures = self.report.figures()
        found = {"classifier": self.name, **{name: figures[name] for name in kept}}
        if self.test is None:
            return found
        test = self.test
        return found | {"mcnemar": {"only_first": test.only_first, "only_this": test.only_other, "p": test.p}}
