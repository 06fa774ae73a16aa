"""Gaussians around joints and along limbs, drawn for many frames and people at once.

A Gaussian covers a few pixels of a image that is otherwise zero, so its pixels are first listed (places and values)
and then written where they belong. Shape letters are those of `posec3d_cli.types`, with F for frames and C for channels
(joints or limbs). Pixel (0, 0) is the centre of the top-left pixel. The rules are those of `GeneratePoseTarget` in
pyskl and mmaction2, to the rounding of float32.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from posec3d_cli.types import Floats, Ints

REACH = 3.0
"""Standard deviations that a Gaussian's window extends each way (`GeneratePoseTarget` in pyskl and mmaction2)."""

_LIMBS_AT_ONCE = 1024
"""Bounds the memory for the pixels of limbs, and keeps them in the processor's cache."""

_FAR = 1e6
"""Volume pixels from the origin beyond which a coordinate counts as broken, like NaN, and its joint as absent."""

Bools = NDArray[np.bool_]
Doubles = NDArray[np.float64]


def draw_joints(
    keypoints: Floats, scores: Floats, *, size: tuple[int, int], sigma: float = 0.6, score_threshold: float = 1e-3
) -> Floats:
    """Draw one Gaussian per joint: one channel per joint, the maximum over people where they overlap.

    A Gaussian has its peak, of the joint's score, at the joint; it is cut at the window of `GeneratePoseTarget`
    (three sigma, rounded towards zero) and is not normalised.

    Args:
        keypoints: `(..., M, K, 2)` float32 x, y in volume pixels; M may be 0.
        scores: `(..., M, K)` float32.
        size: (H, W) of the volume.
        sigma: standard deviation in volume pixels.
        score_threshold: a joint that scores less is not drawn; nor is one with a coordinate that is not finite.

    Returns:
        `(..., K, H, W)` float32.
    """
    leading, joints = keypoints.shape[:-3], keypoints.shape[-2]
    places, values = joint_marks(
        _flat_frames(keypoints, 3), _flat_frames(scores, 2), size=size, sigma=sigma, score_threshold=score_threshold
    )
    return _paint(places, values, (*leading, joints, *size))


def draw_limbs(
    keypoints: Floats,
    scores: Floats,
    limbs: Sequence[tuple[int, int]],
    *,
    size: tuple[int, int],
    sigma: float = 0.6,
    score_threshold: float = 1e-3,
) -> Floats:
    """Draw one ridge per limb: a Gaussian of the distance to the segment between the limb's two joints.

    A ridge has the height of the lower of the two scores. A limb shorter than one pixel is drawn as its first joint,
    with that joint's score (`GeneratePoseTarget.generate_a_limb_heatmap` in pyskl and mmaction2).

    Args:
        keypoints: `(..., M, K, 2)` float32 x, y in volume pixels; M may be 0.
        scores: `(..., M, K)` float32.
        limbs: C pairs of joint numbers, in channel order.
        size: (H, W) of the volume.
        sigma: standard deviation in volume pixels.
        score_threshold: a limb with a joint that scores less is not drawn.

    Returns:
        `(..., C, H, W)` float32.
    """
    places, values = limb_marks(
        _flat_frames(keypoints, 3),
        _flat_frames(scores, 2),
        limbs,
        size=size,
        sigma=sigma,
        score_threshold=score_threshold,
    )
    return _paint(places, values, (*keypoints.shape[:-3], len(limbs), *size))


def joint_marks(
    keypoints: Floats, scores: Floats, *, size: tuple[int, int], sigma: float, score_threshold: float
) -> tuple[Ints, Floats]:
    """The pixels of `draw_joints` as a list.

    Args:
        keypoints: `(F, M, K, 2)` float32 in volume pixels.
        scores: `(F, M, K)` float32.
        size: (H, W) of the volume.
        sigma: standard deviation in volume pixels.
        score_threshold: a joint that scores less is not drawn.

    Returns:
        `(P,)` places in a flattened `(F, K, H, W)`, frame by frame, and `(P,)` values there. A place occurs once per
        person who covers it.
    """
    height, width = size
    seen = _visible(keypoints, scores, score_threshold)
    frame, _, joint = np.nonzero(seen)
    x, y = keypoints[seen].astype(np.float64).T
    columns, across = _profile(x, width, sigma)
    rows, down = _profile(y, height, sigma)
    down *= scores[seen][:, None]
    corners = (frame * scores.shape[2] + joint) * (height * width)
    places = (corners[:, None] + rows * width)[:, :, None] + columns[:, None, :]
    values = down[:, :, None] * across[:, None, :]
    drawn = values > 0
    return places[drawn], values[drawn]


def _profile(centres: Doubles, length: int, sigma: float) -> tuple[Ints, Floats]:
    """The Gaussian along one axis: `(N, S)` pixel numbers and the values there, 0 outside the window."""
    start, stop = _window(centres, centres, length, sigma)
    span = min(int(np.ceil(2 * REACH * sigma)) + 1, length)
    pixels = start[:, None] + np.arange(span)
    values = np.exp(np.square(pixels - centres[:, None]) / (-2 * sigma**2))
    return pixels, np.where(pixels < stop[:, None], values, 0).astype(np.float32)


