"""A picture of any shape in the fixed size that a detector reads."""

from __future__ import annotations

import cv2
import numpy as np

from posec3d_cli.types import Pixels


def fitted_size(frame_size: tuple[int, int], size: tuple[int, int]) -> tuple[int, int]:
    """The largest (H, W) of the shape of `frame_size` that fits into `size`; at least one pixel each way."""
    scale = min(size[0] / frame_size[0], size[1] / frame_size[1])
    return max(1, round(frame_size[0] * scale)), max(1, round(frame_size[1] * scale))


def letterbox(pixels: Pixels, size: tuple[int, int], *, fill: int, shrink: int = cv2.INTER_LINEAR) -> Pixels:
    """The picture scaled to fit `size`, top left.

    Args:
        pixels: `(h, w, 3)`.
        size: (H, W) of the result.
        fill: the value of the pixels that are left over.
        shrink: OpenCV's interpolation where the picture is made smaller.

    Returns:
        `(H, W, 3)`.
    """
    height, width = fitted_size((pixels.shape[0], pixels.shape[1]), size)
    smaller = height < pixels.shape[0] or width < pixels.shape[1]
    framed = np.full((*size, 3), fill, np.uint8)
    interpolation = shrink if smaller else cv2.INTER_LINEAR
    framed[:height, :width] = cv2.resize(pixels, (width, height), interpolation=interpolation)
    return framed
