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
from posec3d_cli.pose_files.checks import check_pixels, entries, number, numbers, set_of, table, to_coco, whole
from posec3d_cli.pose_files.clip import MAX_IDENTITY, People, Person, consecutive, make_video_poses, places_of
from posec3d_cli.pose_files.formats import JsonFormat
from posec3d_cli.pose_files.frame_names import frame_ids
from posec3d_cli.results import VideoPoses
from posec3d_cli.skeletons import COCO_SETS, Skeleton


def is_inferencer(content: Any) -> bool:
    """Whether this is the inferencer's list."""
    return isinstance(content, list) and bool(content) and isinstance(content[0], dict) and "instances" in content[0]


def is_demo(content: Any) -> bool:
    """Whether this is the object of a demo."""
    return isinstance(content, dict) and "instance_info" in content


def _read_demo(path: Path, content: Mapping[str, Any]) -> VideoPoses:
    return read_frames(path, entries(content["instance_info"], "instance_info"), content.get("meta_info"))


def read_frames(path: Path, content: Sequence[Any], meta: Any = None) -> VideoPoses:
    """The clip of a list of frames.

    Raises:
        BadPoseFile: a frame or person is malformed, or a frame is there twice.
    """
    named = _named(meta)
    frames: dict[int, People] = {}
    rows = [table(one, f"[{place}]") for place, one in enumerate(content)]
    told = [place if row.get("frame_id") is None else row["frame_id"] for place, row in enumerate(rows)]
    numbered, notes = frame_ids(told, [f"[{place}].frame_id" for place in range(len(rows))])
    for place, (index, frame) in enumerate(zip(numbered, rows, strict=True)):
        what = f"[{place}]"
        if index in frames:
            raise BadPoseFile(f"frame {index} is there twice")
        instances = entries(frame.get("instances"), f"{what}.instances")
        frames[index] = People.of(
            [_person(table(each, f"{what}[{n}]"), f"{what}.instances[{n}]", named) for n, each in enumerate(instances)]
        )
    check_pixels(places_of(frames.values()), "write the joints in pixels of the video")
    return make_video_poses(path, consecutive(frames), notes=notes)


INFERENCER = JsonFormat("mmpose's inferencer", is_inferencer, read_frames, priority=65)
DEMO = JsonFormat("mmpose's demos", is_demo, _read_demo, priority=60)


def _person(one: Mapping[str, Any], what: str, named: Skeleton | None) -> Person:
    keypoints = numbers(one.get("keypoints"), f"{what}.keypoints", "K", 2)
    scores = numbers(one.get("keypoint_scores"), f"{what}.keypoint_scores", len(keypoints))
    fits = named is not None and len(named.joints) == len(keypoints)
    skeleton = named if named is not None and fits else set_of(len(keypoints), COCO_SETS, f"{what}.keypoints")
    joints = to_coco(np.column_stack([keypoints, scores]), skeleton, f"{what}.keypoints")
    box = one.get("bbox")
    if isinstance(box, list) and len(box) == 1:
        box = box[0]
    track_id = one.get("track_id")
    return Person(
        joints,
        None if box is None else numbers(box, f"{what}.bbox", 4),
        number(one.get("bbox_score"), f"{what}.bbox_score"),
        -1 if track_id is None else whole(track_id, f"{what}.track_id", -1, MAX_IDENTITY),
    )


def _named(meta: Any) -> Skeleton | None:
    """The joint set that `meta_info` names: an object or list of names by joint number."""
    names = meta.get("keypoint_id2name") if isinstance(meta, dict) else None
    if isinstance(names, dict):
        names = [names.get(str(number)) for number in range(len(names))]
    if not isinstance(names, list) or not all(isinstance(name, str) for name in names):
        return None
    return Skeleton("the file's own", tuple(names), ())
