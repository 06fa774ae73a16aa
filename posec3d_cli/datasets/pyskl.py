"""Read labeled clips, 2D or 3D, from dataset pickles of pyskl and mmaction2."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from posec3d_cli.datasets.clips import ANNOTATED, RECORDED, LabeledClip
from posec3d_cli.datasets.recorded import UPWARDS, in_slots, joint_names, up_of
from posec3d_cli.datasets.splits import Parts, Splits, parts_of, split_named
from posec3d_cli.errors import BadPoseFile
from posec3d_cli.labels import clean_label
from posec3d_cli.pose_files.checks import shown
from posec3d_cli.pose_files.clip import FPS
from posec3d_cli.pose_files.pyskl import Pack, array_of, counted_frames, flat_poses, open_pack, uncounted_note, value_of
from posec3d_cli.types import Floats

_BLOCK = 10  # neighbouring numbers in a numbered data set are often cut from one source


def read_pack(
    path: Path,
    split: str | None = None,
    *,
    splits: Splits | None = None,
    say: Callable[[str], None] = lambda text: None,
) -> list[LabeledClip]:
    """The examples of a pose pack.

    Two-dimensional packs hold `keypoint` (M, T, 17, 2) in pixels and `keypoint_score` (M, T, 17); recorded ones
    hold `keypoint` (1, T, J, 3) and the joints' names, in metres or millimetres. Which way is up they say as `up`, "y"
    or "-z", or it is what most of their people say who stand.

    Args:
        path: the pickle.
        split: only the clips that this split of the pack names.
        splits: which splits to learn from and to validate on; None: nothing is said about it.
        say: told which splits are taken, and which way is up where that is not y.

    Raises:
        BadPoseFile: the pack lacks something; the message names the clip.
    """
    pack = open_pack(path)
    parts = Parts() if split is None else Parts(split_named(pack.splits, split, path))
    if splits is not None:
        parts = parts_of(pack.splits, splits, path)
    names = [pack.name(number) for number in range(len(pack.annotations))]
    lacking = parts.lacking(names, path)
    skeleton = _skeleton(pack, say)
    _check_kinds_of_labels(pack)
    examples = []
    for number, name in enumerate(names):
        part = parts.of(name)
        if part is not None:
            with pack.blaming(number) as annotation:
                examples.append(replace(_example(annotation, pack, name, skeleton), part=part))
    for remark in filter(None, (parts.remark, lacking)):
        say(remark)
    return examples


def _check_kinds_of_labels(pack: Pack) -> None:
    """Refuse labels that are numbers here and names there, where nothing says which number has which name.

    Raises:
        BadPoseFile: there are both.
    """
    if pack.classes is not None:
        return
    labels = [one.get("label") for one in pack.annotations if isinstance(one, dict)]
    name = next((one for one in labels if isinstance(one, str) and not one.strip().isdigit()), None)
    number = next((one for one in labels if isinstance(one, int | np.integer)), None)
    if name is not None and number is not None:
        raise BadPoseFile(
            f"{pack.path}: the label is the number {number} in some annotations and a name, {name!r}, in others",
            hint="an entry 'classes' of the pack lists the names that the numbers stand for",
        )


def _cleaned(label: str) -> str:
    cleaned = clean_label(label)
    if not cleaned:
        raise BadPoseFile("the name of its label is blank")
    return cleaned


@dataclass(frozen=True)
class _Skeleton:
    """The joints of the recordings of a pack, and which way is up."""

    joints: list[str]
    up: str


def _skeleton(pack: Pack, say: Callable[[str], None]) -> _Skeleton | None:
    """Of a pack that names joints; None for others."""
    joints = pack.joints.tolist() if isinstance(pack.joints, np.ndarray) else pack.joints
    if not joints:
        return None
    if not isinstance(joints, list | tuple):
        raise BadPoseFile(f"{pack.path}: joints must be a list of names, got {joints!r:.60}")
    try:
        names = joint_names(joints)
    except BadPoseFile as error:
        raise BadPoseFile(f"{pack.path}: {error.what}", hint=error.hint) from error
    if pack.up is not None:
        if pack.up not in UPWARDS:
            raise BadPoseFile(f"{pack.path}: up must be one of {', '.join(UPWARDS)}, got {pack.up!r:.60}")
        return _Skeleton(names, pack.up)
    up = up_of(_recordings(pack, len(names)), names)
    if up != "y":
        say(f"{pack.path.name}: people stand along {up}, and are turned to y; 'up' in the pack says it for certain")
    return _Skeleton(names, up)


def _recordings(pack: Pack, joints: int) -> Iterator[Floats]:
    """The arrays of a pack that are recordings; what is wrong with others is said where they are read."""
    for number in range(len(pack.annotations)):
        with suppress(BadPoseFile), pack.blaming(number) as annotation:
            keypoints = array_of(annotation, "keypoint", pack)
            if keypoints.ndim == 4 and keypoints.shape[2:] == (joints, 3) and keypoints.size:
                yield keypoints


def _example(annotation: Mapping[str, Any], pack: Pack, name: str, skeleton: _Skeleton | None) -> LabeledClip:
    label = _cleaned(_label(value_of(annotation, "label"), pack))
    source = pack.path.stem
    fps = float(pack.rate(annotation) or FPS)
    keypoints = array_of(annotation, "keypoint", pack)
    if keypoints.ndim == 4 and not len(keypoints):
        raise BadPoseFile("keypoint holds nobody")
    if keypoints.ndim == 4 and keypoints.shape[-1] == 3:
        if skeleton is None or keypoints.shape[2] != len(skeleton.joints):
            named = "names none" if skeleton is None else f"names {len(skeleton.joints)}"
            raise BadPoseFile(
                f"it is a 3D recording of {keypoints.shape[2]} joints, and the pack {named}",
                hint="an entry 'joints' of the pack lists their names, such as left_shoulder",
            )
        counted = counted_frames(annotation, keypoints)
        notes = uncounted_note(annotation, counted)
        keypoints = keypoints[:, :counted]
        finite = np.asarray(np.isfinite(keypoints).all(axis=-1))
        keypoints, scores = in_slots(np.where(finite[..., None], keypoints, 0), skeleton.joints, skeleton.up)
        return LabeledClip(f"{source}/{name}", label, f"{source}/{name}", RECORDED, keypoints, scores, fps, notes=notes)
    keypoints, scores = flat_poses(annotation, pack)
    notes = uncounted_note(annotation, keypoints.shape[1])
    group = f"{source}/{_block(name)}"
    return LabeledClip(f"{source}/{name}", label, group, ANNOTATED, keypoints, scores, fps, notes=notes)


def _label(label: Any, pack: Pack) -> str:
    """The name of a label: itself, or what the pack's classes call its number; the number where it has none."""
    if isinstance(label, str) and label:
        return label
    if isinstance(label, bool) or not isinstance(label, int | np.integer) or label < 0:
        raise BadPoseFile(f"label must be the number or the name of a class, got {shown(label)}")
    if pack.classes is None:
        return str(label)
    if not isinstance(pack.classes, list | tuple | np.ndarray):
        raise BadPoseFile(f"the pack's classes must be a list of names, got {shown(pack.classes)}")
    if label >= len(pack.classes):
        raise BadPoseFile(f"label is {label}, and the pack's classes name only {len(pack.classes)}")
    return str(pack.classes[int(label)])


def _block(name: str) -> str:
    digits = re.fullmatch(r"\d+", name)
    return f"block {int(name) // _BLOCK}" if digits else name
