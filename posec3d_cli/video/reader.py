"""VideoReader: what every reader offers, whichever decoder it drives."""

from __future__ import annotations

import operator
from abc import ABC, abstractmethod
from collections.abc import Iterator, Sequence
from itertools import pairwise
from types import TracebackType
from typing import Self

from posec3d_cli.errors import InputError
from posec3d_cli.types import Frame, VideoInfo


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
        """Size, rate, number of frames and notes of the file."""

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
