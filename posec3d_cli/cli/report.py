"""Print an evaluation as tables or JSON, and write its files."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

import typer

from posec3d_cli.cli.progress import one_line
from posec3d_cli.cli.render import note, print_table
from posec3d_cli.errors import counted, listed

if TYPE_CHECKING:
    from posec3d_cli.datasets.checks import DatasetReport, LabelObjects
    from posec3d_cli.datasets.labeled_dataset import UnreadableClip
    from posec3d_cli.evaluation.predictions import ClipPrediction
    from posec3d_cli.evaluation.report import EvaluationReport
SCHEMA, VERSION = "posec3d/evaluation", 1
"""Of `evaluate --json`."""
MOST_OBJECTS = 5  # classes of objects that are named for a label


def check_outputs(
    confusion: Sequence[Path], predictions: Path | None, scores: Sequence[Path] = (), *, overwrite: bool
) -> None:
    """Refuse files that cannot or must not be written, before anything is measured.

    Raises:
        typer.BadParameter: a file has no suffix that can be written, or two are the same.
        OutputError: see `posec3d_cli.files.writing.check_free`.
    """
    from posec3d_cli.evaluation.score_files import SCORE_SUFFIXES
    from posec3d_cli.evaluation.write import CONFUSION_SUFFIXES
    from posec3d_cli.files.writing import check_free

    for path in confusion:
        if path.suffix.lower() not in CONFUSION_SUFFIXES:
            raise typer.BadParameter(f"--confusion writes {' and '.join(CONFUSION_SUFFIXES)} files, got {path}")
    if predictions is not None and predictions.suffix.lower() != ".csv":
        raise typer.BadParameter(f"--predictions writes a .csv file, got {predictions}")
    for path in scores:
        if path.suffix.lower() not in SCORE_SUFFIXES:
            raise typer.BadParameter(f"--scores writes {' and '.join(SCORE_SUFFIXES)} files, got {path}")
    paths = [*confusion, *([predictions] if predictions else []), *scores]
    if len({path.absolute() for path in paths}) < len(paths):
        raise typer.BadParameter("two outputs have one name")
    for path in paths:
        check_free(path, overwrite=overwrite)


def write_files(
    report: EvaluationReport, unreadable: Sequence[UnreadableClip], confusion: Sequence[Path], predictions: Path | None
) -> None:
    """Write what was asked for."""
    from posec3d_cli.evaluation.write import write_confusion, write_predictions

    for path in confusion:
        write_confusion(report, path)
    if predictions is not None:
        write_predictions(report, unreadable, predictions)


def document(
    report: EvaluationReport, unreadable: Sequence[UnreadableClip], foreign: Mapping[str, int], pairs: int
) -> dict[str, Any]:
    """All of it as plain values.

    Args:
        report: what was measured.
        unreadable: clips that were not.
        foreign: the clips of labels that were left out.
        pairs: how many confused pairs are wanted.
    """
    return {
        "schema": SCHEMA,
        "version": VERSION,
        **report.figures(),
        "pairs": [
            {"truth": one.ground_truth, "named": one.predicted, "clips": list(one.clips)} for one in report.pairs(pairs)
        ],
        "answers": predictions_document(report.predictions),
        "unreadable": [asdict(one) for one in unreadable],
        "labels_left_out": dict(foreign),
    }


def predictions_document(predictions: Sequence[ClipPrediction]) -> list[dict[str, Any]]:
    """The predicted labels of each clip as plain values."""
    return [
        {
            "clip": one.clip,
            "truth": one.ground_truth,
            "labels": [{"label": label, "probability": round(score, 6)} for label, score in one.best],
        }
        for one in predictions
    ]


def print_report(
    report: EvaluationReport, unreadable: Sequence[UnreadableClip], foreign: Mapping[str, int], pairs: int
) -> None:
    """The classes, the most confused pairs and the figures as text; the arguments are those of `document`."""
    rows = []
    for number, label in enumerate(report.labels):
        figures = next((one for one in report.classes if one.label == label), None)
        if figures is None:
            continue
        others = [(int(count), column) for column, count in enumerate(report.confusion[number]) if column != number]
        often, worst = max(others, key=lambda one: one[0], default=(0, 0))
        taken = f"{report.labels[worst]} ({often})" if often else ""
        shares = (figures.recall, figures.precision, figures.f1)
        rows.append([label, str(figures.clips), *map(_percent, shares), taken])
    headers = ("action", "clips", "recall", "precision", "F1", "most often predicted as")
    print_table(headers, [[one_line(cell) for cell in row] for row in rows])
    confused = report.pairs(pairs)
    if confused:
        typer.echo()
        rows = [[one.ground_truth, one.predicted, str(len(one.clips)), listed(one.clips)] for one in confused]
        print_table(("action", "predicted as", "clips", "names"), [[one_line(cell) for cell in row] for row in rows])
    if report.sources:
        typer.echo()
        rows = [
            [one_line(source), str(part.clips), with_interval(part.top1, part.top1_interval), _error(part)]
            for source, part in report.sources.items()
        ]
        print_table(("source", "clips", "top-1", "calibration error"), rows)
    typer.echo()
    parts = [
        f"top-1 {with_interval(report.top1, report.top1_interval)}",
        f"top-5 {with_interval(report.top5 / report.clips, report.top5_interval)}",
        f"mean class {with_interval(report.mean_class, report.mean_class_interval)}",
        counted(report.clips, "clip"),
        f"no person in {len(report.no_person)}",
    ]
    if unreadable:
        parts.append(f"{len(unreadable)} failed and not counted")
    if foreign:
        parts.append(f"{sum(foreign.values())} left out, with labels that the classifier does not have")
    typer.echo(", ".join(parts))
    if report.calibration_error is not None:
        typer.echo(f"expected calibration error {_error(report)}; {_thresholds(report)}")


def _error(report: EvaluationReport) -> str:
    if report.calibration_error is None:
        return ""
    return f"{report.calibration_error:.3f} ({report.error_if_calibrated:.3f} by chance)"


def _thresholds(report: EvaluationReport) -> str:
    told = [
        f"{least:g} answers {named:.0%}" + ("" if right is None else f" ({right:.0%} correct)")
        for least, named, right in report.thresholds
    ]
    return f"--min-score {', '.join(told)}"


def _percent(part: float | None) -> str:
    return "" if part is None else f"{part:.1%}"


def with_interval(part: float, interval: tuple[float, float] | None) -> str:
    """A share with its interval in per cent."""
    if interval is None:
        return f"{part:.1%}"
    low, high = interval
    return f"{part:.1%} ({low:.1%} to {high:.1%})"


_COLUMNS = {
    "given": "clips",
    "usable": "usable",
    "nobody": "no person",
    "unreadable": "unreadable",
    "short": "too short",
    "duplicates": "duplicates",
    "contradicting": "contradicting",
    "validation_only": "validation only",
}


def print_dataset_report(checked: DatasetReport) -> None:
    """Print the classes of a dataset, the clips that are left out, and notes, on stderr."""
    rows = [[one_line(one.label), *(str(getattr(one, name)) for name in _COLUMNS)] for one in checked.classes]
    print_table(["action", *_COLUMNS.values()], rows, err=True)
    if checked.objects:
        seen = [[one_line(one.label), str(one.clips), _objects_of(one)] for one in checked.objects]
        print_table(["action", "searched for objects", "clips that show one"], seen, err=True)
    for name, reason in checked.left_out.items():
        note("left out", one_line(f"{name}: {reason}"))
    for text in checked.notes:
        note("note", one_line(text))


def _objects_of(label: LabelObjects) -> str:
    """The most frequent classes of objects of a label, and how many more there are."""
    told = [f"{one_line(name)} {count}" for name, count in label.seen[:MOST_OBJECTS]]
    more = len(label.seen) - len(told)
    return ", ".join([*told, *([f"{more} more"] if more > 0 else [])]) or "none"


def print_figures(figures: Mapping[str, Any]) -> None:
    """Print what was measured of a trained model on its validation clips, and by label where it extends another."""
    for name, part in figures.items():
        if "top1" in part:
            shown = with_interval(part["top1"], part["top1_interval"])
            typer.echo(f"{name}: top-1 {shown} of {part['clips']} validation clips")
    from posec3d_cli.training.objects import CHOICE, ObjectChoice

    if CHOICE in figures:
        typer.echo(ObjectChoice(**figures[CHOICE]).sentence())
    counts = figures.get("by_label")
    if counts is None:
        return
    rows = [
        [
            one_line(label),
            str(one["clips"]),
            "new" if one["correct_before"] is None else str(one["correct_before"]),
            str(one["correct"]),
        ]
        for label, one in counts.items()
        if one["clips"]
    ]
    print_table(["label", "validation clips", "correct before", "correct now"], rows)
    rest = sum(not one["clips"] for one in counts.values())
    if rest:
        typer.echo(f"{counted(rest, 'label')} without validation clips: what they keep was not measured")
