"""How often the labels of a run are right, where the right ones are known."""

from __future__ import annotations

import csv
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np

from posec3d_cli.batch.files import settle
from posec3d_cli.batch.ledger import FAILED, status_of
from posec3d_cli.batch.tables import Outcome, is_unknown
from posec3d_cli.draw import FONT, plain
from posec3d_cli.errors import BadDataset, OutputError
from posec3d_cli.prediction import UNKNOWN
from posec3d_cli.train.evaluate import Report
from posec3d_cli.train.folder import read_table
from posec3d_cli.types import Ints, Pixels


def read_truth(table: Path) -> dict[str, str]:
    """The label of each video, from a table with the columns video,label.

    Raises:
        BadDataset: it cannot be read, or gives one video two labels.
    """
    truth: dict[str, str] = {}
    for row in read_table(table, ("video", "label")):
        if truth.setdefault(row["video"], row["label"]) != row["label"]:
            raise BadDataset(f"{table} gives {row['video']!r} two labels: {truth[row['video']]}, {row['label']}")
    return truth


@dataclass(frozen=True, eq=False)
class Comparison:
    """How often the answers of a run are right.

    Attributes:
        report: `unknown` is one of its labels where some answer is, and wrong unless the table says so too.
        failed: clips with a known label that failed, which do not count.
        unknown: clips whose answer is `unknown`.
        right: of the clips whose answer is a label of the classifier, those that are called rightly.
    """

    report: Report
    failed: int
    unknown: int
    right: int

    @property
    def named(self) -> int:
        """Clips whose answer is a label of the classifier."""
        return self.report.clips - self.unknown - len(self.report.nobody)


def compare(some: Iterable[Outcome], truth: Mapping[str, str], known: Sequence[str]) -> Comparison:
    """How often the answers are right.

    Args:
        some: the outcomes of the run.
        truth: the label of each video, by its name in the outcomes.
        known: the labels of the classifier.

    Raises:
        BadDataset: no video that was answered has a label.
    """
    answered = [(entry, truth[entry["video"]]) for entry, _ in some if entry["video"] in truth]
    failed = sum(status_of(entry) == FAILED for entry, _ in answered)
    answered = [one for one in answered if status_of(one[0]) != FAILED]
    if not answered:
        raise BadDataset("no video that was answered has a label in the table", hint="its names are those of the rows")
    unknown = sum(is_unknown(entry) for entry, _ in answered)
    others = {label for _, label in answered} | ({UNKNOWN} if unknown else set())
    labels = (*known, *sorted(others - set(known)))
    confusion = np.zeros((len(labels), len(labels)), np.int64)
    wrong: list[tuple[str, str, str, float]] = []
    nobody: list[str] = []
    top5 = right = 0
    for entry, label in answered:
        if not entry["labels"]:
            nobody.append(entry["video"])
            wrong.append((entry["video"], label, "", 0.0))
            continue
        answer, score = entry["answer"], entry["labels"][0]["probability"]
        top5 += any(label == name for name in (answer, *(one["label"] for one in entry["labels"][:5])))
        confusion[labels.index(label), labels.index(answer)] += 1
        right += answer == label and not is_unknown(entry)
        if answer != label:
            wrong.append((entry["video"], label, answer, score))
    report = Report(labels, confusion, top5, len(answered), tuple(wrong), tuple(nobody))
    return Comparison(report, failed, unknown, right)


def write_confusion(report: Report, table: Path) -> None:
    """Write the matrix of confusion as CSV, rows true and columns answered, and as a picture of the same name, PNG.

    The last column counts the videos in which nobody was found.

    Raises:
        OutputError: a file cannot be written.
    """
    names = [*report.labels, "no person"]
    missed = [sum(truth == label and not name for _, truth, name, _ in report.wrong) for label in report.labels]
    rows = np.concatenate([report.confusion, np.array(missed, np.int64)[:, None]], axis=1)
    part = table.with_name(f".{table.name}.unfinished")
    try:
        with part.open("w", encoding="utf-8", newline="") as file:
            writer = csv.writer(file, lineterminator="\n")
            writer.writerow(["label", *names])
            writer.writerows([label, *counts] for label, counts in zip(report.labels, rows.tolist(), strict=True))
        settle(part, table)
        encoded = cv2.imencode(".png", _drawn(rows, report.labels, names)[..., ::-1])[1]
        part.write_bytes(encoded.tobytes())
        settle(part, table.with_suffix(".png"))
    except OSError as error:
        raise OutputError(f"{table} cannot be written: {error.strerror}", hint="free some space") from error


def _drawn(rows: Ints, labels: Sequence[str], names: Sequence[str]) -> Pixels:
    """`(H, W, 3)` uint8 RGB: a cell is the darker, the larger its part of the row."""
    cell, margin, paper = 28, 190, 242
    wide = len(names)
    canvas = np.full((margin + len(labels) * cell, margin + wide * cell, 3), 255, np.uint8)
    heads = np.full((wide * cell, margin, 3), 255, np.uint8)  # turned upright below
    for column, name in enumerate(names):
        cv2.putText(heads, plain(name)[:24], (4, column * cell + 19), FONT, 0.42, (0, 0, 0), 1, cv2.LINE_AA)
    canvas[:margin, margin:] = np.rot90(heads)
    share = rows / np.maximum(rows.sum(axis=1, keepdims=True), 1)
    for number, label in enumerate(labels):
        top = margin + number * cell
        cv2.putText(canvas, plain(label)[:24], (4, top + 19), FONT, 0.42, (0, 0, 0), 1, cv2.LINE_AA)
        for column, part in enumerate(share[number].tolist()):
            left = margin + column * cell
            shade = [round(paper + (ink - paper) * part) for ink in (0, 60, 120)]
            cv2.rectangle(canvas, (left, top), (left + cell - 2, top + cell - 2), shade, cv2.FILLED)
            if rows[number, column]:
                ink = (255, 255, 255) if part > 0.5 else (0, 0, 0)
                cv2.putText(canvas, str(rows[number, column]), (left + 3, top + 18), FONT, 0.35, ink, 1, cv2.LINE_AA)
    return canvas
