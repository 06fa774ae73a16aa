"""Read native pose files: the NumPy archive and the JSON document that `save_poses` writes.

Both hold the same: one row per person and frame, see `posec3d_cli.pose_files.write`.
"""

from __future__ import annotations

import zipfile
from dataclasses import replace
from math import prod
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from posec3d_cli.errors import BadPoseFile
from posec3d_cli.pose_files.checks import entries, integers, number, numbers, rate, shown, table, to_coco, whole
from posec3d_cli.pose_files.clip import MAX_FRAMES, MAX_IDENTITY, MAX_PIXELS, NOBODY, People, make_video_poses
from posec3d_cli.pose_files.formats import FileFormat, JsonFormat
from posec3d_cli.pose_files.objects import ARRAYS, NAMES, read_object_arrays, read_object_entries, with_objects
from posec3d_cli.pose_files.write import SCHEMA, VERSION, write_archive, write_document
from posec3d_cli.results import VideoPoses
from posec3d_cli.skeletons import Skeleton
from posec3d_cli.types import Doubles, Ints

_PLAIN_NAMES = ("schema", "version", "joints", "frame_size", "fps", "frame_indices")
_OPTIONAL = ("frame_count", "cuts", "start", "boundaries")
_ROWS = ("frame", "person", "box", "box_score", "keypoints", "scores")
_DEFLATED_AT_MOST = 1100  # to one; deflate cannot do better than 1032


def read_npz(path: Path) -> VideoPoses:
    """The clip of an archive.

    Raises:
        BadPoseFile: it is no such archive; pickled objects in it are refused.
    """
    try:
        with zipfile.ZipFile(path) as archive:
            held = {name.removesuffix(".npy") for name in archive.namelist()}
            lacking = [name for name in (*_PLAIN_NAMES, *_ROWS) if name not in held]
            if lacking:
                raise BadPoseFile(f"it lacks {', '.join(lacking)}", hint="only archives of --save-poses are read")
            optional = [name for name in (*_OPTIONAL, *ARRAYS) if name in held]
            arrays = {name: _array(archive, name) for name in (*_PLAIN_NAMES, *_ROWS, *optional)}
    except BadPoseFile:
        raise
    except OSError as error:
        raise BadPoseFile(f"it cannot be read: {error.strerror or error}") from error
    except Exception as error:  # a damaged archive can fail in any way
        raise BadPoseFile("it is no readable NumPy archive: it is cut off or damaged", hint="write it again") from error
    _check_schema(arrays["schema"].tolist(), arrays["version"].tolist())
    rows = len(numbers(arrays["frame"], "frame", "R"))
    joints = _skeleton(arrays["joints"].tolist())
    keypoints = numbers(arrays["keypoints"], "keypoints", rows, len(joints.joints), 2)
    scores = numbers(arrays["scores"], "scores", rows, len(joints.joints))
    people = People(
        to_coco(keypoints, joints, "keypoints"),
        to_coco(scores[..., None], joints, "scores")[..., 0],
        numbers(arrays["box"], "box", rows, 4),
        numbers(arrays["box_score"], "box_score", rows),
        integers(arrays["person"], "person", rows, low=-1, high=MAX_IDENTITY),
    )
    frame = integers(arrays["frame"], "frame", rows, low=0, high=MAX_FRAMES)
    clip = rows_as_clip(
        path,
        frame,
        people,
        frame_indices=arrays["frame_indices"],
        frame_count=arrays["frame_count"].tolist() if "frame_count" in arrays else None,
        cuts=arrays.get("cuts", ()),
        start=arrays["start"].tolist() if "start" in arrays else 0.0,
        boundaries=arrays.get("boundaries"),
        frame_size=arrays["frame_size"].tolist(),
        fps=arrays["fps"].tolist(),
    )
    objects = read_object_arrays(arrays, len(clip), arrays.__getitem__)
    return clip if objects is None else with_objects(clip, objects)


def read_document(path: Path, document: dict[str, Any]) -> VideoPoses:
    """The clip of a JSON document.

    Raises:
        BadPoseFile: it lacks something, or holds what it must not.
    """
    _check_schema(document.get("schema"), document.get("version"))
    joints = _skeleton(document.get("joints"))
    rows: dict[str, list[Any]] = {name: [] for name in _ROWS}
    indices = []
    frames = [table(one, f"frames[{place}]") for place, one in enumerate(entries(document.get("frames"), "frames"))]
    for place, frame in enumerate(frames):
        indices.append(frame.get("frame"))
        for order, someone in enumerate(entries(frame.get("people"), f"frames[{place}].people")):
            where = f"frames[{place}].people[{order}]"
            person = table(someone, where)
            found = numbers(person.get("keypoints"), f"{where}.keypoints", len(joints.joints), 3)
            rows["frame"].append(frame.get("frame"))
            rows["person"].append(person.get("person"))
            rows["box"].append(numbers(person.get("box"), f"{where}.box", 4))
            rows["box_score"].append(number(person.get("box_score"), f"{where}.box_score"))
            rows["keypoints"].append(to_coco(found, joints, "joints"))
    count = len(rows["frame"])
    keypoints = np.array(rows["keypoints"]).reshape(count, -1, 3) if count else np.zeros((0, 17, 3))
    people = People(
        keypoints[..., :2],
        keypoints[..., 2],
        np.array(rows["box"]).reshape(count, 4),
        np.array(rows["box_score"]),
        integers(rows["person"], "person", count, low=-1, high=MAX_IDENTITY),
    )
    clip = rows_as_clip(
        path,
        integers(rows["frame"], "frame", count, low=0, high=MAX_FRAMES),
        people,
        frame_indices=indices,
        frame_count=document.get("frame_count"),
        cuts=document.get("cuts", ()),
        start=document.get("start", 0.0),
        boundaries=document.get("boundaries"),
        frame_size=document.get("frame_size"),
        fps=document.get("fps"),
    )
    objects = read_object_entries(frames, document.get(NAMES))
    return clip if objects is None else with_objects(clip, objects)


