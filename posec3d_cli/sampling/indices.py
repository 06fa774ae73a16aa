"""Frame indices of clips and windows: functions of the frame count, and of when frames are shown, alone.

Frame numbers start at 0; ranges are half-open. The rules are those of `UniformSampleFrames` in pyskl and mmaction2,
which cuts a video into as many equal parts as a clip has frames and takes one frame of each part.
"""

from __future__ import annotations

from bisect import bisect_left
from fractions import Fraction
from functools import lru_cache
from math import ceil
from typing import Literal, get_args

import numpy as np

from posec3d_cli.types import Doubles, Ints

Flavour = Literal["pyskl", "mmaction2"]
FLAVOURS: tuple[str, ...] = get_args(Flavour)

TEST_SEED = 255
"""Upstream reseeds with this number for every video that it tests, so that a frame count decides its frames."""


def uniform_test_indices(
    frame_count: int, *, clip_len: int = 48, num_clips: int = 1, flavour: Flavour = "mmaction2"
) -> Ints:
    """The frame indices of the published test protocol.

    Args:
        frame_count: frames in the video.
        clip_len: frames per clip, T.
        num_clips: clips, V: 10 in the published protocol, 1 in its fast mode.
        flavour: "pyskl" or "mmaction2", which differ from 49 frames on (for `clip_len` 48), because pyskl draws a
            random number more per clip.

    Returns:
        `(V, T)` int64, read-only. A video shorter than a clip is looped.

    Raises:
        ValueError: a count is below 1, or the flavour is unknown.
    """
    _require_positive(frame_count=frame_count, clip_len=clip_len, num_clips=num_clips)
    if flavour not in FLAVOURS:
        raise ValueError(f"flavour must be one of {', '.join(FLAVOURS)}, got {flavour!r}")
    return _test_indices(frame_count, clip_len, num_clips, flavour)


@lru_cache(maxsize=256)
def _test_indices(frame_count: int, clip_len: int, num_clips: int, flavour: Flavour) -> Ints:
    random = np.random.RandomState(TEST_SEED)  # the same stream as upstream's np.random.seed(255)
    clips = np.empty((num_clips, clip_len), np.int64)
    for clip in range(num_clips):
        if flavour == "pyskl":
            random.rand()  # upstream draws the share of the video to sample from, although it is always all of it
        if frame_count < clip_len:
            start = clip if frame_count < num_clips else clip * frame_count // num_clips
            clips[clip] = start + np.arange(clip_len)
        elif frame_count < 2 * clip_len:
            clips[clip] = _skip(clip_len, random.choice(clip_len + 1, frame_count - clip_len, replace=False))
        else:
            bounds = _part_bounds(frame_count, clip_len)
            clips[clip] = bounds[:-1] + random.randint(np.diff(bounds))
    clips %= frame_count
    clips.flags.writeable = False
    return clips


def uniform_train_indices(frame_count: int, *, clip_len: int = 48, rng: np.random.Generator) -> Ints:
    """One random clip for training, by the same rules as `uniform_test_indices`.

    Args:
        frame_count: frames in the video.
        clip_len: frames per clip, T.
        rng: the random generator.

    Returns:
        `(T,)` int64. A video shorter than a clip is looped from a random frame on.

    Raises:
        ValueError: a count is below 1.
    """
    _require_positive(frame_count=frame_count, clip_len=clip_len)
    if frame_count < clip_len:
        clip: Ints = (rng.integers(frame_count) + np.arange(clip_len, dtype=np.int64)) % frame_count
        return clip
    if frame_count < 2 * clip_len:
        return _skip(clip_len, rng.choice(clip_len + 1, frame_count - clip_len, replace=False))
    bounds = _part_bounds(frame_count, clip_len)
    return bounds[:-1] + rng.integers(np.diff(bounds))


def windows(
    frame_count: int,
    fps: float | Fraction,
    *,
    window_seconds: float,
    stride_seconds: float,
    boundaries: Doubles | None = None,
) -> list[tuple[int, int]]:
    """Cut a video into overlapping windows of equal length that together cover every frame.

    At a variable rate windows are equally long in seconds, not in frames: each begins and ends at the boundary of a
    frame that is nearest to its time. Where one frame is shown for longer than a window, one window goes over it.

    Args:
        frame_count: frames in the video.
        fps: frames per second.
        window_seconds: length of a window.
        stride_seconds: from the start of one window to the start of the next; at most `window_seconds`.
        boundaries: of the frames, see `posec3d_cli.types.VideoInfo`; None where they are evenly spaced.

    Returns:
        Half-open (start, stop) frame ranges in order. The last one ends with the video, wherever the stride falls;
        a video no longer than one window is one window.

    Raises:
        ValueError: a value is not positive, or the stride would leave frames out.
    """
    _require_positive(frame_count=frame_count)
    for name, value in (("fps", fps), ("window_seconds", window_seconds), ("stride_seconds", stride_seconds)):
        if not value > 0:
            raise ValueError(f"{name} must be positive, got {value}")
    if stride_seconds > window_seconds:
        raise ValueError(f"stride_seconds must be at most window_seconds ({window_seconds}), got {stride_seconds}")
    if boundaries is not None:
        return _windows_by_time(boundaries, *(max(one, 1 / float(fps)) for one in (window_seconds, stride_seconds)))
    length = max(1, round(window_seconds * float(fps)))
    stride = max(1, round(stride_seconds * float(fps)))
    last = max(0, frame_count - length)
    return [(start, min(start + length, frame_count)) for start in (*range(0, last, stride), last)]


def _windows_by_time(boundaries: Doubles, window: float, stride: float) -> list[tuple[int, int]]:
    middles = ((boundaries[:-1] + boundaries[1:]) / 2).tolist()
    count, last = len(middles), max(0.0, float(boundaries[-1]) - window)
    spans: list[tuple[int, int]] = []
    number = 0
    while (begin := number * stride) < last:
        start, stop = bisect_left(middles, begin), bisect_left(middles, begin + window)
        if start < stop and (start, stop) not in spans[-1:]:
            spans.append((start, stop))
        number += 1
        if start == count:
            break
        if start == stop:  # all of it lies inside one frame, whose successors may be far
            number = max(number, ceil((middles[stop] - window) / stride))
    reached = spans[-1][1] if spans else 0
    final = (min(bisect_left(middles, last), reached, count - 1), count)
    return spans if final in spans[-1:] else [*spans, final]


def _skip(clip_len: int, gaps: Ints) -> Ints:
    """`clip_len` ascending frames that leave one frame out before each position in `gaps`."""
    skipped = np.zeros(clip_len + 1, np.int64)
    skipped[gaps] = 1
    frames: Ints = np.arange(clip_len, dtype=np.int64) + np.cumsum(skipped)[:-1]
    return frames


def _part_bounds(frame_count: int, clip_len: int) -> Ints:
    return np.arange(clip_len + 1, dtype=np.int64) * frame_count // clip_len


def _require_positive(**counts: int) -> None:
    for name, value in counts.items():
        if value < 1:
            raise ValueError(f"{name} must be at least 1, got {value}")
