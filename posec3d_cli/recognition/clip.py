"""ClipBuilder: the result of one clip, put together from frames and windows as they come."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path

from posec3d_cli.answers import PipelineInfo, WindowScores
from posec3d_cli.recognition.aggregate import Scored, aggregate_people, aggregate_window, warnings_for
from posec3d_cli.recognition.ensemble import average_people, average_windows
from posec3d_cli.recognition.pairs import joined_readings, people_of_windows
from posec3d_cli.recognition.tally import ClipTally
from posec3d_cli.results import ClipResult, VideoPoses
from posec3d_cli.sampling.clips import ClipSampling, Window
from posec3d_cli.timeline.build import action_segments, clip_scores
from posec3d_cli.tracking.selection import Selection


class ClipBuilder:
    """Adds up what the members of an ensemble say of the windows of one clip.

    Args:
        video_poses: of the clip; of no frame where they come part by part.
        weights: of the members.
        sampling: how the clip is read.
        made_by: with what.
        notices: sentences that the result has among its warnings.
        selection: which people were to be read.
        interactions: the labels of what two people do together, where pairs are read.
    """

    def __init__(
        self,
        video_poses: VideoPoses,
        weights: Sequence[float],
        sampling: ClipSampling,
        made_by: PipelineInfo,
        notices: Sequence[str],
        selection: Selection,
        interactions: Sequence[str] = (),
    ) -> None:
        self.weights, self.sampling, self.made_by, self.notices = weights, sampling, made_by, tuple(notices)
        self.selection, self.interactions = selection, tuple(interactions)
        self.tally = ClipTally.of(video_poses)
        self.windows: list[WindowScores] = []
        self.ids: set[int] = set()
        self._scored: list[list[Scored]] = [[] for _ in weights]

    def add_windows(self, plan: Sequence[Window], scored: Sequence[Sequence[Scored]]) -> list[WindowScores]:
        """Add the next windows, and give their scores.

        Args:
            plan: the windows.
            scored: of each member, what it says of the people in them, who know their windows by the number in `plan`.
        """
        offset = len(self.windows)
        here: list[list[list[Scored]]] = [[[] for _ in plan] for _ in scored]
        for member, own in enumerate(scored):
            for subject, answer in own:
                here[member][subject.window].append((subject, answer))
                self._scored[member].append((replace(subject, window=offset + subject.window), answer))
        found = [
            average_windows([aggregate_window(number, window, one[number]) for one in here], self.weights)
            for number, window in enumerate(plan)
        ]
        if self.interactions:
            found = [joined_readings(window, self.interactions) for window in found]
        self.windows += found
        return found

    def result(self, video_poses: VideoPoses, seconds: Mapping[str, float]) -> ClipResult:
        """The result, whose frames and windows have all been added."""
        info, tally, least = video_poses.video, self.tally, self.made_by.min_score
        segments = action_segments(
            self.windows,
            tally.presence.spans(info.frame_count),
            frame_count=info.frame_count,
            fps=info.fps,
            min_score=least,
            length=info.length,
            interactions=self.interactions,
        )
        seen = tally.people(self.ids)
        people = (
            people_of_windows(seen, self.windows)
            if self.interactions
            else average_people([aggregate_people(seen, one) for one in self._scored], self.weights)
        )
        missing = []
        if self.selection.person is not None and not tally.sees_anybody:
            missing = [f"person {self.selection.person} is not in it, or not where people were to be read"]
        return ClipResult(
            path=Path(info.path),
            scores=clip_scores(self.windows, segments, least, info.length),
            people=people,
            windows=tuple(self.windows),
            segments=tally.movements.counted(segments, least),
            frames_used=tally.frames,
            frames_with_person=tally.with_person,
            mean_keypoint_score=tally.mean_keypoint_score,
            sampling=self.sampling,
            pipeline=self.made_by,
            seconds=seconds,
            warnings=(*self.notices, *missing, *video_poses.notes, *warnings_for(info, tally, self.sampling)),
            video_poses=video_poses,
        )
