"""Joint features, the input of graph networks: joints relative to the centre of the people, or bones.

Pure functions of NumPy arrays. Shape letters are those of `posec3d_cli.types`; K is 17, the joints of COCO. The bones
are those of `JointToBone` in pyskl.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Literal, Self

import numpy as np
from numpy.typing import NDArray

from posec3d_cli.schema import Checked, Count, read
from posec3d_cli.skeletons import COCO_17
from posec3d_cli.types import Floats

Stream = Literal["joint", "bone"]
SCORE_THRESHOLD = 1e-3

PARENTS = (0, 0, 0, 1, 2, 0, 0, 5, 6, 7, 8, 0, 0, 11, 12, 13, 14)
"""The joint that each joint's bone comes from; the nose's is the nose, and that bone has no length."""


class JointSpec(Checked, frozen=True):
    """The joint features that a classifier reads; the table `recipe.graph` of its card.

    Attributes:
        stream: "joint" or "bone", see `graph_features`.
        score_threshold: joints that score less are absent.
        people: M, the person slots.
    """

    stream: Stream = "joint"
    score_threshold: float = SCORE_THRESHOLD
    people: Count = 1

    @classmethod
    def from_recipe(cls, recipe: Mapping[str, Any], *, where: str = "") -> Self:
        """The spec that a card states: its settings are the attributes.

        Args:
            recipe: the table `recipe.graph` of a classifier's card.
            where: the card's name, for messages.

        Raises:
            BadCard: a setting is unknown or impossible.
        """
        return read(cls, recipe, where=where, key="recipe.graph")


def graph_features(
    keypoints: Floats, scores: Floats, *, stream: Stream = "joint", score_threshold: float = SCORE_THRESHOLD
) -> Floats:
    """The features of each joint, or of the bone that ends in the joint.

    The origin is the middle of the box around all joints that are present, of everybody in all frames given, and the
    unit is half its longer side, so that coordinates lie in [-1, 1]. The published code takes the middle and the half
    size of the image instead. Ours follows the people, as heatmap volumes do, because neither a person's position in
    the image nor the size tells the action.

    A joint is absent where it scores 0 or less than the threshold, or its coordinates are not finite; its three
    numbers are 0, and so are those of a bone that lacks one of its ends.

    Args:
        keypoints: `(M, T, 17, 2)` x, y in pixels.
        scores: `(M, T, 17)`.
        stream: "joint": x, y and the score. "bone": the way from the parent joint, of `PARENTS`, in x and y, and the
            mean of the two scores.
        score_threshold: joints that score less are absent.

    Returns:
        `(M, T, 17, 3)` float32.
    """
    present = is_present(keypoints, scores, score_threshold)
    joints = np.zeros((*scores.shape, 3), np.float32)
    if present.any():
        low, high = keypoints[present].min(axis=0), keypoints[present].max(axis=0)
        unit = (high - low).max() / 2
        joints[present, :2] = (keypoints[present] - (low + high) / 2) / (unit if unit > 0 else 1)
        joints[present, 2] = scores[present]
    if stream == "joint":
        return joints
    parents = list(PARENTS)
    bones = np.concatenate(
        [joints[..., :2] - joints[..., parents, :2], (joints[..., 2:] + joints[..., parents, 2:]) / 2], axis=-1
    )
    bones[~(present & present[..., parents])] = 0
    return bones


def is_present(keypoints: Floats, scores: Floats, score_threshold: float) -> NDArray[np.bool_]:
    """`(..., 17)`: whether each joint is present: finite, and with a score of at least the threshold."""
    present: NDArray[np.bool_] = (scores >= score_threshold) & (scores > 0) & np.isfinite(keypoints).all(axis=-1)
    return present


def mirror_features(features: Floats) -> Floats:
    """The mirror image of what `graph_features` gives, `(..., 17, 3)`: left and right swapped, x negated.

    That is what the mirrored people would give, joints as well as bones.
    """
    mirrored = features[..., list(COCO_17.mirror), :]
    mirrored[..., 0] *= -1
    return mirrored


def most_important(
    keypoints: Floats, scores: Floats, people: int, score_threshold: float = SCORE_THRESHOLD
) -> NDArray[np.int64]:
    """The slots of at most `people` of M people, the most important first: the large, clear and long in view.

    The measure is that of `Tracks.importance`, of the box around the joints that are present: over all frames, the sum
    of the square root of its area times the mean score.

    Args:
        keypoints: `(M, T, 17, 2)`.
        scores: `(M, T, 17)`.
        people: how many to choose.
        score_threshold: as in `graph_features`.
    """
    present = is_present(keypoints, scores, score_threshold)[..., None]
    low = np.where(present, keypoints, np.inf).min(axis=2)
    high = np.where(present, keypoints, -np.inf).max(axis=2)
    sides = np.where(np.isfinite(high), high, 0) - np.where(np.isfinite(low), low, 0)  # (M, T, 2)
    importance = (np.sqrt(sides.prod(axis=-1)) * scores.mean(axis=-1)).sum(axis=-1)
    order: NDArray[np.int64] = np.argsort(-importance, kind="stable")[:people]
    return order
