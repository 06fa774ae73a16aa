"""MediaPipe has no file format of its own; this is the JSON that most programs around it write.

    {"width": 1280, "height": 720, "fps": 25, "frames": [{"frame": 0, "landmarks": [...]}, ...]}

or the list of frames alone. A frame is an object with `landmarks` or `pose_landmarks`, and optionally its number under
`frame`, `frame_id` or `frame_index`; or the landmarks themselves. Landmarks are 33 times {"x", "y", "z", "visibility"}
or [x, y, z, visibility], a list of such for several people, or null or [] for nobody.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from posec3d_cli.errors import BadPoseFile
from posec3d_cli.pose_files.checks import NORMALIZED, entries, number, numbers, rate, table, to_coco, whole
from posec3d_cli.pose_files.clip import MAX_PIXELS, People, Person, consecutive, make_video_poses, was_found
from posec3d_cli.pose_files.formats import JsonFormat
from posec3d_cli.results import VideoPoses
from posec3d_cli.skeletons import COCO_17, MEDIAPIPE_33
from posec3d_cli.tracking.similarity import Doubles

LANDMARKS = len(MEDIAPIPE_33.joints)
_LANDMARK_KEYS = ("landmarks", "pose_landmarks")
_NUMBER_KEYS = ("frame", "frame_id", "frame_index")
_HIPS = [COCO_17.joints.index("left_hip"), COCO_17.joints.index("right_hip")]


def is_frames(content: Any) -> bool:
    """Whether this is a list that begins with a frame of landmarks."""
    if not isinstance(content, list) or not content:
        return False
    first = content[0]
    if isinstance(first, dict):
        return any(key in first for key in _LANDMARK_KEYS)
    return first is None or isinstance(first, list)


def is_document(content: Any) -> bool:
    """Whether this is an object of frames."""
    return isinstance(content, dict) and "frames" in content


def _read_document(path: Path, content: Mapping[str, Any]) -> VideoPoses:
    return read_frames(path, entries(content["frames"], "frames"), content)


def _read_list(path: Path, content: Sequence[Any]) -> VideoPoses:
    return read_frames(path, content, {})


def read_frames(path: Path, content: Sequence[Any], header: Mapping[str, Any]) -> VideoPoses:
    """The clip of a list of frames; `header` may say width, height and fps.

    Raises:
        BadPoseFile: a frame is malformed, the landmarks are in metres, or they are parts of a frame of unknown size.
    """
    width, height = (
        None if header.get(side) is None else whole(header[side], side, 1, MAX_PIXELS) for side in ("width", "height")
    )
    size = None if width is None or height is None else (height, width)
    frames: dict[int, list[Person]] = {}
    for place, one in enumerate(content):
        index, landmarks = _frame(one, place)
        if index in frames:
            raise BadPoseFile(f"frame {index} is there twice")
        frames[index] = [Person(joints) for joints in _people(landmarks, f"frame {index}")]
    _to_pixels([person.joints for people in frames.values() for person in people], size)
    return make_video_poses(
        path,
        consecutive({index: People.of(people) for index, people in frames.items()}),
        fps=rate(header.get("fps")),
        frame_size=size,
    )


DOCUMENT = JsonFormat("MediaPipe landmarks", is_document, _read_document, priority=15)
FRAMES = JsonFormat("MediaPipe's list of frames", is_frames, _read_list, priority=10)


def _frame(one: Any, place: int) -> tuple[int, Any]:
    """The number and the landmarks of a frame."""
    if not isinstance(one, dict):
        return place, one
    told = next((one[key] for key in _NUMBER_KEYS if one.get(key) is not None), place)
    landmarks = next((one[key] for key in _LANDMARK_KEYS if key in one), None)
    return whole(told, f"frames[{place}].frame", 0, 10**15), landmarks


def _people(landmarks: Any, what: str) -> list[Doubles]:
    """`(17, 3)` of everybody in a frame."""
    if landmarks is None or landmarks == []:
        return []
    several = entries(landmarks, f"{what}: landmarks")
    if len(several) == LANDMARKS and (isinstance(several[0], dict) or _is_landmark(several[0])):
        several = [several]
    return [_joints(entries(one, f"{what}: landmarks"), what) for one in several]


def _is_landmark(value: Any) -> bool:
    return isinstance(value, list) and len(value) == 4 and not isinstance(value[0], list | dict)


def _joints(landmarks: list[Any], what: str) -> Doubles:
    if len(landmarks) != LANDMARKS:
        raise BadPoseFile(f"{what} has {len(landmarks)} landmarks, expected {LANDMARKS}")
    rows = []
    for place, one in enumerate(landmarks):
        where = f"{what}: landmark {place}"
        if isinstance(one, list):
            x, y, _, visibility = numbers(one, where, 4).tolist()
        else:
            landmark = table(one, where)
            x, y = (number(landmark.get(key), f"{where}.{key}") for key in ("x", "y"))
            visibility = number(landmark.get("visibility", 1.0), f"{where}.visibility")
        rows.append((x, y, visibility))
    return to_coco(np.array(rows), MEDIAPIPE_33, what)


def _to_pixels(everybody: Sequence[Doubles], size: tuple[int, int] | None) -> None:
    """Turn parts of the frame's sides into pixels, in place; leave pixels alone.

    MediaPipe puts the corner of the frame at (0, 0), we the centre of its first pixel there.
    """
    places = np.concatenate([np.zeros((0, 2)), *(joints[:, :2] for joints in everybody)])
    if not len(places) or np.any(np.abs(places) > NORMALIZED):
        return
    hips = np.concatenate([joints[_HIPS, :2].mean(axis=0, keepdims=True) for joints in everybody])
    if np.nanmax(np.abs(hips), initial=0) < 0.02:
        raise BadPoseFile("its landmarks are in metres around the hips", hint="write pose_landmarks, not world ones")
    if size is None:
        raise BadPoseFile(
            "its landmarks are parts of a frame whose size it does not say",
            hint='write {"width": 1280, "height": 720, "frames": [...]} with the size of the video',
        )
    for joints in everybody:
        joints[~was_found(joints[:, :2]), 2] = 0
        joints[:, :2] = joints[:, :2] * (size[1], size[0]) - 0.5
