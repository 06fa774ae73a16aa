"""Pose packs: the pickles of pyskl and mmaction2, 2D or 3D, read without executing anything."""

from __future__ import annotations

import pickle
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from posec3d_cli.errors import BadPoseFile
from posec3d_cli.skeletons import COCO_17
from posec3d_cli.train.examples import ANNOTATED, RECORDED, Example
from posec3d_cli.types import Floats

# What a pickle of arrays and plain containers needs, and nothing else.
_ADMITTED = {
    ("numpy", "ndarray"),
    ("numpy", "dtype"),
    ("numpy.core.multiarray", "_reconstruct"),
    ("numpy.core.multiarray", "scalar"),
    ("numpy._core.multiarray", "_reconstruct"),
    ("numpy._core.multiarray", "scalar"),
    ("numpy._core.numeric", "_frombuffer"),
    ("numpy.core.numeric", "_frombuffer"),
    ("_codecs", "encode"),
    ("collections", "OrderedDict"),
}
_FPS = 30.0  # packs do not say; NTU RGB+D, HMDB51 and most web footage run at it
_BLOCK = 10  # neighbouring numbers in a numbered data set are often cut from one source

# Where recorded skeletons' joints stand in COCO-17; a head has no eyes or ears and stands for the nose.
_RECORDED_NAMES = {"nose": ("nose", "head")} | {
    joint: (joint, joint.replace("wrist", "hand"), joint.replace("ankle", "foot"))
    for joint in COCO_17.joints
    if joint.partition("_")[2] in ("shoulder", "elbow", "wrist", "hip", "knee", "ankle")
}


class _ArraysOnly(pickle.Unpickler):
    def find_class(self, module: str, name: str) -> Any:
        if (module, name) not in _ADMITTED:
            raise BadPoseFile(
                f"the pickle wants to run {module}.{name}, which a pose file has no need of",
                hint="use a pack that holds only arrays, lists, dicts, numbers and texts",
            )
        return super().find_class(module.replace("numpy.core", "numpy._core"), name)


def load_pickle(path: Path) -> Any:
    """The content of a pickle that holds only arrays and plain containers.

    Raises:
        BadPoseFile: it is no pickle, is cut off, or names anything else.
    """
    try:
        with path.open("rb") as file:
            return _ArraysOnly(file).load()
    except BadPoseFile as error:
        raise BadPoseFile(f"{path}: {error.what}", hint=error.hint) from None
    except OSError as error:
        raise BadPoseFile(f"{path} cannot be read: {error.strerror}") from error
    except Exception as error:  # a damaged pickle can fail in any way
        raise BadPoseFile(f"{path} is no readable pickle: {error}", hint="download or write it again") from error


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
    pack = load_pickle(path)
    if not isinstance(pack, dict) or not isinstance(pack.get("annotations"), list):
        raise BadPoseFile(f"{path} holds no 'annotations' list", hint="expected the format of pyskl and mmaction2")
    classes, joints = pack.get("classes"), pack.get("joints")
    wanted = None if split is None else _names_of(pack.get("split"), split, path)
    examples = []
    for number, annotation in enumerate(pack["annotations"]):
        name = annotation.get("frame_dir") if isinstance(annotation, dict) else None
        if wanted is not None and name not in wanted:
            continue
        try:
            examples.append(_example(annotation, classes, joints, path.stem))
        except (KeyError, TypeError, ValueError, IndexError) as error:
            raise BadPoseFile(f"{path}: annotation {number} ({name}) is unusable: {error!r}") from error
    return examples


def _names_of(splits: Any, split: str, path: Path) -> set[str]:
    splits = splits if isinstance(splits, dict) else {}
    if split not in splits:
        known = ", ".join(map(str, splits)) or "none"
        raise BadPoseFile(f"{path} has no split {split!r}", hint=f"its splits: {known}")
    return {str(name) for name in splits[split]}


def _example(annotation: Mapping[str, Any], classes: Any, joints: Any, source: str) -> Example:
    number = int(annotation["label"])
    if number < 0:
        raise ValueError(f"label must be a class number, got {number}")
    label = str(classes[number]) if classes else str(number)
    name = str(annotation["frame_dir"])
    keypoints = np.asarray(annotation["keypoint"], np.float32)
    if keypoints.ndim == 4 and not len(keypoints):
        raise ValueError("keypoint holds nobody")
    finite = np.asarray(np.isfinite(keypoints).all(axis=-1))
    keypoints = np.where(finite[..., None], keypoints, 0)
    if keypoints.ndim == 4 and keypoints.shape[-1] == 3 and joints:
        keypoints, scores = _recorded(keypoints, list(joints))
        return Example(f"{source}/{name}", label, f"{source}/{name}", RECORDED, keypoints, scores, _FPS)
    if keypoints.ndim != 4 or keypoints.shape[2:] != (len(COCO_17.joints), 2):
        raise ValueError(f"keypoint must have shape (M, T, 17, 2), got {keypoints.shape}")
    scores = np.asarray(annotation["keypoint_score"], np.float32)
    if scores.shape != keypoints.shape[:3]:
        raise ValueError(f"keypoint_score must have shape {keypoints.shape[:3]}, got {scores.shape}")
    scores = np.where(finite & np.isfinite(scores), scores, 0)
    return Example(f"{source}/{name}", label, f"{source}/{_block(name)}", ANNOTATED, keypoints, scores, _FPS)


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
