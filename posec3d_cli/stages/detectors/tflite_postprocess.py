"""What TensorFlow Lite's op `TFLite_Detection_PostProcess` does, for the boxes above a score."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from posec3d_cli.types import Floats, Ints

_ROWS_AT_ONCE = 1024


@dataclass(frozen=True)
class Quantization:
    """How 8-bit numbers stand for real ones: `scale * (number - zero)`; for floats, themselves."""

    scale: float = 1.0
    zero: int = 0

    def real(self, numbers: NDArray[Any]) -> Floats:
        """The numbers that these stand for."""
        return (numbers.astype(np.float32) - np.float32(self.zero)) * np.float32(self.scale)


@dataclass(frozen=True, eq=False)
class Postprocess:
    """Turns the output of a detector's network into boxes.

    As the op, the box of an anchor has the class that scores most, the first of several; of two boxes that overlap, of
    whatever class, the weaker goes, or the later of two alike; and all is computed in the op's own precision. So the
    boxes that score enough are the op's to the last bit.
    Source: `tensorflow/lite/kernels/detection_postprocess.cc`, `DecodeCenterSizeBoxes` and
    `NonMaxSuppressionMultiClassFastHelper`.

    Attributes:
        anchors: `(A, 4)` y, x of the centre, height, width, as shares of the input.
        scales: the encoded y, x, h, w are divided by them.
        iou: of two boxes that overlap by more than this intersection over union, the weaker goes.
        most: boxes that are returned.
        boxes, scores: what the numbers of the network stand for.
    """

    anchors: NDArray[np.float64]
    scales: tuple[float, ...]
    iou: float
    most: int
    boxes: Quantization
    scores: Quantization

    def apply(self, encoded: NDArray[Any], scores: NDArray[Any], at_least: float) -> tuple[Floats, Ints, Floats]:
        """The best boxes of one image, best first.

        Args:
            encoded: `(A, 4)` y, x, h, w of the boxes relative to the anchors, as numbers of the network.
            scores: `(A, C)` of the classes, likewise.
            at_least: the smallest score that counts; weaker boxes change nothing.

        Returns:
            `(D, 4)` y1, x1, y2, x2 as shares of the input; `(D,)` numbers of classes; `(D,)` scores.
        """
        anchors = _rows_with(scores, self._least(scores.dtype, at_least))
        rows = scores[anchors]
        classes = rows.argmax(axis=1)
        best = self.scores.real(rows[np.arange(len(rows)), classes])
        order = np.argsort(-best, kind="stable")
        anchors, classes, best = anchors[order], classes[order], best[order]
        corners = self._decode(self.boxes.real(encoded[anchors]), self.anchors[anchors])
        kept = suppress(corners, self.iou, self.most)
        return corners[kept], classes[kept], best[kept]

    def _least(self, dtype: np.dtype[Any], at_least: float) -> Any:
        """The smallest number of the network that stands for so much, or for more."""
        if dtype.kind == "f":
            return at_least
        limits = np.iinfo(dtype)
        numbers = np.arange(limits.min, limits.max + 1)
        enough = numbers[self.scores.real(numbers) >= at_least]
        return dtype.type(enough[0]) if len(enough) else limits.max + 1

    def _decode(self, encoded: Floats, anchors: NDArray[np.float64]) -> Floats:
        scaled = encoded.astype(np.float64) / self.scales
        centers = (scaled[:, :2] * anchors[:, 2:] + anchors[:, :2]).astype(np.float32)
        halves = (0.5 * np.exp(scaled[:, 2:]) * anchors[:, 2:]).astype(np.float32)
        return np.concatenate([centers - halves, centers + halves], axis=1)


def _rows_with(scores: NDArray[Any], least: Any) -> Ints:
    """The rows of `(A, C)` with a value of at least so much; compared in parts, whose memory is at hand."""
    hits = [
        np.flatnonzero(scores[start : start + _ROWS_AT_ONCE] >= least) // scores.shape[1] + start
        for start in range(0, len(scores), _ROWS_AT_ONCE)
    ]
    rows = np.concatenate(hits)
    found: Ints = rows[np.diff(rows, prepend=-1) > 0]  # each once
    return found


def suppress(corners: Floats, iou: float, most: int) -> list[int]:
    """The rows of boxes `(N, 4)` y1, x1, y2, x2, best first, that overlap no better one by more than `iou`."""
    heights, widths = (corners[:, 2:] - corners[:, :2]).T
    areas = heights * widths
    active = np.ones(len(corners), bool)
    kept: list[int] = []
    while len(kept) < most and active.any():
        one = int(active.argmax())
        kept.append(one)
        shared = np.minimum(corners[one, 2:], corners[:, 2:]) - np.maximum(corners[one, :2], corners[:, :2])
        both = shared.clip(0).prod(axis=1)
        union = np.maximum(areas[one] + areas - both, np.finfo(np.float32).tiny)
        active &= (areas <= 0) | (areas[one] <= 0) | (both / union <= np.float32(iou))
        active[one] = False
    return kept
