"""Pairs: which people are near each other, so that they may do something together."""

from __future__ import annotations

import numpy as np

from posec3d_cli.tracking.tracks import Tracks

NEAR = 1.0
"""The widest gap between the boxes of two people who are near, in sizes: the mean of the longer sides of both boxes."""
ALIKE = 0.5
"""The least ratio of their sizes: who is smaller stands far behind."""
NEAR_SHARE = 0.5
"""The least share of the frames in which they are near, of those in which either is seen."""


def near_pairs(tracks: Tracks) -> list[tuple[int, int]]:
    """The rows of people who are read as pairs, the more important person first: each person with the nearest other.

    Two people are near in a frame where both are seen, the gap between their boxes is at most `NEAR` times their mean
    size, and the smaller is at least `ALIKE` times as large as the other. The gap is the larger of those from left to
    right and from top to bottom, 0 where the boxes overlap. Pairs are near in at least `NEAR_SHARE` of the frames. Of
    several near people, the nearest is the one with the smallest mean gap. So N people are at most N pairs.
    """
    boxes, present = tracks.boxes.astype(np.float64), tracks.present
    sides = boxes[..., 2:] - boxes[..., :2]
    sizes = sides.max(axis=-1)
    nearest: dict[int, tuple[float, int]] = {}
    for one in range(len(tracks)):
        for other in range(one + 1, len(tracks)):
            both = present[one] & present[other]
            if not both.any():
                continue
            first, second = boxes[one, both], boxes[other, both]
            apart = np.maximum(first[:, :2], second[:, :2]) - np.minimum(first[:, 2:], second[:, 2:])
            pair = np.stack([sizes[one, both], sizes[other, both]])
            gaps = np.maximum(apart, 0).max(axis=-1) / np.maximum(pair.mean(axis=0), 1e-6)
            near = (gaps <= NEAR) & (pair.min(axis=0) >= ALIKE * pair.max(axis=0))
            if near.sum() < NEAR_SHARE * (present[one] | present[other]).sum():
                continue
            for person, partner in ((one, other), (other, one)):
                nearest[person] = min(nearest.get(person, (np.inf, -1)), (float(gaps.mean()), partner))
    return sorted({(min(person, partner), max(person, partner)) for person, (_, partner) in nearest.items()})
