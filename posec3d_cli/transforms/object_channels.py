"""Objects as channels of a heatmap volume: one per group of objects, in the same crop as the joints.

An object is drawn where its box is: inside, with its score; outside, as the Gaussian of the joints falls off with the
distance from the box, so that a box that is smaller than a pixel looks like a joint. The largest of several values
counts.
"""

from __future__ import annotations

import numpy as np

from posec3d_cli.schema import Checked, Share
from posec3d_cli.transforms.gaussians import REACH
from posec3d_cli.transforms.heatmaps import Crop, HeatmapSpec, volume_scale
from posec3d_cli.transforms.object_groups import GROUPS, group_numbers
from posec3d_cli.types import Floats, Ints, ObjectTracks


class ObjectSpec(Checked, frozen=True):
    """How objects are drawn, beside what `HeatmapSpec` says of the joints.

    Attributes:
        score_threshold: objects that score less are not drawn.
    """

    score_threshold: Share = 0.1


def draw_objects(objects: ObjectTracks, columns: Ints, crop: Crop, heatmaps: HeatmapSpec, spec: ObjectSpec) -> Floats:
    """Draw the objects of some frames.

    Args:
        objects: in the frames of a pose sequence.
        columns: `(F,)` the frames of the sequence that are drawn.
        crop: the crop of the joints.
        heatmaps: of the joints; says the size of the volume, and how wide a Gaussian is.
        spec: how objects are drawn.

    Returns:
        `(F, G, H, W)` float32, a channel for each group of `posec3d_cli.transforms.object_groups.GROUPS`.
    """
    height, width = heatmaps.size
    drawn = np.zeros((len(columns), len(GROUPS), height, width), np.float32)
    rows = objects.take((objects.scores >= spec.score_threshold) & np.isin(objects.columns, columns))
    if not len(rows):
        return drawn
    scale, offset = volume_scale(crop, heatmaps)
    corners = (rows.boxes.reshape(-1, 2, 2) - np.array([crop.left, crop.top], np.float32)) * scale - offset
    across = _profile(corners[:, 0, 0], corners[:, 1, 0], width, heatmaps.sigma)
    down = _profile(corners[:, 0, 1], corners[:, 1, 1], height, heatmaps.sigma) * rows.scores[:, None]
    frames = np.searchsorted(columns, rows.columns).tolist()
    groups = group_numbers(rows.names)[rows.classes].tolist()
    for row, (frame, group) in enumerate(zip(frames, groups, strict=True)):
        plane = drawn[frame, group]
        np.maximum(plane, down[row][:, None] * across[row][None], out=plane)
    return drawn


def _profile(low: Floats, high: Floats, length: int, sigma: float) -> Floats:
    """`(R, length)` float32 of R spans: 1 inside, a Gaussian of the distance outside, 0 beyond its window."""
    pixels = np.arange(length, dtype=np.float32)
    distance = np.maximum(np.maximum(low[:, None] - pixels, pixels - high[:, None]), 0)
    values = np.exp(np.square(distance) / np.float32(-2 * sigma**2))
    return np.where(distance <= REACH * sigma, values, 0).astype(np.float32)
