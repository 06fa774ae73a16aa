"""OnlineTracker: track ids as frames come, without those that follow."""

from __future__ import annotations

from posec3d_cli.errors import StageMismatch
from posec3d_cli.tracking.tracker import Track, follow_into, open_ids
from posec3d_cli.types import Detections, Ints, Poses


class OnlineTracker:
    """Tracks people from frame to frame; ids rise and are never given twice.

    The rules, and the arguments, are those of `posec3d_cli.tracking.tracker.track_people`.
    """

    def __init__(self, *, max_gap: float = 1.0, min_similarity: float = 0.1, duplicate: float = 0.9) -> None:
        self.max_gap, self.min_similarity, self.duplicate = max_gap, min_similarity, duplicate
        self._tracks: list[Track] = []
        self._column, self._next = 0, 0
        self._seconds: float | None = None

    def update(self, detections: Detections, poses: Poses, seconds: float) -> Ints:
        """`(N,)` the track ids of the people in the next frame, -1 for a duplicate.

        Args:
            detections: the people.
            poses: of these, row n for box n.
            seconds: the time of the frame, later than that of the one before.

        Raises:
            StageMismatch: the poses do not fit the boxes, or the time does not rise.
        """
        if len(detections) != len(poses):
            raise StageMismatch(f"a frame has {len(detections)} boxes but {len(poses)} poses")
        if self._seconds is not None and seconds <= self._seconds:
            raise StageMismatch(f"tracking needs frames in order: {seconds} s came after {self._seconds} s")
        ids = open_ids(detections, poses, self.duplicate)
        self._tracks, first_new = follow_into(
            self._tracks,
            ids,
            detections,
            poses,
            self._column,
            seconds,
            self.max_gap,
            self.min_similarity,
            self._next,
        )
        assert first_new is not None
        self._next = first_new
        self._column, self._seconds = self._column + 1, seconds
        return ids

    def cut(self) -> list[Track]:
        """Another scene begins: nobody in it is one of those before. Returns their tracks, for `resume`."""
        tracks, self._tracks = self._tracks, []
        return tracks

    def resume(self, tracks: list[Track]) -> None:
        """The scene before a cut is back, with the people in it; those who came since the cut are nobody in it."""
        self._tracks = tracks
