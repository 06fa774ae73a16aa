"""LabeledClip and LabeledVideo: labeled poses, and labeled files whose poses are not known yet."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TypeVar

from posec3d_cli.pose_files import is_pose_file
from posec3d_cli.types import Floats

ESTIMATED, ANNOTATED, RECORDED = "estimated", "annotated", "recorded"
TRAINING, VALIDATION = "training", "validation"
UNKNOWN = "unknown"
"""The label of clips that show none of the actions."""
Clip = TypeVar("Clip", bound="LabeledClip | LabeledVideo")


@dataclass(frozen=True, eq=False)
class LabeledClip:
    """One labelled clip.

    Attributes:
        name: what it is called in reports, for example `walk/clip_3.avi`.
        label: the action.
        group: clips of one source video share a group, and a group never stands on both sides of a split.
        origin: "estimated" poses come from a pose network, "annotated" ones from people, "recorded" ones are 3D.
        keypoints: `(M, T, K, 2)` float32 x, y in pixels, or `(1, T, K, 3)` in metres where recorded: x to the
            right of the picture, y down, z away from the camera. Person 0 performs the action.
        scores: `(M, T, K)` float32, 0 where a joint or person is missing.
        fps: frames per second.
        part: TRAINING or VALIDATION where it is settled what the clip is for, else empty.
        sha256: of the file that it is from; empty where that is a pack.
        notes: sentences about what its file holds besides, and was left out.
    """

    name: str
    label: str
    group: str
    origin: str
    keypoints: Floats
    scores: Floats
    fps: float
    part: str = ""
    sha256: str = ""
    notes: tuple[str, ...] = ()

    def __len__(self) -> int:
        frames: int = self.keypoints.shape[1]
        return frames


def source_of(example: LabeledClip) -> str:
    """The folder or pack that a clip is from: what stands first in its name."""
    return example.name.partition("/")[0]


def rename(clips: Sequence[Clip], actions: Mapping[tuple[str, str], str], source: str) -> list[Clip]:
    """Give the labels of one source their joint names.

    Args:
        clips: those of the source.
        actions: (source, label) to action; an empty action leaves the label's clips out. A label that is not
            mentioned keeps its name. The source "*" stands for every source.
        source: the name of the source, as `actions` calls it.
    """
    renamed = []
    for clip in clips:
        label = actions.get((source, clip.label), actions.get(("*", clip.label), clip.label))
        if label:
            renamed.append(replace(clip, label=label))
    return renamed


@dataclass(frozen=True)
class LabeledVideo:
    """A clip and what happens in it.

    Attributes:
        path: a video or a pose file.
        name: what it is called in reports: the name of the source, a slash and its place there.
        label: the action.
        group: clips of one source video share a group.
        part: see `posec3d_cli.datasets.clips.LabeledClip`.
    """

    path: Path
    name: str
    label: str
    group: str
    part: str = ""

    @property
    def is_pose_file(self) -> bool:
        """Whether it is a pose file: nothing is to be estimated."""
        return is_pose_file(self.path)
