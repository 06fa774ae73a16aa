"""ClipTally: what a result says of the frames that it rests on, added up frame by frame without keeping them."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass, field
from typing import Self

import numpy as np

from posec3d_cli.answers import PersonScores
from posec3d_cli.results import VideoPoses
from posec3d_cli.timeline.presence import GAP, Presence
from posec3d_cli.timeline.repetitions import Movements
from posec3d_cli.tracking.similarity import box_area


@dataclass
class _Person:
    frames: int = 0
    scores: float = 0.0  # sum of the mean joint scores
    importance: float = 0.0  # sum of size times mean joint score


@dataclass
class ClipTally:
    """Adds up who is in the frames that a result rests on.

    Attributes:
        presence: from when to when people are in sight.
        movements: their joints, thinned, for counting repetitions.
        frames: the number of frames.
        with_person: in how many of them somebody was found.
        lost: how many did not decode.
        cuts: the frames that begin a new shot.
    """

    presence: Presence
    movements: Movements
    frames: int = 0
    with_person: int = 0
    lost: int = 0
    cuts: list[int] = field(default_factory=list)
    _people: dict[int, _Person] = field(default_factory=dict)
    _scores: float = 0.0
    _joints: int = 0

    @classmethod
    def of(cls, video_poses: VideoPoses) -> Self:
        """An empty tally of a video with poses of this skeleton."""
        video = video_poses.video
        fps = float(video.fps)
        return cls(Presence(round(GAP * fps), video.length), Movements(video_poses.skeleton, fps, video.elapsed))

    def add(self, used: VideoPoses) -> None:
        """Add frames, in order."""
        self.frames += len(used)
        self.lost += len(used.lost)
        self.cuts += used.cuts.tolist()
        self.presence.add(used.frame_indices, used.track_ids)
        self.movements.add(used.frame_indices, used.track_ids, used.poses)
        for who, found, poses in zip(used.track_ids, used.detections, used.poses, strict=True):
            if not len(poses):
                continue
            self.with_person += 1
            self._scores += float(poses.scores.sum(dtype=np.float64))
            self._joints += poses.scores.size
            sizes = np.sqrt(box_area(found.boxes.astype(np.float64))).tolist()
            means = poses.scores.mean(axis=1, dtype=np.float64).tolist()
            for track_id, size, mean in zip(who.tolist(), sizes, means, strict=True):
                if track_id >= 0:
                    person = self._people.setdefault(track_id, _Person())
                    person.frames += 1
                    person.scores += mean
                    person.importance += size * mean

    @property
    def sees_anybody(self) -> bool:
        """Whether anybody has a track id."""
        return bool(self._people)

    @property
    def mean_keypoint_score(self) -> float | None:
        """The mean joint score over all people and frames; None if no person was found."""
        return self._scores / self._joints if self._joints else None

    def people(self, ids: Collection[int]) -> list[PersonScores]:
        """The people with these track ids, the most important first, without scores."""
        order = sorted(ids, key=lambda track_id: (-self._people[track_id].importance, track_id))
        return [
            PersonScores(one, self._people[one].frames, self._people[one].scores / self._people[one].frames, 0.0, None)
            for one in order
        ]
