"""Lists of people by image: results of AlphaPose and of COCO keypoint detectors, and COCO keypoint annotations.

A result is {"image_id", "category_id", "keypoints": x, y, score of every joint in one list, "score"}. AlphaPose adds
`box` (left, top, width, height) and `idx`, the identity, which is 0 for everybody unless people were tracked; other
tools add `bbox`, with the same meaning, and `track_id`. AlphaPose's forms "cmu" and "open" are objects by image name,
of people in OpenPose's 18 joints. Annotations are {"images", "annotations", "categories"}.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

from posec3d_cli.errors import BadPoseFile, counted
from posec3d_cli.pose_files import openpose
from posec3d_cli.pose_files.checks import check_pixels, entries, number, numbers, set_of, shown, table, to_coco, whole
from posec3d_cli.pose_files.clip import (
    MAX_IDENTITY,
    MAX_PIXELS,
    People,
    Person,
    consecutive,
    left_out_note,
    make_video_poses,
    places_of,
)
from posec3d_cli.pose_files.formats import JsonFormat
from posec3d_cli.pose_files.frame_names import frame_ids, frame_numbers
from posec3d_cli.results import VideoPoses
from posec3d_cli.skeletons import COCO_17, COCO_SETS, Skeleton
from posec3d_cli.tracking.similarity import Doubles

_PEOPLE = ("person", "people", "human")
_PIXELS_HINT = "write the joints in pixels of the video"


def is_results(content: Any) -> bool:
    """Whether this is a list of results."""
    return isinstance(content, list) and bool(content) and isinstance(content[0], dict) and "image_id" in content[0]


def read_results(path: Path, results: Sequence[Any]) -> VideoPoses:
    """The clip of a list of results; those of other categories than people are left out, and a note says so.

    Raises:
        BadPoseFile: one is malformed, or the images' names do not tell the frames apart.
    """
    rows = [table(one, f"[{place}]") for place, one in enumerate(results)]
    ids = [row.get("image_id") for row in rows]
    numbered, notes = frame_ids(ids, [f"[{place}].image_id" for place in range(len(rows))])
    people_are = _numbers_of_people([row.get("category_id") for row in rows])
    frames: dict[int, list[Person]] = {frame: [] for frame in numbered}
    others = []
    for place, (frame, row) in enumerate(zip(numbered, rows, strict=True)):
        category = row.get("category_id")
        if category is None or category in people_are:
            frames[frame].append(_person(row, f"[{place}]"))
        else:
            others.append(f"category {shown(category)}")
    shows = {frame: People.of(people) for frame, people in frames.items()}
    check_pixels(places_of(shows.values()), _PIXELS_HINT)
    return make_video_poses(path, consecutive(shows), notes=(*notes, *left_out_note(others, len(rows))))


def _numbers_of_people(categories: Sequence[Any]) -> tuple[int, ...]:
    """The category of people: 1 as COCO counts, 0 where the tool counts from 0."""
    return (0,) if any(type(category) is int and category == 0 for category in categories) else (1,)


def is_by_image(content: Any) -> bool:
    """Whether this is an object of frames by the name of the image."""
    return isinstance(content, dict) and any(map(openpose.is_one_frame, content.values()))


def read_by_image(path: Path, images: Mapping[str, Any]) -> VideoPoses:
    """The clip of AlphaPose's forms "cmu" and "open".

    Raises:
        BadPoseFile: a person is malformed, or the images' names do not tell the frames apart.
    """
    numbered = frame_numbers(list(images))
    frames: dict[int, People] = {}
    for name, image in images.items():
        try:
            frames[numbered.of[name]] = People.of(openpose.people_of(image))
        except BadPoseFile as error:
            raise BadPoseFile(f"{shown(name)}: {error.what}", hint=error.hint) from error
    check_pixels(places_of(frames.values()), openpose.PIXELS_HINT)
    return make_video_poses(path, consecutive(frames), notes=numbered.notes)


def is_annotations(content: Any) -> bool:
    """Whether this is an object of annotations."""
    return isinstance(content, dict) and "annotations" in content


def read_annotations(path: Path, document: Mapping[str, Any]) -> VideoPoses:
    """The clip of COCO annotations: the images are the frames of one video.

    The frame number of an image is its `frame_id`, else that of its file name, see `frame_names`; images without either
    count in the order of the list. Crowds, people without labelled joints and other categories are left out.

    Raises:
        BadPoseFile: an image or person is malformed, or the images differ in size or are of several videos.
    """
    numbered, size, notes = _frame_numbers(entries(document.get("images"), "images"))
    categories = _categories(entries(document.get("categories", []), "categories"))
    frames: dict[int, list[Person]] = {frame: [] for frame in numbered.values()}
    others = []
    annotations = entries(document.get("annotations"), "annotations")
    for place, one in enumerate(annotations):
        what = f"annotations[{place}]"
        annotation = table(one, what)
        number = annotation.get("category_id")
        category = categories.get(number if isinstance(number, int) else 1, _Category("", number in (None, 1), None))
        if not category.people:
            others.append(category.name or f"category {shown(number)}")
            continue
        if annotation.get("keypoints") is None or annotation.get("iscrowd") == 1:
            continue
        image = whole(annotation.get("image_id"), f"{what}.image_id", 0, 10**18)
        if image not in numbered:
            raise BadPoseFile(f"{what} names the image {image}, which is not among the images")
        frames[numbered[image]].append(_person(annotation, what, category.skeleton))
    shows = {frame: People.of(people) for frame, people in frames.items()}
    check_pixels(places_of(shows.values()), _PIXELS_HINT)
    notes = (*notes, *left_out_note(others, len(annotations)))
    return make_video_poses(path, consecutive(shows), frame_size=size, notes=notes)


ANNOTATIONS = JsonFormat("COCO annotations", is_annotations, read_annotations, priority=40)
RESULTS = JsonFormat("COCO and AlphaPose results", is_results, read_results, priority=35)
ALPHAPOSE_FRAMES = JsonFormat("AlphaPose's forms cmu and open", is_by_image, read_by_image, priority=30)


def _person(one: Mapping[str, Any], what: str, skeleton: Skeleton | None = None) -> Person:
    flat = numbers(one.get("keypoints"), f"{what}.keypoints", "3 J")
    if len(flat) % 3:
        raise BadPoseFile(f"{what}.keypoints must hold x, y, score of every joint, got {counted(len(flat), 'number')}")
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


def _frame_numbers(images: Sequence[Any]) -> tuple[dict[int, int], tuple[int, int] | None, tuple[str, ...]]:
    """The frame number of each image by its id, the size (H, W) that all have, where they say it, and notes."""
    rows = [table(image, f"images[{place}]") for place, image in enumerate(images)]
    ids = [whole(row.get("id"), f"images[{place}].id", 0, 10**18) for place, row in enumerate(rows)]
    if len(set(ids)) < len(ids):
        raise BadPoseFile("two images have the same id")
    told = [row.get("frame_id") for row in rows]
    frames = [frame for frame in told if type(frame) is int and 0 <= frame <= 10**15]
    notes: tuple[str, ...] = ()
    if len(set(frames)) < len(ids):
        names = [row.get("file_name") for row in rows]
        texts = [name for name in names if isinstance(name, str)]
        numbered = frame_numbers(texts if len(set(texts)) == len(ids) else [])
        frames, notes = list(numbered.of.values()), numbered.notes
    if len(set(frames)) < len(ids):
        frames = list(range(len(ids)))
    sizes = {
        (whole(row["height"], "height", 1, MAX_PIXELS), whole(row["width"], "width", 1, MAX_PIXELS))
        for row in rows
        if row.get("height") is not None and row.get("width") is not None
    }
    if len(sizes) > 1:
        raise BadPoseFile(
            f"its images differ in size, {len(sizes)} sizes are there", hint="one file holds the frames of one video"
        )
    return dict(zip(ids, frames, strict=True)), next(iter(sizes), None), notes


class _Category(NamedTuple):
    """A category: its name, whether it is of people, and its joint set, if it names one."""

    name: str
    people: bool
    skeleton: Skeleton | None


def _categories(rows: Sequence[Any]) -> dict[int, _Category]:
    """The categories by number. One is of people if it is called so, has people's joints, or says nothing and is 1."""
    found = {}
    for place, one in enumerate(rows):
        category = table(one, f"categories[{place}]")
        key = whole(category.get("id"), f"categories[{place}].id", 0, 10**9)
        names = category.get("keypoints")
        named = isinstance(names, list) and bool(names) and all(isinstance(name, str) for name in names)
        skeleton = Skeleton("the file's own", tuple(names), ()) if isinstance(names, list) and named else None
        called = str(category.get("name", ""))
        complete = None not in COCO_17.numbers_in(skeleton) if skeleton is not None else key == 1
        found[key] = _Category(called, called.lower() in _PEOPLE or complete, skeleton)
    return found
