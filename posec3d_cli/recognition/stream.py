"""WindowStream: recognize the actions in a video whose poses come part by part; nothing is kept of closed windows."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np

from posec3d_cli.answers import WindowScores
from posec3d_cli.errors import EmptyVideo, counted
from posec3d_cli.recognition.clip import ClipBuilder
from posec3d_cli.results import ClipResult, VideoPoses
from posec3d_cli.sampling.clips import ClipSampling
from posec3d_cli.types import VideoInfo

if TYPE_CHECKING:
    from posec3d_cli.recognition.recognizer import ActionRecognizer


class WindowStream:
    """Classifies windows as their poses are complete. The result is that of `ActionRecognizer.recognize`.

    Args:
        recognizer: the classifiers.
        info: the properties of the video.
        sampling: of the clips; None for the default.
        heartbeat: called after each batch of classifier inputs.
    """

    def __init__(
        self,
        recognizer: ActionRecognizer,
        info: VideoInfo,
        sampling: ClipSampling | None = None,
        *,
        heartbeat: Callable[[], None] = lambda: None,
    ) -> None:
        self._recognizer, self._info, self._heartbeat = recognizer, info, heartbeat
        self._sampling = sampling or recognizer.sampling
        self._plans = recognizer.plans(self._sampling, *info.timing)
        self._open: VideoPoses | None = None
        self._builder: ClipBuilder | None = None
        self._closed = 0  # windows
        self._spent: Mapping[str, float] = {}
        self._classified: dict[str, float] = {}

    def add(self, part: VideoPoses, stop: int) -> list[WindowScores]:
        """Add the poses of the next frames, and classify the windows that are complete with them.

        Args:
            part: their poses; `seconds` is the wall time so far.
            stop: all frames before this one have been added, if they are needed.

        Returns:
            The scores of these windows.
        """
        part = self._recognizer.selected(part)
        if self._builder is None:
            recognizer, weights = self._recognizer, [member.weight for member in self._recognizer.members]
            self._builder = ClipBuilder(
                part,
                weights,
                self._sampling,
                recognizer.used,
                recognizer.notices(),
                recognizer.selection,
                recognizer.interactions(self._sampling),
            )
        self._spent = part.seconds
        self._builder.tally.add(part)
        self._open = part if self._open is None else _joined(self._open, part)
        if not len(self._open):
            return []
        first = self._closed
        while self._closed < len(self._plans[0]) and all(plan[self._closed].indices[-1] < stop for plan in self._plans):
            self._closed += 1
        if first == self._closed:
            return []
        plans = [plan[first : self._closed] for plan in self._plans]
        scored, ids, seconds = self._recognizer.classify_windows(self._open, plans, self._sampling, self._heartbeat)
        for stage, spent in seconds.items():
            self._classified[stage] = self._classified.get(stage, 0.0) + spent
        self._builder.ids |= ids
        found = self._builder.add_windows(plans[0], scored)
        self._forget()
        return found

    def result(self) -> ClipResult:
        """The result of the whole video, without poses.

        Raises:
            EmptyVideo: none of the frames that are needed can be decoded.
        """
        if self._builder is None or not self._builder.tally.frames:
            lost = 0 if self._builder is None else self._builder.tally.lost
            raise EmptyVideo(f"{self._info.path}: none of {counted(lost, 'frame')} needed can be decoded")
        assert self._open is not None
        none = VideoPoses.of_no_frame(
            self._info, cuts=np.array(self._builder.tally.cuts, np.int64), skeleton=self._open.skeleton
        )
        return self._builder.result(none, {**self._spent, **self._classified})

    def _forget(self) -> None:
        """Drop the frames before the first open window, but for the last one that is known."""
        assert self._open is not None
        begin = self._info.frame_count
        if self._closed < len(self._plans[0]):
            begin = min(int(plan[self._closed].indices[0]) for plan in self._plans)
        begin = min(begin, int(self._open.frame_indices[-1]))
        kept = self._open.part(self._open.frame_indices[self._open.frame_indices >= begin])
        self._open = replace(kept, lost=kept.lost[kept.lost >= begin], cuts=kept.cuts[kept.cuts >= begin])


def _joined(before: VideoPoses, after: VideoPoses) -> VideoPoses:
    return replace(
        after,
        frame_indices=np.concatenate([before.frame_indices, after.frame_indices]),
        detections=(*before.detections, *after.detections),
        poses=(*before.poses, *after.poses),
        track_ids=(*before.track_ids, *after.track_ids),
        lost=np.concatenate([before.lost, after.lost]),
        cuts=np.concatenate([before.cuts, after.cuts]),
    )
