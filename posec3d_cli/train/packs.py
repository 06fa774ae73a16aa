"""Labelled clips out of pose packs: the pickles of pyskl and mmaction2, 2D or 3D."""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from posec3d_cli.errors import BadPoseFile
from posec3d_cli.pose_files.checks import shown
from posec3d_cli.pose_files.clip import FPS
from posec3d_cli.pose_files.packs import Pack, array_of, counted_frames, flat_poses, open_pack, value_of
from posec3d_cli.skeletons import COCO_17
from posec3d_cli.train.examples import ANNOTATED, RECORDED, Example
from posec3d_cli.types import Floats

_BLOCK = 10  # neighbouring numbers in a numbered data set are often cut from one source

# Where recorded skeletons' joints stand in COCO-17; a head has no eyes or ears and stands for the nose.
_RECORDED_NAMES = {"nose": ("nose", "head")} | {
    joint: (joint, joint.replace("wrist", "hand"), joint.replace("ankle", "foot"))
    for joint in COCO_17.joints
    if joint.partition("_")[2] in ("shoulder", "elbow", "wrist", "hip", "knee", "ankle")
}


def read_pack(path: Path, split: str | None = None) -> list[Example]:
    """The examples of a pose pack.

    Two-dimensional packs hold `keypoint` (M, T, 17, 2) in pixels and `keypoint_score` (M, T, 17); recorded ones
    hold `keypoint` (1, T, J, 3) and the joints' names, in metres or millimetres, y up.

    Args:
        path: the pickle.
        split: only the clips that this split of the pack names.

    Raises:
        BadPoseFile: the pack lacks something; the message names the clip.
    """
    pack = open_pack(path)
    wanted = None if split is None else _names_of(pack.splits, split, path)
    examples = []
    for number in range(len(pack.annotations)):
        if wanted is None or pack.name(number) in wanted:
            with pack.blaming(number) as annotation:
                examples.append(_example(annotation, pack, pack.name(number)))
    return examples


def _names_of(splits: Any, split: str, path: Path) -> set[str]:
    splits = splits if isinstance(splits, dict) else {}
    names = splits.get(split)
    if not isinstance(names, list | tuple | set | np.ndarray):
        known = ", ".join(map(str, splits)) or "none"
        raise BadPoseFile(f"{path} has no split {split!r}", hint=f"its splits: {known}")
    return {str(name) for name in names}


def _example(annotation: Mapping[str, Any], pack: Pack, name: str) -> Example:
    label = _label(value_of(annotation, "label"), pack)
    source = pack.path.stem
    fps = float(pack.rate(annotation) or FPS)
    keypoints = array_of(annotation, "keypoint", pack)
    if keypoints.ndim == 4 and not len(keypoints):
        raise BadPoseFile("keypoint holds nobody")
    if keypoints.ndim == 4 and keypoints.shape[-1] == 3 and pack.joints:
        keypoints = keypoints[:, : counted_frames(annotation, keypoints)]
        finite = np.asarray(np.isfinite(keypoints).all(axis=-1))
        keypoints, scores = _recorded(np.where(finite[..., None], keypoints, 0), list(pack.joints))
        return Example(f"{source}/{name}", label, f"{source}/{name}", RECORDED, keypoints, scores, fps)
    keypoints, scores = flat_poses(annotation, pack)
    return Example(f"{source}/{name}", label, f"{source}/{_block(name)}", ANNOTATED, keypoints, scores, fps)


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


def _recorded(keypoints: Floats, names: list[str]) -> tuple[Floats, Floats]:
    """COCO-17 slots of a recording, in metres with y down, and which of them it has."""
    people, frames = keypoints.shape[:2]
    placed = np.zeros((people, frames, len(COCO_17.joints), 3), np.float32)
    scores = np.zeros(placed.shape[:3], np.float32)
    for joint, aliases in _RECORDED_NAMES.items():
        found = next((alias for alias in aliases if alias in names), None)
        if found is None:
            continue
        slot = COCO_17.joints.index(joint)
        placed[:, :, slot] = keypoints[:, :, names.index(found)]
        scores[:, :, slot] = (placed[:, :, slot] != 0).any(-1)
    height = np.median(np.ptp(placed[..., 1], axis=2))
    if height > 20:  # no person is twenty metres tall: these are millimetres
        placed /= 1000
    if _mirrored(keypoints[0], names):
        placed[..., 0] *= -1
    placed[..., 1] *= -1
    return placed, scores


def _mirrored(points: Floats, names: list[str]) -> bool:
    """Whether left and right are the wrong way round for somebody who walks and points forwards.

    Forwards is where the toes, or else the forearms, point; `points` is `(T, J, 3)`, x right, y up, z away. Some
    sensors deliver the mirror image.
    """
    place = {name: points[:, number] for number, name in enumerate(names)}
    ends = ("ankle", "foot") if "left_ankle" in place else ("elbow", "hand")
    left, right = (place[f"{side}_{ends[1]}"] - place[f"{side}_{ends[0]}"] for side in ("left", "right"))
    forwards = left + right
    leftwards = place["left_hip"] - place["right_hip"]
    # With y up, the left is up x forwards where z points towards the viewer; here it points away.
    return float(np.mean(leftwards[:, 0] * -forwards[:, 2] + leftwards[:, 2] * forwards[:, 0])) < 0
