"""People looked for in every N-th frame only; between, their boxes follow their joints."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager

import numpy as np

from posec3d_cli.pose_files.clip import boxes_around
from posec3d_cli.stages import Detector, PoseEstimator
from posec3d_cli.types import Detections, Frame, Poses

SEEN = 0.2  # joints that score less bound no box; of whom the mean is less, nobody is left to follow
SMALLEST = 4.0  # pixels of a box's shorter side


class Follower:
    """A detector that looks at every N-th of the frames of one video, in order; people are followed in between.

    Args:
        detector: finds the people.
        pose: estimates their poses, which say where they are one frame later.
        every: N.
    """

    def __init__(self, detector: Detector, pose: PoseEstimator, every: int) -> None:
        self._detector = detector
        self._pose = pose
        self._every = every
        self._frames = 0
        self._last = Detections.none(), Poses.none(len(pose.skeleton.joints))

    def look(
        self, frames: Sequence[Frame], time: Callable[[str], AbstractContextManager[None]]
    ) -> tuple[list[Detections], list[Poses]]:
        """The people of the next frames and their poses; `time` adds up what "detect" and "pose" take.

        A frame between two looks is posed with the boxes that `follow` makes of the frame before. Who comes into the
        picture between two looks is missed until the next.
        """
        due = [(self._frames + number) % self._every == 0 for number in range(len(frames))]
        self._frames += len(frames)
        with time("detect"):
            looked = iter(self._detector.detect([frame for frame, now in zip(frames, due, strict=True) if now]))
        detections, poses = [], []
        for frame, now in zip(frames, due, strict=True):
            found = next(looked) if now else follow(*self._last, frame.pixels.shape[:2])
            with time("pose"):
                [shape] = self._pose.estimate([frame], [found])
            self._last = found, shape
            detections.append(found)
            poses.append(shape)
        return detections, poses


def follow(found: Detections, shape: Poses, frame_size: tuple[int, ...]) -> Detections:
    """Where the people of a frame are one frame later: around their joints, a quarter wider and higher.

    Joints that score less than `SEEN` do not count, and who scores less on average is dropped. A box keeps the score
    of the detection that it goes back to.

    Args:
        found: the people.
        shape: their poses.
        frame_size: (H, W) in pixels.
    """
    kept = np.flatnonzero(shape.scores.mean(axis=1) >= SEEN)
    seen = np.where(shape.scores[kept] >= SEEN, shape.scores[kept], 0)
    height, width = frame_size
    boxes = np.clip(boxes_around(shape.keypoints[kept], seen), 0, np.array([width, height] * 2, np.float32))
    large = (boxes[:, 2:] - boxes[:, :2]).min(axis=1, initial=np.inf) >= SMALLEST
    return Detections(boxes[large].astype(np.float32), found.scores[kept][large])
