"""People made of arithmetic: two actions that differ in nothing but which limbs move."""

from __future__ import annotations

import pickle
from dataclasses import replace

import numpy as np

from posec3d_cli.datasets.clips import ANNOTATED, LabeledClip
from posec3d_cli.evaluation.evaluate import as_video_poses
from posec3d_cli.pose_files.objects import object_arrays
from posec3d_cli.skeletons import COCO_17
from posec3d_cli.types import Objects

# x to the right and y down, in body heights, of somebody who faces the camera with hanging arms.
_STANDING = {
    "nose": (0.0, 0.08), "eye": (0.02, 0.06), "ear": (0.04, 0.07), "shoulder": (0.11, 0.18), "elbow": (0.14, 0.34),
    "wrist": (0.15, 0.48), "hip": (0.07, 0.5), "knee": (0.08, 0.74), "ankle": (0.08, 0.97),
}  # fmt: skip


def standing():
    """`(17, 2)` a person of height 1 who faces the camera: the left side is on the right of the image."""
    places = []
    for joint in COCO_17.joints:
        side, _, part = joint.partition("_")
        x, y = _STANDING[part or side]
        places.append((-x if side == "right" else x, y))
    return np.array(places, np.float32)


def moving(action, frames=24, *, speed=1.0, phase=0.0):
    """`(T, 17, 2)` of height 1: "arms" rise and fall at the sides, "legs" step sideways and back, both smoothly."""
    poses = np.repeat(standing()[None], frames, axis=0)
    swing = (1 - np.cos(2 * np.pi * (speed * np.arange(frames) / 12 + phase))) / 2
    for name, reach in {
        "arms": {"elbow": (0.1, -0.2), "wrist": (0.2, -0.5)},
        "legs": {"knee": (0.12, -0.04), "ankle": (0.25, -0.06)},
    }[action].items():
        for side, sign in (("left", 1), ("right", -1)):
            joint = COCO_17.joints.index(f"{side}_{name}")
            poses[:, joint] += swing[:, None] * (np.array(reach) * (sign, 1))
    return poses.astype(np.float32)


def labeled_clip(action, number=0, *, frames=24, origin=ANNOTATED, source="synthetic"):
    """One clip of an action; `number` decides pace, place and size."""
    generator = np.random.default_rng((number, len(action), action == "arms"))
    poses = moving(action, frames, speed=generator.uniform(0.7, 1.4), phase=generator.uniform())
    keypoints = poses * generator.uniform(80, 300) + generator.uniform(50, 400, 2)
    name = f"{source}/{action}_{number}"
    scores = np.ones((1, frames, 17), np.float32)
    return LabeledClip(name, action, name, origin, keypoints[None].astype(np.float32), scores, 30.0)


def labeled_clips(count, **options):
    """`count` clips of each of the two actions."""
    return [labeled_clip(action, number, **options) for action in ("arms", "legs") for number in range(count)]


OBJECT_NAMES = ("sports ball", "cup", "chair")


def with_object(clip, name, *, joint=9, score=0.9):
    """The clip with an object in every frame, around a joint of the first person: by default the left wrist."""
    number = np.array([OBJECT_NAMES.index(name)])
    boxes = [np.array([[x - 5, y - 5, x + 5, y + 5]], np.float32) for x, y in clip.keypoints[0, :, joint]]
    return replace(
        clip, objects=tuple(Objects(box, np.full(1, score, np.float32), number, OBJECT_NAMES) for box in boxes)
    )


def holding(count, things, action="arms", **options):
    """`count` clips of each label of `things`, all of one action: only the thing in the hand tells them apart."""
    return [
        replace(
            with_object(labeled_clip(action, number * len(things) + nth, **options), name),
            label=label,
            name=f"synthetic/{label}_{number}",
            group=f"{label}_{number}",
        )
        for nth, (label, name) in enumerate(things.items())
        for number in range(count)
    ]


def write_dataset_pickle(path, some, **more):
    """A 2D dataset pickle of examples, as pyskl writes it, with the objects that posec3d adds."""
    classes = sorted({one.label for one in some})
    annotations = [
        {
            "frame_dir": one.name.rpartition("/")[2],
            "label": classes.index(one.label),
            "total_frames": len(one),
            "keypoint": one.keypoints.astype(np.float16),
            "keypoint_score": one.scores.astype(np.float16),
            **object_arrays(as_video_poses(one)),
        }
        for one in some
    ]
    path.write_bytes(pickle.dumps({"annotations": annotations, "classes": classes, **more}))
    return path
