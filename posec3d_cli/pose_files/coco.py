"""Lists of people by picture: results of AlphaPose and of COCO keypoint detectors, and COCO keypoint annotations.

A result is {"image_id", "category_id", "keypoints": x, y, score of every joint in one list, "score"}. AlphaPose adds
`box` (left, top, width, height) and `idx`, the identity, which is 0 for everybody unless people were tracked; other
tools add `bbox`, with the same meaning, and `track_id`. AlphaPose's forms "cmu" and "open" are objects by picture of
people in OpenPose's 18 joints. Annotations are {"images", "annotations", "categories"}.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from posec3d_cli.errors import BadPoseFile
from posec3d_cli.likeness import Doubles
from posec3d_cli.pose_files.checks import entries, number, numbers, shown, table, whole
from posec3d_cli.pose_files.clip import MAX_IDENTITY, MAX_PIXELS, People, Person, consecutive, posed_clip
from posec3d_cli.pose_files.joints import COCO_SETS, set_of, to_coco
from posec3d_cli.pose_files.openpose import check_pixels, joints_of
from posec3d_cli.prediction import PosedVideo
from posec3d_cli.skeletons import Skeleton

_LAST_NUMBER = re.compile(r"(\d{1,15})\D*$", re.ASCII)


def read_results(path: Path, results: Sequence[Any]) -> PosedVideo:
    """The clip of a list of results.

    Raises:
        BadPoseFile: one is malformed, or a picture's name holds no number.
    """
    frames: dict[int, list[Person]] = {}
    for place, one in enumerate(results):
        what = f"[{place}]"
        result = table(one, what)
        frames.setdefault(_frame_of(result.get("image_id"), f"{what}.image_id"), []).append(_person(result, what))
    return posed_clip(path, consecutive({frame: People.of(people) for frame, people in frames.items()}))


def read_by_picture(path: Path, pictures: Mapping[str, Any]) -> PosedVideo:
    """The clip of AlphaPose's forms "cmu" and "open".

    Raises:
        BadPoseFile: a person is malformed, or a picture's name holds no number.
    """
    frames: dict[int, People] = {}
    for name, one in pictures.items():
        picture = table(one, shown(name))
        frame = _frame_of(name, shown(name))
        if frame in frames:
            raise BadPoseFile(f"frame {frame} is there twice, the second time as {shown(name)}")
        people = []
        for place, someone in enumerate(entries(picture.get("bodies", picture.get("people")), f"{shown(name)}.people")):
            what = f"{shown(name)}[{place}]"
            person = table(someone, what)
            people.append(Person(joints_of(person.get("joints", person.get("pose_keypoints_2d")), what)))
        frames[frame] = People.of(people)
    check_pixels(list(frames.values()))
    return posed_clip(path, consecutive(frames))


def read_annotations(path: Path, document: Mapping[str, Any]) -> PosedVideo:
    """The clip of COCO annotations: its pictures are the frames of one video.

    A picture's frame number is its `frame_id`, else the last number of its file name, where all have one and no two
    the same; else pictures count in the order of the list. Crowds and people without labelled joints are left out.

    Raises:
        BadPoseFile: a picture or person is malformed, or the pictures differ in size.
    """
    numbered, size = _pictures(entries(document.get("images"), "images"))
    skeletons = _skeletons(entries(document.get("categories", []), "categories"))
    frames: dict[int, list[Person]] = {frame: [] for frame in numbered.values()}
    for place, one in enumerate(entries(document.get("annotations"), "annotations")):
        what = f"annotations[{place}]"
        annotation = table(one, what)
        if annotation.get("keypoints") is None or annotation.get("iscrowd") == 1:
            continue
        picture = whole(annotation.get("image_id"), f"{what}.image_id", 0, 10**18)
        if picture not in numbered:
            raise BadPoseFile(f"{what} names the picture {picture}, which is not among the images")
        category = annotation.get("category_id")
        skeleton = skeletons.get(category) if isinstance(category, int) else None
        frames[numbered[picture]].append(_person(annotation, what, skeleton))
    return posed_clip(
        path, consecutive({frame: People.of(people) for frame, people in frames.items()}), frame_size=size
    )


def _person(one: Mapping[str, Any], what: str, skeleton: Skeleton | None = None) -> Person:
    flat = numbers(one.get("keypoints"), f"{what}.keypoints", "3 J")
    if len(flat) % 3:
        raise BadPoseFile(f"{what}.keypoints must hold x, y, score of every joint, got {len(flat)} numbers")
    if skeleton is None or len(skeleton.joints) != len(flat) // 3:
        skeleton = set_of(len(flat) // 3, COCO_SETS, f"{what}.keypoints")
    return Person(
        to_coco(flat.reshape(-1, 3), skeleton, f"{what}.keypoints"),
        _box(one.get("box", one.get("bbox")), f"{what}.box"),
        number(one.get("score"), f"{what}.score"),
        _identity(one.get("idx", one.get("track_id"))),
    )


def _box(value: Any, what: str) -> Doubles | None:
    """Left, top, right, bottom of a box that is given by left, top, width, height."""
    if value is None or value == []:
        return None
    box = numbers(value, what, 4)
    box[2:] += box[:2]
    return box


def _identity(value: Any) -> int:
    """A whole number, alone or in lists of one, else -1: AlphaPose wraps some and joins those of merged people."""
    while isinstance(value, list) and len(value) == 1:
        value = value[0]
    told = isinstance(value, int | float) and not isinstance(value, bool) and 0 <= value <= MAX_IDENTITY
    return int(value) if told and value == int(value) else -1


def _frame_of(picture: Any, what: str) -> int:
    """The frame number that a picture's id or name states."""
    if isinstance(picture, str):
        match = _LAST_NUMBER.search(Path(picture).stem)
        if match is None:
            raise BadPoseFile(f"{what} holds no frame number: {shown(picture)}", hint="pictures are named by number")
        return int(match[1])
    return whole(picture, what, 0, 10**15)


