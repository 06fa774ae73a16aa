"""Skeletons: the names of the joints, the limbs between them, and which joint mirrors which."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

from posec3d_cli.errors import BadCard

Limbs = tuple[tuple[int, int], ...]
POSEC3D_LIMBS: Limbs = (
    (0, 5), (0, 6), (5, 7), (7, 9), (6, 8), (8, 10), (5, 11), (11, 13), (13, 15),
    (6, 12), (12, 14), (14, 16), (0, 1), (0, 2), (1, 3), (2, 4), (11, 12),
)  # fmt: skip
"""Channel order of every published limb checkpoint (`skeletons` in the limb configs of pyskl and mmaction2)."""
POSEC3D_DEFAULT_LIMBS: Limbs = (
    (0, 1), (0, 2), (1, 3), (2, 4), (0, 5), (5, 7), (7, 9), (0, 6), (6, 8), (8, 10),
    (5, 11), (11, 13), (13, 15), (6, 12), (12, 14), (14, 16), (11, 12),
)  # fmt: skip
"""Default of `GeneratePoseTarget` in pyskl and mmaction2; two published NTU120 checkpoints depend on it."""
LIMB_ORDERS = {"posec3d": POSEC3D_LIMBS, "posec3d-default": POSEC3D_DEFAULT_LIMBS}
"""The named limb orders, for cards."""


@dataclass(frozen=True)
class Skeleton:
    """A joint set.

    Attributes:
        name: how cards and pose files call it.
        joints: K names; a joint called `left_x` is the mirror image of `right_x`.
        limbs: pairs of joint numbers, for drawing people on images.
    """

    name: str
    joints: tuple[str, ...]
    limbs: Limbs

    @cached_property
    def left(self) -> tuple[int, ...]:
        """The joints on the person's left, in order."""
        return tuple(k for k, joint in enumerate(self.joints) if joint.startswith("left_"))

    @cached_property
    def right(self) -> tuple[int, ...]:
        """The joints on the person's right; the i-th is the mirror image of the i-th of `left`."""
        return tuple(self.mirror[k] for k in self.left)

    @cached_property
    def mirror(self) -> tuple[int, ...]:
        """K joint numbers: what joint k is called in a mirror image. Its own inverse."""
        place = {joint: k for k, joint in enumerate(self.joints)}
        return tuple(place[_other_side(joint)] for joint in self.joints)

    def numbers_in(self, other: Skeleton) -> tuple[int | None, ...]:
        """For each joint of this skeleton, its number in `other`, or None where `other` has no joint of that name."""
        place = {joint: k for k, joint in enumerate(other.joints)}
        return tuple(place.get(joint) for joint in self.joints)


def _other_side(joint: str) -> str:
    if joint.startswith("left_"):
        return "right_" + joint.removeprefix("left_")
    if joint.startswith("right_"):
        return "left_" + joint.removeprefix("right_")
    return joint


COCO_17 = Skeleton(
    name="coco-17",
    joints=(
        "nose", "left_eye", "right_eye", "left_ear", "right_ear", "left_shoulder", "right_shoulder",
        "left_elbow", "right_elbow", "left_wrist", "right_wrist", "left_hip", "right_hip",
        "left_knee", "right_knee", "left_ankle", "right_ankle",
    ),
    limbs=(
        (0, 1), (0, 2), (1, 3), (2, 4), (3, 5), (4, 6), (5, 6), (5, 7), (7, 9), (6, 8), (8, 10),
        (5, 11), (6, 12), (11, 12), (11, 13), (13, 15), (12, 14), (14, 16),
    ),
)  # fmt: skip
"""The 17 keypoints of COCO, which all published PoseC3D checkpoints read."""
_SKELETONS = {COCO_17.name: COCO_17}


