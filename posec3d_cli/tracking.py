"""Who is who: the people of single frames linked over time.

Linking is a sequence of optimal assignments between the tracks so far and the people of the next frame. It needs
no picture, only boxes and joints, so it works on frames that are several video frames apart. A moving camera
shifts everybody alike; a constant-velocity guess of each track takes the shift up after two frames, and the last
seen place stays a candidate, so that a camera that stops at once loses nobody.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from fractions import Fraction
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from posec3d_cli.errors import StageMismatch
from posec3d_cli.likeness import Doubles, best_pairs, box_area, box_overlap, keypoint_similarity, nearness
from posec3d_cli.types import Detections, Floats, Ints, Poses, PoseSequence, SequenceHeatmaps, ShapeRepr, check_array

if TYPE_CHECKING:
    from posec3d_cli.skeletons import Skeleton

MISSES = 2  # frames that a track may always miss, however far apart the frames are
COAST = 0.5  # seconds for which a velocity is believed


@dataclass(frozen=True, eq=False, repr=False)
class Tracks(ShapeRepr):
    """People linked over T frames, the most important first.

    Attributes:
        keypoints: `(M, T, K, 2)` float32 x, y in pixels of the frame; 0 where the person is absent.
        scores: `(M, T, K)` float32; 0 where a joint or the person is missing.
        boxes: `(M, T, 4)` float32 x1, y1, x2, y2 in pixels; 0 where the person is absent.
        present: `(M, T)` bool, whether the person was found in the frame.
        ids: `(M,)` int64, numbered from 0 by first appearance; two tracks never share one.
        heatmaps: the pose network's own heatmaps, where every pose came with them.

    M may be 0: nobody was found in any frame.
    """

    keypoints: Floats
    scores: Floats
    boxes: Floats
    present: NDArray[np.bool_]
    ids: Ints
    heatmaps: SequenceHeatmaps | None = None

    def __post_init__(self) -> None:
        check_array("Tracks", "keypoints", self.keypoints, np.float32, ("M", "T", "K", 2))
        people, frames = self.keypoints.shape[:2]
        check_array("Tracks", "scores", self.scores, np.float32, self.keypoints.shape[:3])
        check_array("Tracks", "boxes", self.boxes, np.float32, (people, frames, 4))
        check_array("Tracks", "present", self.present, np.bool_, (people, frames))
        check_array("Tracks", "ids", self.ids, np.int64, (people,))
        if self.heatmaps is not None:
            check_array(
                "Tracks", "heatmaps.values", self.heatmaps.values, np.float32, (*self.keypoints.shape[:3], "h", "w")
            )

    def __len__(self) -> int:
        """M, the number of tracks."""
        return len(self.keypoints)

    @property
    def share(self) -> Floats:
        """`(M,)` the part of the frames in which each person was found."""
        return self.present.mean(axis=1, dtype=np.float32) if self.present.size else np.zeros(len(self), np.float32)

    @property
    def importance(self) -> Floats:
        """`(M,)` the sum over frames of the square root of the box area, in pixels, times the mean joint score.

        Somebody large, long in view and clearly seen comes first; a bystander far away and a false detection last.
        """
        return _importance(self.boxes, self.scores)

    def take(self, rows: Sequence[int] | NDArray[Any]) -> Tracks:
        """The tracks at these positions, in this order."""
        chosen = np.asarray(rows, np.int64)
        maps = self.heatmaps
        return Tracks(
            self.keypoints[chosen],
            self.scores[chosen],
            self.boxes[chosen],
            self.present[chosen],
            self.ids[chosen],
            None if maps is None else SequenceHeatmaps(maps.values[chosen], maps.to_frame[chosen]),
        )

    def columns(self, columns: Sequence[int] | NDArray[Any]) -> Tracks:
        """The same people in these of the T frames only; somebody may then be present in none."""
        chosen = np.asarray(columns, np.int64)
        maps = self.heatmaps
        return replace(
            self,
            keypoints=self.keypoints[:, chosen],
            scores=self.scores[:, chosen],
            boxes=self.boxes[:, chosen],
            present=self.present[:, chosen],
            heatmaps=None if maps is None else SequenceHeatmaps(maps.values[:, chosen], maps.to_frame[:, chosen]),
        )

    def main_people(self, min_share: float = 0.1, *, max_people: int | None = None) -> Tracks:
        """Without fragments: the people found in at least `min_share` of the frames, at most `max_people` of them.

        Where somebody was found but nobody for so long, the most important track stays.
        """
        rows = np.flatnonzero((self.share >= min_share) & self.present.any(axis=1))
        if not len(rows) and self.present.any():
            rows = np.flatnonzero(self.present.any(axis=1))[:1]
        return self.take(rows[:max_people])

    def sequence(
        self, *, frame_size: tuple[int, int], frame_indices: Ints, fps: Fraction, skeleton: Skeleton
    ) -> PoseSequence:
        """All people in one sequence, one slot each.

        Args:
            frame_size: (H, W) of the frames in pixels.
            frame_indices: `(T,)` which frame of the video each column is.
            fps: frames per second of the video.
            skeleton: the joint set.
        """
        return PoseSequence(self.keypoints, self.scores, frame_size, frame_indices, fps, skeleton, self.heatmaps)

    def each(
        self, *, frame_size: tuple[int, int], frame_indices: Ints, fps: Fraction, skeleton: Skeleton
    ) -> list[PoseSequence]:
        """One sequence per person over all T frames; where the person is absent the scores are 0."""
        return [
            self.take([row]).sequence(frame_size=frame_size, frame_indices=frame_indices, fps=fps, skeleton=skeleton)
            for row in range(len(self))
        ]


def link(
    detections: Sequence[Detections],
    poses: Sequence[Poses],
    *,
    seconds: Sequence[float] | NDArray[Any],
    max_gap: float = 1.0,
    min_similarity: float = 0.1,
    duplicate: float = 0.9,
) -> Tracks:
    """Link the people of T frames: `identify`, then `assemble`. The arguments are those of `identify`."""
    identities = identify(
        detections,
        poses,
        seconds=seconds,
        max_gap=max_gap,
        min_similarity=min_similarity,
        duplicate=duplicate,
    )
    return assemble(identities, detections, poses)


def identify(
    detections: Sequence[Detections],
    poses: Sequence[Poses],
    *,
    seconds: Sequence[float] | NDArray[Any],
    max_gap: float = 1.0,
    min_similarity: float = 0.1,
    duplicate: float = 0.9,
) -> list[Ints]:
    """Say for each person of each frame who it is: T arrays `(N,)` of identities from 0, and -1 for a duplicate.

    The similarity of a track and a person is the mean of three values in [0, 1]: the intersection over union of
    the boxes, the object keypoint similarity (COCO), and how near the centres are for the time that passed, lowered
    where the boxes differ in size. Each frame's assignment maximises the sum of similarities. Within one frame, of
    two people whose joints coincide the one with the lower box score is a duplicate: a top-down pose network shown
    two overlapping boxes often draws the same person twice.

    Args:
        detections: one value per frame, in order of time.
        poses: one value per frame, row n for box n.
        seconds: `(T,)` the time of each frame, strictly increasing.
        max_gap: seconds for which somebody may be out of sight and keep the identity; two missed frames are
            always allowed.
        min_similarity: below this a person starts a new track.
        duplicate: object keypoint similarity from which two people of one frame are the same one; above 1: never.

    Raises:
        StageMismatch: the three sequences differ in length, or a frame's poses do not fit its boxes.
    """
    times = np.asarray(seconds, np.float64)
    if not len(detections) == len(poses) == len(times):
        raise StageMismatch(
            f"linking needs one value per frame: {len(detections)} detections, {len(poses)} poses, {len(times)} times"
        )
    if np.any(np.diff(times) <= 0):
        raise StageMismatch("linking needs frames in order: seconds must be strictly increasing")
    tracks: list[_Track] = []
    known = 0
    identities: list[Ints] = []
    for column, (found, shape) in enumerate(zip(detections, poses, strict=True)):
        if len(found) != len(shape):
            raise StageMismatch(f"frame {column} has {len(found)} boxes but {len(shape)} poses")
        now = float(times[column])
        tracks = [track for track in tracks if column - track.column - 1 <= MISSES or now - track.seconds <= max_gap]
        identity = np.full(len(found), -1, np.int64)
        rows = _distinct(found, shape, duplicate)
        continued = _assign(tracks, found, shape, rows, now, min_similarity)
        for row in map(int, rows):
            track = continued.get(row)
            if track is None:
                track = _Track(known)
                tracks.append(track)
                known += 1
            track.extend(column, now, found.boxes[row], shape.keypoints[row], shape.scores[row])
            identity[row] = track.identity
        identities.append(identity)
    return identities


def assemble(identities: Sequence[Ints], detections: Sequence[Detections], poses: Sequence[Poses]) -> Tracks:
    """Put the people of some frames into tracks, the most important first; equally important ones by identity.

    The frames may be any part of those that were identified, for instance one window of a long video.
    """
    here = np.unique(np.concatenate([*identities, np.zeros(0, np.int64)]))
    ids = here[here >= 0].astype(np.int64)
    people, frames = len(ids), len(poses)
    joints = poses[0].keypoints.shape[1] if poses else 0
    keypoints = np.zeros((people, frames, joints, 2), np.float32)
    scores = np.zeros((people, frames, joints), np.float32)
    boxes = np.zeros((people, frames, 4), np.float32)
    present = np.zeros((people, frames), bool)
    maps = _empty_heatmaps(people, poses)
    for column, (identity, found, shape) in enumerate(zip(identities, detections, poses, strict=True)):
        rows = np.flatnonzero(identity >= 0)
        slots = np.searchsorted(ids, identity[rows])
        keypoints[slots, column] = shape.keypoints[rows]
        scores[slots, column] = shape.scores[rows]
        boxes[slots, column] = found.boxes[rows]
        present[slots, column] = True
        if maps is not None and shape.heatmaps is not None:
            maps.values[slots, column] = shape.heatmaps.values[rows]
            maps.to_frame[slots, column] = shape.heatmaps.to_frame[rows]
    tracks = Tracks(keypoints, scores, boxes, present, ids, maps)
    return tracks.take(np.argsort(-tracks.importance, kind="stable"))


class _Track:
    """The last that was seen of somebody: what is needed to find the person again."""

    box: Doubles
    joints: Doubles
    scores: Doubles

    def __init__(self, identity: int) -> None:
        self.identity = identity
        self.sightings = 0
        self.column, self.seconds = -1, 0.0
        self.velocity = np.zeros(2)  # pixels per second

    def extend(self, column: int, seconds: float, box: Floats, joints: Floats, scores: Floats) -> None:
        place = box.astype(np.float64)
        if self.sightings:
            moved = (place[:2] + place[2:] - self.box[:2] - self.box[2:]) / 2 / (seconds - self.seconds)
            self.velocity = moved if self.sightings == 1 else (self.velocity + moved) / 2
        self.sightings += 1
        self.column, self.seconds = column, seconds
        self.box, self.joints, self.scores = place, joints.astype(np.float64), scores.astype(np.float64)


def _assign(
    tracks: list[_Track],
    found: Detections,
    shape: Poses,
    rows: NDArray[np.int64],
    seconds: float,
    min_similarity: float,
) -> dict[int, _Track]:
    """Those of `rows` that continue a track, each with that track."""
    taken: dict[int, _Track] = {}
    if tracks and len(rows):
        boxes, joints = found.boxes[rows].astype(np.float64), shape.keypoints[rows].astype(np.float64)
        likeness = _similarity(tracks, boxes, joints, shape.scores[rows].astype(np.float64), seconds)
        for t, n in best_pairs(likeness, min_similarity):
            taken[int(rows[n])] = tracks[t]
    return taken


def _similarity(tracks: list[_Track], boxes: Doubles, joints: Doubles, scores: Doubles, seconds: float) -> Doubles:
    """`(tracks, N)`: the better of the similarities at the last seen and at the foreseen place."""
    last = np.stack([track.box for track in tracks])
    last_joints = np.stack([track.joints for track in tracks])
    last_scores = np.stack([track.scores for track in tracks])
    passed = np.array([seconds - track.seconds for track in tracks])
    shift = np.stack([track.velocity for track in tracks]) * np.minimum(passed, COAST)[:, None]
    likeness = np.zeros((len(tracks), len(boxes)))
    for move in (np.zeros_like(shift), shift):
        places = last + np.tile(move, 2)
        near = nearness(places, boxes, passed)
        same = keypoint_similarity(last_joints + move[:, None], last_scores, places, joints, scores)
        likeness = np.maximum(likeness, (box_overlap(places, boxes) + same + near) / 3)
    return likeness


def _distinct(found: Detections, shape: Poses, duplicate: float) -> NDArray[np.int64]:
    """The rows to keep, best box first, without those whose joints coincide with a better one's."""
    order = np.argsort(-found.scores, kind="stable")
    if len(order) < 2 or duplicate > 1:
        return np.sort(order)
    joints, scores = shape.keypoints.astype(np.float64), shape.scores.astype(np.float64)
    same = keypoint_similarity(joints, scores, found.boxes.astype(np.float64), joints, scores)
    kept: list[int] = []
    for row in order:
        if all(same[better, row] < duplicate for better in kept):
            kept.append(int(row))
    return np.array(sorted(kept), np.int64)


def _importance(boxes: Floats, scores: Floats) -> Floats:
    size = np.sqrt(box_area(boxes.astype(np.float64)))
    joints = scores.mean(axis=-1, dtype=np.float64) if scores.shape[-1] else np.zeros(scores.shape[:2])
    return np.asarray((size * joints).sum(axis=-1), np.float32)


def _empty_heatmaps(people: int, poses: Sequence[Poses]) -> SequenceHeatmaps | None:
    """Room for everybody's heatmaps, where every pose came with them."""
    maps = [shape.heatmaps for shape in poses if len(shape)]
    if not maps or maps[0] is None or any(one is None for one in maps):
        return None
    values = np.zeros((people, len(poses), *maps[0].values.shape[1:]), np.float32)
    return SequenceHeatmaps(values, np.zeros((people, len(poses), 2, 3), np.float32))