def _is_document(content: Any) -> bool:
    return isinstance(content, dict) and "schema" in content


ARCHIVE = FileFormat(
    "posec3d archives",
    frozenset({".npz"}),
    lambda path: [read_npz(path)],
    priority=92,
    suffix=".npz",
    write=write_archive,
)
DOCUMENT = JsonFormat(
    "posec3d documents", _is_document, read_document, priority=91, suffix=".json", write=write_document
)


def rows_as_clip(
    path: Path,
    frame: Ints,
    people: People,
    *,
    frame_indices: Any,
    frame_count: Any,
    frame_size: Any,
    fps: Any,
    cuts: Any,
    start: Any,
    boundaries: Any,
) -> VideoPoses:
    """The clip of rows of people, `frame` saying of each in which frame; the other values are checked here.

    Raises:
        BadPoseFile: the rows, or what is said about the video, contradict each other.
    """
    indices = integers(frame_indices, "frame_indices", "T", low=0, high=MAX_FRAMES)
    if np.any(np.diff(indices) <= 0):
        raise BadPoseFile("frame_indices must increase")
    stray = np.setdiff1d(frame, indices)
    if len(stray):
        raise BadPoseFile(f"frame {stray[0]} holds people but is not among frame_indices")
    if not np.isfinite(people.boxes).all():
        raise BadPoseFile("box must be finite numbers")
    frames_per_second = rate(fps)
    if frames_per_second is None:
        raise BadPoseFile("it lacks fps", hint="fps is the frames per second, as a numerator and a denominator")
    last = int(indices[-1]) if len(indices) else 0
    count = last + 1 if frame_count is None else whole(frame_count, "frame_count", last + 1, MAX_FRAMES)
    begins = integers(cuts, "cuts", "C", low=1, high=MAX_FRAMES)
    if np.any(np.diff(begins) <= 0) or begins.max(initial=0) >= count:
        raise BadPoseFile(f"cuts must increase and lie below the number of frames, {count}")
    began = number(start, "start")
    if not np.isfinite(began):
        raise BadPoseFile(f"start must be a finite number of seconds, got {shown(start)}")
    shown_at = None if boundaries is None else _boundaries(boundaries, count)
    order = np.argsort(frame, kind="stable")
    edges = np.searchsorted(frame[order], indices, side="left"), np.searchsorted(frame[order], indices, side="right")
    frames = []
    for left, right in zip(*edges, strict=True):
        here = order[left:right]
        known = people.track_ids[here][people.track_ids[here] >= 0]
        if len(np.unique(known)) < len(known):
            raise BadPoseFile(f"frame {frame[here][0]} holds one person twice", hint="a duplicate has the number -1")
        frames.append(people.take(here) if len(here) else NOBODY)
    clip = make_video_poses(
        path,
        frames,
        fps=frames_per_second,
        frame_size=_size(frame_size),
        frame_indices=indices,
        frame_count=count,
        identified=True,
        start=began,
        boundaries=shown_at,
    )
    return replace(clip, cuts=begins)


def _boundaries(value: Any, count: int) -> Doubles:
    """When `count` frames are shown and the last one ends, in seconds from the first.

    Raises:
        BadPoseFile: it says something else.
    """
    found = numbers(value, "boundaries", count + 1)
    if not np.isfinite(found).all() or found[0] != 0 or np.any(np.diff(found) <= 0):
        raise BadPoseFile("boundaries must be seconds that begin at 0 and increase")
    return found


def _array(archive: zipfile.ZipFile, name: str) -> NDArray[Any]:
    """One array, after its header was held against the bytes that are there."""
    member = archive.getinfo(f"{name}.npy")
    if member.compress_type not in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED):
        raise BadPoseFile(f"{name} is compressed in a way that NumPy does not write")
    if member.file_size > _DEFLATED_AT_MOST * member.compress_size:
        raise BadPoseFile(f"{name} is said to have {member.file_size} bytes in {member.compress_size}")
    with archive.open(member) as file:
        version = np.lib.format.read_magic(file)
        header = {(1, 0): np.lib.format.read_array_header_1_0, (2, 0): np.lib.format.read_array_header_2_0}[version]
        shape, fortran, dtype = header(file)
        if dtype.hasobject:
            raise BadPoseFile(f"{name} holds pickled objects, which are not read")
        if prod(shape) * dtype.itemsize != member.file_size - file.tell():
            raise BadPoseFile(f"{name} does not have the size that its header states")
        return np.ndarray(shape, dtype, buffer=file.read(), order="F" if fortran else "C")


def _check_schema(schema: Any, version: Any) -> None:
    if schema != SCHEMA:
        raise BadPoseFile(
            f"its schema must be {SCHEMA!r}, got {shown(schema)}", hint="only pose files can be read here"
        )
    if isinstance(version, bool) or version != VERSION:
        raise BadPoseFile(f"version {shown(version)} of {SCHEMA} is not known", hint=f"version {VERSION} is")


def _skeleton(names: Any) -> Skeleton:
    joints = entries(names, "joints")
    if not all(isinstance(name, str) for name in joints) or len(set(joints)) < len(joints):
        raise BadPoseFile("joints must be different names")
    skeleton = Skeleton("the file's own", tuple(joints), ())
    to_coco(np.zeros((len(joints), 1)), skeleton, "joints")
    return skeleton


def _size(frame_size: Any) -> tuple[int, int]:
    height, width = integers(frame_size, "frame_size", 2, low=1, high=MAX_PIXELS).tolist()
    return height, width
