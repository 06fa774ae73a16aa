"""From frames to RGB clips: cut the crop around the people out, scale it, normalize.

Pure functions of NumPy arrays; the rules are those of `MMCompact`, `Resize` and the data preprocessor of mmaction2. A
crop lies in pixels of the frame, and what lies beyond the frame is black.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import cv2
import numpy as np

from posec3d_cli.schema import Checked, Positive, read
from posec3d_cli.transforms.heatmaps import Crop, Size
from posec3d_cli.types import Floats, Pixels

IMAGENET_MEAN = (123.675, 116.28, 103.53)
IMAGENET_STD = (58.395, 57.12, 57.375)
_LARGEST = 4  # times the pixels of the frame that a crop may have, for it to be cut out as a whole


class RGBSpec(Checked, frozen=True):
    """How the RGB clips of a classifier are made. Mean and deviation default to those of ImageNet, as published.

    Attributes:
        size: (H, W) of the clips.
        mean: of red, green and blue, on the scale from 0 to 255.
        std: standard deviations, likewise.
    """

    size: Size
    mean: tuple[float, float, float] = IMAGENET_MEAN
    std: tuple[Positive, Positive, Positive] = IMAGENET_STD

    @classmethod
    def from_recipe(cls, recipe: Mapping[str, Any], *, where: str = "") -> RGBSpec:
        """The spec that a card states: the table `recipe.rgb`, whose settings are the attributes.

        Raises:
            BadCard: a setting is unknown, missing or impossible.
        """
        return read(cls, recipe, where=where, key="recipe.rgb")


def crop_pixels(pixels: Pixels, crop: Crop, size: tuple[int, int]) -> Pixels:
    """The crop of a frame, scaled bilinearly.

    Args:
        pixels: `(H, W, 3)` uint8.
        crop: in whole pixels; it may reach beyond the frame.
        size: (H, W) of the result.
    """
    left, top, width, height = (int(value) for value in (crop.left, crop.top, crop.width, crop.height))
    rows, columns = pixels.shape[:2]
    if width * height > _LARGEST * rows * columns:
        return _sampled(pixels, left, top, width, height, size)
    y0, y1, x0, x1 = max(top, 0), min(top + height, rows), max(left, 0), min(left + width, columns)
    part: Pixels = pixels[y0:y1, x0:x1]
    if part.shape[:2] != (height, width):
        canvas = np.zeros((height, width, 3), np.uint8)
        canvas[y0 - top : y0 - top + part.shape[0], x0 - left : x0 - left + part.shape[1]] = part
        part = canvas
    scaled = cv2.resize(np.ascontiguousarray(part), size[::-1], interpolation=cv2.INTER_LINEAR)
    return np.asarray(scaled, np.uint8)


def _sampled(pixels: Pixels, left: int, top: int, width: int, height: int, size: tuple[int, int]) -> Pixels:
    """As `crop_pixels`, in memory that does not depend on how far the crop reaches beyond the frame."""
    across, down = width / size[1], height / size[0]
    to_frame = np.array([[across, 0, left + across / 2 - 0.5], [0, down, top + down / 2 - 0.5]])
    flags = cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP
    return np.asarray(cv2.warpAffine(pixels, to_frame, size[::-1], flags=flags), np.uint8)


def normalized(clips: Pixels, spec: RGBSpec, *, flip: bool = False) -> Floats:
    """`(V, T, H, W, 3)` uint8 crops as `(V, 3, T, H, W)` float32; `(2V, …)` with `flip`, the mirror images last."""
    values = (clips.astype(np.float32) - np.array(spec.mean, np.float32)) / np.array(spec.std, np.float32)
    values = values.transpose(0, 4, 1, 2, 3)
    if flip:
        values = np.concatenate([values, values[..., ::-1]])
    return np.ascontiguousarray(values)
