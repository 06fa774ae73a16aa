"""Timing of frames: when each is shown, the frame rate, and clocks that leap."""

from __future__ import annotations

from dataclasses import dataclass, field
from fractions import Fraction
from typing import Any

import numpy as np

from posec3d_cli.types import Ints

Seconds = np.ndarray[tuple[int], np.dtype[np.float64]]

UNSTATED = Fraction(25)
"""Frames per second where a file states neither rate nor times."""
_RATE_PARTS = 100_000  # largest denominator of a rate: some files state the quotient of two clocks of nine digits

_WITHOUT_TIMES = 0x80
"""AVFMT_NOTIMESTAMPS: what FFmpeg says of a format that holds no times."""

_ROUNDED = 0.00101
"""Seconds by which containers move the times of evenly spaced frames: Matroska rounds the first one, and each, to
milliseconds."""

LEAP_SECONDS = 10
"""From one frame to the next, a clock that may leap has leapt; FFmpeg's own bound (`-dts_delta_threshold`)."""


@dataclass(frozen=True, eq=False)
class Timing:
    """The times of N frames.

    Attributes:
        seconds: `(N,)` float64 from the first frame, which is at 0.
        fps: the rate that the file states where the frames keep to it, else the average, gaps left out.
        duration: seconds from the first frame to the end of the last, which lasts as long as most.
        variable: see `VideoInfo.variable_rate`.
        grid: the stated rate, where every frame, variable or not, stands on a multiple of its step.
        gaps: the frames after which none comes for more than `LEAP_SECONDS`, if they are fewer than half.
    """

    seconds: Seconds
    fps: Fraction
    duration: float
    variable: bool
    grid: Fraction | None = None
    gaps: Ints = field(default_factory=lambda: np.zeros(0, np.int64))

    def boundaries(self) -> Seconds | None:
        """What `VideoInfo.boundaries` holds."""
        even = np.arange(len(self.seconds)) / float(self.fps)
        boundaries = np.append(self.seconds, self.duration)
        # Frames that share a time, as a broken container may have it, are told apart by their number alone.
        if np.abs(self.seconds - even).max(initial=0.0) <= _ROUNDED or np.any(np.diff(boundaries) <= 0):
            return None
        return boundaries

    def frames_in(self, seconds: float | None) -> int:
        """How many frames would fill `seconds`, gaps filled where the rate is known; 0 for None."""
        if seconds is None:
            return 0
        if self.grid is not None:
            return round(seconds * self.grid)
        return len(self.seconds) + max(0, round((seconds - self.duration) * self.fps))


def time_frames(count: int, ticks: Ints | None, time_base: Fraction, stated: Fraction | None) -> Timing:
    """Time frames by their ticks of `time_base` seconds, or evenly at the stated rate where there are none."""
    stated = stated.limit_denominator(_RATE_PARTS) if stated else None
    if ticks is None or count == 1:
        fps = stated or UNSTATED
        return Timing(np.arange(count) / float(fps), fps, float(count / fps), variable=False, grid=stated)
    steps = np.diff(ticks)
    usual = float(np.median(steps))
    variable = bool(np.ptp(steps) > max(2.0, 0.1 * usual))
    span = Fraction(int(ticks[-1] - ticks[0])) * time_base
    keeps = stated is not None and not variable and abs(stated * span - (count - 1)) < Fraction(1, 2)
    gaps = np.flatnonzero(steps * float(time_base) > LEAP_SECONDS)
    if 2 * len(gaps) >= len(steps):
        gaps = np.zeros(0, np.int64)
    filled = span - int(steps[gaps].sum()) * time_base
    mean = (count - 1 - len(gaps)) / filled
    fps = stated if stated is not None and keeps else mean.limit_denominator(_RATE_PARTS)
    seconds = (ticks - ticks[0]) * float(time_base)
    duration = float(span + 1 / fps) if not variable else float(span) + usual * float(time_base)
    return Timing(seconds, fps, duration, variable, stated if _on_grid(seconds, stated, time_base) else None, gaps)


def _on_grid(seconds: Seconds, rate: Fraction | None, time_base: Fraction) -> bool:
    if rate is None:
        return False
    places = seconds * float(rate)
    tolerance = max(0.1, 2 * float(time_base * rate))
    return bool(np.all(np.abs(places - np.round(places)) <= tolerance))


def without_leaps(ticks: Ints, time_base: Fraction, *, may_leap: bool) -> tuple[Ints | None, Ints]:
    """Times that run on where the clock began anew.

    Args:
        ticks: `(N,)` times of the frames in the order in which they are shown.
        time_base: seconds per tick.
        may_leap: a step of more than `LEAP_SECONDS` is a leap too; else only a step back is one.

    Returns:
        `(N,)` the times, every leap replaced by the usual step, or None where they do not tell frames apart; and the
        frames before each leap.
    """
    steps = np.diff(ticks)
    back = steps < 0
    leaps = back | (steps * float(time_base) > LEAP_SECONDS) if may_leap else back
    onward = steps[~leaps]
    if np.any(onward == 0) or 10 * back.sum() > len(ticks):
        return None, np.zeros(0, np.int64)
    if not leaps.any():
        return ticks, np.zeros(0, np.int64)
    steps[leaps] = max(1, round(float(np.median(onward)))) if len(onward) else 1
    return np.concatenate((ticks[:1], ticks[0] + np.cumsum(steps))), np.flatnonzero(leaps)


def stated_rate(container: Any, stream: Any) -> tuple[Fraction | None, bool]:
    """The frames per second that a file states, and whether that is FFmpeg's guess rather than the file's own word.

    Bare streams without a container have no times; their rate stands in the header of the frames, or nowhere, and
    FFmpeg puts 25 in its place.
    """
    if not container.format.flags & _WITHOUT_TIMES:
        return stream.average_rate, False
    inside = stream.codec_context.framerate
    return (inside, False) if inside else (UNSTATED, True)


def announced_seconds(container: Any, stream: Any, *, cut_short: bool) -> float | None:
    """How long a Matroska file says that its frames last, from the first one; None where it does not say.

    The file's own duration covers its longest stream, so it is taken only where there is one stream or the file is
    plainly cut short.
    """
    if "matroska" not in container.format.name:
        return None
    stated = next((value for key, value in stream.metadata.items() if key.upper().startswith("DURATION")), None)
    if stated is not None:
        try:
            hours, minutes, seconds = stated.split(":")
            end = int(hours) * 3600 + int(minutes) * 60 + float(seconds)
        except ValueError:
            return None
    elif container.duration and (cut_short or len(container.streams) == 1):
        end = container.duration / 1_000_000
    else:
        return None
    return max(0.0, end - float((stream.start_time or 0) * stream.time_base))
