"""OpenPose and those that write as it does: a folder with one JSON file per frame.

A file is called `<name>_000000000012_keypoints.json`, by Pose2Sim `<name>_000012.json`, by AlphaPose `12.json`. It
holds `people`, each with `pose_keypoints_2d` (`pose_keypoints` before version 1.2): x, y, score of every joint in one
list, in pixels; or `bodies` with `joints`. `person_id` is [-1] unless people were tracked.
"""

from __future__ import annotations

import re
from typing import Any

from posec3d_cli.errors import BadPoseFile, counted
from posec3d_cli.pose_files.checks import check_pixels, entries, numbers, read_json, set_of, shown, table, to_coco
from posec3d_cli.pose_files.clip import MAX_IDENTITY, People, Person, consecutive, make_video_poses, places_of
from posec3d_cli.pose_files.formats import LOOKED_AT, FolderFormat, PoseSource
from posec3d_cli.pose_files.frame_names import frame_numbers, in_natural_order
from posec3d_cli.results import VideoPoses
from posec3d_cli.skeletons import OPENPOSE_SETS
from posec3d_cli.tracking.similarity import Doubles

ENDING = "_keypoints.json"
_BEGINS = re.compile(rb'(\xef\xbb\xbf)?\s*\{\s*("version"\s*:[^,\[{]{1,40},\s*)?"(people|bodies)"\s*:\s*\[')
_LISTS = ("people", "bodies")
_JOINTS = ("pose_keypoints_2d", "pose_keypoints", "joints")
PIXELS_HINT = "let OpenPose write with keypoint_scale 0, its default"


def fits(source: PoseSource) -> bool:
    """Whether a folder holds a file named as OpenPose names them, or nothing but files, some beginning like those."""
    names = _files(source)
    if not names or names[0].endswith(ENDING):
        return bool(names)
    return len(names) == len(source.names) and any(_BEGINS.match(source.head(name)) for name in names[:LOOKED_AT])


def read_folder(source: PoseSource) -> VideoPoses:
    """The clip of a folder.

    Raises:
        BadPoseFile: a file is unusable, or belongs to another video than the others.
    """
    names = _files(source)
    order = frame_numbers(in_natural_order(names))
    frames: dict[int, People] = {}
    for name in names:
        try:
            frames[order.of[name]] = People.of(people_of(read_json(source.path / name)))
        except BadPoseFile as error:
            raise BadPoseFile(f"{name}: {error.what}", hint=error.hint) from error
    check_pixels(places_of(frames.values()), PIXELS_HINT)
    return make_video_poses(source.path, consecutive(frames), notes=order.notes)


def _files(source: PoseSource) -> list[str]:
    """The files of a folder: those with OpenPose's ending, or, where there are none, all of JSON."""
    found = [name for name in source.names if name.endswith(".json")]
    return [name for name in found if name.endswith(ENDING)] or found


def is_one_frame(content: Any) -> bool:
    """Whether this is the content of one such file."""
    return isinstance(content, dict) and any(key in content for key in _LISTS)


FORMAT = FolderFormat("OpenPose folders", fits, read_folder, priority=80)


def people_of(content: Any) -> list[Person]:
    """The people of one frame.

    Raises:
        BadPoseFile: it holds no people, or one is malformed.
    """
    frame = table(content, "the file")
    held = next((frame[key] for key in _LISTS if key in frame), None)
    people = []
    for place, someone in enumerate(entries(held, "people")):
        person = table(someone, f"people[{place}]")
        key = next((key for key in _JOINTS if key in person), _JOINTS[0])
        if person.get(key) == []:  # somebody of whom only hands or a face were found
            continue
        joints = joints_of(person.get(key), f"people[{place}].{key}")
        people.append(Person(joints, track_id=_identity(person.get("person_id"))))
    return people


def joints_of(values: Any, what: str) -> Doubles:
    """`(17, 3)` of a flat list of x, y, score in one of the joint sets that are written so.

    Raises:
        BadPoseFile: it is no such list.
    """
    flat = numbers(values, what, "3 J")
    if len(flat) % 3:
        raise BadPoseFile(f"{what} must hold x, y, score of every joint, got {counted(len(flat), 'number')}")
    return to_coco(flat.reshape(-1, 3), set_of(len(flat) // 3, OPENPOSE_SETS, what), what)


def _identity(value: Any) -> int:
    """The track id in `person_id`, a list of one number; -1 for none."""
    if value in (None, []):
        return -1
    numbered = value if isinstance(value, list) else [value]
    if len(numbered) != 1 or type(numbered[0]) is not int or not -1 <= numbered[0] <= MAX_IDENTITY:
        raise BadPoseFile(f"person_id must be a list of one number, got {shown(value)}")
    return numbered[0]
