"""What goes into the goldens of the pose models on ONNX Runtime: made by formulas, so that only results are stored."""

from __future__ import annotations

import numpy as np

CROP_SIZE = (12, 16)
"""(w, h) of the crops in pixels."""

BOXES = np.array([[40, 30, 100, 170], [5.5, 80.25, 180.75, 130], [-20, -10, 30, 60]], np.float32)
"""Tall, wide, and reaching outside of the image."""


def gradient():
    """An image of 200 x 250 pixels: red is x, green is y, blue is what is left of 255 in between."""
    y, x = np.mgrid[:200, :250]
    return np.stack([x, y, 255 - (x + y) // 2], axis=-1).astype(np.uint8)


def rows_of_cells():
    """SimCC of 3 people with 17 joints, two cells to a pixel; some joints are below 0 everywhere."""
    generator = np.random.default_rng(10)
    along_x = generator.uniform(-0.5, 1.5, (3, 17, CROP_SIZE[0] * 2)).astype(np.float32)
    along_y = generator.uniform(-0.5, 1.5, (3, 17, CROP_SIZE[1] * 2)).astype(np.float32)
    along_x[1, 4] = -0.25
    return along_x, along_y


def heatmaps():
    """Heatmaps of 3 people with 17 joints, 8 x 6 cells: so few that many peaks lie at an edge and neighbours tie."""
    steps = np.random.default_rng(11).integers(-2, 17, (3, 17, 8, 6))
    maps = (steps / 16).astype(np.float32)
    maps[2, 3] = -0.125
    return maps
