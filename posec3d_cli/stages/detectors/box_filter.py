"""Filter the raw boxes of a detector: clip to the frame, score and area thresholds, non-maximum suppression."""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np

from posec3d_cli.errors import BadCard
from posec3d_cli.types import Detections, Floats


@dataclass(frozen=True)
class BoxFilter:
    """Which boxes count as people.

    Attributes:
        score_threshold: smallest confidence that counts, in [0, 1].
        nms_iou: of two boxes that overlap by more than this intersection over union, the weaker goes.
        min_area: smallest box area in square pixels of the frame.
        max_people: at most this many boxes per frame, the best; 0 means no limit.
    """

    score_threshold: float = 0.25
    nms_iou: float = 0.6
    min_area: float = 100.0
    max_people: int = 10

    def __post_init__(self) -> None:
        for name in ("score_threshold", "nms_iou"):
            if not 0 <= getattr(self, name) <= 1:
                raise BadCard(f"{name} must lie in [0, 1], got {getattr(self, name)}")
        if self.min_area < 0 or self.max_people < 0:
            raise BadCard(f"min_area and max_people cannot be negative, got {self.min_area} and {self.max_people}")

    def apply(self, boxes: Floats, scores: Floats, frame_size: tuple[int, int]) -> Detections:
        """Filter one frame's boxes.

        Args:
            boxes: `(N, 4)` x1, y1, x2, y2 in pixels of the frame; may reach outside it.
            scores: `(N,)` confidence in [0, 1].
            frame_size: (H, W) in pixels.
        """
        height, width = frame_size
        boxes = np.clip(boxes, 0, np.array([width, height, width, height], np.float32)).astype(np.float32)
        sides = boxes[:, 2:] - boxes[:, :2]
        large = (sides > 0).all(axis=1) & (sides.prod(axis=1) >= self.min_area)
        strong = (scores >= self.score_threshold) & large
        boxes, scores = boxes[strong], scores[strong].astype(np.float32)
        if not len(boxes):
            return Detections.none()
        corner_and_size = np.concatenate([boxes[:, :2], boxes[:, 2:] - boxes[:, :2]], axis=1)
        kept = np.asarray(cv2.dnn.NMSBoxes(corner_and_size.tolist(), scores.tolist(), 0.0, self.nms_iou), np.int64)
        kept = kept.reshape(-1)
        kept = kept[np.argsort(-scores[kept], kind="stable")]
        if self.max_people:
            kept = kept[: self.max_people]
        return Detections(boxes[kept], scores[kept])
