"""The objects in native pose files: five arrays in archives and pickles, entries of frames in documents.

Files of which no frame was searched for objects hold nothing of this.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from posec3d_cli.errors import BadPoseFile, counted
from posec3d_cli.pose_files.checks import entries, integers, number, numbers, shown, table
from posec3d_cli.pose_files.clip import MAX_PIXELS
from posec3d_cli.results import VideoPoses
from posec3d_cli.tracking.object_rows import NOT_SEARCHED, ObjectRows

COUNT, NAMES = "object_count", "object_names"
ARRAYS = (COUNT, "object_box", "object_score", "object_class", NAMES)
"""What archives and pickles hold, all or nothing of it."""
_MOST = 10_000  # objects in a frame, and classes
_NAMES_HINT = f"{NAMES} lists the classes that were looked for"


def object_arrays(video_poses: VideoPoses) -> dict[str, Any]:
    """The arrays of an archive or a pickle; empty where nothing but people was looked for."""
    rows = ObjectRows.of([found.objects for found in video_poses.detections])
    if not rows.any_searched:
        return {}
    return dict(zip(ARRAYS, (rows.counts, rows.boxes, rows.scores, rows.classes, list(rows.names)), strict=True))


def with_objects(clip: VideoPoses, rows: ObjectRows) -> VideoPoses:
    """The clip with objects in its T frames."""
    found = zip(clip.detections, rows.frames(), strict=True)
    return replace(clip, detections=tuple(replace(people, objects=objects) for people, objects in found))


def read_object_arrays(values: Mapping[str, Any], frames: int, array: Callable[[str], Any]) -> ObjectRows | None:
    """The objects of an archive or a pickle; None where it holds none.

    Args:
        values: what the file names.
        frames: T.
        array: gives a value of the file, which should be an array.

    Raises:
        BadPoseFile: some of the arrays are missing, or they contradict each other.
    """
    if COUNT not in values:
        return None
    lacking = [name for name in ARRAYS if name not in values]
    if lacking:
        raise BadPoseFile(f"it lacks {', '.join(lacking)}", hint=f"{COUNT} says that it holds objects")
    counts = integers(array(COUNT), COUNT, frames, low=NOT_SEARCHED, high=_MOST)
    total = int(np.maximum(counts, 0).sum())
    told = values[NAMES]
    names = _names(told.tolist() if isinstance(told, np.ndarray) else told)
    if total and not names:
        raise BadPoseFile(f"it holds {counted(total, 'object')}, and {NAMES} is empty", hint=_NAMES_HINT)
    return _checked(
        counts,
        numbers(array("object_box"), "object_box", total, 4),
        numbers(array("object_score"), "object_score", total),
        integers(array("object_class"), "object_class", total, low=0, high=max(len(names) - 1, 0)),
        names,
    )


def object_entries(video_poses: VideoPoses, plain: Callable[[Any], list[Any]]) -> list[dict[str, Any]]:
    """What the entry of each frame of a document has besides: its objects, and nothing where none were looked for.

    Args:
        video_poses: the clip.
        plain: makes nested lists of an array.
    """
    found: list[dict[str, Any]] = []
    for objects in (detections.objects for detections in video_poses.detections):
        if objects is None:
            found.append({})
            continue
        rows = zip(objects.class_names, plain(objects.boxes), plain(objects.scores), strict=True)
        found.append({"objects": [{"class": name, "box": box, "score": score} for name, box, score in rows]})
    return found


def read_object_entries(frames: Sequence[Mapping[str, Any]], names: Any) -> ObjectRows | None:
    """The objects of a document; None where no frame was searched.

    Args:
        frames: the entry of each frame.
        names: what the document says under `object_names`.

    Raises:
        BadPoseFile: an object is malformed, or of a class that is not named.
    """
    if not any("objects" in frame for frame in frames):
        return None
    known = _names(names)
    place = {name: position for position, name in enumerate(known)}
    counts, boxes, scores, classes = [], [], [], []
    for position, frame in enumerate(frames):
        where = f"frames[{position}].objects"
        held = entries(frame["objects"], where) if "objects" in frame else None
        counts.append(NOT_SEARCHED if held is None else len(held))
        for order, one in enumerate(held or ()):
            entry = table(one, f"{where}[{order}]")
            name = entry.get("class")
            if not isinstance(name, str) or name not in place:
                raise BadPoseFile(f"{where}[{order}].class {shown(name)} is not among {NAMES}", hint=_NAMES_HINT)
            classes.append(place[name])
            boxes.append(numbers(entry.get("box"), f"{where}[{order}].box", 4))
            scores.append(number(entry.get("score"), f"{where}[{order}].score"))
    total = len(classes)
    return _checked(
        np.array(counts, np.int64),
        np.array(boxes).reshape(total, 4),
        np.array(scores).reshape(total),
        np.array(classes, np.int64),
        known,
    )


def _names(names: Any) -> tuple[str, ...]:
    held = entries(names, NAMES)
    if not all(isinstance(name, str) and name for name in held) or len(set(held)) < len(held) or len(held) > _MOST:
        raise BadPoseFile(f"{NAMES} must be different texts, got {shown(names)}", hint=_NAMES_HINT)
    return tuple(held)


def _checked(counts: Any, boxes: Any, scores: Any, classes: Any, names: tuple[str, ...]) -> ObjectRows:
    if not np.isfinite(boxes).all() or np.any(np.abs(boxes) > MAX_PIXELS) or np.any(boxes[:, 2:] < boxes[:, :2]):
        raise BadPoseFile(
            "the box of an object is inside out, too far away or no number",
            hint="boxes are left, top, right, bottom in pixels",
        )
    if not np.isfinite(scores).all():
        raise BadPoseFile("the scores of objects must be numbers", hint="a score is a number in [0, 1]")
    return ObjectRows(counts, boxes.astype(np.float32), np.clip(scores, 0, 1).astype(np.float32), classes, names)
