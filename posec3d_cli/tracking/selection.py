"""Selection: which of the people in a video are read."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from posec3d_cli.tracking.similarity import box_area
from posec3d_cli.tracking.tracker import DUPLICATE
from posec3d_cli.tracking.tracks import Tracks
from posec3d_cli.types import Detections, Ints


@dataclass(frozen=True)
class Selection:
    """Chooses people.

    Attributes:
        person: only the person with this track id; None: everybody.
        largest: of the people in a window only the one whose box is largest, on average over its frames.
        roi: x, y, width and height in pixels: only people the middle of whose box lies in this rectangle, frame by
            frame; None: the whole frame.
    """

    person: int | None = None
    largest: bool = False
    roi: tuple[float, float, float, float] | None = None

    def of_frames(self, detections: Sequence[Detections], track_ids: Sequence[Ints]) -> tuple[Ints, ...]:
        """The track ids of each frame, those of people who are not chosen replaced by -1."""
        if self.person is None and self.roi is None:
            return tuple(track_ids)
        chosen = []
        for found, ids in zip(detections, track_ids, strict=True):
            stays = np.ones(len(ids), bool) if self.person is None else ids == self.person
            if self.roi is not None:
                x, y, width, height = self.roi
                middles = (found.boxes[:, :2].astype(np.float64) + found.boxes[:, 2:]) / 2
                stays &= ((middles >= (x, y)) & (middles <= (x + width, y + height))).all(axis=1)
            chosen.append(np.where(stays, ids, DUPLICATE))
        return tuple(chosen)

    def of_window(self, tracks: Tracks) -> Tracks:
        """The people of a window who are chosen."""
        if not self.largest or len(tracks) < 2:
            return tracks
        areas = box_area(tracks.boxes.reshape(-1, 4).astype(np.float64)).reshape(tracks.boxes.shape[:2])
        return tracks.take([int(areas.mean(axis=1).argmax())])


EVERYBODY = Selection()
"""Chooses nobody in particular."""
