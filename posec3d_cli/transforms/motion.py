"""Motion of keypoints: interpolate in time, project 3D recordings through a camera, measure extent, drift smoothly."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from posec3d_cli.types import Floats


def at_times(keypoints: Floats, scores: Floats, times: NDArray[Any]) -> tuple[Floats, Floats]:
    """Poses at fractional frame positions: between the two neighbours where both saw the joint, else the one's.

    Args:
        keypoints: `(M, T, K, D)`.
        scores: `(M, T, K)`.
        times: `(S,)` positions in frames, from 0 to T - 1.
    """
    before = np.floor(times).astype(np.int64)
    after = np.minimum(before + 1, keypoints.shape[1] - 1)
    part = (times - before).astype(np.float32)[None, :, None]
    a, b = scores[:, before], scores[:, after]
    part = np.where(a == 0, 1, np.where(b == 0, 0, part)).astype(np.float32)
    near = np.where(np.broadcast_to((times - before)[None, :, None] < 0.5, a.shape), a, b)
    values = np.where((a == 0) | (b == 0), near, a * (1 - part) + b * part)
    return keypoints[:, before] * (1 - part[..., None]) + keypoints[:, after] * part[..., None], values


def project(points: Floats, generator: np.random.Generator) -> Floats:
    """Look at recorded people through a random camera that stands or slowly moves.

    Args:
        points: `(M, T, K, 3)` metres; x right, y down, z away from the recording camera.
        generator: the random generator.

    Returns:
        `(M, T, K, 2)` float32 in pixels of a image with a focal length of 1000 pixels.
    """
    frames = points.shape[1]
    known = points[(points != 0).any(-1)]
    centred = points - (known.mean(axis=0) if len(known) else 0)
    azimuth = np.radians(generator.normal(0, 50) + generator.uniform(-15, 15) * np.linspace(-1, 1, frames))
    elevation = np.radians(generator.uniform(-8, 30))
    cos, sin = np.cos(azimuth)[None, :, None], np.sin(azimuth)[None, :, None]
    x = cos * centred[..., 0] + sin * centred[..., 2]
    z = -sin * centred[..., 0] + cos * centred[..., 2]
    y = np.cos(elevation) * centred[..., 1] + np.sin(elevation) * z
    depth = -np.sin(elevation) * centred[..., 1] + np.cos(elevation) * z
    away = generator.uniform(2.5, 8) + depth
    return np.asarray(1000 * np.stack([x, y], axis=-1) / np.maximum(away, 0.5)[..., None], np.float32)


def extent(keypoints: Floats, scores: Floats) -> tuple[Floats, float]:
    """The mean position of the visible joints and the median extent of a pose, in pixels."""
    seen = scores > 0
    if not seen.any():
        return np.zeros(2, np.float32), 1.0
    low = np.where(seen[..., None], keypoints, np.inf).min(axis=2)
    high = np.where(seen[..., None], keypoints, -np.inf).max(axis=2)
    extent = (high - low).max(axis=-1)
    return keypoints[seen].mean(axis=0), float(max(np.median(extent[np.isfinite(extent)]), 1e-3))


def drift(frames: int, generator: np.random.Generator) -> Floats:
    """`(T,)` a smooth path within about -1 to 1."""
    t = np.linspace(-1, 1, frames)
    path = generator.normal(0, 0.5) * t
    for speed in (1, 2):
        path += generator.normal(0, 0.25) / speed * np.sin(np.pi * speed * t + generator.uniform(0, 2 * np.pi))
    return path.astype(np.float32)
