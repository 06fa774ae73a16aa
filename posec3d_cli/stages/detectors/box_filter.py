"""Filter the raw boxes of a detector: clip to the frame, score and area thresholds, non-maximum suppression."""

from __future__ import annotations

from typing import Annotated

import cv2
import numpy as np
from msgspec import Meta

from posec3d_cli.schema import Checked, Share
from posec3d_cli.types import Detections, Floats


class BoxFilter(Checked, frozen=True):
    """The box filter: settings of every detector with a network.

    Attributes:
        score_threshold: smallest confidence that counts, in [0, 1].
        nms_iou: of two boxes that overlap by more than this intersection over union, the weaker goes.
        min_area: smallest box area in square pixels of the frame.
        max_people: at most this many boxes per frame, the best; 0 means no limit.
    """

    score_threshold: Share = 0.25
    nms_iou: Share = 0.6
    min_area: Annotated[float, Meta(ge=0, description="a number not below 0")] = 100.0
    max_people: Annotated[int, Meta(ge=0, description="a whole number not below 0")] = 10

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
