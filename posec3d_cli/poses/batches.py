"""What every top-down stage does with its boxes: the people of all frames in equal batches, the poses back by frame."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Sequence

import numpy as np

from posec3d_cli.types import Detections, Floats, Frame, JointHeatmaps, Poses


def pose_in_batches(
    frames: Sequence[Frame],
    detections: Sequence[Detections],
    pose: Callable[[Sequence[Frame], Floats], Poses],
    *,
    joints: int,
    batch: int,
) -> list[Poses]:
    """Pose the people of many frames, so many at a time.

    Args:
        frames: the pictures.
        detections: one per frame.
        pose: the poses of N people from N frames, one per person, and their `(N, 4)` boxes; N is at least 1.
        joints: K.
        batch: the largest N.

    Returns:
        One `Poses` per frame, row n for box n.
    """
    owners = [frame for frame, found in zip(frames, detections, strict=True) for _ in found.boxes]
    if not owners:
        return [Poses.none(joints) for _ in frames]
    boxes = np.concatenate([found.boxes for found in detections])
    starts = range(0, len(owners), batch)
    every = _joined([pose(owners[start : start + batch], boxes[start : start + batch]) for start in starts])
    bounds = np.cumsum([0, *(len(found) for found in detections)])
    return [_rows(every, slice(a, b)) for a, b in itertools.pairwise(bounds)]


def _joined(parts: Sequence[Poses]) -> Poses:
    maps = [part.heatmaps for part in parts if part.heatmaps is not None]
    heatmaps = None
    if maps:
        values = np.concatenate([one.values for one in maps])
        heatmaps = JointHeatmaps(values, np.concatenate([one.to_frame for one in maps]))
    keypoints = np.concatenate([part.keypoints for part in parts])
    return Poses(keypoints, np.concatenate([part.scores for part in parts]), heatmaps)


def _rows(poses: Poses, rows: slice) -> Poses:
    heatmaps = None
    if poses.heatmaps is not None:
        heatmaps = JointHeatmaps(poses.heatmaps.values[rows], poses.heatmaps.to_frame[rows])
    return Poses(poses.keypoints[rows], poses.scores[rows], heatmaps)
