"""Metrics of timelines: F1 at temporal overlap, edit score, frame accuracy and mean average precision.

Defined as the reference implementations compute them: F1@IoU and edit score as MS-TCN's eval.py (Farha and Gall, 2019),
mean average precision over temporal IoU as ActivityNet's eval_detection.py. Sequences are frame labels; segments are
runs of one label, half open. `background` labels are no segments; frame accuracy counts them, and once more without.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from itertools import groupby

import numpy as np
from numpy.typing import NDArray

from posec3d_cli.errors import StageMismatch

OVERLAPS = (0.1, 0.25, 0.5)
"""The IoUs of F1."""
DETECTION_OVERLAPS = tuple(round(0.5 + 0.05 * number, 2) for number in range(10))
"""The IoUs of the average mAP, as ActivityNet has them."""
Run = tuple[str, int, int]
"""Label, first frame, frame after the last."""
Pair = tuple[Sequence[str], Sequence[str]]
"""The predicted and the true label of each frame."""
_Values = NDArray[np.float64]


@dataclass(frozen=True)
class Detection:
    """A segment of a video with its score, of a prediction or, without one, of the ground truth."""

    video: str
    label: str
    start: float
    stop: float
    score: float = 0.0


def runs(labels: Sequence[str], background: Collection[str] = ()) -> list[Run]:
    """The segments of frame labels, without those of the background."""
    found: list[Run] = []
    frame = 0
    for label, group in groupby(labels):
        length = sum(1 for _ in group)
        if label not in background:
            found.append((label, frame, frame + length))
        frame += length
    return found


def matches(pair: Pair, overlap: float, background: Collection[str] = ()) -> tuple[int, int, int]:
    """True positives, false positives and false negatives of one video at an IoU.

    Predicted segments, in order of time, each take the true segment of their label with the largest IoU (intersection
    over hull). It is a hit where the IoU is at least `overlap` and that true segment is not taken yet.
    """
    predicted, true = (runs(labels, background) for labels in pair)
    taken: set[int] = set()
    for label, start, stop in predicted:
        ratios = [
            (min(stop, end) - max(start, begin)) / (max(stop, end) - min(start, begin)) if label == name else 0.0
            for name, begin, end in true
        ]
        if ratios:
            best = max(range(len(ratios)), key=lambda one: ratios[one])
            if ratios[best] >= overlap and best not in taken:
                taken.add(best)
    return len(taken), len(predicted) - len(taken), len(true) - len(taken)


def f1_score(pairs: Sequence[Pair], overlap: float, background: Collection[str] = ()) -> float:
    """The F1 at an IoU, in [0, 1]: hits and misses are summed over all videos and labels."""
    counts = [matches(one, overlap, background) for one in pairs]
    hits, wrong, missed = (sum(one[place] for one in counts) for place in range(3))
    return 2 * hits / (2 * hits + wrong + missed) if hits else 0.0


def edit_score(pairs: Sequence[Pair], background: Collection[str] = ()) -> float:
    """The edit score in [0, 1]: 1 minus the edit distance of the sequences of labels over the longer one's length.

    The mean over videos. Times play no part. Two empty sequences are equal: 1.
    """
    scores = []
    for pair in pairs:
        predicted, true = ([label for label, *_ in runs(labels, background)] for labels in pair)
        longer = max(len(predicted), len(true))
        scores.append(1 - edit_distance(predicted, true) / longer if longer else 1.0)
    return sum(scores) / len(scores) if scores else 0.0


def edit_distance(before: Sequence[str], after: Sequence[str]) -> int:
    """How many insertions, deletions and replacements lead from one sequence to the other (Levenshtein)."""
    above = list(range(len(after) + 1))
    for row, one in enumerate(before, 1):
        diagonal, above[0] = above[0], row
        for column, other in enumerate(after, 1):
            diagonal, above[column] = (
                above[column],
                min(above[column] + 1, above[column - 1] + 1, diagonal + (one != other)),
            )
    return above[-1]


def frame_accuracy(pairs: Sequence[Pair], background: Collection[str] = ()) -> float | None:
    """The share of frames whose label is right, of the frames of all videos; None without a frame.

    Args:
        pairs: of each video.
        background: frames whose true label is one of these do not count.

    Raises:
        StageMismatch: prediction and truth differ in length.
    """
    right = total = 0
    for predicted, true in pairs:
        if len(predicted) != len(true):
            raise StageMismatch(f"{len(predicted)} predicted frames and {len(true)} true ones cannot be compared")
        counted = [(one, other) for one, other in zip(predicted, true, strict=True) if other not in background]
        right += sum(one == other for one, other in counted)
        total += len(counted)
    return right / total if total else None


def average_precision(predicted: Sequence[Detection], true: Sequence[Detection], overlap: float) -> float:
    """The average precision of one label at a temporal IoU, interpolated at all points.

    Predictions of all videos, the surest first, each take the free true segment of their video with the largest IoU of
    at least `overlap`. Of equal scores the earlier segment comes first.
    """
    if not predicted or not true:
        return 0.0
    order = sorted(predicted, key=lambda one: (-one.score, one.video, one.start))
    taken: set[int] = set()
    hits = np.zeros(len(order))
    for place, one in enumerate(order):
        near = [(_overlap(one, other), number) for number, other in enumerate(true) if other.video == one.video]
        free = [(ratio, number) for ratio, number in near if ratio >= overlap and number not in taken]
        if free:
            taken.add(max(free, key=lambda item: (item[0], -item[1]))[1])
            hits[place] = 1
    found = hits.cumsum()
    precision: _Values = np.concatenate([[0.0], found / np.arange(1, len(hits) + 1), [0.0]])
    recall: _Values = np.concatenate([[0.0], found / len(true), [1.0]])
    precision = np.maximum.accumulate(precision[::-1])[::-1]
    steps = np.flatnonzero(recall[1:] != recall[:-1]) + 1
    return float(((recall[steps] - recall[steps - 1]) * precision[steps]).sum())


def mean_average_precision(predicted: Sequence[Detection], true: Sequence[Detection], overlap: float) -> float:
    """The mean of the average precision over the labels of the ground truth; others that are predicted do not count."""
    labels = sorted({one.label for one in true})
    each = [
        average_precision(
            [one for one in predicted if one.label == label], [one for one in true if one.label == label], overlap
        )
        for label in labels
    ]
    return sum(each) / len(each) if each else 0.0


@dataclass(frozen=True)
class SegmentReport:
    """What was measured of the timelines of some videos.

    Attributes:
        videos: their number, or that of people where each has a truth of its own.
        segments: true segments without background.
        predicted: predicted segments without background.
        f1: by IoU.
        edit: the edit score.
        accuracy: of all frames.
        accuracy_without_background: of the frames whose truth is an action; None where there is none.
        mean_ap: mAP by IoU, with 0.5 among them.
    """

    videos: int
    segments: int
    predicted: int
    f1: Mapping[float, float]
    edit: float
    accuracy: float | None
    accuracy_without_background: float | None
    mean_ap: Mapping[float, float]

    @property
    def average_map(self) -> float:
        """The mean of `mean_ap` over its IoUs."""
        return sum(self.mean_ap.values()) / len(self.mean_ap)


def measure_segments(
    pairs: Mapping[str, Pair], detections: Sequence[Detection], background: Collection[str]
) -> SegmentReport:
    """Measure timelines.

    Args:
        pairs: predicted and true label of each frame, by video.
        detections: the predicted segments with their scores; those of the background do not count.
        background: labels that are no segments.
    """
    each = list(pairs.values())
    true = [
        Detection(video, label, start, stop)
        for video, (_, labels) in pairs.items()
        for label, start, stop in runs(labels, background)
    ]
    shown = [one for one in detections if one.label not in background]
    return SegmentReport(
        videos=len(each),
        segments=len(true),
        predicted=sum(len(runs(predicted, background)) for predicted, _ in each),
        f1={overlap: f1_score(each, overlap, background) for overlap in OVERLAPS},
        edit=edit_score(each, background),
        accuracy=frame_accuracy(each),
        accuracy_without_background=frame_accuracy(each, background),
        mean_ap={overlap: mean_average_precision(shown, true, overlap) for overlap in DETECTION_OVERLAPS},
    )


def _overlap(one: Detection, other: Detection) -> float:
    common = max(0.0, min(one.stop, other.stop) - max(one.start, other.start))
    return common / ((one.stop - one.start) + (other.stop - other.start) - common)
