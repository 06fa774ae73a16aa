"""Letterbox an image of any shape into the fixed input size of a detector."""

from __future__ import annotations

import cv2
import numpy as np

from posec3d_cli.types import Pixels


def fitted_size(frame_size: tuple[int, int], size: tuple[int, int]) -> tuple[int, int]:
    """The largest (w, h) of the shape of `frame_size` (H, W) that fits `size` (w, h); at least one pixel each way."""
    scale = min(size[1] / frame_size[0], size[0] / frame_size[1])
    return max(1, round(frame_size[1] * scale)), max(1, round(frame_size[0] * scale))


def letterbox(pixels: Pixels, size: tuple[int, int], *, fill: int, shrink: int = cv2.INTER_LINEAR) -> Pixels:
    """The image scaled to fit `size`, top left.

    Args:
        pixels: `(H, W, 3)`.
        size: (w, h) of the result.
        fill: the value of the pixels that are left over.
        shrink: OpenCV's interpolation where the image is made smaller.

    Returns:
        `(h, w, 3)`.
    """
    width, height = fitted_size((pixels.shape[0], pixels.shape[1]), size)
    smaller = height < pixels.shape[0] or width < pixels.shape[1]
    framed = np.full((size[1], size[0], 3), fill, np.uint8)
    interpolation = shrink if smaller else cv2.INTER_LINEAR
    framed[:height, :width] = cv2.resize(pixels, (width, height), interpolation=interpolation)
    return framed
