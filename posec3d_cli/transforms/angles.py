"""Joint angles in the plane of the image."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from posec3d_cli.skeletons import Skeleton
from posec3d_cli.types import Floats

LEAST_SCORE = 0.3
"""A joint that scores less is a guess, and has no angle: of the joints that MoveNet puts outside of the picture, where
nobody can see them, 82 % score less, and of the others 23 %."""
_ANGLES = {
    "elbow": ("shoulder", "elbow", "wrist"),
    "shoulder": ("elbow", "shoulder", "hip"),
    "hip": ("shoulder", "hip", "knee"),
    "knee": ("hip", "knee", "ankle"),
}


def angles_of(skeleton: Skeleton) -> dict[str, tuple[int, int, int]]:
    """The angles of a joint set by name, `left_knee`: the numbers of a joint, of the joint it is at, and of another."""
    place = {name: number for number, name in enumerate(skeleton.joints)}
    found = {}
    for angle, parts in _ANGLES.items():
        for side in ("left", "right"):
            names = [f"{side}_{part}" for part in parts]
            if all(name in place for name in names):
                first, at, last = (place[name] for name in names)
                found[f"{side}_{angle}"] = (first, at, last)
    return found


def joint_angles(keypoints: Floats, scores: Floats, skeleton: Skeleton) -> NDArray[np.float64]:
    """The angles of people, in degrees from 0 to 180: 180 is straight.

    They are angles in the image: limbs that point at the camera look shorter, and their angles are others.

    Args:
        keypoints: `(N, K, 2)` in pixels.
        scores: `(N, K)`; a joint that was not found scores 0.
        skeleton: names of the K joints.

    Returns:
        `(N, A)` in the order of `angles_of`; nan where a joint scores less than `LEAST_SCORE`, or two of them coincide.
    """
    columns = []
    for first, at, last in angles_of(skeleton).values():
        one, other = (keypoints[:, end].astype(np.float64) - keypoints[:, at] for end in (first, last))
        lengths = np.linalg.norm(one, axis=1) * np.linalg.norm(other, axis=1)
        known = (scores[:, [first, at, last]] >= LEAST_SCORE).all(axis=1) & (lengths > 0)
        cosine = np.divide((one * other).sum(axis=1), lengths, out=np.full(len(one), np.nan), where=known)
        columns.append(np.degrees(np.arccos(np.clip(cosine, -1, 1))))
    return np.stack(columns, axis=1) if columns else np.zeros((len(keypoints), 0))
