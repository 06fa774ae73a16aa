"""Presence: from when to when each person is in sight."""

from __future__ import annotations

from collections.abc import Callable, Iterable

from posec3d_cli.types import Ints

GAP = 2.0
"""Seconds for which a person may be out of sight within one presence."""
Span = tuple[int, int]
"""A half-open range of frames."""
Length = Callable[[int, int], float]
"""How long the frames from a start to a stop are shown, in frames of the average rate."""


def in_frames(start: int, stop: int) -> float:
    """The length of frames that are all shown for equally long."""
    return stop - start


class Presence:
    """Collects from when to when each person is in sight, frame by frame.

    Where poses are known in some frames only, a person stays in sight until the next of these.

    Args:
        gap: frames for which a person may be out of sight within one span.
        length: how long frames are shown, see `posec3d_cli.types.VideoInfo.length`; by default their number.
    """

    def __init__(self, gap: int, length: Callable[[int, int], float] = lambda start, stop: stop - start) -> None:
        self.gap = gap
        self._length = length
        self._spans: dict[int | None, list[list[int]]] = {}
        self._in_sight: set[int | None] = set()
        self._begun = False

    def add(self, frames: Ints, track_ids: Iterable[Ints]) -> None:
        """Add frames, in order.

        Args:
            frames: `(T,)` their numbers.
            track_ids: T arrays `(N,)` of the people in them; people below 0 do not count.
        """
        for frame, ids in zip(frames.tolist(), track_ids, strict=True):
            self._end(frame)
            here: set[int | None] = {one for one in ids.tolist() if one >= 0}
            if here:
                here.add(None)
            for one in here:
                spans = self._spans.setdefault(one, [])
                if spans and self._length(spans[-1][1], frame) <= self.gap:
                    spans[-1][1] = frame + 1
                else:
                    spans.append([frame if self._begun else 0, frame + 1])
            self._in_sight, self._begun = here, True

    def _end(self, frame: int) -> None:
        for one in self._in_sight:
            self._spans[one][-1][1] = frame

    def spans(self, frame_count: int) -> dict[int | None, list[Span]]:
        """The spans of each person by track id, and under None those in which anybody is in sight.

        Args:
            frame_count: of the video; who is in the last frame added stays until then.
        """
        self._end(frame_count)
        return {one: [(start, stop) for start, stop in spans] for one, spans in self._spans.items()}
