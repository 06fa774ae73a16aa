"""PoseWindow: the poses of the last seconds, in a ring buffer, as the recognizer reads them."""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path

import numpy as np

from posec3d_cli.live.people import People
from posec3d_cli.results import VideoPoses
from posec3d_cli.skeletons import Skeleton
from posec3d_cli.types import VideoInfo

LEAST_FRAMES = 4
LEAST_SHARE = 0.5
"""Of the window's length that must be filled before it is read."""


@dataclass(frozen=True, eq=False)
class _Moment:
    seconds: float
    people: People


class PoseWindow:
    """The people of the last seconds.

    Args:
        seconds: the length of the window.
        skeleton: of the poses.
        name: of the source, for messages.
    """

    def __init__(self, seconds: float, skeleton: Skeleton, name: str) -> None:
        self.seconds, self.skeleton, self.name = seconds, skeleton, name
        self._moments: deque[_Moment] = deque()
        self._size = (0, 0)

    def __len__(self) -> int:
        """The number of frames in it."""
        return len(self._moments)

    def clear(self) -> None:
        """Forget everything, as after an absence of the source."""
        self._moments.clear()

    def add(self, seconds: float, people: People, size: tuple[int, int]) -> None:
        """Add the people of the next frame; what is older than the window is forgotten.

        Args:
            seconds: when the frame came, later than the one before.
            people: in it.
            size: width and height of the frame; where they change, what was before is forgotten.
        """
        if size != self._size:
            self.clear()
            self._size = size
        self._moments.append(_Moment(seconds, people))
        while seconds - self._moments[0].seconds > self.seconds:
            self._moments.popleft()

    @property
    def is_ready(self) -> bool:
        """Whether it holds enough for an answer."""
        return len(self) >= LEAST_FRAMES and self.span[1] - self.span[0] >= LEAST_SHARE * self.seconds

    @property
    def span(self) -> tuple[float, float]:
        """When its first and its last frame came."""
        return self._moments[0].seconds, self._moments[-1].seconds

    def video_poses(self) -> VideoPoses:
        """The window as a short video of even rate: at each of its times stands the frame that came nearest.

        Frames come as fast as they are processed, which is uneven; classifiers read evenly spread ones.
        """
        times = np.array([moment.seconds for moment in self._moments])
        count = len(times)
        even = np.linspace(times[0], times[-1], count)
        after = np.clip(np.searchsorted(times, even), 1, count - 1)
        nearest = np.where(even - times[after - 1] <= times[after] - even, after - 1, after)
        chosen = [self._moments[place].people for place in nearest.tolist()]
        fps = Fraction((count - 1) / (times[-1] - times[0])).limit_denominator(1000)
        info = VideoInfo(
            Path(self.name), *self._size, fps, count, float(count / fps), codec="", rotation=0, lost_frames=0,
            variable_rate=False,
        )  # fmt: skip
        detections, poses, track_ids = zip(*chosen, strict=True)
        return VideoPoses(info, np.arange(count), detections, poses, track_ids, self.skeleton)
