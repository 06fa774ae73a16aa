"""Run a top-down pose estimator: one crop per person, in batches across frames, and back to one `Poses` per frame."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Sequence

import numpy as np

from posec3d_cli.runtime.threads import ThreadLanes
from posec3d_cli.types import Detections, Floats, Frame, JointHeatmaps, Poses

_MOST_CROPS = 16  # in all lanes together; 12 take some 500 MB


def crops_at_once(device: str, lanes: ThreadLanes) -> int:
    """How many crops suit one call of a network that takes any number."""
    if device != "cpu":
        return _MOST_CROPS
    return max(1, min(_MOST_CROPS // lanes.count, 4))  # more than 4 keep a processor thread no busier


def each_person(
    frames: Sequence[Frame],
    detections: Sequence[Detections],
    pose: Callable[[Sequence[Frame], Floats], Poses],
    *,
    batch: int,
    joints: int,
    lanes: ThreadLanes | None = None,
) -> list[Poses]:
    """Pose the people of several frames.

    Args:
        frames: the images.
        detections: their boxes.
        pose: makes the poses of N people, given for each the frame and, as `(N, 4)`, the box.
        batch: N is at most this, and no more than shares the people evenly among the lanes.
        joints: K.
        lanes: where `pose` may be called side by side.

    Returns:
        One `Poses` per frame, row n for box n.
    """
    boxes = [box for frame_detections in detections for box in frame_detections.boxes]
    owners = [frame for frame, frame_detections in zip(frames, detections, strict=True) for _ in frame_detections.boxes]
    lanes = lanes or ThreadLanes(1)
    size = min(batch, max(1, -(-len(boxes) // lanes.count)))
    chunks = [slice(start, start + size) for start in range(0, len(boxes), size)]
    people = lanes.map(lambda chunk: pose(owners[chunk], np.stack(boxes[chunk])), chunks)
    every = _concatenate(people) if people else Poses.none(joints)
    bounds = np.cumsum([0, *(len(frame_detections) for frame_detections in detections)])
    return [_rows(every, slice(a, b)) for a, b in itertools.pairwise(bounds)]


def _concatenate(parts: Sequence[Poses]) -> Poses:
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
        values = poses.heatmaps.values[rows].copy()  # so that one frame's do not keep those of the others alive
        heatmaps = JointHeatmaps(values, poses.heatmaps.to_frame[rows])
    return Poses(poses.keypoints[rows], poses.scores[rows], heatmaps)
