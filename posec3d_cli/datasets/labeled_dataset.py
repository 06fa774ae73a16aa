"""LabeledDataset: labeled clips and videos, and the poses of the videos."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from posec3d_cli.batch.find import InputFile
from posec3d_cli.datasets.clips import ESTIMATED, LabeledClip, LabeledVideo
from posec3d_cli.datasets.poses import (
    ClipPoses,
    Estimate,
    Estimated,
    PoseFrames,
    estimate_in_process,
    main_people_of_file,
)
from posec3d_cli.datasets.segments import Segment
from posec3d_cli.errors import BadDataset, InputError, counted
from posec3d_cli.extraction.crops import VideoFrames
from posec3d_cli.extraction.extractor import PoseExtractor


@dataclass(frozen=True)
class UnreadableClip:
    """A clip whose poses could not be read or estimated.

    Attributes:
        name: of the clip.
        label: the action.
        reason: what is wrong with it, in one sentence.
    """

    name: str
    label: str
    reason: str


@dataclass(frozen=True, eq=False)
class LabeledDataset:
    """Labeled clips from several sources; the poses of videos and pose files are not read yet.

    Attributes:
        clips: in the order of the sources: a `LabeledClip` from a dataset pickle, a `LabeledVideo` from a folder or
            table.
        notes: sentences about what was left out or assumed while loading.
    """

    clips: tuple[LabeledVideo | LabeledClip, ...]
    notes: tuple[str, ...] = ()

    @property
    def labels(self) -> Counter[str]:
        """The number of clips by label."""
        return Counter(clip.label for clip in self.clips)

    @property
    def videos(self) -> list[InputFile]:
        """The videos, whose poses have to be estimated, each once, called as its first clip."""
        first: dict[Path, InputFile] = {}
        for clip in self.clips:
            if isinstance(clip, LabeledVideo) and not clip.is_pose_file:
                first.setdefault(clip.path, InputFile(clip.path, clip.name))
        return list(first.values())

    @property
    def segments(self) -> dict[Path, list[Segment | None]]:
        """The segments of each video and pose file that are clips, in order."""
        segments: dict[Path, list[Segment | None]] = {}
        for clip in self.clips:
            if isinstance(clip, LabeledVideo):
                segments.setdefault(clip.path, []).append(clip.segment)
        return segments

    def of(self, labels: Collection[str]) -> LabeledDataset:
        """Only the clips with these labels."""
        return replace(self, clips=tuple(clip for clip in self.clips if clip.label in labels))

    def with_poses(
        self, extractor: PoseExtractor | None = None, *, every: int = 1
    ) -> tuple[list[LabeledClip], list[UnreadableClip]]:
        """Read the pose files, and estimate the poses of the videos one after the other in this process.

        A clip without a person stays: one person with scores of 0.

        Args:
            extractor: estimates the poses; not needed for a dataset without videos.
            every: estimate poses in every N-th frame and interpolate between them.

        Returns:
            The clips in their order, and the clips that could not be read.

        Raises:
            BadDataset: the dataset has videos, and `extractor` is None.
        """
        if extractor is None and self.videos:
            raise BadDataset(
                f"the poses of {counted(len(self.videos), 'video')} are not known, the first is {self.videos[0].name}",
                hint="give a PoseExtractor, which estimates them",
            )
        if extractor is None:
            return collect_poses(self, lambda videos, segments: [])
        return collect_poses(self, estimate_in_process(extractor, PoseFrames(every)))


def collect_poses(dataset: LabeledDataset, estimate: Estimate) -> tuple[list[LabeledClip], list[UnreadableClip]]:
    """Read the pose files of a dataset, and take the poses of its videos from `estimate`.

    Args:
        dataset: the clips.
        estimate: estimates the poses of `dataset.videos`; not called for a dataset without videos.

    Returns:
        See `LabeledDataset.with_poses`.
    """
    videos, segments = dataset.videos, dataset.segments
    people = {video.path: iter(found) for video, found in estimate(videos, segments)} if videos else {}
    clips: list[LabeledClip] = []
    unreadable: list[UnreadableClip] = []
    for clip in dataset.clips:
        if isinstance(clip, LabeledClip):
            clips.append(clip)
            continue
        if clip.is_pose_file and clip.path not in people:
            people[clip.path] = iter(_read(clip.path, segments[clip.path]))
        main = next(people[clip.path])
        if isinstance(main, str):
            unreadable.append(UnreadableClip(clip.name, clip.label, main))
        else:
            clips.append(_labeled_clip(clip, main))
    return clips, unreadable


def _read(path: Path, segments: Sequence[Segment | None]) -> Estimated:
    try:
        return main_people_of_file(path, segments)
    except InputError as error:
        return (error.what,) * len(segments)


def _labeled_clip(clip: LabeledVideo, main: ClipPoses) -> LabeledClip:
    keypoints, scores = main.keypoints, main.scores
    if not len(keypoints):
        keypoints, scores = (np.zeros((1, *array.shape[1:]), np.float32) for array in (keypoints, scores))
    start = 0 if clip.segment is None else clip.segment.start
    return LabeledClip(
        clip.name,
        clip.label,
        clip.group,
        ESTIMATED,
        keypoints,
        scores,
        main.fps,
        main.frame_size,
        clip.part,
        main.sha256,
        main.notes,
        main.objects,
        None if clip.is_pose_file else VideoFrames(clip.path, start, sha256=main.sha256),
    )
