"""Ultralytics YOLO: the results as JSON, one list of people per frame.

    [[{"name": "person", "class": 0, "confidence": 0.9, "box": {"x1", "y1", "x2", "y2"}, "track_id": 1,
       "keypoints": {"x": [...], "y": [...], "visible": [...]}}, ...], ...]

An entry per frame, which may also be the text that `Results.to_json` gives. Without `visible` every joint counts fully.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from posec3d_cli.errors import BadPoseFile
from posec3d_cli.pose_files.checks import check_pixels, entries, number, numbers, set_of, table, to_coco, whole
from posec3d_cli.pose_files.clip import (
    MAX_IDENTITY,
    People,
    Person,
    consecutive,
    left_out_note,
    make_video_poses,
    places_of,
)
from posec3d_cli.pose_files.formats import JsonFormat
from posec3d_cli.results import VideoPoses
from posec3d_cli.skeletons import COCO_SETS

PERSON = 0
"""The class of people in the pose models that Ultralytics publishes."""


def fits(content: Any) -> bool:
    """Whether this is a list of frames of such people, or such people themselves."""
    return isinstance(content, list) and any(
        (isinstance(frame, str) and frame.lstrip().startswith("["))
        or _is_person(frame)
        or (isinstance(frame, list) and any(map(_is_person, frame)))
        for frame in content
    )


def _is_person(one: Any) -> bool:
    return isinstance(one, dict) and "keypoints" in one and "image_id" not in one


def read_frames(path: Path, content: list[Any]) -> VideoPoses:
    """The clip of a list of frames.

    Raises:
        BadPoseFile: a frame or person is malformed, or the frames are not apart.
    """
    frames: dict[int, People] = {}
    others: list[str] = []
    total = 0
    for index, frame in enumerate(content):
        what = f"[{index}]"
        people = []
        for place, one in enumerate(entries(_parsed(frame, what), what)):
            person = table(one, f"{what}[{place}]")
            total += 1
            if person.get("class") in (None, PERSON) or person.get("name") == "person":
                people.append(_person(person, f"{what}[{place}]"))
            else:
                others.append(str(person.get("name", person["class"]))[:40])
        frames[index] = People.of(people)
    check_pixels(places_of(frames.values()), "write the results with normalize=False, the default")
    return make_video_poses(path, consecutive(frames), notes=left_out_note(others, total))


FORMAT = JsonFormat("Ultralytics results", fits, read_frames, priority=20)


def _parsed(frame: Any, what: str) -> Any:
    """The people of a frame, which may be a text of JSON; None is nobody."""
    if frame is None:
        return []
    if isinstance(frame, dict):
        raise BadPoseFile(
            f"{what} is a person and no frame: nothing says which people are in one frame",
            hint="write a list with one entry per frame, each the list of its people",
        )
    if not isinstance(frame, str):
        return frame
    try:
        return json.loads(frame)
    except (ValueError, RecursionError) as error:
        raise BadPoseFile(f"{what} is a text that is no JSON", hint="write what Results.to_json gives") from error


def _person(one: Mapping[str, Any], what: str) -> Person:
    told = table(one.get("keypoints"), f"{what}.keypoints")
    x = numbers(told.get("x"), f"{what}.keypoints.x", "K")
    y = numbers(told.get("y"), f"{what}.keypoints.y", len(x))
    seen = told.get("visible")
    visible = np.ones(len(x)) if seen is None else numbers(seen, f"{what}.keypoints.visible", len(x))
    skeleton = set_of(len(x), COCO_SETS, f"{what}.keypoints")
    track_id = one.get("track_id")
    return Person(
        to_coco(np.column_stack([x, y, visible]), skeleton, f"{what}.keypoints"),
        _box(one.get("box"), f"{what}.box"),
        number(one.get("confidence"), f"{what}.confidence"),
        -1 if track_id is None else whole(track_id, f"{what}.track_id", 0, MAX_IDENTITY),
    )


def _box(value: Any, what: str) -> Any:
    if value is None:
        return None
    box = table(value, what)
    return numbers([box.get(side) for side in ("x1", "y1", "x2", "y2")], what, 4)
