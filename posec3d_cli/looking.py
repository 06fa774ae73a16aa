"""People looked for in every N-th frame only; in between, their boxes move from one place to the next."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import AbstractContextManager

import numpy as np

from posec3d_cli.errors import StageMismatch
from posec3d_cli.likeness import best_pairs, box_overlap, nearness
from posec3d_cli.stages import Detector
from posec3d_cli.types import Detections, Frame

MOST = 16  # the largest N: so many frames are held until the next look
SAME = 0.1  # the smallest likeness, in [0, 1], of two boxes of one person


def look(
    batches: Iterable[list[Frame]],
    detector: Detector,
    every: int,
    time: Callable[[str], AbstractContextManager[None]],
) -> Iterator[tuple[list[Frame], list[Detections]]]:
    """The frames of one video, in order, with the people in each.

    The detector sees every N-th frame, and the last; the others get what `between` makes of the two looks around
    them. Who comes and goes between two looks is missed.

    Args:
        batches: the frames.
        detector: finds the people.
        every: N, from 1 to `MOST`.
        time: adds up what "detect" takes.

    Raises:
        StageMismatch: the detector broke its protocol.
    """
    number = 0
    before: tuple[Frame, Detections] | None = None
    waiting: list[Frame] = []  # the frames since then
    for batch in batches:
        due = [frame for place, frame in enumerate(batch, number) if place % every == 0]
        with time("detect"):
            seen = iter(_seen(detector, due))
        frames: list[Frame] = []
        people: list[Detections] = []
        for place, frame in enumerate(batch, number):
            if place % every:
                waiting.append(frame)
                continue
            now = frame, next(seen)
            people += [*between(before or now, now, waiting), now[1]]
            frames += [*waiting, frame]
            before, waiting = now, []
        number += len(batch)
        if frames:
            yield frames, people
    if waiting:
        *passed, last = waiting
        with time("detect"):
            [found] = _seen(detector, [last])
        assert before is not None
        yield waiting, [*between(before, (last, found), passed), found]


def _seen(detector: Detector, frames: list[Frame]) -> list[Detections]:
    seen = detector.detect(frames)
    if len(seen) != len(frames):
        raise StageMismatch(f"{len(frames)} frames gave {len(seen)} detections")
    return seen


def between(
    before: tuple[Frame, Detections], after: tuple[Frame, Detections], frames: Sequence[Frame]
) -> list[Detections]:
    """The people in some frames between two looks.

    Who is in both moves in a straight line and at a constant speed, and so changes the box. Who is in one of them only
    is there in the half that is nearer to it.

    Args:
        before: a frame, and the people in it.
        after: a later frame.
        frames: what lies between them.
    """
    (first, left), (last, right) = before, after
    if not frames:
        return []
    places, others = left.boxes.astype(np.float64), right.boxes.astype(np.float64)
    passed = np.full(len(left), max(0.0, last.seconds - first.seconds))
    likeness = (box_overlap(places, others) + nearness(places, others, passed)) / 2
    pairs = [pair for pair in best_pairs(likeness) if likeness[pair] >= SAME]
    rows, columns = (np.array([pair[side] for pair in pairs], np.int64) for side in (0, 1))
    left_only = np.setdiff1d(np.arange(len(left)), rows)
    right_only = np.setdiff1d(np.arange(len(right)), columns)
    found = []
    for frame in frames:
        part = np.float32((frame.index - first.index) / (last.index - first.index))
        near, alone = (left, left_only) if part <= 0.5 else (right, right_only)
        moved = left.boxes[rows] * (1 - part) + right.boxes[columns] * part
        scores = left.scores[rows] * (1 - part) + right.scores[columns] * part
        boxes, scores = np.concatenate([moved, near.boxes[alone]]), np.concatenate([scores, near.scores[alone]])
        best = np.argsort(-scores, kind="stable")
        found.append(Detections(boxes[best], scores[best]))
    return found
