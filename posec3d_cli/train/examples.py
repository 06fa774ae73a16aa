"""What a classifier learns from: labelled people over time, and how they are parted into training and validation."""

from __future__ import annotations

import re
import unicodedata
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, TypeVar

import numpy as np

from posec3d_cli.errors import BadDataset
from posec3d_cli.types import Floats

if TYPE_CHECKING:
    from posec3d_cli.train.folder import LabelledVideo

ESTIMATED, ANNOTATED, RECORDED = "estimated", "annotated", "recorded"
TRAINING, VALIDATION = "training", "validation"
UNKNOWN = "unknown"
"""The label of clips that show none of the actions."""

Clip = TypeVar("Clip", bound="Example | LabelledVideo")


@dataclass(frozen=True, eq=False)
class Example:
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


def source_of(example: Example) -> str:
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


def split(examples: Sequence[Example], share: float, seed: int) -> tuple[list[Example], list[Example]]:
    """Part examples into training and validation, whole groups at a time.

    Clips whose part is settled are in it. Of every label at most `share` of the other clips, rounded to whole ones, are
    held out, and at least one stays. Groups are drawn label by label, so that rare labels are validated too; recorded
    (3D) examples are only ever trained on. The same examples and seed give the same parts.
    """
    generator = np.random.default_rng(seed)
    filmed = [example for example in examples if example.origin != RECORDED and not example.part]
    clips = Counter(example.label for example in filmed)
    room = {label: min(round(share * count), count - 1) for label, count in clips.items()}
    members: dict[str, Counter[str]] = {}
    for example in filmed:
        members.setdefault(example.group, Counter())[example.label] += 1
    held: set[str] = set()
    learned = {example.group for example in examples if example.part == TRAINING}
    for label in sorted(clips):
        groups = sorted(group for group in members if label in members[group] and group not in learned)
        generator.shuffle(groups)
        for group in groups:
            # A group that spans labels needs room in all of them.
            if group not in held and all(count <= room[name] for name, count in members[group].items()):
                held.add(group)
                for name, count in members[group].items():
                    room[name] -= count

    def validates(example: Example) -> bool:
        return example.part == VALIDATION or (not example.part and example.origin != RECORDED and example.group in held)

    return [one for one in examples if not validates(one)], [one for one in examples if validates(one)]


def group_of(name: str, label: str, pattern: str | None) -> str:
    """The source video of a clip: what `pattern`'s first group matches in its file name, else the clip itself.

    Without a pattern, a name that holds its own label between underscores (`Title_walk_f_cm_3.avi`, as HMDB51 and
    UCF101 name theirs) is grouped by what stands before it.

    Raises:
        BadDataset: `pattern` is no regular expression, or does not match.
    """
    file_name = unicodedata.normalize("NFC", name.rpartition("/")[2])  # as labels are
    if pattern is None:
        before, found, _ = file_name.partition(f"_{label}_")
        return before if found else name
    try:
        match = re.search(pattern, file_name)
    except re.error as error:
        raise BadDataset(f"the grouping pattern {pattern!r} is no regular expression: {error}") from error
    common = None if match is None else match.group(1 if match.re.groups else 0)
    if common is None:
        raise BadDataset(
            f"the grouping pattern {pattern!r} does not match the clip {name!r}",
            hint="it is a regular expression, or the name of a column of the table of labels",
        )
    return common