def skeleton(name: str) -> Skeleton:
    """The skeleton of this name.

    Raises:
        BadCard: there is none.
    """
    if name not in _SKELETONS:
        raise BadCard(f"no skeleton is called {name!r}", hint=f"known skeletons: {', '.join(sorted(_SKELETONS))}")
    return _SKELETONS[name]


def mirror_limbs(limbs: Sequence[tuple[int, int]], mirror: Sequence[int]) -> tuple[int, ...]:
    """The limb that each limb becomes in a mirror image, by the `mirror` of the joints; its own inverse.

    Raises:
        BadCard: a limb has no mirror image among `limbs`.
    """
    place = {frozenset(limb): number for number, limb in enumerate(limbs)}
    images = []
    for a, b in limbs:
        image = frozenset((mirror[a], mirror[b]))
        if image not in place:
            raise BadCard(
                f"limb ({a}, {b}) has no mirror image among the limbs", hint="list the limbs of both sides, or neither"
            )
        images.append(place[image])
    return tuple(images)


BODY_25 = Skeleton(
    name="body-25",
    joints=(
        "nose", "neck", "right_shoulder", "right_elbow", "right_wrist", "left_shoulder", "left_elbow", "left_wrist",
        "mid_hip", "right_hip", "right_knee", "right_ankle", "left_hip", "left_knee", "left_ankle",
        "right_eye", "left_eye", "right_ear", "left_ear",
        "left_big_toe", "left_small_toe", "left_heel", "right_big_toe", "right_small_toe", "right_heel",
    ),
    limbs=(),
)  # fmt: skip
"""`POSE_BODY_25_BODY_PARTS` of OpenPose."""
OPENPOSE_18 = Skeleton(
    name="openpose-18",
    joints=(
        "nose", "neck", "right_shoulder", "right_elbow", "right_wrist", "left_shoulder", "left_elbow", "left_wrist",
        "right_hip", "right_knee", "right_ankle", "left_hip", "left_knee", "left_ankle",
        "right_eye", "left_eye", "right_ear", "left_ear",
    ),
    limbs=(),
)  # fmt: skip
"""`POSE_COCO_BODY_PARTS` of OpenPose: its COCO model, with a neck that COCO has not."""
MEDIAPIPE_33 = Skeleton(
    name="mediapipe-33",
    joints=(
        "nose", "left_eye_inner", "left_eye", "left_eye_outer", "right_eye_inner", "right_eye", "right_eye_outer",
        "left_ear", "right_ear", "left_mouth", "right_mouth", "left_shoulder", "right_shoulder",
        "left_elbow", "right_elbow", "left_wrist", "right_wrist", "left_pinky", "right_pinky",
        "left_index", "right_index", "left_thumb", "right_thumb", "left_hip", "right_hip",
        "left_knee", "right_knee", "left_ankle", "right_ankle", "left_heel", "right_heel",
        "left_foot_index", "right_foot_index",
    ),
    limbs=(),
)  # fmt: skip
"""`PoseLandmark` of MediaPipe."""
HALPE_26 = Skeleton(
    name="halpe-26",
    joints=(
        *COCO_17.joints, "head", "neck", "mid_hip", "left_big_toe", "right_big_toe", "left_small_toe",
        "right_small_toe", "left_heel", "right_heel",
    ),
    limbs=(),
)  # fmt: skip
"""The body of Halpe Full-Body; AlphaPose and the RTMPose body models of 26 joints write it."""
COCO_SETS = {17: COCO_17, 26: HALPE_26, 133: COCO_17, 136: HALPE_26}
"""By number of joints: sets that begin like COCO-17. COCO-WholeBody has 133 joints, Halpe Full-Body 136."""
OPENPOSE_SETS = {25: BODY_25, 18: OPENPOSE_18, 134: OPENPOSE_18} | COCO_SETS
"""By number of joints: what OpenPose writes, and in its form others: Pose2Sim Halpe-26, rtmlib 134 joints of which the
first 18 are those of OpenPose's COCO model."""
