"""Map recorded 3D skeletons to COCO-17: joint names, the up axis, left and right."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Sequence

import numpy as np

from posec3d_cli.errors import BadPoseFile
from posec3d_cli.skeletons import COCO_17
from posec3d_cli.types import Floats

_PARTS = ("shoulder", "elbow", "wrist", "hand", "hip", "knee", "ankle", "foot", "eye", "ear")
_SIDES = {"l": "left", "r": "right", "left": "left", "right": "right"}

# Where recorded skeletons' joints stand in COCO-17; a head has no eyes or ears and stands for the nose.
_ALIASES = {"nose": ("nose", "head")} | {
    joint: (joint, joint.replace("wrist", "hand"), joint.replace("ankle", "foot"))
    for joint in COCO_17.joints
    if joint.partition("_")[2] in ("shoulder", "elbow", "wrist", "hip", "knee", "ankle")
}
_NEEDED = ("left_shoulder", "right_shoulder", "left_hip", "right_hip")

# What points forwards, the surest first: toes, and forearms, which end at a hand or at a wrist.
_FORWARDS = (("ankle", "foot"), ("elbow", "hand"), ("elbow", "wrist"))

UPWARDS = tuple(f"{sign}{axis}" for axis in "xyz" for sign in ("", "-"))
"""What may be up: an axis, or its opposite."""


def joint_names(names: Iterable[object]) -> list[str]:
    """The names of joints as we spell them, `left_hip` for `HipLeft`, `Left Hip` or `l_hip`.

    Raises:
        BadPoseFile: there is no shoulder or no hip among them.
    """
    spelled = [_spelled(str(name)) for name in names]
    missing = [name for name in _NEEDED if name not in spelled]
    if missing:
        raise BadPoseFile(
            f"its joints name no {missing[0]}: {', '.join(spelled[:20])}",
            hint="joints are called left_shoulder, right_hip, head and so on",
        )
    return spelled


def up_of(recordings: Iterable[Floats], names: Sequence[str]) -> str:
    """The up axis of most recordings, from the feet to the head, one of UPWARDS; "y" if it is not clear.

    Args:
        recordings: `(M, T, J, 3)` each.
        names: of the joints, as `joint_names` spells them.
    """
    votes = Counter(way for one in recordings if (way := _upwards(one, names)))
    most, count = votes.most_common(1)[0] if votes else ("y", 0)
    return most if 2 * count > votes.total() else "y"


def is_mirrored(recordings: Iterable[Floats], names: Sequence[str], up: str = "y") -> bool:
    """Whether left and right are the wrong way round in most of the recordings, see `in_slots`.

    Single recordings cannot tell: sensors that expect people to face them take left for right where they do not.

    Args:
        recordings: `(M, T, J, 3)` each.
        names: of the joints, as `joint_names` spells them.
        up: see UPWARDS.
    """
    votes = [_mirrored(_turned(one, up)[0], names) for one in recordings]
    return 2 * sum(votes) > len(votes)


def in_slots(
    keypoints: Floats, names: Sequence[str], up: str = "y", *, mirrored: bool = False
) -> tuple[Floats, Floats]:
    """COCO-17 slots of a recording, in metres with y down, and which of them it has.

    Args:
        keypoints: `(M, T, J, 3)` in metres or millimetres; (0, 0, 0) is a joint that was not found.
        names: of the joints, as `joint_names` spells them.
        up: see UPWARDS.
        mirrored: x points the wrong way, as in coordinates in which z points towards the viewer.

    Returns:
        `(M, T, 17, 3)` float32 and `(M, T, 17)` scores of 0 and 1.
    """
    keypoints = _turned(keypoints, up)
    people, frames = keypoints.shape[:2]
    placed = np.zeros((people, frames, len(COCO_17.joints), 3), np.float32)
    scores = np.zeros(placed.shape[:3], np.float32)
    for joint, aliases in _ALIASES.items():
        found = next((alias for alias in aliases if alias in names), None)
        if found is None:
            continue
        slot = COCO_17.joints.index(joint)
        placed[:, :, slot] = keypoints[:, :, names.index(found)]
        scores[:, :, slot] = (placed[:, :, slot] != 0).any(-1)
    height = np.median(np.ptp(placed[..., 1], axis=2))
    if height > 20:  # no person is twenty metres tall: these are millimetres
        placed /= 1000
    if mirrored:
        placed[..., 0] *= -1
    placed[..., 1] *= -1
    return placed, scores


def _spelled(name: str) -> str:
    words = [word.lower() for word in re.findall(r"[A-Z]?[a-z]+|[A-Z]+(?![a-z])|\d+", name)]
    sides = [_SIDES[word] for word in words if word in _SIDES]
    rest = [word for word in words if word not in _SIDES]
    if not sides and len(rest) == 1:
        found = re.fullmatch(rf"(left|right|l|r)({'|'.join(_PARTS)})", rest[0])
        if found:
            sides, rest = [_SIDES[found[1]]], [found[2]]
    return "_".join([*sides[:1], *rest])


def _upwards(keypoints: Floats, names: Sequence[str]) -> str:
    """The axis along which the first person of a recording mostly stands; empty where that cannot be told."""
    points = keypoints[0]
    top = next(name for name in ("head", "nose", "left_shoulder") if name in names)
    bottom = next(part for part in ("foot", "ankle", "knee", "hip") if {f"left_{part}", f"right_{part}"} <= {*names})
    ends = [points[:, names.index(name)] for name in (top, f"left_{bottom}", f"right_{bottom}")]
    seen = np.all([np.isfinite(end).all(axis=-1) & (end != 0).any(axis=-1) for end in ends], axis=0)
    if not seen.any():
        return ""
    way = np.median((ends[0] - (ends[1] + ends[2]) / 2)[seen], axis=0)
    axis = int(np.argmax(np.abs(way)))
    return ("-" if way[axis] < 0 else "") + "xyz"[axis]


def _turned(keypoints: Floats, up: str) -> Floats:
    """The recording with y up. It may become its mirror image, which is found out later."""
    axis = "xyz".index(up[-1])
    order = [0, 1, 2]
    order[1], order[axis] = order[axis], order[1]
    turned = keypoints[..., order].copy()
    if up.startswith("-"):
        turned[..., 1] *= -1
    return turned


def _mirrored(points: Floats, names: Sequence[str]) -> bool:
    """Whether left and right are the wrong way round for somebody who walks and points forwards.

    Forwards is where the toes, or else the forearms, point; `points` is `(T, J, 3)`, x right, y up, z away. Some
    sensors deliver the mirror image. Where a skeleton has neither, nothing can be told.
    """
    place = {name: points[:, number] for number, name in enumerate(names)}
    for begin, end in _FORWARDS:
        limbs = [(f"{side}_{begin}", f"{side}_{end}") for side in ("left", "right")]
        if all(joint in place for limb in limbs for joint in limb):
            left, right = (place[outer] - place[inner] for inner, outer in limbs)
            forwards = left + right
            leftwards = place["left_hip"] - place["right_hip"]
            # With y up, the left is up x forwards where z points towards the viewer; here it points away.
            return float(np.mean(leftwards[:, 0] * -forwards[:, 2] + leftwards[:, 2] * forwards[:, 0])) < 0
    return False
