"""How often the labels of a run are right, where the right ones are known."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

from posec3d_cli.batch.ledger import FAILED, status_of
from posec3d_cli.batch.tables import Outcome
from posec3d_cli.errors import BadDataset
from posec3d_cli.train.folder import read_table
from posec3d_cli.train.report import BEST, Answer, Report


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


def compare(some: Iterable[Outcome], truth: Mapping[str, str], known: Sequence[str]) -> tuple[Report, int]:
    """How often the answers are right, and how many clips with a known label failed, which do not count.

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
    labels = (*known, *sorted({label for _, label in answered} - set(known)))
    answers = [
        Answer(entry["video"], label, tuple((one["label"], one["probability"]) for one in entry["labels"][:BEST]))
        for entry, label in answered
    ]
    return Report(labels, tuple(answers)), failed
