"""Reading: one video on its way through the members of an ensemble."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Sequence
from dataclasses import replace

import numpy as np

from posec3d_cli.errors import StageMismatch
from posec3d_cli.extraction.crops import CropRequest, FrameSource
from posec3d_cli.recognition.aggregate import Subject, subjects
from posec3d_cli.results import PipelineInfo, VideoPoses
from posec3d_cli.runtime.stopwatch import Stopwatch
from posec3d_cli.sampling.clips import ClipSampling, Window, used_frames
from posec3d_cli.stages.protocols import InputBuilder, NeedsFrames
from posec3d_cli.tracking.selection import Selection
from posec3d_cli.types import ClassifierInput, Ints, PoseSequence

NO_FRAMES = np.zeros(0, np.int64)


def frames_of(plans: Iterable[Sequence[Window]]) -> Ints:
    """The frames that any of the plans uses, each once, in order."""
    return used_frames([window for plan in plans for window in plan])


class Reading:
    """One video on its way through the members."""

    def __init__(
        self,
        video_poses: VideoPoses,
        sampling: ClipSampling,
        plans: Sequence[Sequence[Window]],
        made_by: PipelineInfo,
        notices: tuple[str, ...],
        lost: Ints = NO_FRAMES,
        frames: FrameSource | None = None,
    ) -> None:
        self.video_poses, self.sampling, self.plans = video_poses, sampling, plans
        self.made_by, self.notices, self.frames = made_by, notices, frames
        self.used = replace(video_poses.part(frames_of(plans)), lost=lost)
        self.watch = Stopwatch()
        self.ids: set[int] = set()
        self._parts: dict[bytes, VideoPoses] = {}

    def _part(self, indices: Ints) -> VideoPoses:
        """The poses of the frames of a window; members that read the same frames share the objects linked in them."""
        key = indices.tobytes()
        if key not in self._parts:
            self._parts[key] = self.used.part(indices)
        return self._parts[key]

    def inputs(
        self, number: int, builder: InputBuilder, selection: Selection, interactions: Collection[str] = ()
    ) -> Iterator[tuple[Subject, PoseSequence, ClassifierInput]]:
        """The subjects of the plan of member `number`, with their poses and what the builder makes of them."""
        plan, flip = self.plans[number], self.sampling.flip
        found = subjects(self._part, plan, self.sampling, self.ids, selection, interactions=interactions)
        if isinstance(builder, NeedsFrames):
            yield from self._inputs_with_frames(plan, builder, list(found))
            return
        for subject, sequence in found:
            with self.watch.time("build"):
                built = builder.build(sequence, plan[subject.window].clips, flip=flip)
            yield subject, sequence, built

    def _inputs_with_frames(
        self, plan: Sequence[Window], builder: NeedsFrames, found: Sequence[tuple[Subject, PoseSequence]]
    ) -> Iterator[tuple[Subject, PoseSequence, ClassifierInput]]:
        """As `inputs`: one pass over the video gives the crops of all subjects."""
        if self.frames is None:
            raise StageMismatch(
                f"{self.video_poses.video.path}: the classifier reads the frames of the video beside the poses, and "
                "there are poses alone",
                hint="give the video itself, or choose a --classifier of poses alone",
            )
        requests = []
        for subject, sequence in found:
            window = plan[subject.window]
            if window.rgb_clips is None:
                raise StageMismatch(
                    "the builder needs frames, and no frames are sampled for it",
                    hint="the classifier's card needs the setting recipe.clip.rgb_frames",
                )
            crop = builder.crop(sequence, window.clips)
            requests.append(CropRequest(window.rgb_clips, crop, builder.frame_size))
        crops = self.frames.crops(requests)
        for subject, sequence in found:
            with self.watch.time("crop"):
                frames = next(crops)
            with self.watch.time("build"):
                clips = plan[subject.window].clips
                built = builder.build(sequence, clips, flip=self.sampling.flip, frames=frames)
            yield subject, sequence, built
