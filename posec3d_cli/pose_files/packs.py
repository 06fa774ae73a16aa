"""Pose packs: the pickles of pyskl and mmaction2, read without executing anything.

Three layouts are read: {"annotations": [...], "split": ..., "classes": ...}, a bare list of annotations, and a single
annotation. `classes` and `joints` (of recorded skeletons) are additions of our own.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from posec3d_cli.errors import BadPoseFile
from posec3d_cli.pose_files.checks import integers, numbers
from posec3d_cli.pose_files.clip import JOINTS, MAX_FRAMES, MAX_IDENTITY, MAX_PIXELS, People, from_slots, posed_clip
from posec3d_cli.pose_files.ours import rows_as_clip
from posec3d_cli.pose_files.pickles import load_pickle
from posec3d_cli.prediction import PosedVideo
from posec3d_cli.types import Floats


@dataclass(frozen=True, eq=False)
class Pack:
    """The content of a pack, its annotations not checked yet.

    Attributes:
        path: the file.
        annotations: one per clip.
        classes: names of the labels, or None.
        joints: names of the joints of a recorded skeleton, or None.
        splits: clip names by split, or None.
        size: bytes of the file; no array in it can have more.
    """

    path: Path
    annotations: list[Any]
    classes: Any
    joints: Any
    splits: Any
    size: int

    def name(self, number: int) -> str | None:
        """The name of a clip, where it has one."""
        annotation = self.annotations[number]
        name = annotation.get("frame_dir") if isinstance(annotation, dict) else None
        return name if isinstance(name, str) else None

    @contextmanager
    def blaming(self, number: int) -> Iterator[Mapping[str, Any]]:
        """Hand out an annotation; what goes wrong with it becomes an error that names it."""
        try:
            yield self.annotations[number]
        except (KeyError, TypeError, ValueError, IndexError, AttributeError, OverflowError, BadPoseFile) as error:
            said = type(error) in (ValueError, BadPoseFile)  # by us, in whole sentences
            raise BadPoseFile(
                f"{self.path}: annotation {number} ({self.name(number)}) is unusable: {error if said else repr(error)}",
                hint="what a pack holds: docs/pose-files.md",
            ) from error


def open_pack(path: Path) -> Pack:
    """Read a pack.

    Raises:
        BadPoseFile: it is no pickle, would execute something, or has another layout.
    """
    content = load_pickle(path)
    if isinstance(content, dict) and "keypoint" in content:
        content = {"annotations": [content]}
    elif isinstance(content, list) and content and all(isinstance(one, dict) for one in content):
        content = {"annotations": content}
    if not isinstance(content, dict) or not isinstance(content.get("annotations"), list):
        raise BadPoseFile(f"{path} holds no 'annotations' list", hint="expected the format of pyskl and mmaction2")
    return Pack(
        path,
        content["annotations"],
        content.get("classes"),
        content.get("joints"),
        content.get("split"),
        path.stat().st_size,
    )


def flat_poses(annotation: Mapping[str, Any], pack: Pack) -> tuple[Floats, Floats]:
    """The two-dimensional poses of an annotation: `(M, T, 17, 2)` float32 in pixels and `(M, T, 17)` scores.

    A joint whose place or score is no number has a score of 0.

    Raises:
        KeyError, ValueError: it lacks them, or they have another shape.
    """
    keypoints = array_of(annotation, "keypoint", pack)
    if keypoints.ndim != 4 or keypoints.shape[2:] != (JOINTS, 2):
        raise ValueError(f"keypoint must have shape (M, T, {JOINTS}, 2), got {keypoints.shape}")
    scores = array_of(annotation, "keypoint_score", pack)
    if scores.shape != keypoints.shape[:3]:
        raise ValueError(f"keypoint_score must have shape {keypoints.shape[:3]}, got {scores.shape}")
    told = np.asarray(np.isfinite(keypoints).all(axis=-1))
    return np.where(told[..., None], keypoints, 0), np.where(told & np.isfinite(scores), scores, 0)


def array_of(annotation: Mapping[str, Any], key: str, pack: Pack) -> Floats:
    """An array of an annotation, as float32; numbers too large for that become infinite.

    Raises:
        KeyError, ValueError: it is not there, is no array of numbers, or is larger than the file that it came from.
    """
    value = annotation[key]
    if not isinstance(value, np.ndarray) or value.dtype.kind not in "fiu":
        raise ValueError(f"{key} must be an array of numbers, got {type(value).__name__}")
    if value.nbytes > pack.size:
        raise ValueError(f"{key} is said to have {value.nbytes} bytes, more than the file")
    with np.errstate(over="ignore"):
        return value.astype(np.float32)


def read_pack_clips(path: Path) -> list[PosedVideo]:
    """Every clip of a pack; a person's slot is the identity.

    Raises:
        BadPoseFile: it is no pack, holds no clip, or one is unusable; the message names it.
    """
    pack = open_pack(path)
    if not pack.annotations:
        raise BadPoseFile(f"{path} holds no clip", hint="its list of annotations is empty")
    clips = []
    for number in range(len(pack.annotations)):
        with pack.blaming(number) as annotation:
            clips.append(_clip(annotation, pack, alone=len(pack.annotations) == 1))
    return clips


def _clip(annotation: Mapping[str, Any], pack: Pack, *, alone: bool) -> PosedVideo:
    if array_of(annotation, "keypoint", pack).shape[-1:] == (3,):
        raise ValueError("it is a 3D recording, and only poses in a picture can be read")
    keypoints, scores = flat_poses(annotation, pack)
    frames = keypoints.shape[1]
    if not 0 < frames <= MAX_FRAMES:
        raise ValueError(f"it has {frames} frames")
    name = annotation["frame_dir"].encode("utf-8", "backslashreplace").decode()
    path = pack.path if alone else Path(f"{pack.path}: {name}")
    if "frame_indices" in annotation:
        return _written_by_us(path, annotation, pack, keypoints, scores)
    shape = annotation.get("img_shape", annotation.get("original_shape"))
    size = None if shape is None else integers(np.asarray(shape)[:2], "img_shape", 2, low=1, high=MAX_PIXELS).tolist()
    people = from_slots(keypoints, scores)
    return posed_clip(path, people, frame_size=None if size is None else (size[0], size[1]))


def _written_by_us(
    path: Path, annotation: Mapping[str, Any], pack: Pack, keypoints: Floats, scores: Floats
) -> PosedVideo:
    """A clip that says more than other packs do: see `posec3d_cli.pose_files.writing`."""
    people, frames = keypoints.shape[:2]
    indices = integers(annotation["frame_indices"], "frame_indices", frames, low=0, high=MAX_FRAMES)
    boxes = numbers(array_of(annotation, "box", pack), "box", people, frames, 4)
    box_scores = numbers(array_of(annotation, "box_score", pack), "box_score", people, frames)
    who = integers(annotation["person"], "person", people, low=0, high=MAX_IDENTITY)
    slots, columns = np.nonzero(np.isfinite(boxes).all(axis=-1))
    rows = People(
        keypoints[slots, columns],
        scores[slots, columns],
        boxes[slots, columns],
        box_scores[slots, columns],
        who[slots],
    )
    return rows_as_clip(
        path,
        indices[columns],
        rows,
        frame_indices=indices,
        frame_count=annotation["frame_count"],
        frame_size=annotation["img_shape"],
        fps=annotation["fps"],
    )
