"""From a person's box to the network's input and back, as MMPose frames people.

A region is the padded box, widened to the shape of the input. Its upper left corner becomes the upper left corner of
the input and of the heatmap at once, both taken at pixel (0, 0): a heatmap pixel is `extent / size` frame pixels, and
no half pixel is added anywhere. The networks were trained so.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, get_args

import cv2
import numpy as np
from numpy.typing import NDArray

from posec3d_cli.types import Floats, Pixels

Convention = Literal["0.x", "1.x"]
CONVENTIONS: tuple[Convention, ...] = get_args(Convention)
SMALLEST = 1.0  # pixels of the frame; an empty box has no region


@dataclass(frozen=True, eq=False)
class PersonCrops:
    """The parts of frames that N people fill.

    Attributes:
        centers: `(N, 2)` float32 x, y in pixels of the frame.
        extents: `(N, 2)` float32 width, height in pixels of the frame, in the proportion of the input.
    """

    centers: Floats
    extents: Floats

    def to_frame(self, size: tuple[int, int]) -> Floats:
        """`(N, 2, 3)` affine from pixels of a image of `size` (w, h) of the regions to pixels of the frame."""
        steps = self.extents / np.array(size, np.float32)
        transforms = np.zeros((len(steps), 2, 3), np.float32)
        transforms[:, 0, 0], transforms[:, 1, 1] = steps.T
        transforms[:, :, 2] = self.centers - self.extents / 2
        return transforms


def person_crops(boxes: Floats, size: tuple[int, int], *, padding: float, convention: str) -> PersonCrops:
    """The region of each box.

    Args:
        boxes: `(N, 4)` x1, y1, x2, y2 in pixels of the frame.
        size: of the network's input, (w, h) in pixels.
        padding: the region's sides as multiples of the box's, before it takes the proportion of the input.
        convention: "0.x": x2 and y2 are the last pixels of the box, which is therefore one pixel wider and higher
            than their differences (`_xyxy2xywh` and `_box2cs` of MMPose 0.x); "1.x": they are its end
            (`bbox_xyxy2cs`, `TopdownAffine`).
    """
    sides = boxes[:, 2:] - boxes[:, :2] + np.float32(convention == "0.x")
    proportion = size[0] / size[1]
    # Each in the order of its published arithmetic: OpenCV rounds positions to 1/32 of a pixel, where the last digit
    # of a float32 can decide on a grey value.
    if convention == "0.x":
        centers = boxes[:, :2] + sides / 2
        widths = np.maximum(sides[:, 0], sides[:, 1] * proportion) * padding
    else:
        centers = (boxes[:, :2] + boxes[:, 2:]) / 2
        sides = sides * padding
        widths = np.maximum(sides[:, 0], sides[:, 1] * proportion)
    widths = np.maximum(widths, SMALLEST)
    return PersonCrops(centers.astype(np.float32), np.stack([widths, widths / proportion], axis=1).astype(np.float32))


def to_input(regions: PersonCrops, size: tuple[int, int]) -> NDArray[np.float64]:
    """`(N, 2, 3)` affine from pixels of the frame to those of the input of `size` (w, h)."""
    width, height = size
    target = np.array([[width / 2, height / 2], [0, height / 2], [0, height / 2 + width / 2]], np.float32)
    transforms = np.empty((len(regions.centers), 2, 3))
    for transform, center, extent in zip(transforms, regions.centers, regions.extents, strict=True):
        # Solved from three float32 points like the published transform, so that the same pixels come out.
        left = np.float32(center[0] - extent[0] / 2)
        below = np.float32(center[1] + (center[0] - left))
        source = np.array([center, [left, center[1]], [left, below]], np.float32)
        transform[:] = cv2.getAffineTransform(source, target)
    return transforms


def crop_image(pixels: Pixels, transform: NDArray[np.float64], size: tuple[int, int]) -> Pixels:
    """`(h, w, 3)` the input of `size` (w, h), bilinear, black outside the frame."""
    return np.asarray(cv2.warpAffine(pixels, transform, size, flags=cv2.INTER_LINEAR), np.uint8)
