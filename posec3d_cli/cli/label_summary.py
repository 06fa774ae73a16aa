"""What `posec3d label` says at the end: how often each label was given, what is doubtful, where the table is."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator
from heapq import heappush, heappushpop
from pathlib import Path
from typing import TYPE_CHECKING, Any

import typer

from posec3d_cli.cli.batch_run import print_summary
from posec3d_cli.cli.progress import one_line
from posec3d_cli.cli.render import note, print_table
from posec3d_cli.errors import counted

if TYPE_CHECKING:
    from posec3d_cli.batch.state import RunState
    from posec3d_cli.evaluation.ground_truth import GroundTruth
    from posec3d_cli.hub.resolve import ResolvedPipeline
    from posec3d_cli.output.tables import TimedResult

MOST_DOUBTFUL = 10  # answers that are listed


def confusion_files(output: Path) -> list[Path]:
    """The files of the confusion matrix, beside the table."""
    return [output.with_suffix(".confusion.csv"), output.with_suffix(".confusion.png")]


class LabelSummary:
    """Counts results as they pass, so that none of them is kept.

    Args:
        min_score: where the best action scores less, the answer is `unknown`.
    """

    def __init__(self, min_score: float) -> None:
        self.min_score = min_score
        self.statuses: Counter[str] = Counter()
        self.failures: list[tuple[str, str]] = []
        self.warned = self.unsure = 0
        self.unknown_scores_most = False
        self.labels: Counter[str] = Counter()
        self.scores: Counter[str] = Counter()
        self.doubtful: Counter[str] = Counter()
        self.most_doubtful: list[tuple[float, int, dict[str, Any]]] = []

    def counted(self, results: Iterable[TimedResult]) -> Iterator[TimedResult]:
        """The same results; each is counted as it passes."""
        for timed in results:
            self._count(timed)
            yield timed

    def _count(self, timed: TimedResult) -> None:
        from posec3d_cli.output import tables

        result, _ = timed
        self.statuses[result.status] += 1
        if result.error is not None:
            self.failures.append((result.name, result.error.what))
        self.warned += bool(result.warnings)
        self.unsure += tables.is_unknown(result, self.min_score)
        self.unknown_scores_most |= tables.is_unknown(result, 0.0)
        cells = tables.row(timed, min_score=self.min_score)
        if cells["score"] is None:
            return
        self.labels[cells["label"]] += 1
        self.scores[cells["label"]] += cells["score"]
        if cells["doubtful"]:
            self.doubtful[cells["label"]] += 1
            # The first of two that are alike comes first, and leaves last.
            entry = (-cells["margin"], -self.doubtful.total(), cells)
            (heappush if len(self.most_doubtful) < MOST_DOUBTFUL else heappushpop)(self.most_doubtful, entry)

    def print(self, output: Path) -> bool:
        """Print what was counted; return whether none failed."""
        print_summary(self.statuses, self.failures)
        answered = self.labels.total()
        if answered:
            self._print_labels()
        if self.warned:
            said = "answer comes" if self.warned == 1 else "answers come"
            note("note", f"{self.warned} {said} with a warning, in the column error")
        if self.unsure:
            said = f"of {counted(answered, 'answer')} {'is' if self.unsure == 1 else 'are'} unknown"
            own = ", or unknown scores most" if self.unknown_scores_most else ""
            note("note", f"{self.unsure} {said}: the best action scores less than {self.min_score:g}{own}")
        typer.echo(f"\ntable: {one_line(str(output))}")
        return not self.failures

    def _print_labels(self) -> None:
        """Print the number of clips per label, and the least certain results."""
        rows = []
        for label, count in sorted(self.labels.items(), key=lambda one: (-one[1], one[0])):
            rows.append([one_line(label), str(count), f"{self.scores[label] / count:.2f}", str(self.doubtful[label])])
        typer.echo()
        print_table(["label", "videos", "mean score", "doubtful"], rows)
        doubtful = [cells for _, _, cells in sorted(self.most_doubtful, key=lambda one: one[:2], reverse=True)]
        if not doubtful:
            return
        typer.echo()
        print_table(
            ["doubtful", "label", "score", "margin"],
            [
                [one_line(cells["video"]), one_line(cells["label"]), f"{cells['score']:.2f}", f"{cells['margin']:.2f}"]
                for cells in doubtful
            ],
        )
        if self.doubtful.total() > len(doubtful):
            typer.echo(f"and {self.doubtful.total() - len(doubtful)} more, by the column doubtful")


def print_accuracy(
    results: Iterable[TimedResult],
    labels: GroundTruth,
    resolved: ResolvedPipeline,
    output: Path,
    run_state: RunState,
    *,
    overwrite: bool,
) -> None:
    """Print the accuracy, and write the confusion matrix beside the table."""
    from posec3d_cli.batch.outputs import written_by_run
    from posec3d_cli.evaluation.ground_truth import compare
    from posec3d_cli.evaluation.write import write_confusion

    compared = compare(results, labels, resolved.classifiers[0].distinct_labels, min_score=resolved.min_score)
    report, failed = compared.report, compared.failed
    for target in confusion_files(output):
        with written_by_run(target, run_state, overwrite=overwrite) as part:
            write_confusion(report, part)
    low, high = report.top1_interval
    correct = f"{compared.correct / compared.named:.1%}" if compared.named else "none"
    typer.echo(
        f"\ntop-1 {report.top1:.1%} ({low:.1%} to {high:.1%}), top-5 {report.top5 / report.clips:.1%}, "
        f"mean class {report.mean_class:.1%}, {counted(report.clips, 'video')}, no person in {len(report.no_person)}"
        + (f", {compared.unknown} unknown, {correct} of the other {compared.named} correct" if compared.unknown else "")
        + (f", {failed} failed and not counted" if failed else "")
        + f"; confusion in {one_line(str(confusion_files(output)[0]))}"
    )
