"""Similarity of people in different frames, by their boxes and keypoints.

Boxes are `(N, 4)` float64 x1, y1, x2, y2 in pixels. Nothing here looks at pixels.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

Doubles = NDArray[np.float64]

# The per-joint spread of human annotators, COCO keypoint evaluation (cocodataset.org/#keypoints-eval).
COCO_SIGMAS = (
    *(0.026, 0.025, 0.025, 0.035, 0.035),  # nose, eyes, ears
    *(0.079, 0.079, 0.072, 0.072, 0.062, 0.062),  # shoulders, elbows, wrists
    *(0.107, 0.107, 0.087, 0.087, 0.089, 0.089),  # hips, knees, ankles
)
OTHER_SIGMA = 0.07  # for joint sets that COCO did not measure: about the mean of the above
SEEN = 0.2  # joints below this score are ignored
MEMORY = 1.0  # seconds after which a lost track's search radius grows no more


def box_area(boxes: Doubles) -> Doubles:
    """The area of each box in square pixels; 0 where a box is turned inside out."""
    return np.maximum(boxes[..., 2] - boxes[..., 0], 0) * np.maximum(boxes[..., 3] - boxes[..., 1], 0)


def box_overlap(a: Doubles, b: Doubles) -> Doubles:
    """`(A, B)` intersection over union of boxes `(A, 4)` and `(B, 4)`, x1, y1, x2, y2."""
    low = np.maximum(a[:, None, :2], b[None, :, :2])
    high = np.minimum(a[:, None, 2:], b[None, :, 2:])
    common = box_area(np.concatenate([low, high], axis=-1))
    union = box_area(a)[:, None] + box_area(b)[None] - common
    overlap: Doubles = np.divide(common, union, out=np.zeros_like(common), where=union > 0)
    return overlap


def keypoint_similarity(
    joints: Doubles, scores: Doubles, boxes: Doubles, other_joints: Doubles, other_scores: Doubles
) -> Doubles:
    """`(A, B)` object keypoint similarity over the joints seen in both, as COCO defines it; 0 where none is.

    The scale is the area of `boxes` `(A, 4)`, where COCO takes the person's segment.
    """
    count = joints.shape[1]
    sigmas = np.array(COCO_SIGMAS) if count == len(COCO_SIGMAS) else np.full(count, OTHER_SIGMA)
    squared = ((joints[:, None] - other_joints[None]) ** 2).sum(axis=-1)
    scale = np.maximum(box_area(boxes), 1.0)[:, None, None]
    value = np.exp(-squared / (2 * scale * (2 * sigmas) ** 2))
    both = (scores[:, None] >= SEEN) & (other_scores[None] >= SEEN)
    seen = both.sum(axis=-1)
    total = np.where(both, value, 0).sum(axis=-1)
    similarity: Doubles = np.divide(total, seen, out=np.zeros_like(total), where=seen > 0)
    return similarity


def stance_similarity(
    joints: Doubles, scores: Doubles, boxes: Doubles, other_joints: Doubles, other_scores: Doubles
) -> Doubles:
    """`(A, B)` object keypoint similarity after the middles of the joints seen in both were laid over each other."""
    both = (scores[:, None] >= SEEN) & (other_scores[None] >= SEEN)
    seen = np.maximum(both.sum(axis=-1), 1)[..., None]
    way = np.where(both[..., None], other_joints[None] - joints[:, None], 0).sum(axis=-2) / seen
    similarity = np.zeros(way.shape[:2])
    for row, column in np.ndindex(similarity.shape):
        [[similarity[row, column]]] = keypoint_similarity(
            joints[row, None] + way[row, column],
            scores[row, None],
            boxes[row, None],
            other_joints[column, None],
            other_scores[column, None],
        )
    return similarity


def centres_apart(places: Doubles, boxes: Doubles) -> Doubles:
    """`(A, B)` from centre to centre, in body sizes: the square root of the geometric mean of both areas."""
    area, other = np.maximum(box_area(places), 1.0)[:, None], np.maximum(box_area(boxes), 1.0)[None]
    centres = (places[:, :2] + places[:, 2:]) / 2
    others = (boxes[:, :2] + boxes[:, 2:]) / 2
    way = np.linalg.norm(centres[:, None] - others[None], axis=-1)
    return np.asarray(way / np.sqrt(np.sqrt(area * other)))


def nearness(places: Doubles, boxes: Doubles, passed: Doubles) -> Doubles:
    """How plausible the distance of the centres is: half a body size, and one more per second out of sight."""
    area, other = np.maximum(box_area(places), 1.0)[:, None], np.maximum(box_area(boxes), 1.0)[None]
    reach = (0.5 + np.minimum(passed, MEMORY))[:, None]
    way = centres_apart(places, boxes) / reach
    return np.asarray(np.exp(-(way**2)) * np.minimum(area, other) / np.maximum(area, other))


def best_pairs(similarity: Doubles, least: float) -> list[tuple[int, int]]:
    """The pairs (row, column), each row and column at most once, whose values have the largest sum.

    Values below `least` count as 0, and pairs of 0 are left out.
    """
    counted = np.where(similarity < least, 0, similarity)
    if not counted.any():
        return []
    if 1 in counted.shape:  # one track or one person
        row, column = np.unravel_index(counted.argmax(), counted.shape)
        return [(int(row), int(column))]
    for values, turned in ((counted, False), (counted.T, True)):
        pairs = _clear_pairs(values)
        if pairs is not None:
            return sorted((column, row) for row, column in pairs) if turned else pairs
    from scipy.optimize import linear_sum_assignment  # takes a third of a second, and few videos need it

    rows, columns = linear_sum_assignment(-counted)
    return [pair for pair in zip(rows.tolist(), columns.tolist(), strict=True) if counted[pair] > 0]


def _clear_pairs(counted: Doubles) -> list[tuple[int, int]] | None:
    """Each row with the column of its largest value; None where two rows have the same column, or a row two such.

    No other pairs have as large a sum.
    """
    rows = np.flatnonzero(counted.any(axis=1))
    values = counted[rows]
    columns = values.argmax(axis=1)
    ties = (values == values.max(axis=1, keepdims=True)).sum(axis=1) > 1
    if ties.any() or len(np.unique(columns)) < len(columns):
        return None
    return list(zip(rows.tolist(), columns.tolist(), strict=True))
