"""What `posec3d label` says at the end: how often each label was given, what is doubtful, where the table is."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
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


def print_results(results: Sequence[TimedResult], output: Path, min_score: float) -> bool:
    """Print a summary of all results; return whether none failed."""
    from posec3d_cli.output import tables
    from posec3d_cli.output.tables import is_unknown

    counts = Counter(result.status for result, _ in results)
    failures = [(result.name, result.error.what) for result, _ in results if result.error is not None]
    print_summary(counts, failures)
    rows = (tables.row(timed, min_score=min_score) for timed in results)
    answered = [cells for cells in rows if cells["score"] is not None]
    if answered:
        _print_labels(answered)
    if warned := sum(bool(result.warnings) for result, _ in results):
        said = "answer comes" if warned == 1 else "answers come"
        note("note", f"{warned} {said} with a warning, in the column error")
    if unsure := sum(is_unknown(result, min_score) for result, _ in results):
        said = f"of {counted(len(answered), 'answer')} {'is' if unsure == 1 else 'are'} unknown"
        own = ", or unknown scores most" if any(is_unknown(result, 0.0) for result, _ in results) else ""
        note("note", f"{unsure} {said}: the best action scores less than {min_score:g}{own}")
    typer.echo(f"\ntable: {one_line(str(output))}")
    return not failures


def _print_labels(answered: Sequence[dict[str, Any]]) -> None:
    """Print the number of clips per label, and the least certain results."""
    labels = Counter(cells["label"] for cells in answered)
    rows = []
    for label, count in sorted(labels.items(), key=lambda one: (-one[1], one[0])):
        mine = [cells for cells in answered if cells["label"] == label]
        mean = sum(cells["score"] for cells in mine) / count
        rows.append([one_line(label), str(count), f"{mean:.2f}", str(sum(cells["doubtful"] for cells in mine))])
    typer.echo()
    print_table(["label", "videos", "mean score", "doubtful"], rows)
    doubtful = sorted((cells for cells in answered if cells["doubtful"]), key=lambda cells: cells["margin"])
    if not doubtful:
        return
    typer.echo()
    print_table(
        ["doubtful", "label", "score", "margin"],
        [
            [one_line(cells["video"]), one_line(cells["label"]), f"{cells['score']:.2f}", f"{cells['margin']:.2f}"]
            for cells in doubtful[:MOST_DOUBTFUL]
        ],
    )
    if len(doubtful) > MOST_DOUBTFUL:
        typer.echo(f"and {len(doubtful) - MOST_DOUBTFUL} more, by the column doubtful")


def print_accuracy(
    results: Sequence[TimedResult],
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
