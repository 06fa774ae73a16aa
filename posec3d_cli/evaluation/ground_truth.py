"""Compare the results of a batch run with ground-truth labels from a table."""

from __future__ import annotations

import logging
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from posec3d_cli.batch.find import InputFile
from posec3d_cli.batch.row_names import RowNames
from posec3d_cli.datasets.table_labels import read_labels
from posec3d_cli.errors import BadDataset
from posec3d_cli.evaluation.predictions import BEST, ClipPrediction
from posec3d_cli.evaluation.report import EvaluationReport
from posec3d_cli.files.writing import printable
from posec3d_cli.output.tables import TimedResult, is_unknown
from posec3d_cli.results import FAILED, UNKNOWN, ClipResult

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


def compare(
    some: Iterable[TimedResult], ground_truth: Mapping[str, str], known: Sequence[str], *, min_score: float = 0.0
) -> Comparison:
    """Compare the results of a run with ground-truth labels.

    Args:
        some: the results of the run.
        ground_truth: the label of each video, by its name in the results.
        known: the labels of the classifier.
        min_score: where the best action scores less, the answer is `unknown`.

    Raises:
        BadDataset: no video with a result has a label.
    """
    labeled = [(result, ground_truth[result.name]) for result, _ in some if result.name in ground_truth]
    answered = [one for one in labeled if one[0].status != FAILED]
    if not answered:
        raise BadDataset("no video with a result has a label in the table", hint="its names are those of the rows")
    unknown = sum(is_unknown(result, min_score) for result, _ in answered)
    others = {label for _, label in answered} | ({UNKNOWN} if unknown else set())
    labels = (*known, *sorted(others - set(known)))
    predictions = [ClipPrediction(result.name, label, _best(result, min_score)) for result, label in answered]
    correct = sum(
        result.scores is not None and result.answer(min_score) == label != UNKNOWN for result, label in answered
    )
    return Comparison(EvaluationReport(labels, tuple(predictions)), len(labeled) - len(answered), unknown, correct)


def _best(result: ClipResult, min_score: float) -> tuple[tuple[str, float], ...]:
    """The best labels of a clip; `unknown` comes first, with the score of the best label, if it is the answer."""
    if result.scores is None:
        return ()
    guesses = tuple((label, round(probability, 6)) for label, probability in result.scores.top(BEST))
    if not is_unknown(result, min_score):
        return guesses
    return ((UNKNOWN, guesses[0][1]), *(one for one in guesses if one[0] != UNKNOWN))
