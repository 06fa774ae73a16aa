"""Detect people in every N-th frame (keyframes) and interpolate their boxes in between."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import AbstractContextManager
from itertools import pairwise

import numpy as np

from posec3d_cli.errors import StageMismatch
from posec3d_cli.stages.protocols import Detector
from posec3d_cli.tracking.similarity import best_pairs, box_overlap, nearness
from posec3d_cli.types import Detections, Frame

HELD_BYTES = 2**27  # of pixels, held until the next keyframe
SAME_PERSON = 0.1  # the smallest similarity, in [0, 1], of two boxes of one person


def detect_people(
    batches: Iterable[list[Frame]],
    detector: Detector,
    every: int,
    time: Callable[[str], AbstractContextManager[None]],
    *,
    is_cut: Callable[[Frame, Frame], bool] = lambda before, after: False,
) -> Iterator[tuple[list[Frame], list[Detections]]]:
    """Detect people in the keyframes of a video, and interpolate their boxes in the frames in between.

    Keyframes are every N-th frame, the last frame, and the two frames at a cut. A person who comes and goes between two
    keyframes is missed. If N frames take more than `HELD_BYTES`, keyframes are closer.

    Objects are looked for in keyframes only: their boxes are interpolated when they are linked, see
    `posec3d_cli.tracking.objects`.

    Args:
        batches: the frames, in order.
        detector: detects people in the keyframes.
        every: N, from 1 to `MOST_DETECT_EVERY`.
        time: called with "detect", a context manager that adds up time.
        is_cut: whether there may be a cut between two successive frames.

    Yields:
        The frames in their order, in batches, with the people in each.

    Raises:
        StageMismatch: the detector broke its protocol.
    """
    number = 0
    before: tuple[Frame, Detections] | None = None
    waiting: list[Frame] = []  # the frames since then
    for batch in batches:
        apart = max(1, min(every, HELD_BYTES // batch[0].pixels.nbytes))
        held = [*waiting, *batch]
        due = {frame.index for nth, frame in enumerate(batch, number) if nth % apart == 0}
        last = [waiting[-1]] if waiting else [before[0]] if before is not None else []
        for one, other in pairwise([*last, *batch]):
            if apart > 1 and is_cut(one, other):
                due |= {one.index, other.index}
        with time("detect"):
            seen = iter(_seen(detector, [frame for frame in held if frame.index in due]))
        frames: list[Frame] = []
        people: list[Detections] = []
        waiting = []
        for frame in held:
            if frame.index not in due:
                waiting.append(frame)
                continue
            now = frame, next(seen)
            if before is not None:
                people += interpolate_boxes(before, now, waiting)
            people.append(now[1])
            frames += [*waiting, frame]
            before, waiting = now, []
        number += len(batch)
        if frames:
            yield frames, people
        del batch, held, last, frames, people, frame  # while the next batch is decoded
    if waiting:
        *passed, final = waiting
        with time("detect"):
            [found] = _seen(detector, [final])
        assert before is not None
        yield waiting, [*interpolate_boxes(before, (final, found), passed), found]


def _seen(detector: Detector, frames: list[Frame]) -> list[Detections]:
    seen = detector.detect(frames)
    if len(seen) != len(frames):
        raise StageMismatch(f"{len(frames)} frames gave {len(seen)} detections")
    return seen


def interpolate_boxes(
    before: tuple[Frame, Detections], after: tuple[Frame, Detections], frames: Sequence[Frame]
) -> list[Detections]:
    """Interpolate the boxes of people in the frames between two keyframes.

    The box of a person who is in both keyframes moves and scales linearly. A person in one keyframe only stays in the
    half of the frames that is nearer to it.

    Args:
        before: a keyframe, and the people in it.
        after: the next keyframe, and the people in it.
        frames: the frames between them.
    """
    (first, earlier), (last, later) = before, after
    if not frames:
        return []
    boxes, next_boxes = earlier.boxes.astype(np.float64), later.boxes.astype(np.float64)
    passed = np.full(len(earlier), max(0.0, last.seconds - first.seconds))
    similarity = (box_overlap(boxes, next_boxes) + nearness(boxes, next_boxes, passed)) / 2
    pairs = best_pairs(similarity, SAME_PERSON)
    rows, next_rows = (np.array([pair[side] for pair in pairs], np.int64) for side in (0, 1))
    gone = np.setdiff1d(np.arange(len(earlier)), rows)
    new = np.setdiff1d(np.arange(len(later)), next_rows)
    found = []
    for frame in frames:
        part = np.float32((frame.index - first.index) / (last.index - first.index))
        nearer, alone = (earlier, gone) if part <= 0.5 else (later, new)
        moved = earlier.boxes[rows] * (1 - part) + later.boxes[next_rows] * part
        scores = earlier.scores[rows] * (1 - part) + later.scores[next_rows] * part
        all_boxes = np.concatenate([moved, nearer.boxes[alone]])
        all_scores = np.concatenate([scores, nearer.scores[alone]])
        best = np.argsort(-all_scores, kind="stable")
        found.append(Detections(all_boxes[best], all_scores[best]))
    return found
