"""Dataset pickles of pyskl and mmaction2, read without executing anything.

Three layouts are read: {"annotations": [...], "split": ..., "classes": ...}, a bare list of annotations, and a single
annotation. `classes`, `fps`, and `joints` and `up` (of recorded skeletons), are additions of our own, and so are the
objects in the frames of a clip.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np

from posec3d_cli.errors import BadPoseFile
from posec3d_cli.pose_files.checks import check_pixels, integers, numbers, rate, shown, table, whole
from posec3d_cli.pose_files.clip import (
    JOINTS,
    MAX_FRAMES,
    MAX_IDENTITY,
    MAX_PIXELS,
    People,
    from_slots,
    make_video_poses,
    was_found,
)
from posec3d_cli.pose_files.formats import FileFormat
from posec3d_cli.pose_files.native import rows_as_clip
from posec3d_cli.pose_files.objects import read_object_arrays, with_objects
from posec3d_cli.pose_files.safe_pickle import load_pickle
from posec3d_cli.pose_files.write import write_pickle
from posec3d_cli.results import VideoPoses
from posec3d_cli.types import Floats

CROWD = 10
"""People of whom no clip holds more than it has frames, unless it says so by `total_frames`."""
_COUNT_HINT = "keypoint is (people, frames, 17, 2); total_frames says how many frames there are"
SUFFIXES = frozenset({".pkl", ".pickle"})
_HINT = "a clip holds keypoint (people, frames, 17, 2) in pixels, and keypoint_score (people, frames, 17)"


@dataclass(frozen=True, eq=False)
class DatasetPickle:
    """The content of a dataset pickle; the annotations are not checked yet.

    Attributes:
        path: the file.
        annotations: one per clip.
        classes: names of the labels, or None.
        joints: names of the joints of a recorded skeleton, or None.
        up: the up axis of recorded skeletons, or None.
        splits: clip names by split, or None.
        fps: frames per second of clips without a rate of their own, or None.
        size: bytes of the file; no array in it can have more.
    """

    path: Path
    annotations: list[Any]
    classes: Any
    joints: Any
    up: Any
    splits: Any
    fps: Any
    size: int

    def name(self, number: int) -> str:
        """The name of a clip: its `frame_dir`, or its number where it has none."""
        annotation = self.annotations[number]
        name = annotation.get("frame_dir") if isinstance(annotation, dict) else None
        if isinstance(name, str):
            return name.encode("utf-8", "backslashreplace").decode()
        return str(name) if type(name) is int else f"annotation {number}"

    def rate(self, annotation: Mapping[str, Any]) -> Fraction | None:
        """The frames per second of a clip, stated by the clip or the pickle; None if neither states them.

        Raises:
            BadPoseFile: the rate is not plausible.
        """
        own = annotation.get("fps")
        return rate(self.fps if own is None else own)

    @contextmanager
    def error_context(self, number: int) -> Iterator[Mapping[str, Any]]:
        """A context that hands out an annotation, and turns errors inside into a BadPoseFile that names the clip."""
        try:
            yield table(self.annotations[number], "it")
        except BadPoseFile as error:
            raise BadPoseFile(
                f"{self.path}: annotation {number} ({self.name(number)}) is unusable: {error.what}",
                hint=error.hint or _HINT,
            ) from error
        except (LookupError, TypeError, ValueError, AttributeError, ArithmeticError) as error:
            raise BadPoseFile(
                f"{self.path}: annotation {number} ({self.name(number)}) is not laid out as a clip is", hint=_HINT
            ) from error


def open_dataset_pickle(path: Path) -> DatasetPickle:
    """Read a dataset pickle.

    Raises:
        BadPoseFile: the file is no pickle, would execute code, or has another layout.
    """
    content = load_pickle(path)
    if isinstance(content, dict) and "keypoint" in content:
        content = {"annotations": [content]}
    elif isinstance(content, list) and content and all(isinstance(one, dict) for one in content):
        content = {"annotations": content}
    if not isinstance(content, dict) or not isinstance(content.get("annotations"), list):
        raise BadPoseFile(f"{path} holds no 'annotations' list", hint="expected the format of pyskl and mmaction2")
    return DatasetPickle(
        path,
        content["annotations"],
        content.get("classes"),
        content.get("joints"),
        content.get("up"),
        content.get("split"),
        content.get("fps"),
        path.stat().st_size,
    )


def poses_2d(annotation: Mapping[str, Any], dataset: DatasetPickle) -> tuple[Floats, Floats]:
    """The two-dimensional poses of an annotation: `(M, T, 17, 2)` float32 in pixels and `(M, T, 17)` scores.

    T is `total_frames`, if stated. A joint whose place or score is no number has a score of 0, and so has one at
    exactly (0, 0), unless posec3d wrote the pickle. Without scores, every other joint has 1, as in published code.

    Raises:
        BadPoseFile: it lacks them, they have another shape, or are no pixels.
    """
    keypoints = array_of(annotation, "keypoint", dataset)
    if keypoints.ndim == 4 and keypoints.shape[3] == 3:
        raise BadPoseFile(
            "it is a 3D recording, and only 2D poses can be read",
            hint="where the third number is a score: keypoint holds x, y, and keypoint_score the scores",
        )
    if keypoints.ndim != 4 or keypoints.shape[2:] != (JOINTS, 2):
        raise BadPoseFile(f"keypoint must have shape (M, T, {JOINTS}, 2), got {keypoints.shape}")
    shape = keypoints.shape[:3]
    unscored = annotation.get("keypoint_score") is None
    scores = np.ones(shape, np.float32) if unscored else array_of(annotation, "keypoint_score", dataset)
    if scores.shape != shape:
        raise BadPoseFile(f"keypoint_score must have shape {shape}, got {scores.shape}")
    frames = counted_frames(annotation, keypoints)
    keypoints, scores = keypoints[:, :frames], scores[:, :frames]
    found = np.asarray(np.isfinite(keypoints).all(axis=-1) & np.isfinite(scores))
    if "frame_indices" not in annotation:
        found &= was_found(keypoints)
    keypoints, scores = np.where(found[..., None], keypoints, 0), np.where(found, scores, 0)
    check_pixels(keypoints[scores > 0], "multiply x by the width and y by the height of the video")
    return keypoints, scores


def counted_frames(annotation: Mapping[str, Any], keypoints: Floats) -> int:
    """The number of frames of `(M, T, K, D)` joints that count: published code samples from `total_frames`.

    Raises:
        BadPoseFile: there is no frame, or fewer than `total_frames`; the message names both numbers.
    """
    people, held = int(keypoints.shape[0]), int(keypoints.shape[1])
    if not 0 < held <= MAX_FRAMES:
        raise BadPoseFile(f"it has {held} frames")
    shape = f"keypoint {keypoints.shape} holds"
    frames = f"{held} frame{'s' * (held != 1)}"
    if annotation.get("total_frames") is None:
        if people > max(held, CROWD):
            raise BadPoseFile(
                f"{shape} {people} people in {frames}: people and frames look exchanged", hint=_COUNT_HINT
            )
        return held
    stated = annotation["total_frames"]
    stated = int(stated) if isinstance(stated, float) and stated.is_integer() else stated  # 60.0 is no contradiction
    total = whole(stated, "total_frames", 1, MAX_FRAMES)
    if total > held or ("frame_indices" in annotation and total != held):
        turned = "; people and frames look exchanged" if people == total else ""
        raise BadPoseFile(f"total_frames is {total}, but {shape} {frames}{turned}")
    return total


def uncounted_note(annotation: Mapping[str, Any], counted: int) -> tuple[str, ...]:
    """The note that an annotation has more frames than count; empty if all count."""
    held = annotation["keypoint"].shape[1]
    return () if held == counted else (f"only the first {counted} of its {held} frames count: total_frames says so",)


def array_of(annotation: Mapping[str, Any], key: str, dataset: DatasetPickle) -> Floats:
    """An array of an annotation, as float32; numbers too large for that become infinite.

    Raises:
        BadPoseFile: it is not there, is no array of numbers, or is larger than the file that it came from.
    """
    value = value_of(annotation, key)
    if not isinstance(value, np.ndarray) or value.dtype.kind not in "fiu":
        raise BadPoseFile(f"{key} must be an array of numbers, got {shown(value)}")
    if value.nbytes > dataset.size:
        raise BadPoseFile(f"{key} is said to have {value.nbytes} bytes, more than the file")
    with np.errstate(over="ignore"):
        return value.astype(np.float32)


def value_of(annotation: Mapping[str, Any], key: str) -> Any:
    """A required value of an annotation.

    Raises:
        BadPoseFile: the annotation lacks it.
    """
    if annotation.get(key) is None:
        raise BadPoseFile(f"it lacks {key}")
    return annotation[key]


def read_pickle_clips(path: Path) -> list[VideoPoses]:
    """Read every clip of a dataset pickle; the person slot is the track id.

    Raises:
        BadPoseFile: the file is no dataset pickle, holds no clip, or a clip is unusable; the message names the clip.
    """
    dataset = open_dataset_pickle(path)
    if not dataset.annotations:
        raise BadPoseFile(f"{path} holds no clip", hint="its list of annotations is empty")
    clips = []
    for number in range(len(dataset.annotations)):
        with dataset.error_context(number) as annotation:
            clips.append(_clip(annotation, dataset, None if len(dataset.annotations) == 1 else dataset.name(number)))
    return clips


FORMAT = FileFormat(
    "dataset pickles of pyskl and mmaction2",
    SUFFIXES,
    read_pickle_clips,
    priority=90,
    suffix=".pkl",
    write=write_pickle,
)


def _clip(annotation: Mapping[str, Any], dataset: DatasetPickle, name: str | None) -> VideoPoses:
    keypoints, scores = poses_2d(annotation, dataset)
    path = dataset.path if name is None else Path(f"{dataset.path}: {name}")
    if "frame_indices" in annotation:
        clip = _native_clip(path, annotation, dataset, keypoints, scores)
    else:
        clip = make_video_poses(
            path,
            from_slots(keypoints, scores),
            fps=dataset.rate(annotation),
            frame_size=frame_size(annotation),
            notes=uncounted_note(annotation, keypoints.shape[1]),
        )
    objects = read_object_arrays(annotation, len(clip), lambda key: array_of(annotation, key, dataset))
    return clip if objects is None else with_objects(clip, objects)


def frame_size(annotation: Mapping[str, Any]) -> tuple[int, int] | None:
    """(H, W) in pixels as `img_shape` or `original_shape` say it; None where neither is there.

    Raises:
        BadPoseFile: it is no size.
    """
    shape = annotation.get("img_shape", annotation.get("original_shape"))
    if shape is None:
        return None
    if isinstance(shape, list | tuple) or (isinstance(shape, np.ndarray) and shape.ndim):
        shape = shape[:2]  # some say the colours too
    height, width = integers(shape, "img_shape", 2, low=1, high=MAX_PIXELS).tolist()
    return height, width


def _native_clip(
    path: Path, annotation: Mapping[str, Any], dataset: DatasetPickle, keypoints: Floats, scores: Floats
) -> VideoPoses:
    """A clip of a pickle that posec3d wrote, see `posec3d_cli.pose_files.write`."""
    people, frames = keypoints.shape[:2]
    indices = integers(annotation["frame_indices"], "frame_indices", frames, low=0, high=MAX_FRAMES)
    boxes = numbers(array_of(annotation, "box", dataset), "box", people, frames, 4)
    box_scores = numbers(array_of(annotation, "box_score", dataset), "box_score", people, frames)
    track_ids = integers(value_of(annotation, "person"), "person", people, low=0, high=MAX_IDENTITY)
    slots, columns = np.nonzero(np.isfinite(boxes).all(axis=-1))
    rows = People(
        keypoints[slots, columns],
        scores[slots, columns],
        boxes[slots, columns],
        box_scores[slots, columns],
        track_ids[slots],
    )
    return rows_as_clip(
        path,
        indices[columns],
        rows,
        frame_indices=indices,
        frame_count=value_of(annotation, "frame_count"),
        cuts=annotation.get("cuts", ()),
        start=annotation.get("start", 0.0),
        boundaries=annotation.get("boundaries"),
        frame_size=value_of(annotation, "img_shape"),
        fps=value_of(annotation, "fps"),
    )
