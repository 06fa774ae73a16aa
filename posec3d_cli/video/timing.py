"""When frames are shown, and how evenly."""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction
from typing import Any

import numpy as np

from posec3d_cli.types import Ints

Seconds = np.ndarray[tuple[int], np.dtype[np.float64]]

_UNSTATED = Fraction(25)
"""Frames per second of a lone frame whose file states no rate."""


@dataclass(frozen=True, eq=False)
class Timing:
    """The times of N frames.

    Attributes:
        seconds: `(N,)` float64 from the first frame, which is at 0.
        fps: the rate that the file states where the frames keep to it, else the average.
        duration: seconds from the first frame to the end of the last, which lasts as long as most.
        variable: see `VideoInfo.variable_rate`.
        grid: the stated rate, where every frame, variable or not, stands on a multiple of its step.
    """

    seconds: Seconds
    fps: Fraction
    duration: float
    variable: bool
    grid: Fraction | None = None

    def frames_in(self, seconds: float | None) -> int:
        """How many frames would fill `seconds`, gaps filled where the rate is known; 0 for None."""
        if seconds is None:
            return 0
        if self.grid is not None:
            return round(seconds * self.grid)
        return len(self.seconds) + max(0, round((seconds - self.duration) * self.fps))


def time_frames(count: int, ticks: Ints | None, time_base: Fraction, stated: Fraction | None) -> Timing:
    """Time frames by their ticks of `time_base` seconds, or evenly at the stated rate where there are none."""
    stated = stated or None
    if ticks is None or count == 1:
        fps = stated or _UNSTATED
        return Timing(np.arange(count) / float(fps), fps, float(count / fps), variable=False, grid=stated)
    steps = np.diff(ticks)
    usual = float(np.median(steps))
    variable = bool(np.ptp(steps) > max(2.0, 0.1 * usual))
    span = Fraction(int(ticks[-1] - ticks[0])) * time_base
    keeps = stated is not None and not variable and abs(stated * span - (count - 1)) < Fraction(1, 2)
    fps = stated if stated is not None and keeps else ((count - 1) / span).limit_denominator(100_000)
    seconds = (ticks - ticks[0]) * float(time_base)
    duration = float(span + 1 / fps) if not variable else float(span) + usual * float(time_base)
    return Timing(seconds, fps, duration, variable, stated if _on_grid(seconds, stated, time_base) else None)


def _on_grid(seconds: Seconds, rate: Fraction | None, time_base: Fraction) -> bool:
    if rate is None:
        return False
    places = seconds * float(rate)
    tolerance = max(0.1, 2 * float(time_base * rate))
    return bool(np.all(np.abs(places - np.round(places)) <= tolerance))


def announced_seconds(container: Any, stream: Any, *, cut_short: bool) -> float | None:
    """How long a Matroska file says that its pictures last, from the first one; None where it does not say.

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
