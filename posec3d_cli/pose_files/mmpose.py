"""mmpose's inferencer and demos: one JSON file per video.

The inferencer writes a list of {"frame_id", "instances"}, the demos an object with that list under `instance_info` and
the names of the joints under `meta_info`. An instance has `keypoints` (x, y of every joint), `keypoint_scores`, `bbox`
(left, top, right, bottom, in a list of its own) and `bbox_score`; tracking adds `track_id`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from posec3d_cli.errors import BadPoseFile
from posec3d_cli.pose_files.checks import entries, number, numbers, table, whole
from posec3d_cli.pose_files.clip import MAX_IDENTITY, People, Person, consecutive, posed_clip
from posec3d_cli.pose_files.joints import COCO_SETS, set_of, to_coco
from posec3d_cli.prediction import PosedVideo
from posec3d_cli.skeletons import Skeleton


def read_frames(path: Path, content: Sequence[Any], meta: Any = None) -> PosedVideo:
    """The clip of a list of frames.

    Raises:
        BadPoseFile: a frame or person is malformed, or a frame is there twice.
    """
    named = _named(meta)
    frames: dict[int, People] = {}
    for place, one in enumerate(content):
        what = f"[{place}]"
        frame = table(one, what)
        told = frame.get("frame_id")
        index = place if told is None else whole(told, f"{what}.frame_id", 0, 10**15)
        if index in frames:
            raise BadPoseFile(f"frame {index} is there twice")
        instances = entries(frame.get("instances"), f"{what}.instances")
        frames[index] = People.of(
            [_person(table(each, f"{what}[{n}]"), f"{what}.instances[{n}]", named) for n, each in enumerate(instances)]
        )
    return posed_clip(path, consecutive(frames))


def _person(one: Mapping[str, Any], what: str, named: Skeleton | None) -> Person:
    keypoints = numbers(one.get("keypoints"), f"{what}.keypoints", "K", 2)
    scores = numbers(one.get("keypoint_scores"), f"{what}.keypoint_scores", len(keypoints))
    fits = named is not None and len(named.joints) == len(keypoints)
    skeleton = named if named is not None and fits else set_of(len(keypoints), COCO_SETS, f"{what}.keypoints")
    joints = to_coco(np.column_stack([keypoints, scores]), skeleton, f"{what}.keypoints")
    box = one.get("bbox")
    if isinstance(box, list) and len(box) == 1:
        box = box[0]
    identity = one.get("track_id")
    return Person(
        joints,
        None if box is None else numbers(box, f"{what}.bbox", 4),
        number(one.get("bbox_score"), f"{what}.bbox_score"),
        -1 if identity is None else whole(identity, f"{what}.track_id", -1, MAX_IDENTITY),
    )


def _named(meta: Any) -> Skeleton | None:
    """The joint set that `meta_info` names: an object or list of names by joint number."""
    names = meta.get("keypoint_id2name") if isinstance(meta, dict) else None
    if isinstance(names, dict):
        names = [names.get(str(number)) for number in range(len(names))]
    if not isinstance(names, list) or not all(isinstance(name, str) for name in names):
        return None
    return Skeleton("the file's own", tuple(names), ())