def _pictures(images: Sequence[Any]) -> tuple[dict[int, int], tuple[int, int] | None]:
    """The frame number of each picture by its id, and the size (H, W) that all have, where they say it."""
    rows = [table(image, f"images[{place}]") for place, image in enumerate(images)]
    ids = [whole(row.get("id"), f"images[{place}].id", 0, 10**18) for place, row in enumerate(rows)]
    if len(set(ids)) < len(ids):
        raise BadPoseFile("two images have the same id")
    told = [row.get("frame_id") for row in rows]
    frames = [frame for frame in told if type(frame) is int and 0 <= frame <= 10**15]
    if len(set(frames)) < len(ids):
        matches = [_LAST_NUMBER.search(Path(str(row.get("file_name", ""))).stem) for row in rows]
        frames = [int(match[1]) for match in matches if match is not None]
    if len(set(frames)) < len(ids):
        frames = list(range(len(ids)))
    sizes = {
        (whole(row["height"], "height", 1, MAX_PIXELS), whole(row["width"], "width", 1, MAX_PIXELS))
        for row in rows
        if row.get("height") is not None and row.get("width") is not None
    }
    if len(sizes) > 1:
        raise BadPoseFile(
            f"its pictures differ in size, {len(sizes)} sizes are there", hint="one file holds the frames of one video"
        )
    return dict(zip(ids, frames, strict=True)), next(iter(sizes), None)


def _skeletons(categories: Sequence[Any]) -> dict[int, Skeleton]:
    """The joint sets of the categories that name their joints."""
    found = {}
    for place, one in enumerate(categories):
        category = table(one, f"categories[{place}]")
        names = category.get("keypoints")
        if isinstance(names, list) and all(isinstance(name, str) for name in names) and names:
            key = whole(category.get("id"), f"categories[{place}].id", 0, 10**9)
            found[key] = Skeleton("the file's own", tuple(names), ())
    return found
