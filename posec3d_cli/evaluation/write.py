"""Write an evaluation: the confusion matrix as CSV or PNG, and the answer to every clip as CSV."""

from __future__ import annotations

import csv
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from posec3d_cli.datasets.load import Unreadable
from posec3d_cli.evaluation.report import BEST, Report
from posec3d_cli.files.writing import atomic_write, printable
from posec3d_cli.output.plots import plot_confusion
from posec3d_cli.results import NO_PERSON, NO_PERSON_IN_WORDS

CONFUSION_SUFFIXES = (".csv", ".png")


def write_confusion(report: Report, path: Path) -> None:
    """Write the matrix of confusion as CSV or PNG, by the suffix; rows are the truth, columns what was answered.

    The last column counts the clips in which nobody was found. The table has all classes, the picture those that have
    clips or were answered. A file that is there is replaced.

    Raises:
        OutputError: it cannot be written.
    """
    counts = np.concatenate([report.confusion, report.missed[:, None]], axis=1)
    if path.suffix.lower() == ".png":
        shown = {one.label for one in report.classes}
        rows = [number for number, label in enumerate(report.labels) if label in shown]
        names = [report.labels[row] for row in rows]
        columns = [*rows, len(report.labels)] if report.missed.any() else rows
        heads = [*names, NO_PERSON_IN_WORDS] if report.missed.any() else names
        plot_confusion(names, counts[np.ix_(rows, columns)], path, columns=heads)
    else:
        rows_ = ([label, *row] for label, row in zip(report.labels, counts.tolist(), strict=True))
        _write(path, ["label", *report.labels, NO_PERSON], rows_)


def write_predictions(report: Report, unreadable: Sequence[Unreadable], path: Path) -> None:
    """Write the answer to every clip as CSV; a file that is there is replaced.

    The columns are clip, truth, status ("ok", "no_person" or "failed"), label and score, label_2 and score_2 to label_5
    and score_5, and error.

    Args:
        report: the answers.
        unreadable: clips that were not answered.
        path: of the table.

    Raises:
        OutputError: it cannot be written.
    """
    places = ["", *(f"_{place}" for place in range(2, BEST + 1))]
    best = [f"{name}{place}" for place in places for name in ("label", "score")]
    rows: list[list[Any]] = []
    for one in report.answers:
        cells = [cell for label, score in one.best for cell in (label, round(score, 6))]
        cells += [""] * (len(best) - len(cells))
        rows.append([one.clip, one.truth, "ok" if one.best else NO_PERSON, *cells, ""])
    rows += [[one.name, one.label, "failed", *[""] * len(best), one.reason] for one in unreadable]
    _write(path, ["clip", "truth", "status", *best, "error"], rows)


def _write(path: Path, head: Sequence[str], rows: Iterable[Sequence[Any]]) -> None:
    with atomic_write(path, overwrite=True) as part, part.open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow([printable(cell) for cell in head])
        writer.writerows([printable(cell) for cell in row] for row in rows)
