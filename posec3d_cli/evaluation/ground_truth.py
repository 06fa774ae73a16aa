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
from posec3d_cli.evaluation.report import BEST, ClipPrediction, EvaluationReport
from posec3d_cli.files.writing import printable
from posec3d_cli.output.tables import TimedEntry, is_unknown, status_of
from posec3d_cli.results import UNKNOWN

logger = logging.getLogger("posec3d")


def read_ground_truth(table: Path, inputs: Sequence[InputFile], *, root: Path | None = None) -> dict[str, str]:
    """Read the ground-truth label of each clip of a run from a table with the columns video,label.

    Rows are matched to inputs by `posec3d_cli.batch.row_names`; rows of other files are ignored.

    Args:
        table: the file.
        inputs: of the run.
        root: the folder where the relative paths of the table begin.

    Returns:
        Label by name of a clip.

    Raises:
        BadDataset: the table cannot be read, names no input, or gives one video two labels.
    """
    _, rows = read_labels(table, say=logger.warning)
    names = RowNames(table, inputs, root)
    ground_truth: dict[str, str] = {}
    for row in rows:
        name = names.name(row.video)
        if name is not None and ground_truth.setdefault(name, row.label) != row.label:
            raise BadDataset(
                f"{table}: line {row.row.line} gives {row.video!r} a second label: {ground_truth[name]}, {row.label}"
            )
    if not ground_truth:
        raise BadDataset(
            f"{table} has a label for none of the {len(inputs)} files, its first row is of {rows[0].video!r}",
            hint=names.hint([row.video for row in rows]),
        )
    return ground_truth


def count_unlabeled(ground_truth: Mapping[str, str], inputs: Sequence[InputFile]) -> int:
    """The number of inputs without a label; one labeled clip is enough for an input with several clips."""
    labelled = {name.partition(": ")[0] for name in ground_truth} | ground_truth.keys()
    return sum(printable(video.name) not in labelled for video in inputs)


@dataclass(frozen=True, eq=False)
class Comparison:
    """The accuracy of a batch run.

    Attributes:
        report: of the labeled clips. An answer `unknown` is a mistake unless the ground truth is `unknown` too.
        failed: the number of labeled clips that failed, which are not in the report.
        unknown: the number of clips with the answer `unknown`.
        correct: the number of correct answers that are labels of the classifier.
    """

    report: EvaluationReport
    failed: int
    unknown: int
    correct: int

    @property
    def named(self) -> int:
        """The number of clips whose answer is a label of the classifier."""
        return self.report.clips - self.unknown - len(self.report.no_person)


def compare(some: Iterable[TimedEntry], ground_truth: Mapping[str, str], known: Sequence[str]) -> Comparison:
    """Compare the results of a run with ground-truth labels.

    Args:
        some: the results of the run.
        ground_truth: the label of each video, by its name in the results.
        known: the labels of the classifier.

    Raises:
        BadDataset: no video with a result has a label.
    """
    answered = [(entry, ground_truth[entry["video"]]) for entry, _ in some if entry["video"] in ground_truth]
    failed = sum(status_of(entry) == FAILED for entry, _ in answered)
    answered = [one for one in answered if status_of(one[0]) != FAILED]
    if not answered:
        raise BadDataset("no video with a result has a label in the table", hint="its names are those of the rows")
    unknown = sum(is_unknown(entry) for entry, _ in answered)
    others = {label for _, label in answered} | ({UNKNOWN} if unknown else set())
    labels = (*known, *sorted(others - set(known)))
    predictions = [ClipPrediction(entry["video"], label, _best(entry)) for entry, label in answered]
    correct = sum(
        bool(entry["labels"]) and entry["answer"] == label and not is_unknown(entry) for entry, label in answered
    )
    return Comparison(EvaluationReport(labels, tuple(predictions)), failed, unknown, correct)


def _best(entry: dict[str, Any]) -> tuple[tuple[str, float], ...]:
    """The best labels of a clip; `unknown` comes first, with the score of the best label, if it is the answer."""
    guesses = tuple((one["label"], one["probability"]) for one in entry["labels"][:BEST])
    return ((UNKNOWN, guesses[0][1]), *guesses) if guesses and is_unknown(entry) else guesses
