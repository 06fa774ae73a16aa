"""Filter the raw boxes of a detector: clip to the frame, score and area thresholds, non-maximum suppression.

People and objects are filtered apart, each by thresholds of their own: no object takes the place of a person.
"""

from __future__ import annotations

from typing import Annotated

import cv2
import numpy as np
from msgspec import Meta

from posec3d_cli.schema import Checked, Share
from posec3d_cli.stages.detectors.object_classes import ObjectClasses
from posec3d_cli.types import Detections, Floats, Ints, Objects

AtMost = Annotated[int, Meta(ge=0, description="a whole number not below 0")]


class BoxFilter(Checked, frozen=True):
    """The box filter: settings of every detector with a network.

    Attributes:
        score_threshold: smallest confidence that counts, in [0, 1].
        nms_iou: of two boxes that overlap by more than this intersection over union, the weaker goes.
        min_area: smallest box area in square pixels of the frame.
        max_people: at most this many boxes of people per frame, the best; 0 means no limit.
        object_threshold: as `score_threshold`, of objects. It is low: half of the balls that a small network finds in
            flight score less than a person has to.
        max_objects: as `max_people`, of objects.

    `nms_iou` is that of people and, within each class, of objects. An object may be as small as a pixel.
    """

    score_threshold: Share = 0.25
    nms_iou: Share = 0.6
    min_area: Annotated[float, Meta(ge=0, description="a number not below 0")] = 100.0
    max_people: AtMost = 10
    object_threshold: Share = 0.1
    max_objects: AtMost = 20

    def apply(self, boxes: Floats, scores: Floats, frame_size: tuple[int, int]) -> Detections:
        """Filter one frame's boxes of people.

        Args:
            boxes: `(N, 4)` x1, y1, x2, y2 in pixels of the frame; may reach outside it.
            scores: `(N,)` confidence in [0, 1].
            frame_size: (H, W) in pixels.
        """
        boxes = _clip(boxes, frame_size)
        sides = boxes[:, 2:] - boxes[:, :2]
        large = (sides > 0).all(axis=1) & (sides.prod(axis=1) >= self.min_area)
        strong = (scores >= self.score_threshold) & large
        boxes, scores = boxes[strong], scores[strong].astype(np.float32)
        if not len(boxes):
            return Detections.none()
        kept = np.asarray(cv2.dnn.NMSBoxes(_corners_and_sizes(boxes), scores.tolist(), 0.0, self.nms_iou), np.int64)
        kept = kept.reshape(-1)
        kept = kept[np.argsort(-scores[kept], kind="stable")]
        if self.max_people:
            kept = kept[: self.max_people]
        return Detections(boxes[kept], scores[kept])

    def apply_to_objects(
        self, boxes: Floats, scores: Floats, numbers: Ints, known: ObjectClasses, frame_size: tuple[int, int]
    ) -> Objects:
        """Filter one frame's boxes of objects.

        Args:
            boxes, scores, frame_size: as of `apply`; people may be among the boxes, and do not count.
            numbers: `(N,)` the network's number of the class of each box.
            known: which of these are objects.

        Raises:
            BadCard: a number is none of the network's classes.
        """
        classes, names = known.positions(numbers), known.names
        likely = (classes >= 0) & (scores >= self.object_threshold)
        boxes, scores, classes = _clip(boxes[likely], frame_size), scores[likely], classes[likely]
        large = (boxes[:, 2:] - boxes[:, :2] >= 1).all(axis=1)
        boxes, scores, classes = boxes[large], scores[large].astype(np.float32), classes[large]
        if not len(boxes):
            return Objects.none(names)
        rectangles = _corners_and_sizes(boxes)
        best = cv2.dnn.NMSBoxesBatched(rectangles, scores.tolist(), classes.tolist(), 0.0, self.nms_iou)
        kept = np.asarray(best, np.int64).reshape(-1)
        kept = kept[np.argsort(-scores[kept], kind="stable")]
        if self.max_objects:
            kept = kept[: self.max_objects]
        return Objects(boxes[kept], scores[kept], classes[kept], names)


def _clip(boxes: Floats, frame_size: tuple[int, int]) -> Floats:
    height, width = frame_size
    return np.clip(boxes, 0, np.array([width, height, width, height], np.float32)).astype(np.float32)


def _corners_and_sizes(boxes: Floats) -> list[list[float]]:
    """As OpenCV reads boxes: x, y, width, height."""
    rows: list[list[float]] = np.concatenate([boxes[:, :2], boxes[:, 2:] - boxes[:, :2]], axis=1).tolist()
    return rows
