"""Other tools' joint sets, and what of them the COCO-17 are.

A joint of COCO-17 is the joint of the same name in the other set. Every set here has all seventeen, so nothing is
interpolated; the joints that only the other set has (neck, mid hip, feet, hands, face) are left out.
"""

from __future__ import annotations

from collections.abc import Mapping

from posec3d_cli.errors import BadPoseFile
from posec3d_cli.likeness import Doubles
from posec3d_cli.skeletons import COCO_17, Skeleton
from posec3d_cli.words import counted

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


def to_coco(rows: Doubles, source: Skeleton, what: str) -> Doubles:
    """The COCO-17 of joints in another set.

    Args:
        rows: `(..., J, D)` with J at least the number of the source's joints.
        source: the other set.
        what: how a message calls the rows.

    Raises:
        BadPoseFile: the source lacks one of the seventeen.
    """
    numbers = COCO_17.numbers_in(source)
    known = [number for number in numbers if number is not None]
    if len(known) < len(numbers):
        missing = [joint for joint, number in zip(COCO_17.joints, numbers, strict=True) if number is None]
        raise BadPoseFile(f"{what} lacks the joints {', '.join(missing)}", hint="the COCO-17 are needed, by name")
    return rows[..., known, :]


def set_of(count: int, sets: Mapping[int, Skeleton], what: str) -> Skeleton:
    """The set in `sets` with this number of joints.

    Raises:
        BadPoseFile: there is none.
    """
    if count not in sets:
        expected = ", ".join(str(number) for number in sorted(sets))
        raise BadPoseFile(
            f"{what} has {counted(count, 'joint')}, expected {expected}", hint="write one of these joint sets"
        )
    return sets[count]
