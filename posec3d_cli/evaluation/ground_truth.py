"""Compare the results of a batch run with ground-truth labels from a table."""

from __future__ import annotations

import logging
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from posec3d_cli.batch.find import InputFile
from posec3d_cli.batch.row_names import RowNames
from posec3d_cli.batch.state import FAILED
from posec3d_cli.datasets.table_labels import read_labels
from posec3d_cli.errors import BadDataset
from posec3d_cli.evaluation.report import BEST, Answer, Report
from posec3d_cli.files.writing import printable
from posec3d_cli.output.tables import TimedEntry, is_unknown, status_of
from posec3d_cli.results import UNKNOWN

logger = logging.getLogger("posec3d")


def read_truth(table: Path, found: Sequence[InputFile], *, root: Path | None = None) -> dict[str, str]:
    """The label of each video of a run, from a table with the columns video,label and perhaps corrected.

    Which file a row is about: `posec3d_cli.batch.row_names`. Rows about other files are left out.

    Args:
        table: the file.
        found: what is labelled.
        root: where the paths of the table begin.

    Returns:
        Label by name of a clip.

    Raises:
        BadDataset: it cannot be read, is about none of them, or gives one video two labels.
    """
    _, rows = read_labels(table, say=logger.warning)
    names = RowNames(table, found, root)
    truth: dict[str, str] = {}
    for row in rows:
        name = names.name(row.video)
        if name is not None and truth.setdefault(name, row.label) != row.label:
            raise BadDataset(
                f"{table}: line {row.row.line} gives {row.video!r} a second label: {truth[name]}, {row.label}"
            )
    if not truth:
        raise BadDataset(
            f"{table} has a label for none of the {len(found)} files, the first that it names is {rows[0].video!r}",
            hint=names.hint([row.video for row in rows]),
        )
    return truth


def unlabelled(truth: Mapping[str, str], found: Sequence[InputFile]) -> int:
    """How many of the files have no label; of a pack it is enough that a clip has one."""
    labelled = {name.partition(": ")[0] for name in truth} | truth.keys()
    return sum(printable(video.name) not in labelled for video in found)


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


def compare(some: Iterable[TimedEntry], truth: Mapping[str, str], known: Sequence[str]) -> Comparison:
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
    answers = [Answer(entry["video"], label, _best(entry)) for entry, label in answered]
    right = sum(
        bool(entry["labels"]) and entry["answer"] == label and not is_unknown(entry) for entry, label in answered
    )
    return Comparison(Report(labels, tuple(answers)), failed, unknown, right)


def _best(entry: dict[str, Any]) -> tuple[tuple[str, float], ...]:
    """The answer, and then the guesses; an unknown has the score of what it would have been."""
    guesses = tuple((one["label"], one["probability"]) for one in entry["labels"][:BEST])
    return ((UNKNOWN, guesses[0][1]), *guesses) if guesses and is_unknown(entry) else guesses
