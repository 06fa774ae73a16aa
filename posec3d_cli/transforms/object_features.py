"""What stands near people, as numbers: for each class of objects, how surely it was seen, and how near to a hand.

Two numbers a class, of all frames of a window: the best score anywhere in the frame, and the best score times its
nearness to the nearest wrist. Nearness is exp(-d / (0.25 h)): d is the distance in pixels of the wrist from the box, 0
inside of it, and h the height of the person's joints in that frame.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from posec3d_cli.types import Floats, PoseSequence

FEATURES = ("seen", "at_hand")
REACH = 0.25  # heights of the person at which nearness is 1/e
_WRISTS = ("left_wrist", "right_wrist")


def object_features(sequence: PoseSequence, names: Sequence[str]) -> Floats | None:
    """`(2, C)` float32 in [0, 1]: "seen" and "at_hand" of each of C classes of objects.

    Args:
        sequence: of the people who hold things; of several, the nearest hand counts.
        names: the classes; one that the detector does not know is 0 throughout.

    Returns:
        None where nothing but people was looked for.
    """
    objects = sequence.objects
    if objects is None:
        return None
    features = np.zeros((len(FEATURES), len(names)), np.float32)
    places = {name: place for place, name in enumerate(names)}
    column_of = np.array([places.get(name, -1) for name in objects.names], np.int64)
    known = column_of[objects.classes] >= 0 if len(objects) else np.zeros(0, bool)
    rows = objects.take(known)
    if not len(rows):
        return features
    columns = column_of[rows.classes]
    np.maximum.at(features[0], columns, rows.scores)
    np.maximum.at(features[1], columns, rows.scores * _nearness(sequence, rows.boxes, rows.columns))
    return features


def _nearness(sequence: PoseSequence, boxes: Floats, frames: np.ndarray) -> Floats:
    """`(R,)` nearness of each box to the nearest wrist in its frame, 0 where no wrist is seen."""
    wrists = [sequence.skeleton.joints.index(name) for name in _WRISTS]
    seen = sequence.scores > 0
    y = np.where(seen, sequence.keypoints[..., 1], np.nan)
    with np.errstate(invalid="ignore"):
        heights = np.nan_to_num(np.fmax.reduce(y, axis=2) - np.fmin.reduce(y, axis=2), nan=0.0)[:, frames]
    at = sequence.keypoints[:, frames][:, :, wrists]
    outside = np.maximum(np.maximum(boxes[None, :, None, :2] - at, at - boxes[None, :, None, 2:]), 0)
    distance = np.linalg.norm(outside, axis=-1) / np.maximum(heights, 1)[..., None]
    near = np.where(seen[:, frames][:, :, wrists], np.exp(-distance / REACH), 0)
    return np.asarray(near.max(axis=(0, 2), initial=0), np.float32)
