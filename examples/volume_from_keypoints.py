"""Draw poses that you already have as the volume of heatmaps that PoseC3D reads.

    python examples/volume_from_keypoints.py

It needs no weights and no video: the poses are made up, somebody who stands and waves with the right hand.
"""

from __future__ import annotations

from fractions import Fraction

import numpy as np

from posec3d_cli import COCO_17, HeatmapBuilder, HeatmapSpec, HeatmapVolume, PoseSequence, uniform_test_indices

FPS = 25
STANDING = {
    "nose": (320, 100), "left_eye": (325, 95), "right_eye": (315, 95), "left_ear": (332, 98), "right_ear": (308, 98),
    "left_shoulder": (350, 140), "right_shoulder": (290, 140), "left_elbow": (358, 195), "right_elbow": (265, 110),
    "left_wrist": (360, 245), "right_wrist": (265, 55), "left_hip": (340, 250), "right_hip": (300, 250),
    "left_knee": (342, 325), "right_knee": (298, 325), "left_ankle": (344, 400), "right_ankle": (296, 400),
}  # fmt: skip
"""x, y of each joint in pixels of a frame of 640 x 480."""


def waving(frames: int) -> PoseSequence:
    """One person over so many frames; the right wrist swings 35 pixels to each side, one and a half times a second."""
    joints = COCO_17.joints
    keypoints = np.tile(np.array([STANDING[joint] for joint in joints], np.float32), (1, frames, 1, 1))
    seconds = np.arange(frames) / FPS
    keypoints[0, :, joints.index("right_wrist"), 0] += 35 * np.sin(2 * np.pi * 1.5 * seconds)
    scores = np.full((1, frames, len(joints)), 0.9, np.float32)
    return PoseSequence(keypoints, scores, (480, 640), np.arange(frames, dtype=np.int64), Fraction(FPS), COCO_17)


def draw(sequence: PoseSequence) -> HeatmapVolume:
    """One view of 48 frames, `(1, 17, 48, 56, 56)`, as the published joint models read it."""
    builder = HeatmapBuilder(HeatmapSpec(size=(56, 56)))
    return builder.build(sequence, uniform_test_indices(len(sequence), clip_len=48))


def main() -> None:
    """Draw, and print what was drawn."""
    volume = draw(waving(100))
    print(f"views, joints, frames, height, width: {volume.values.shape}")
    for joint, plane in zip(COCO_17.joints, volume.values[0], strict=True):
        reached = np.flatnonzero(plane.max(axis=(0, 1)) > 0.1)
        print(f"{joint:<15} sum {plane.sum():6.1f}  columns {reached[0]:2d} to {reached[-1]:2d}")


if __name__ == "__main__":
    main()
