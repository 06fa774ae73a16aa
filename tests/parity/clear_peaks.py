"""Which peaks rounding cannot move: two programs that compute the same may only differ about the others.

Random weights make many heatmaps with two highest places that are almost alike, and every processor rounds otherwise.
"""

from __future__ import annotations

import numpy as np

CLEAR, CLEAR_BIN = 1e-4, 1e-3
"""By so much the peak of a heatmap, or the highest of the bins along an axis, has to be above everything else."""
ROUNDING, ROUNDING_OF_BINS = CLEAR / 10, CLEAR_BIN / 10
"""By so much the values of two programs may differ; measured: 4e-7 and 2e-5."""


def clear_peaks(heatmaps: np.ndarray) -> np.ndarray:
    """`(…, h, w)` heatmaps to `(…)`: whether the highest place is clear, and which way its neighbours pull it."""
    height, width = heatmaps.shape[-2:]
    flat = heatmaps.reshape(-1, height, width)
    clear = clear_bins(heatmaps.reshape(-1, height * width), CLEAR)
    for number, (heatmap, place) in enumerate(zip(flat, flat.reshape(len(flat), -1).argmax(1), strict=True)):
        y, x = divmod(int(place), width)
        if 0 < x < width - 1 and 0 < y < height - 1:
            pulls = heatmap[y, x + 1] - heatmap[y, x - 1], heatmap[y + 1, x] - heatmap[y - 1, x]
            clear[number] &= min(map(abs, pulls)) > CLEAR
    return clear.reshape(heatmaps.shape[:-2])


def clear_bins(rows: np.ndarray, by: float = CLEAR_BIN) -> np.ndarray:
    """`(…, bins)` to `(…)`: whether the highest bin is clear."""
    second, first = np.moveaxis(np.sort(rows, axis=-1)[..., -2:], -1, 0)
    clear: np.ndarray = first - second > by
    return clear
