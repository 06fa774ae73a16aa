"""LabeledClip and LabeledVideo: labeled poses, and labeled files that are not opened yet."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from fractions import Fraction
from pathlib import Path
from typing import TypeVar

from posec3d_cli.datasets.segments import Segment
from posec3d_cli.extraction.crops import FrameSource
from posec3d_cli.pose_files import is_pose_file
from posec3d_cli.types import Floats, Objects

ESTIMATED, ANNOTATED, RECORDED = "estimated", "annotated", "recorded"
TRAINING, VALIDATION = "training", "validation"
BACKGROUND = "unknown"
"""The label of clips that show none of the actions."""
Clip = TypeVar("Clip", bound="LabeledClip | LabeledVideo")


@dataclass(frozen=True, eq=False)
class LabeledClip:
    """A labeled clip with its poses.

    Attributes:
        name: the name in reports, for example `clips/walk/clip_3.avi`.
        label: the action.
        group: clips of one source video share a group; a split never divides a group.
        origin: "estimated" poses come from a pose network, "annotated" ones from people, "recorded" ones are 3D.
        keypoints: `(M, T, K, 2)` float32 x, y in pixels, or `(1, T, K, 3)` in metres where recorded: x to the
            right of the image, y down, z away from the camera. Person 0 performs the action.
        scores: `(M, T, K)` float32, 0 where a joint or person is missing.
        fps: frames per second.
        frame_size: (H, W) of the frames in pixels; None where nothing says it: as far as the joints reach.
        part: TRAINING or VALIDATION where the dataset decides it, else empty.
        sha256: of the file of the clip; empty for a clip of a dataset pickle.
        notes: sentences about what the file also holds and was left out.
        objects: of each of the T frames what was found beside the people, None where nothing but people was looked
            for; empty where that is so in every frame.
        frames: where its pixels can be read, frame 0 being the first of the T; None where there are poses alone.
    """

    name: str
    label: str
    group: str
    origin: str
    keypoints: Floats
    scores: Floats
    fps: float
    frame_size: tuple[int, int] | None = None
    part: str = ""
    sha256: str = ""
    notes: tuple[str, ...] = ()
    objects: tuple[Objects | None, ...] = ()
    frames: FrameSource | None = None

    def __len__(self) -> int:
        frames: int = self.keypoints.shape[1]
        return frames

    @property
    def frame_rate(self) -> Fraction:
        """`fps` as the fraction that video files name."""
        return Fraction(self.fps).limit_denominator(1001)


def source_name_of(clip: LabeledClip) -> str:
    """The name of the source of a clip: the folder, table or dataset pickle, the first part of the clip's name."""
    return clip.name.partition("/")[0]


def apply_label_map(clips: Sequence[Clip], label_map: Mapping[tuple[str, str], str], source: str) -> list[Clip]:
    """Give the labels of one source their common names.

    Args:
        clips: the clips of the source.
        label_map: see `posec3d_cli.datasets.load.load_dataset`.
        source: the name of the source in `label_map`.
    """
    renamed = []
    for clip in clips:
        label = label_map.get((source, clip.label), label_map.get(("*", clip.label), clip.label))
        if label:
            renamed.append(replace(clip, label=label))
    return renamed


@dataclass(frozen=True)
class LabeledVideo:
    """A labeled video or pose file, not opened yet.

    Attributes:
        path: the video or pose file.
        name: the name in reports: the name of the source, a slash, and the path below the source.
        label: the action.
        group: clips of one source video share a group.
        part: see `LabeledClip`.
        segment: the part of the file, and the person, that are labeled; None: everything.
    """

    path: Path
    name: str
    label: str
    group: str
    part: str = ""
    segment: Segment | None = None

    @property
    def is_pose_file(self) -> bool:
        """Whether `path` is a pose file, so that no pose has to be estimated."""
        return is_pose_file(self.path)
