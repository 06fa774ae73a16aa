"""Tracks: people over time, one row per track id."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from fractions import Fraction
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from posec3d_cli.tracking.similarity import box_area
from posec3d_cli.types import (
    Detections,
    Floats,
    Ints,
    ObjectTracks,
    Poses,
    PoseSequence,
    SequenceHeatmaps,
    ShapeRepr,
    check_array,
)

if TYPE_CHECKING:
    from posec3d_cli.skeletons import Skeleton


@dataclass(frozen=True, eq=False, repr=False)
class Tracks(ShapeRepr):
    """Tracked people over T frames, the most important first.

    Attributes:
        keypoints: `(M, T, K, 2)` float32 x, y in pixels of the frame; 0 where the person is absent.
        scores: `(M, T, K)` float32; 0 where a joint or the person is missing.
        boxes: `(M, T, 4)` float32 x1, y1, x2, y2 in pixels; 0 where the person is absent.
        present: `(M, T)` bool, whether the person was found in the frame.
        ids: `(M,)` int64, numbered from 0 by first appearance; two tracks never share one.
        heatmaps: the pose network's own heatmaps, where every pose came with them.

    M may be 0: no person was found in any frame.
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
        """`(M,)` the share of the frames in which each person was found."""
        return self.present.mean(axis=1, dtype=np.float32) if self.present.size else np.zeros(len(self), np.float32)

    @property
    def importance(self) -> Floats:
        """`(M,)` the sum over frames of the square root of the box area, in pixels, times the mean joint score.

        A large, clear person in many frames comes first; a distant bystander or a false detection last.
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
        """The same people in some of the T frames only; a person may be present in none of them."""
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
        """The main people: found in at least `min_share` of the frames, at most `max_people` of them.

        If every track is shorter, the most important one stays.
        """
        rows = np.flatnonzero((self.share >= min_share) & self.present.any(axis=1))
        if not len(rows) and self.present.any():
            rows = np.flatnonzero(self.present.any(axis=1))[:1]
        return self.take(rows[:max_people])

    def sequence(
        self,
        *,
        frame_size: tuple[int, int],
        frame_indices: Ints,
        fps: Fraction,
        skeleton: Skeleton,
        objects: ObjectTracks | None = None,
    ) -> PoseSequence:
        """All people in one sequence, one slot each.

        Args:
            frame_size: (H, W) of the frames in pixels.
            frame_indices: `(T,)` which frame of the video each column is.
            fps: frames per second of the video.
            skeleton: the joint set.
            objects: in these frames; None: nothing but people was looked for.
        """
        maps = self.heatmaps
        return PoseSequence(self.keypoints, self.scores, frame_size, frame_indices, fps, skeleton, maps, objects)

    def each(self, **placing: Any) -> list[PoseSequence]:
        """One sequence per person over all T frames; where the person is absent the scores are 0.

        Args:
            placing: the arguments of `sequence`. The objects are the same in all.
        """
        return [self.take([row]).sequence(**placing) for row in range(len(self))]


def assemble(track_ids: Sequence[Ints], detections: Sequence[Detections], poses: Sequence[Poses]) -> Tracks:
    """Put the people of some frames into tracks, the most important first; equally important ones by track id.

    The frames may be a part of the tracked frames, for instance one window of a long video.
    """
    all_ids = np.unique(np.concatenate([*track_ids, np.zeros(0, np.int64)]))
    ids = all_ids[all_ids >= 0].astype(np.int64)
    people, frames = len(ids), len(poses)
    joints = poses[0].keypoints.shape[1] if poses else 0
    keypoints = np.zeros((people, frames, joints, 2), np.float32)
    scores = np.zeros((people, frames, joints), np.float32)
    boxes = np.zeros((people, frames, 4), np.float32)
    present = np.zeros((people, frames), bool)
    maps = _empty_heatmaps(people, poses)
    for column, (frame_ids, frame_detections, frame_poses) in enumerate(zip(track_ids, detections, poses, strict=True)):
        rows = np.flatnonzero(frame_ids >= 0)
        slots = np.searchsorted(ids, frame_ids[rows])
        keypoints[slots, column] = frame_poses.keypoints[rows]
        scores[slots, column] = frame_poses.scores[rows]
        boxes[slots, column] = frame_detections.boxes[rows]
        present[slots, column] = True
        if maps is not None and frame_poses.heatmaps is not None:
            maps.values[slots, column] = frame_poses.heatmaps.values[rows]
            maps.to_frame[slots, column] = frame_poses.heatmaps.to_frame[rows]
    tracks = Tracks(keypoints, scores, boxes, present, ids, maps)
    return tracks.take(np.argsort(-tracks.importance, kind="stable"))


def _importance(boxes: Floats, scores: Floats) -> Floats:
    size = np.sqrt(box_area(boxes.astype(np.float64)))
    joints = scores.mean(axis=-1, dtype=np.float64) if scores.shape[-1] else np.zeros(scores.shape[:2])
    return np.asarray((size * joints).sum(axis=-1), np.float32)


def _empty_heatmaps(people: int, poses: Sequence[Poses]) -> SequenceHeatmaps | None:
    """Zeros for the heatmaps of all tracks; None unless every pose has heatmaps."""
    maps = [frame_poses.heatmaps for frame_poses in poses if len(frame_poses)]
    if not maps or maps[0] is None or any(heatmaps is None for heatmaps in maps):
        return None
    values = np.zeros((people, len(poses), *maps[0].values.shape[1:]), np.float32)
    return SequenceHeatmaps(values, np.zeros((people, len(poses), 2, 3), np.float32))
