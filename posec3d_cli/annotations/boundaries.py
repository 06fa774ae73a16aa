"""FrameBoundaries: when each frame of a video is shown. Frame N is the N-th picture that is shown, counted from 0."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Self

import numpy as np
from numpy.typing import NDArray

from posec3d_cli.errors import InputError
from posec3d_cli.video.probe import FrameTable


@dataclass(frozen=True, eq=False)
class FrameBoundaries:
    """The boundaries of the N frames of a video: frame i is shown from boundary i to boundary i + 1.

    Times are those of the container, after edit lists; no time is computed from a frame rate where the file has times.

    Attributes:
        boundaries: `(N + 1,)` float64 seconds from the start of frame 0, rising.
        start: seconds on the file's own clock at which frame 0 is shown.
    """

    boundaries: NDArray[np.float64]
    start: float = 0.0

    @classmethod
    def of_table(cls, table: FrameTable) -> Self:
        """The boundaries of the frames of a table."""
        return cls(np.append(table.seconds, table.info.duration), table.info.start)

    def __len__(self) -> int:
        """N, the number of frames."""
        return len(self.boundaries) - 1

    def seconds(self, boundary: int) -> float:
        """A boundary on the file's own clock, in seconds."""
        return float(self.boundaries[boundary]) + self.start

    def milliseconds(self, boundary: int) -> int:
        """A boundary in whole milliseconds from the start of frame 0.

        Raises:
            InputError: the next boundary is so near that `nearest` would not find this one again.
        """
        rounded = round(1000 * float(self.boundaries[boundary]))
        if self.nearest(rounded / 1000) != boundary:
            raise InputError(
                f"frame {boundary} is shown for less than a millisecond, which whole milliseconds cannot tell apart"
            )
        return rounded

    def nearest(self, seconds: float) -> int:
        """The boundary nearest to a time from the start of frame 0: one in [0, N]."""
        after = int(np.searchsorted(self.boundaries, seconds))
        if after == 0:
            return 0
        if after > len(self):
            return len(self)
        return after if self.boundaries[after] - seconds < seconds - self.boundaries[after - 1] else after - 1
