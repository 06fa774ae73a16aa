"""Read labeled clips, 2D or 3D, from dataset pickles of pyskl and mmaction2."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from posec3d_cli.datasets.clips import ANNOTATED, ESTIMATED, RECORDED, LabeledClip
from posec3d_cli.datasets.recorded import UPWARDS, in_slots, is_mirrored, joint_names, up_of
from posec3d_cli.datasets.splits import Splits, Subsets, split_named, subsets_of
from posec3d_cli.errors import BadPoseFile
from posec3d_cli.labels import clean_label
from posec3d_cli.pose_files.checks import shown
from posec3d_cli.pose_files.clip import FPS
from posec3d_cli.pose_files.objects import read_object_arrays
from posec3d_cli.pose_files.pyskl import (
    DatasetPickle,
    array_of,
    counted_frames,
    frame_size,
    open_dataset_pickle,
    poses_2d,
    uncounted_note,
    value_of,
)
from posec3d_cli.types import Floats

_BLOCK = 10  # neighbouring numbers in a numbered data set are often cut from one source


def read_dataset_pickle(
    path: Path,
    split: str | None = None,
    *,
    splits: Splits | None = None,
    say: Callable[[str], None] = lambda text: None,
) -> list[LabeledClip]:
    """Read the labeled clips of a dataset pickle.

    An annotation holds `keypoint` (M, T, 17, 2) in pixels and `keypoint_score` (M, T, 17), or, for a 3D recording,
    `keypoint` (1, T, J, 3) in metres or millimetres; the pickle then names the joints. The up axis of recordings is
    `up` of the pickle, "y" or "-z", or else the axis along which most people stand. Clips whose annotations have the
    same `group` never stand on both sides of a split. Scores that are not all 0 or 1 say that the poses are estimated.

    Args:
        path: the pickle.
        split: read only the clips of this split.
        splits: which splits are for training and for validation; None if the caller decides.
        say: called with a sentence about the splits that are used, and about an up axis that is not y.

    Raises:
        BadPoseFile: the pickle lacks something; the message names the clip.
    """
    dataset = open_dataset_pickle(path)
    parts = Subsets() if split is None else Subsets(split_named(dataset.splits, split, path))
    if splits is not None:
        parts = subsets_of(dataset.splits, splits, path)
    names = [dataset.name(number) for number in range(len(dataset.annotations))]
    lacking = parts.lacking(names, path)
    skeleton = _skeleton(dataset, say)
    _check_kinds_of_labels(dataset)
    clips = []
    for number, name in enumerate(names):
        part = parts.of(name)
        if part is not None:
            with dataset.error_context(number) as annotation:
                clips.append(replace(_clip(annotation, dataset, name, skeleton), part=part))
    for note in filter(None, (parts.note, lacking)):
        say(note)
    return clips


def _check_kinds_of_labels(dataset: DatasetPickle) -> None:
    """Refuse a pickle without class names in which some labels are numbers and others names.

    Raises:
        BadPoseFile: the pickle has both kinds of labels.
    """
    if dataset.classes is not None:
        return
    labels = [one.get("label") for one in dataset.annotations if isinstance(one, dict)]
    name = next((one for one in labels if isinstance(one, str) and not one.strip().isdigit()), None)
    number = next((one for one in labels if isinstance(one, int | np.integer)), None)
    if name is not None and number is not None:
        raise BadPoseFile(
            f"{dataset.path}: the label is the number {number} in some annotations and a name, {name!r}, in others",
            hint="an entry 'classes' of the pickle lists the names of the numbered labels",
        )


def _clean_name(label: str) -> str:
    cleaned = clean_label(label)
    if not cleaned:
        raise BadPoseFile("the name of its label is blank")
    return cleaned


@dataclass(frozen=True)
class _Skeleton:
    """The joints of the recordings of a pickle, their up axis, and whether x points the wrong way."""

    joints: list[str]
    up: str
    mirrored: bool


def _skeleton(dataset: DatasetPickle, say: Callable[[str], None]) -> _Skeleton | None:
    """The skeleton of a pickle that names joints; None for others."""
    joints = dataset.joints.tolist() if isinstance(dataset.joints, np.ndarray) else dataset.joints
    if not joints:
        return None
    if not isinstance(joints, list | tuple):
        raise BadPoseFile(f"{dataset.path}: joints must be a list of names, got {joints!r:.60}")
    try:
        names = joint_names(joints)
    except BadPoseFile as error:
        raise BadPoseFile(f"{dataset.path}: {error.what}", hint=error.hint) from error
    up = dataset.up
    if up is None:
        up = up_of(_recordings(dataset, len(names)), names)
        if up != "y":
            turned = f"people stand along {up}, and are turned to y"
            say(f"{dataset.path.name}: {turned}; an entry 'up' of the pickle decides it")
    elif up not in UPWARDS:
        raise BadPoseFile(f"{dataset.path}: up must be one of {', '.join(UPWARDS)}, got {up!r:.60}")
    return _Skeleton(names, up, is_mirrored(_recordings(dataset, len(names)), names, up))


def _recordings(dataset: DatasetPickle, joints: int) -> Iterator[Floats]:
    """The arrays of 3D recordings; errors in other annotations are raised when those are read."""
    for number in range(len(dataset.annotations)):
        with suppress(BadPoseFile), dataset.error_context(number) as annotation:
            keypoints = array_of(annotation, "keypoint", dataset)
            if keypoints.ndim == 4 and keypoints.shape[2:] == (joints, 3) and keypoints.size:
                yield keypoints


def _clip(annotation: Mapping[str, Any], dataset: DatasetPickle, name: str, skeleton: _Skeleton | None) -> LabeledClip:
    label = _clean_name(_label(value_of(annotation, "label"), dataset))
    source = dataset.path.stem
    fps = float(dataset.rate(annotation) or FPS)
    keypoints = array_of(annotation, "keypoint", dataset)
    if keypoints.ndim == 4 and not len(keypoints):
        raise BadPoseFile("keypoint holds nobody")
    if keypoints.ndim == 4 and keypoints.shape[-1] == 3:
        if skeleton is None or keypoints.shape[2] != len(skeleton.joints):
            named = "names none" if skeleton is None else f"names {len(skeleton.joints)}"
            raise BadPoseFile(
                f"it is a 3D recording of {keypoints.shape[2]} joints, and the pickle {named}",
                hint="an entry 'joints' of the pickle lists their names, such as left_shoulder",
            )
        counted = counted_frames(annotation, keypoints)
        notes = uncounted_note(annotation, counted)
        keypoints = keypoints[:, :counted]
        finite = np.asarray(np.isfinite(keypoints).all(axis=-1))
        keypoints, scores = in_slots(
            np.where(finite[..., None], keypoints, 0), skeleton.joints, skeleton.up, mirrored=skeleton.mirrored
        )
        group = f"{source}/{annotation.get('group') or name}"
        return LabeledClip(f"{source}/{name}", label, group, RECORDED, keypoints, scores, fps, notes=notes)
    keypoints, scores = poses_2d(annotation, dataset)
    notes = uncounted_note(annotation, keypoints.shape[1])
    group = f"{source}/{annotation.get('group') or _block(name)}"
    # Annotators say of a joint that it is seen, or not; pose networks say how clearly.
    origin = ANNOTATED if np.isin(scores, (0, 1)).all() else ESTIMATED
    size = frame_size(annotation)
    rows = read_object_arrays(annotation, keypoints.shape[1], lambda key: array_of(annotation, key, dataset))
    objects = () if rows is None or not rows.any_searched else tuple(rows.frames())
    return LabeledClip(
        f"{source}/{name}", label, group, origin, keypoints, scores, fps, size, notes=notes, objects=objects
    )


def _label(label: Any, dataset: DatasetPickle) -> str:
    """The name of a label, where it is a number by the classes of the pickle; the number as text without classes."""
    if isinstance(label, str) and label:
        return label
    if isinstance(label, bool) or not isinstance(label, int | np.integer) or label < 0:
        raise BadPoseFile(f"label must be the number or the name of a class, got {shown(label)}")
    if dataset.classes is None:
        return str(label)
    if not isinstance(dataset.classes, list | tuple | np.ndarray):
        raise BadPoseFile(f"the pickle's classes must be a list of names, got {shown(dataset.classes)}")
    if label >= len(dataset.classes):
        raise BadPoseFile(f"label is {label}, and the pickle's classes are only {len(dataset.classes)}")
    return str(dataset.classes[int(label)])


def _block(name: str) -> str:
    digits = re.fullmatch(r"\d+", name)
    return f"block {int(name) // _BLOCK}" if digits else name
