"""OpenPose: a folder with one JSON file per frame, `<name>_000000000012_keypoints.json`.

A file holds `people`, each with `pose_keypoints_2d` (`pose_keypoints` before version 1.2): x, y, score of every joint
in one list, of BODY_25 or of the COCO model's 18 joints, in pixels. `person_id` is [-1] unless people were tracked.
"""

from __future__ import annotations

import os
import re
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from posec3d_cli.errors import BadPoseFile
from posec3d_cli.likeness import Doubles
from posec3d_cli.pose_files.checks import entries, numbers, read_json, shown, table
from posec3d_cli.pose_files.clip import MAX_IDENTITY, NOBODY, People, Person, consecutive, posed_clip
from posec3d_cli.pose_files.joints import OPENPOSE_SETS, set_of, to_coco
from posec3d_cli.prediction import PosedVideo

ENDING = "_keypoints.json"
_NUMBERED = re.compile(rf"(.*?)(\d{{1,15}}){ENDING}", re.ASCII | re.DOTALL)


def is_openpose_folder(path: Path) -> bool:
    """Whether a folder holds a file that is named as OpenPose names them."""
    try:
        with os.scandir(path) as entries_:
            return any(entry.name.endswith(ENDING) for entry in entries_)
    except OSError:
        return False


def read_folder(path: Path) -> PosedVideo:
    """The clip of a folder.

    Raises:
        BadPoseFile: a file is unusable, has no frame number, or belongs to another video than the others.
    """
    frames: dict[int, People] = {}
    videos = set()
    for file in sorted(path.glob(f"*{ENDING}")):
        match = _NUMBERED.fullmatch(file.name)
        if match is None:
            raise BadPoseFile(f"{file.name} has no frame number before {ENDING}")
        videos.add(match[1])
        if len(videos) > 1:
            raise BadPoseFile(
                f"it holds the frames of several videos: {', '.join(sorted(map(repr, videos)))}",
                hint="give each video a folder",
            )
        try:
            frames[int(match[2])] = People.of(people_of(read_json(file)))
        except BadPoseFile as error:
            raise BadPoseFile(f"{file.name}: {error.what}", hint=error.hint) from error
    check_pixels(list(frames.values()))
    return posed_clip(path, consecutive(frames))


def people_of(content: Any) -> list[Person]:
    """The people of one frame.

    Raises:
        BadPoseFile: it holds no people, or one is malformed.
    """
    people = []
    for number, someone in enumerate(entries(table(content, "the file").get("people"), "people")):
        person = table(someone, f"people[{number}]")
        values = person.get("pose_keypoints_2d", person.get("pose_keypoints"))
        if values == []:  # somebody of whom only hands or a face were found
            continue
        joints = joints_of(values, f"people[{number}].pose_keypoints_2d")
        people.append(Person(joints, identity=_identity(person.get("person_id"))))
    return people


def joints_of(values: Any, what: str) -> Doubles:
    """`(17, 3)` of a flat list of x, y, score in one of OpenPose's joint sets.

    Raises:
        BadPoseFile: it is no such list.
    """
    flat = numbers(values, what, "3 J")
    if len(flat) % 3:
        raise BadPoseFile(f"{what} must hold x, y, score of every joint, got {len(flat)} numbers")
    return to_coco(flat.reshape(-1, 3), set_of(len(flat) // 3, OPENPOSE_SETS, what), what)


def check_pixels(frames: Sequence[People]) -> None:
    """Refuse places that were scaled to [0, 1] or [-1, 1]: what they have to be multiplied by is not known.

    Raises:
        BadPoseFile: no joint lies further than 1 from (0, 0).
    """
    places = [people.keypoints[people.scores > 0] for people in frames if people is not NOBODY]
    found = np.concatenate([np.zeros((0, 2)), *places])
    if len(found) and not np.any(np.abs(found) > 1):
        raise BadPoseFile("its joints are not in pixels", hint="let OpenPose write with keypoint_scale 0, its default")


def _identity(value: Any) -> int:
    """What `person_id` says: a list of one number, -1 where nobody was tracked."""
    if value in (None, []):
        return -1
    numbered = value if isinstance(value, list) else [value]
    if len(numbered) != 1 or type(numbered[0]) is not int or not -1 <= numbered[0] <= MAX_IDENTITY:
        raise BadPoseFile(f"person_id must be a list of one number, got {shown(value)}")
    return numbered[0]
