"""Heatmap decoding: the peaks of heatmaps with subpixel precision, as MMPose decodes them.

"quarter" moves a quarter of a pixel towards the higher neighbour on each axis. "dark" reads the peak of the Gaussian
of which the heatmap is a sample: Zhang et al., "Distribution-Aware Coordinate Representation for Human Pose
Estimation" (CVPR 2020), sections 3.1 and 3.2.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Literal, get_args

import cv2
import numpy as np
from numpy.typing import NDArray

from posec3d_cli.types import Floats

Decoding = Literal["quarter", "dark"]
DECODINGS: tuple[Decoding, ...] = get_args(Decoding)
DARK_KERNEL = 11  # pixels; every configuration of 1.x blurs with it, those for 384 x 288 too
FLOOR = 1e-10  # under which the logarithm does not look


def decode_heatmaps(heatmaps: Floats, *, decoding: str, convention: str) -> tuple[Floats, Floats]:
    """The peaks of heatmaps.

    Args:
        heatmaps: `(N, K, h, w)`.
        decoding: "quarter" or "dark".
        convention: "0.x": a peak in the outermost pixels is not refined (`keypoints_from_heatmaps`); "1.x": with
            "quarter", each axis is judged by itself (`refine_keypoints`). "dark" is the same in both.

    Returns:
        `(N, K, 2)` x, y in heatmap pixels and `(N, K)` the heatmap's value in the peak's pixel. Where nothing in a
        heatmap exceeds 0, both are 0.
    """
    width = heatmaps.shape[3]
    flat = heatmaps.reshape(*heatmaps.shape[:2], -1)
    best = flat.argmax(axis=2)
    scores = np.maximum(flat.max(axis=2), 0)
    x, y = best % width, best // width
    shift = _dark(heatmaps, x, y) if decoding == "dark" else _quarter(heatmaps, x, y, convention)
    visible = scores[..., None] > 0
    return np.where(visible, np.stack([x, y], axis=-1) + shift, 0).astype(np.float32), scores.astype(np.float32)


def _quarter(heatmaps: Floats, x: NDArray[np.int64], y: NDArray[np.int64], convention: str) -> Floats:
    height, width = heatmaps.shape[2:]
    at = _neighbourhood(heatmaps, x, y)
    toward = np.sign([at(1, 0) - at(-1, 0), at(0, 1) - at(0, -1)]) / 4
    inside_x, inside_y = (x > 1) & (x < width - 1), (y > 1) & (y < height - 1)
    both = inside_x & inside_y
    allowed = [both, both] if convention == "0.x" else [inside_x & (y > 0), inside_y & (x > 0)]
    return np.moveaxis(np.where(allowed, toward, 0), 0, -1)


def _dark(heatmaps: Floats, x: NDArray[np.int64], y: NDArray[np.int64]) -> Floats:
    """One Newton step from the pixel to the peak of the logarithm of the blurred heatmap."""
    height, width = heatmaps.shape[2:]
    at = _neighbourhood(np.log(np.maximum(_blur(heatmaps), FLOOR)), x, y)
    dx, dy = (at(1, 0) - at(-1, 0)) / 2, (at(0, 1) - at(0, -1)) / 2
    dxx, dyy = (at(2, 0) - 2 * at(0, 0) + at(-2, 0)) / 4, (at(0, 2) - 2 * at(0, 0) + at(0, -2)) / 4
    dxy = (at(1, 1) - at(1, -1) - at(-1, 1) + at(-1, -1)) / 4
    determinant = dxx * dyy - dxy * dxy
    allowed = (x > 1) & (x < width - 2) & (y > 1) & (y < height - 2) & (determinant != 0)
    divisor = np.where(allowed, determinant, 1)
    step = np.stack([dxy * dy - dyy * dx, dxy * dx - dxx * dy], axis=-1) / divisor[..., None]
    return np.where(allowed[..., None], step, 0)


def _blur(heatmaps: Floats) -> Floats:
    """Each heatmap under a Gaussian, with zeros around it, scaled so that its maximum stays."""
    blurred = np.empty_like(heatmaps)
    kernel = (DARK_KERNEL, DARK_KERNEL)
    for person, maps in enumerate(heatmaps):
        planes = np.ascontiguousarray(maps.transpose(1, 2, 0))
        soft = cv2.GaussianBlur(planes, kernel, 0, borderType=cv2.BORDER_CONSTANT)
        blurred[person] = soft.reshape(planes.shape).transpose(2, 0, 1)
    highest = blurred.max(axis=(2, 3), keepdims=True)
    scale = heatmaps.max(axis=(2, 3), keepdims=True) / np.where(highest > 0, highest, 1)
    return np.asarray(blurred * scale, np.float32)


def _neighbourhood(
    heatmaps: Floats, x: NDArray[np.int64], y: NDArray[np.int64]
) -> Callable[[int, int], NDArray[np.float64]]:
    """A function that reads, for every joint, the pixel so far right of and below (x, y); clamped at the edges."""
    people, joints, height, width = heatmaps.shape
    n, k = np.arange(people)[:, None], np.arange(joints)

    def at(right: int, below: int) -> NDArray[np.float64]:
        columns, rows = np.clip(x + right, 0, width - 1), np.clip(y + below, 0, height - 1)
        return heatmaps[n, k, rows, columns].astype(np.float64)

    return at