def _window(low: Doubles, high: Doubles, length: int, sigma: float) -> tuple[Ints, Ints]:
    """The half-open range of pixels drawn for something between `low` and `high`, rounded as upstream rounds it."""
    reach = REACH * sigma
    start = np.clip(np.trunc(low - reach), 0, length).astype(np.int64)
    stop = np.clip(np.trunc(high + reach) + 1, 0, length).astype(np.int64)
    return start, np.maximum(start, stop)


def limb_marks(
    keypoints: Floats,
    scores: Floats,
    limbs: Sequence[tuple[int, int]],
    *,
    size: tuple[int, int],
    sigma: float,
    score_threshold: float,
) -> tuple[Ints, Floats]:
    """The pixels of `draw_limbs` as a list: as `joint_marks`, in a flattened `(F, C, H, W)`."""
    ends = np.asarray(limbs, np.int64).reshape(-1, 2)
    seen = _visible(keypoints, scores, score_threshold)[..., ends].all(axis=-1)  # (F, M, C)
    frame, person, limb = np.nonzero(seen)
    first, second = ends[limb].T
    score_a, score_b = scores[frame, person, first], scores[frame, person, second]
    a, b = keypoints[frame, person, first], keypoints[frame, person, second]
    point = np.square(b - a).sum(axis=-1) < 1
    b[point] = a[point]
    peaks = np.where(point, score_a, np.minimum(score_a, score_b))
    corners = (frame * len(ends) + limb) * (size[0] * size[1])
    parts = [
        _ridges(a[some], b[some], peaks[some], corners[some], size, sigma)
        for some in (slice(start, start + _LIMBS_AT_ONCE) for start in range(0, len(a), _LIMBS_AT_ONCE))
    ]
    if not parts:
        return np.zeros(0, np.int64), np.zeros(0, np.float32)
    return np.concatenate([places for places, _ in parts]), np.concatenate([values for _, values in parts])


def _ridges(
    a: Floats, b: Floats, peaks: Floats, corners: Ints, size: tuple[int, int], sigma: float
) -> tuple[Ints, Floats]:
    """The pixels around the segments from `a` to `b`, both `(N, 2)`, with `(N,)` peaks and places of pixel (0, 0)."""
    height, width = size
    low, high = np.minimum(a, b).astype(np.float64), np.maximum(a, b).astype(np.float64)
    left, right = _window(low[:, 0], high[:, 0], width, sigma)
    top, bottom = _window(low[:, 1], high[:, 1], height, sigma)
    along = b - a
    squared = np.square(along).sum(axis=-1)
    slope = along / np.where(squared > 0, squared, 1)[:, None]

    # The windows are unrolled into rows and the rows into pixels; what a row's pixels share is computed once per row.
    of_segment, y = unroll(top, bottom - top)
    of_row, x = unroll(left[of_segment], (right - left)[of_segment])
    x_a, y_a = a[of_segment].T
    u, v = along[of_segment].T
    dy = y.astype(np.float32) - y_a
    dx = x.astype(np.float32) - x_a[of_row]
    share = dx * slope[of_segment, 0][of_row] + (dy * slope[of_segment, 1])[of_row]
    np.clip(share, 0, 1, out=share)
    dx -= share * u[of_row]
    distance = dy[of_row] - share * v[of_row]
    # In double precision, as upstream comes to do it: in single, the faintest values would round to zero elsewhere.
    exponents = (dx * dx + distance * distance).astype(np.float64) / (-2 * sigma**2)
    values = (np.exp(exponents) * peaks[of_segment][of_row]).astype(np.float32)
    places = (corners[of_segment] + y * width)[of_row] + x
    drawn = values > 0
    return places[drawn], values[drawn]


def unroll(starts: Ints, counts: Ints) -> tuple[Ints, Ints]:
    """The ranges `start … start + count`, one after the other: whose range each number is of, and the number."""
    owner = np.repeat(np.arange(len(starts)), counts)
    before = np.cumsum(counts) - counts
    return owner, np.arange(len(owner)) + (starts - before)[owner]


def _visible(keypoints: Floats, scores: Floats, score_threshold: float) -> Bools:
    visible: Bools = (scores >= score_threshold) & (np.abs(keypoints) < _FAR).all(axis=-1)
    return visible


def _flat_frames(array: Floats, trailing: int) -> Floats:
    """`array` with all but its last `trailing` axes made one."""
    frames = math.prod(array.shape[: array.ndim - trailing])
    return array.reshape(frames, *array.shape[array.ndim - trailing :])


def _paint(places: Ints, values: Floats, shape: tuple[int, ...]) -> Floats:
    """An array of zeros with the values written at the places, the largest where a place occurs more than once."""
    canvas = np.zeros(math.prod(shape), np.float32)
    keep_largest(canvas, places, values)
    return canvas.reshape(shape)


def keep_largest(canvas: Floats, places: Ints, values: Floats) -> None:
    """Write positive values into zeros: `np.maximum.at`, several times as fast where few places repeat.

    Of values that share a place, an assignment leaves one of them; those that it beat although they are larger
    are written again, and so on until none is left.
    """
    while len(places):
        canvas[places] = values
        lost = canvas[places] < values
        places, values = places[lost], values[lost]
