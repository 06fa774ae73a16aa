"""The tracker: assign track ids to the people of single frames over time.

Tracking is a sequence of optimal assignments between the tracks so far and the people of the next frame. It needs
no pixels, only boxes and joints, so it works on frames that are several video frames apart. A moving camera
shifts everybody alike; the constant-velocity prediction of each track follows the shift after two frames, and the last
position stays a candidate, so that no track is lost when the camera stops. Tracks and people that are left over may be
jumps, as poses without a steady detector make them: the same stance a little further away is the same person.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from posec3d_cli.errors import StageMismatch
from posec3d_cli.tracking.similarity import (
    Doubles,
    best_pairs,
    box_overlap,
    centres_apart,
    keypoint_similarity,
    nearness,
    stance_similarity,
)
from posec3d_cli.types import Detections, Floats, Ints, Poses

MISSES = 2  # frames that a track may always miss, however far apart the frames are
COAST = 0.5  # seconds for which a velocity is extrapolated
JUMP = 2.0  # body sizes that a person may jump from one frame to the next
JUMP_ALONE = 4.0  # likewise, with one track and one person
SAME_STANCE = 0.3  # lowest stance similarity of a person before and after a jump
DUPLICATE = -1  # the track id of a duplicate detection
UNASSIGNED = -2  # no track id yet


def track_people(
    detections: Sequence[Detections],
    poses: Sequence[Poses],
    *,
    seconds: Sequence[float] | NDArray[np.float64],
    cuts: Collection[int] = (),
    max_gap: float = 1.0,
    min_similarity: float = 0.1,
    duplicate: float = 0.9,
) -> list[Ints]:
    """Assign a track id to each person in each frame: T arrays `(N,)`, ids from 0, and -1 for a duplicate.

    The similarity of a track and a person is the mean of three values in [0, 1]: the intersection over union of
    the boxes, the object keypoint similarity (COCO), and how near the centres are for the elapsed time, lowered
    where the boxes differ in size. Each frame's assignment maximises the sum of similarities. A track and a person who
    are then both left over, the track seen within `MISSES` frames, that lie within `JUMP` body sizes of each other (or
    `JUMP_ALONE`, where there is no other track or person) and stand alike are one, where neither has another such
    candidate. Within one frame, of two people whose joints coincide the one with
    the lower box score is a duplicate: a top-down pose network shown two overlapping boxes often draws the same person
    twice.

    Args:
        detections: one value per frame, in order of time.
        poses: one value per frame, row n for box n.
        seconds: `(T,)` the time of each frame, strictly increasing.
        cuts: the positions, from 1 to T - 1, of frames that begin a new shot: no track continues into them.
        max_gap: seconds for which a person may be out of sight and keep the track id; two missed frames are
            always allowed.
        min_similarity: below this a person starts a new track.
        duplicate: object keypoint similarity from which two people of one frame are the same one; above 1: never.

    Raises:
        StageMismatch: the three sequences differ in length, or a frame's poses do not fit its boxes.
    """
    return extend(
        [None] * len(detections),
        detections,
        poses,
        seconds=seconds,
        cuts=cuts,
        max_gap=max_gap,
        min_similarity=min_similarity,
        duplicate=duplicate,
    )


def extend(
    track_ids: Sequence[Ints | None],
    detections: Sequence[Detections],
    poses: Sequence[Poses],
    *,
    seconds: Sequence[float] | NDArray[np.float64],
    cuts: Collection[int] = (),
    max_gap: float = 1.0,
    min_similarity: float = 0.1,
    duplicate: float = 0.9,
) -> list[Ints]:
    """Track ids of all frames, where the ids in some frames are given: these stay, and the others continue them.

    People in a frame without ids are tracked from the frames before, then from the frames after; a new person gets an
    id above all given ids. Arguments and errors are those of `track_people`, but for

    Args:
        track_ids: one array per frame, or None where the ids are to be assigned.
    """
    times = np.asarray(seconds, np.float64)
    if not len(track_ids) == len(detections) == len(poses) == len(times):
        raise StageMismatch(
            f"tracking needs one value per frame: {len(detections)} detections, {len(poses)} poses, {len(times)} times"
        )
    if np.any(np.diff(times) <= 0):
        raise StageMismatch("tracking needs frames in order: seconds must be strictly increasing")
    ids: list[Ints] = []
    for column, (given, frame_detections, frame_poses) in enumerate(zip(track_ids, detections, poses, strict=True)):
        if len(frame_detections) != len(frame_poses):
            raise StageMismatch(f"frame {column} has {len(frame_detections)} boxes but {len(frame_poses)} poses")
        ids.append(open_ids(frame_detections, frame_poses, duplicate) if given is None else given.copy())
    frames = _Frames(ids, detections, poses, times, frozenset(cuts))
    highest = max((int(given.max(initial=-1)) for given in track_ids if given is not None), default=-1)
    if highest >= 0:
        for order in (frames, frames.backwards()):
            _follow(order, max_gap, min_similarity)
    _follow(frames, max_gap, min_similarity, first_new=highest + 1)
    return ids


def open_ids(detections: Detections, poses: Poses, duplicate: float) -> Ints:
    """`(N,)` `UNASSIGNED`, or `DUPLICATE` for people who are another one of the frame, see `track_people`."""
    ids = np.full(len(detections), DUPLICATE, np.int64)
    ids[_distinct(detections, poses, duplicate)] = UNASSIGNED
    return ids


@dataclass(frozen=True)
class _Frames:
    """Frames in the order of tracking; `ids` is filled in."""

    ids: Sequence[Ints]
    detections: Sequence[Detections]
    poses: Sequence[Poses]
    times: Doubles
    cuts: Collection[int]

    def backwards(self) -> _Frames:
        cuts = frozenset(len(self.ids) - column for column in self.cuts)
        return _Frames(self.ids[::-1], self.detections[::-1], self.poses[::-1], -self.times[::-1], cuts)


def _follow(frames: _Frames, max_gap: float, min_similarity: float, first_new: int | None = None) -> None:
    """Give people with id `UNASSIGNED` the id of the track that they continue.

    A person who continues no track starts one, numbered from `first_new`; without `first_new` the id stays open.
    """
    tracks: list[Track] = []
    for column, (frame_ids, frame_detections, frame_poses) in enumerate(
        zip(frames.ids, frames.detections, frames.poses, strict=True)
    ):
        if column in frames.cuts:
            tracks = []
        now = float(frames.times[column])
        tracks, first_new = follow_into(
            tracks, frame_ids, frame_detections, frame_poses, column, now, max_gap, min_similarity, first_new
        )


def follow_into(
    tracks: Sequence[Track],
    frame_ids: Ints,
    detections: Detections,
    poses: Poses,
    column: int,
    now: float,
    max_gap: float,
    min_similarity: float,
    first_new: int | None,
) -> tuple[list[Track], int | None]:
    """Follow tracks into the next frame: `frame_ids` is filled in, and the tracks that are alive are returned.

    Args:
        tracks: so far.
        frame_ids: `(N,)` given ids, `UNASSIGNED`, or `DUPLICATE`.
        detections: the people of the frame.
        poses: of these.
        column: how many frames came before.
        now: seconds; with `column`, as the tracks count them.
        max_gap: as of `track_people`; likewise the next.
        min_similarity: below this a person starts a new track.
        first_new: the id of the first new track; None: nobody starts one.
    """
    tracks = [track for track in tracks if column - track.column - 1 <= MISSES or now - track.seconds <= max_gap]
    named = {track_id: row for row, track_id in enumerate(frame_ids.tolist()) if track_id >= 0}
    continued = {named[track.track_id]: track for track in tracks if track.track_id in named}
    free = [track for track in tracks if track.track_id not in named]
    rows = np.flatnonzero(frame_ids == UNASSIGNED)
    continued.update(_assign(free, detections, poses, rows, column, now, min_similarity))
    for row in np.flatnonzero(frame_ids != DUPLICATE).tolist():
        track = continued.get(row)
        if track is None:
            if frame_ids[row] == UNASSIGNED:
                if first_new is None:
                    continue
                frame_ids[row] = first_new
                first_new += 1
            track = Track(int(frame_ids[row]))
            tracks.append(track)
        track.extend(column, now, detections.boxes[row], poses.keypoints[row], poses.scores[row])
        frame_ids[row] = track.track_id
    return tracks, first_new


class Track:
    """The last state of a track: position, joints and velocity."""

    box: Doubles
    joints: Doubles
    scores: Doubles

    def __init__(self, track_id: int) -> None:
        self.track_id = track_id
        self.sightings = 0
        self.column, self.seconds = -1, 0.0
        self.velocity = np.zeros(2)  # pixels per second

    def extend(self, column: int, seconds: float, box: Floats, joints: Floats, scores: Floats) -> None:
        """Add where the person is seen in a frame."""
        position = box.astype(np.float64)
        if self.sightings:
            moved = (position[:2] + position[2:] - self.box[:2] - self.box[2:]) / 2 / (seconds - self.seconds)
            self.velocity = moved if self.sightings == 1 else (self.velocity + moved) / 2
        self.sightings += 1
        self.column, self.seconds = column, seconds
        self.box, self.joints, self.scores = position, joints.astype(np.float64), scores.astype(np.float64)


def _assign(
    tracks: list[Track],
    detections: Detections,
    poses: Poses,
    rows: NDArray[np.int64],
    column: int,
    seconds: float,
    min_similarity: float,
) -> dict[int, Track]:
    """Assign rows to the tracks that they continue."""
    if not tracks or not len(rows):
        return {}
    boxes, joints = detections.boxes[rows].astype(np.float64), poses.keypoints[rows].astype(np.float64)
    scores = poses.scores[rows].astype(np.float64)
    similarity = _similarity(tracks, boxes, joints, scores, seconds)
    taken = {int(rows[n]): tracks[t] for t, n in best_pairs(similarity, min_similarity)}
    left = [track for track in tracks if track not in taken.values() and column - track.column - 1 <= MISSES]
    open_rows = np.flatnonzero([int(row) not in taken for row in rows])
    reach = JUMP_ALONE if len(tracks) == 1 and len(detections) == 1 else JUMP
    for t, n in _jumps(left, boxes[open_rows], joints[open_rows], scores[open_rows], reach):
        taken[int(rows[open_rows[n]])] = left[t]
    return taken


def _similarity(tracks: list[Track], boxes: Doubles, joints: Doubles, scores: Doubles, seconds: float) -> Doubles:
    """`(tracks, N)`: the better of the similarities at the last seen and at the foreseen place."""
    last = np.stack([track.box for track in tracks])
    last_joints = np.stack([track.joints for track in tracks])
    last_scores = np.stack([track.scores for track in tracks])
    passed = np.array([seconds - track.seconds for track in tracks])
    shift = np.stack([track.velocity for track in tracks]) * np.minimum(passed, COAST)[:, None]
    similarity = np.zeros((len(tracks), len(boxes)))
    for move in (np.zeros_like(shift), shift):
        places = last + np.tile(move, 2)
        near = nearness(places, boxes, passed)
        same = keypoint_similarity(last_joints + move[:, None], last_scores, places, joints, scores)
        similarity = np.maximum(similarity, (box_overlap(places, boxes) + same + near) / 3)
    return similarity


def _jumps(
    tracks: list[Track], boxes: Doubles, joints: Doubles, scores: Doubles, reach: float
) -> list[tuple[int, int]]:
    """The pairs of a track and a person within reach and alike in stance, where neither has another candidate."""
    if not tracks or not len(boxes):
        return []
    last = np.stack([track.box for track in tracks])
    last_joints, last_scores = (np.stack([getattr(track, name) for track in tracks]) for name in ("joints", "scores"))
    stance = stance_similarity(last_joints, last_scores, last, joints, scores)
    may = (centres_apart(last, boxes) <= reach) & (stance >= SAME_STANCE)
    alone = may & (may.sum(axis=1, keepdims=True) == 1) & (may.sum(axis=0, keepdims=True) == 1)
    return [(int(t), int(n)) for t, n in np.argwhere(alone)]


def _distinct(detections: Detections, poses: Poses, duplicate: float) -> NDArray[np.int64]:
    """The rows without duplicates: of people whose joints coincide, the one with the best box stays."""
    order = np.argsort(-detections.scores, kind="stable")
    if len(order) < 2 or duplicate > 1:
        return np.sort(order)
    joints, scores = poses.keypoints.astype(np.float64), poses.scores.astype(np.float64)
    same = keypoint_similarity(joints, scores, detections.boxes.astype(np.float64), joints, scores)
    kept: list[int] = []
    for row in order:
        if all(same[better, row] < duplicate for better in kept):
            kept.append(int(row))
    return np.array(sorted(kept), np.int64)
