"""Compare the results of a batch run with ground-truth labels from a table."""

from __future__ import annotations

import logging
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from posec3d_cli.answers import people_of, weighted_mean
from posec3d_cli.batch.find import InputFile
from posec3d_cli.batch.row_names import RowNames
from posec3d_cli.datasets.segments import Segment
from posec3d_cli.datasets.table_labels import read_labels
from posec3d_cli.errors import BadDataset
from posec3d_cli.evaluation.predictions import BEST, ClipPrediction
from posec3d_cli.evaluation.report import EvaluationReport
from posec3d_cli.files.writing import printable
from posec3d_cli.output.tables import TimedResult, is_unknown
from posec3d_cli.results import FAILED, UNKNOWN, ClipResult
from posec3d_cli.types import ActionScores

logger = logging.getLogger("posec3d")


@dataclass(frozen=True)
class TrueSegment:
    """The ground truth of a part of a clip, or of one of its people.

    Attributes:
        name: of the clip.
        segment: the part, and the person by the track id of the run.
        label: the action.
    """

    name: str
    segment: Segment
    label: str


@dataclass(frozen=True)
class GroundTruth:
    """The ground truth of the clips of a run.

    Attributes:
        labels: of whole clips, by name.
        segments: of parts of clips and of single people.
    """

    labels: Mapping[str, str]
    segments: tuple[TrueSegment, ...] = ()

    @property
    def names(self) -> set[str]:
        """The clips that it is about."""
        return {*self.labels, *(one.name for one in self.segments)}


def read_ground_truth(table: Path, inputs: Sequence[InputFile], *, root: Path | None = None) -> GroundTruth:
    """Read the ground-truth label of each clip of a run from a table with the columns video,label.

    Rows are matched to inputs by `posec3d_cli.batch.row_names`; rows of other files are ignored.

    Args:
        table: the file.
        inputs: of the run.
        root: the folder where the relative paths of the table begin.

    Raises:
        BadDataset: the table cannot be read, names no input, or gives one video two labels.
    """
    _, rows = read_labels(table, say=logger.warning)
    names = RowNames(table, inputs, root)
    ground_truth: dict[str, str] = {}
    segments: dict[tuple[str, Segment], TrueSegment] = {}
    for row in rows:
        name = names.name(row.video)
        if name is not None and row.segment is not None:
            one = segments.setdefault((name, row.segment), TrueSegment(name, row.segment, row.label))
            if one.label != row.label:
                raise BadDataset(
                    f"{table}: line {row.row.line} gives {row.segment} of {row.video!r} a second label: {one.label}, "
                    f"{row.label}"
                )
        elif name is not None and ground_truth.setdefault(name, row.label) != row.label:
            raise BadDataset(
                f"{table}: line {row.row.line} gives {row.video!r} a second label: {ground_truth[name]}, {row.label}"
            )
    if not ground_truth and not segments:
        raise BadDataset(
            f"{table} has a label for none of the {len(inputs)} files, its first row is of {rows[0].video!r}",
            hint=names.hint([row.video for row in rows]),
        )
    return GroundTruth(ground_truth, tuple(segments.values()))


def count_unlabeled(ground_truth: GroundTruth, inputs: Sequence[InputFile]) -> int:
    """The number of inputs without a label; one labeled clip is enough for an input with several clips."""
    labelled = {name.partition(": ")[0] for name in ground_truth.names} | ground_truth.names
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
    some: Iterable[TimedResult], ground_truth: GroundTruth, known: Sequence[str], *, min_score: float = 0.0
) -> Comparison:
    """Compare the results of a run with ground-truth labels.

    The answer of a part of a clip is the mean of its windows, each weighed by how much of it lies in that part.

    Args:
        some: the results of the run.
        ground_truth: by the names in the results.
        known: the labels of the classifier.
        min_score: where the best action scores less, the answer is `unknown`.

    Raises:
        BadDataset: no video with a result has a label.
    """
    results = [result for result, _ in some]
    labeled = [(one, ground_truth.labels[one.name]) for one in results if one.name in ground_truth.labels]
    by_name = {one.name: one for one in results}
    labeled += [
        (_part_of(by_name[one.name], one.segment), one.label) for one in ground_truth.segments if one.name in by_name
    ]
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


def _part_of(result: ClipResult, segment: Segment) -> ClipResult:
    """The result of a part of a clip, or of one of its people; a failure stays one."""
    name = f"{result.name} {segment}"
    if result.error is not None:
        return replace(result, name=name)
    shares: list[tuple[int, ActionScores]] = []
    for window in result.windows:
        stop = window.stop if segment.stop is None else min(segment.stop, window.stop)
        scores = window.scores
        ids = () if isinstance(segment.person, str) else people_of(segment.person)
        if ids and window.people:
            own = [one.scores for one in window.people if one.id in ids]
            scores = weighted_mean(own, [1.0] * len(own)) if own else None
        if scores is not None and (inside := stop - max(segment.start, window.start)) > 0:
            shares.append((inside, scores))
    sums: dict[str, float] = defaultdict(float)
    for inside, scores in shares:
        for label, probability in zip(scores.labels, scores.probabilities.tolist(), strict=True):
            sums[label] += inside * probability
    frames = sum(inside for inside, _ in shares)
    mean = np.array([value / frames for value in sums.values()], np.float32)
    return replace(result, name=name, scores=ActionScores(mean, tuple(sums)) if shares else None)


def _best(result: ClipResult, min_score: float) -> tuple[tuple[str, float], ...]:
    """The best labels of a clip; `unknown` comes first, with the score of the best label, if it is the answer."""
    if result.scores is None:
        return ()
    guesses = tuple((label, round(probability, 6)) for label, probability in result.scores.top(BEST))
    if not is_unknown(result, min_score):
        return guesses
    return ((UNKNOWN, guesses[0][1]), *(one for one in guesses if one[0] != UNKNOWN))
