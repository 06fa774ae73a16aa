"""Write an evaluation: the confusion matrix as CSV or PNG, and the prediction for each clip as CSV."""

from __future__ import annotations

import csv
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from posec3d_cli.datasets.labeled_dataset import UnreadableClip
from posec3d_cli.evaluation.predictions import BEST
from posec3d_cli.evaluation.report import EvaluationReport
from posec3d_cli.files.writing import atomic_write, printable
from posec3d_cli.output.plots import plot_confusion
from posec3d_cli.results import NO_PERSON, NO_PERSON_IN_WORDS

CONFUSION_SUFFIXES = (".csv", ".png")


def write_confusion(report: EvaluationReport, path: Path) -> None:
    """Write the confusion matrix as CSV or PNG, by the suffix: rows are ground truth, columns predictions.

    The last column counts the clips without a person. The CSV table has all classes, the plot only classes that have
    clips or were predicted. An existing file is replaced.

    Raises:
        OutputError: the file cannot be written.
    """
    counts = np.concatenate([report.confusion, report.without_person[:, None]], axis=1)
    if path.suffix.lower() == ".png":
        shown = {one.label for one in report.classes}
        rows = [number for number, label in enumerate(report.labels) if label in shown]
        names = [report.labels[row] for row in rows]
        columns = [*rows, len(report.labels)] if report.without_person.any() else rows
        heads = [*names, NO_PERSON_IN_WORDS] if report.without_person.any() else names
        plot_confusion(names, counts[np.ix_(rows, columns)], path, columns=heads)
    else:
        rows_ = ([label, *row] for label, row in zip(report.labels, counts.tolist(), strict=True))
        _write(path, ["label", *report.labels, NO_PERSON], rows_)


def write_predictions(report: EvaluationReport, unreadable: Sequence[UnreadableClip], path: Path) -> None:
    """Write the prediction for each clip as CSV; an existing file is replaced.

    The columns are clip, truth, status ("ok", "no_person" or "failed"), label and score, label_2 and score_2 to label_5
    and score_5, and error.

    Args:
        report: the predictions.
        unreadable: the clips without a prediction.
        path: of the table.

    Raises:
        OutputError: the file cannot be written.
    """
    places = ["", *(f"_{place}" for place in range(2, BEST + 1))]
    best = [f"{name}{place}" for place in places for name in ("label", "score")]
    rows: list[list[Any]] = []
    for one in report.predictions:
        cells = [cell for label, score in one.best for cell in (label, round(score, 6))]
        cells += [""] * (len(best) - len(cells))
        rows.append([one.clip, one.ground_truth, "ok" if one.best else NO_PERSON, *cells, ""])
    rows += [[one.name, one.label, "failed", *[""] * len(best), one.reason] for one in unreadable]
    _write(path, ["clip", "truth", "status", *best, "error"], rows)


def _write(path: Path, head: Sequence[str], rows: Iterable[Sequence[Any]]) -> None:
    with atomic_write(path, overwrite=True) as part, part.open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow([printable(cell) for cell in head])
        writer.writerows([printable(cell) for cell in row] for row in rows)
