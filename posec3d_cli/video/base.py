"""What every reader answers, whichever decoder it drives."""

from __future__ import annotations

import operator
from abc import ABC, abstractmethod
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from fractions import Fraction
from itertools import pairwise
from pathlib import Path
from types import TracebackType
from typing import Self

from posec3d_cli.errors import InputError
from posec3d_cli.types import Frame


@dataclass(frozen=True)
class VideoInfo:
    """What a video file holds.

    Attributes:
        path: the file.
        width: pixels of every picture as it is shown: upright, and square where the file's own pixels are not.
        height: the same.
        fps: frames per second. The nominal rate where frames are evenly spaced, else the average.
        frame_count: how many frames can be decoded, in display order, edit lists applied. Exact where the packets are
            well-formed or damage shows in them (the file is then decoded once to count); damage that shows nowhere
            but in the decoder's output is reported by `VideoReader.lost` instead.
        duration: seconds from the start of the first frame to the end of the last.
        codec: FFmpeg's name of the codec, e.g. h264.
        rotation: degrees clockwise that the stored picture is turned to stand upright: 0, 90, 180 or 270.
        lost_frames: frames that the container announces or holds packets for, and that cannot be decoded; 0 for a
            sound file. A decoder hides small damage inside a picture, and such a picture is not lost.
        variable_rate: frames are unevenly spaced: the shortest and the longest step differ by more than a tenth of
            the median step and more than the container's rounding of times explains.
        mirrored: the turned picture is then mirrored left to right, as the file demands.
        start: seconds on the file's own clock at which frame 0 is shown.
        notes: sentences about what the file leaves open, or states wrongly, and what was made of it.
    """

    path: Path
    width: int
    height: int
    fps: Fraction
    frame_count: int
    duration: float
    codec: str
    rotation: int
    lost_frames: int
    variable_rate: bool
    mirrored: bool = False
    start: float = 0.0
    notes: tuple[str, ...] = ()


class VideoReader(ABC):
    """An open video; use it as a context manager.

    Every `read` and every `frames` decodes the file anew and a bounded stretch ahead, so memory does not grow with the
    length of the video (but for some tens of bytes per frame for their times), and several may run side by side.
    """

    def __init__(self) -> None:
        self._lost: set[int] = set()
        self._closed = False

    @property
    @abstractmethod
    def info(self) -> VideoInfo:
        """What the file holds."""

    @property
    def lost(self) -> tuple[int, ...]:
        """Frames that were asked for and, against the count in `info`, did not decode; ascending."""
        return tuple(sorted(self._lost))

    def read(self, indices: Sequence[int]) -> Iterator[Frame]:
        """Decode the frames that `indices` names.

        Args:
            indices: frame numbers in display order, strictly increasing, each in [0, frame_count).

        Returns:
            The frames, upright, in the order of `indices`, exactly those and never a neighbour. Frames that turn out
            not to decode are left out and named by `lost`.

        Raises:
            InputError: an index is outside [0, frame_count), or they are not strictly increasing.
            UnreadableVideo: the decoder gave up, or the file is gone.
        """
        wanted = [operator.index(index) for index in indices]
        count = self.info.frame_count
        outside = [index for index in wanted if not 0 <= index < count]
        if outside:
            raise InputError(
                f"frame {outside[0]} of {self.info.path} does not exist", hint=f"its frames are 0 to {count - 1}"
            )
        for before, after in pairwise(wanted):
            if after <= before:
                raise InputError(
                    f"frame {after} was asked for after frame {before}", hint="ask for frames in increasing order, once"
                )
        return self._while_open(wanted)

    def frames(self) -> Iterator[Frame]:
        """Decode every frame, as `read` does."""
        return self._while_open(range(self.info.frame_count))

    def close(self) -> None:
        """Stop every iteration; what is running ends with a ValueError. Closing twice does nothing."""
        self._closed = True

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def _while_open(self, wanted: Sequence[int]) -> Iterator[Frame]:
        if self._closed:
            raise ValueError(f"{self.info.path} was closed")
        if not wanted:
            return
        for frame in self._decode(wanted):
            yield frame
            if self._closed:
                raise ValueError(f"{self.info.path} was closed while its frames were being read")

    @abstractmethod
    def _decode(self, wanted: Sequence[int]) -> Iterator[Frame]:
        """Yield the frames `wanted` (checked, not empty), adding to `_lost` those that do not decode."""
