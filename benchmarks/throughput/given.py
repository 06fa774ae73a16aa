"""Who is in each frame, given from outside: networks of random weights find nobody, but must be run all the same."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from posec3d_cli.pose_files import read_pose_file
from posec3d_cli.results import VideoPoses
from posec3d_cli.stages.protocols import Detector, PoseEstimator
from posec3d_cli.types import Detections, Frame, Poses


def read_given(file: Path) -> tuple[list[Detections], list[Poses]]:
    """The best person of each frame of a pose file, all joints seen; of an empty frame, the one of a frame before."""
    [clip] = read_pose_file(file)
    assert isinstance(clip, VideoPoses)
    some = [number for number, found in enumerate(clip.detections) if len(found)]
    nearest = [max([one for one in some if one <= number], default=some[0]) for number in range(len(clip))]
    boxes = [clip.detections[one] for one in nearest]
    return (
        [Detections(found.boxes[:1], found.scores[:1]) for found in boxes],
        [Poses(keypoints := clip.poses[one].keypoints[:1], np.ones_like(keypoints[..., 0])) for one in nearest],
    )


class GivenDetector:
    """Runs a detector, and says who is given."""

    def __init__(self, detector: Detector, given: Sequence[Detections]) -> None:
        self._detector = detector
        self._given = given

    def detect(self, frames: Sequence[Frame]) -> list[Detections]:
        """One `Detections` per frame."""
        self._detector.detect(frames)
        return [self._given[frame.index] for frame in frames]


class GivenPose:
    """Runs a pose model, and says what is given."""

    def __init__(self, pose: PoseEstimator, given: Sequence[Poses]) -> None:
        self._pose = pose
        self._given = given
        self.skeleton = pose.skeleton

    def estimate(self, frames: Sequence[Frame], detections: Sequence[Detections]) -> list[Poses]:
        """One `Poses` per frame, row n for box n."""
        self._pose.estimate(frames, detections)
        given = [self._given[frame.index] for frame in frames]
        assert all(len(found) == len(one) for found, one in zip(detections, given, strict=True))
        return given
