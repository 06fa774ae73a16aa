"""Count the repetitions of exercises from poses: how often the body goes to and fro along its main movement.

The joints of a segment are taken relative to their centre, in body sizes, and projected on the first principal
component. A repetition is a rise above three quarters and a fall below one quarter of its range (5th to 95th
percentile). Meant for a segment of one exercise: another movement in it would become the principal component.
"""

from __future__ import annotations

from array import array
from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace

import numpy as np
from numpy.typing import ArrayLike, NDArray

from posec3d_cli.answers import ActionSegment
from posec3d_cli.skeletons import Skeleton
from posec3d_cli.types import Ints, Poses

PERIODIC = ("jumping_jacks", "pullup", "pushup", "situp", "squat")
"""The actions whose repetitions are counted."""
RATE = 25.0  # samples per second, to which joints are interpolated
KEPT_RATE = 15.0  # of poses that are kept for counting
SMOOTHED = 5  # samples of the moving mean
LEAST_RANGE = 0.5  # body sizes; jitter moves 0.13 to 0.17, the smallest exercises 0.8
LEAST_SEEN = 0.5  # of the samples, for a joint that counts
HIGH, LOW = 0.75, 0.25  # of the range
_HEAD = ("eye", "ear")  # joints that jitter and say nothing


class Movements:
    """Keeps the joints of people over time, thinned to `KEPT_RATE`, and counts repetitions in them.

    An hour of one person takes about 11 MB.

    Args:
        skeleton: the joint set.
        fps: frames per second.
        elapsed: when frames are shown, see `posec3d_cli.types.VideoInfo.elapsed`; by default as `fps` says.
    """

    def __init__(
        self, skeleton: Skeleton, fps: float, elapsed: Callable[[ArrayLike], NDArray[np.float64]] | None = None
    ) -> None:
        self._joints = len(skeleton.joints)
        self._used = [n for n, name in enumerate(skeleton.joints) if not name.endswith(_HEAD)]
        self._elapsed = elapsed or (lambda frames: np.asarray(frames, np.int64) / fps)
        self._apart = (max(1, round(fps / KEPT_RATE)) - 0.5) / fps
        self._frames: dict[int, array[int]] = {}
        self._values: dict[int, array[float]] = {}

    def add(self, frames: Ints, track_ids: Iterable[Ints], poses: Iterable[Poses]) -> None:
        """Add the poses of frames, in order."""
        for frame, ids, found in zip(frames.tolist(), track_ids, poses, strict=True):
            now = float(self._elapsed(frame))
            for row, person in enumerate(ids.tolist()):
                if person < 0:
                    continue
                known = self._frames.setdefault(person, array("q"))
                if known and now - float(self._elapsed(known[-1])) < self._apart:
                    continue
                known.append(frame)
                joints = np.column_stack([found.keypoints[row], found.scores[row]])
                self._values.setdefault(person, array("f")).frombytes(joints.astype(np.float32).tobytes())

    def counted(self, segments: Sequence[ActionSegment], min_score: float) -> tuple[ActionSegment, ...]:
        """The segments, with the repetitions of those that are named as one of `PERIODIC`."""
        return tuple(
            replace(one, repetitions=self._count(one))
            if isinstance(one.person, int) and one.answer(min_score) in PERIODIC
            else one
            for one in segments
        )

    def _count(self, segment: ActionSegment) -> int | None:
        assert isinstance(segment.person, int)
        known = self._frames.get(segment.person)
        if known is None:
            return None
        frames = np.array(known)
        here = slice(*np.searchsorted(frames, [segment.start, segment.stop]))
        values = np.frombuffer(self._values[segment.person], np.float32).reshape(-1, self._joints, 3)[here]
        return count_repetitions(values[:, self._used], self._elapsed(frames[here]))


def count_repetitions(joints: NDArray[np.float32], seconds: NDArray[np.float64]) -> int | None:
    """How often a movement is repeated.

    Args:
        joints: `(T, K, 3)` x, y in pixels and score; a joint that was not found scores 0.
        seconds: `(T,)` in ascending order.

    Returns:
        None where too little is seen: fewer than three joints, or fewer than two frames.
    """
    if len(joints) < 2:
        return None
    seen = joints[..., 2] > 0
    used = np.flatnonzero(seen.mean(axis=0) > LEAST_SEEN)
    if len(used) < 3:
        return None
    times = np.arange(seconds[0], seconds[-1], 1 / RATE)
    track = np.stack(
        [
            [np.interp(times, seconds[seen[:, joint]], joints[seen[:, joint], joint, axis]) for axis in (0, 1)]
            for joint in used
        ]
    ).transpose(2, 0, 1)
    track = track - track.mean(axis=1, keepdims=True)
    size = float(np.median(np.hypot(track[..., 0], track[..., 1]).mean(axis=1)))
    if not size > 0:
        return None
    moves = (track / size).reshape(len(times), -1)
    moves -= moves.mean(axis=0)
    left, strength, _ = np.linalg.svd(moves, full_matrices=False)
    padded = np.pad(left[:, 0] * strength[0], SMOOTHED // 2, "edge")
    return _swings(np.convolve(padded, np.ones(SMOOTHED) / SMOOTHED, "valid"))


def _swings(values: NDArray[np.float64]) -> int:
    """How often the values rise from low to high or fall from high to low, whichever is more."""
    low, high = np.percentile(values, [5, 95])
    if high - low < LEAST_RANGE:
        return 0
    rises = falls = 0
    is_high: bool | None = None
    for value in (values - low) / (high - low):
        if value > HIGH and is_high is not True:
            rises += is_high is False
            is_high = True
        elif value < LOW and is_high is not False:
            falls += is_high is True
            is_high = False
    return max(rises, falls)
