"""Training and validation splits: those that a dataset pickle names, or a random split by group."""

from __future__ import annotations

import re
import unicodedata
from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from posec3d_cli.datasets.clips import RECORDED, TRAINING, VALIDATION, LabeledClip
from posec3d_cli.errors import BadDataset, BadPoseFile, counted
from posec3d_cli.pose_files.checks import shown

_TRAIN = ("train", "training")
_VALIDATION = ("val", "valid", "validation", "test")  # the first that is there


@dataclass(frozen=True)
class Splits:
    """The names of the splits to use; None for `train`, and for `val` or else `test`, in a pickle that has both."""

    train: str | None = None
    val: str | None = None


@dataclass(frozen=True)
class Subsets:
    """The training and validation clips of a dataset pickle, by name.

    Attributes:
        training: names of the training clips; None for all that are no validation clips.
        validation: names of the validation clips; None where the pickle does not decide.
        note: a sentence about the splits that are used, or could be; may be empty.
    """

    training: frozenset[str] | None = None
    validation: frozenset[str] | None = None
    note: str = ""

    def lacking(self, names: Collection[str], path: Path) -> str:
        """A sentence about clips that the splits name and the pickle lacks; empty if it lacks none.

        Args:
            names: of the clips in the pickle.
            path: of the pickle.

        Raises:
            BadPoseFile: a split names no clip of the pickle.
        """
        lacking = []
        for part in (self.training, self.validation):
            if part and part.isdisjoint(names):
                raise BadPoseFile(
                    f"{path}: a split names {counted(len(part), 'clip')}, the first is {min(part)!r}, and the pickle "
                    "has none of them",
                    hint="a split lists clips by their frame_dir",
                )
            if part and (absent := part - set(names)):
                lacking.append(
                    f"{len(absent)} of the {counted(len(part), 'clip')} that a split names ({min(absent)!r})"
                )
        return f"{path.name} lacks {' and '.join(lacking)}" if lacking else ""

    def of(self, name: str | None) -> str | None:
        """TRAINING or VALIDATION for a clip, empty where the pickle does not decide; None for a clip to leave out."""
        if self.validation is not None and name in self.validation:
            return VALIDATION
        if self.training is not None and name not in self.training:
            return None
        return "" if self.validation is None else TRAINING


def is_split(labels: Collection[str]) -> bool:
    """Whether labels are the names of splits, such as train and test, instead of actions."""
    return {label.casefold() for label in labels} <= {*_TRAIN, *_VALIDATION} and len(set(labels)) > 1


def split_named(splits: Any, name: str, path: Path) -> frozenset[str]:
    """The names of the clips in a split.

    Raises:
        BadPoseFile: the pickle has no such split.
    """
    if not isinstance(splits, dict) or name not in splits:
        known = ", ".join(map(str, splits)) if isinstance(splits, dict) else ""
        raise BadPoseFile(f"{path} has no split {name!r}", hint=f"its splits: {known or 'none'}")
    names = splits[name]
    if not isinstance(names, list | tuple | set | frozenset) and np.ndim(names) != 1:
        raise BadPoseFile(f"{path}: its split {name!r} must be a list of names of clips, got {shown(names)}")
    return frozenset(str(one) for one in names)


def subsets_of(splits: Any, asked: Splits, path: Path) -> Subsets:
    """The training and validation clips by the splits of a pickle.

    Args:
        splits: as the pickle has them.
        asked: the splits to use.
        path: of the pickle.

    Raises:
        BadPoseFile: the pickle lacks a split of `asked`, or a clip is in both splits.
    """
    known: Mapping[Any, Any] = splits if isinstance(splits, dict) else {}
    train, val = asked.train, asked.val
    usual = [_first(known, names) for names in (_TRAIN, _VALIDATION)]
    if train is None and (val is not None or None not in usual):
        train = usual[0]
    if val is None and train is not None and usual[1] != train:
        val = usual[1]
    if train is None and val is None:
        others = [str(name) for name in known]
        if len(others) < 2:
            return Subsets()
        listed = ", ".join(others)
        return Subsets(
            note=f"{path.name} has the splits {listed}, and none is chosen: all its clips are used; "
            "--train-split and --val-split choose"
        )
    training = None if train is None else split_named(known, train, path)
    validation = None if val is None else split_named(known, val, path)
    both = sorted((training or frozenset()) & (validation or frozenset()))
    if both:
        raise BadPoseFile(
            f"{path}: {counted(len(both), 'clip')} in both splits, {train} and {val}, the first is {both[0]!r}",
            hint="a training clip cannot validate: choose other splits with --train-split and --val-split",
        )
    words = [
        "all other clips are for training"
        if training is None
        else f"its split {train} ({counted(len(training), 'clip')}) is for training",
        "a share of it is for validation"
        if validation is None
        else f"its split {val} ({counted(len(validation), 'clip')}) is for validation",
    ]
    left = [str(name) for name in known if str(name) not in (train, val)]
    if train is not None and left:
        words.append(f"clips that are only in {', '.join(left)} are left out")
    return Subsets(training, validation, f"{path.name}: {', '.join(words)}")


def _first(splits: Mapping[Any, Any], names: tuple[str, ...]) -> str | None:
    """The first split with one of these names, in any case, that holds clips."""
    by_name = {name.casefold(): name for name in splits if isinstance(name, str) and _holds_clips(splits[name])}
    return next((by_name[name] for name in names if name in by_name), None)


def _holds_clips(names: Any) -> bool:
    return names is not None and (not hasattr(names, "__len__") or len(names) > 0)


def split(clips: Sequence[LabeledClip], share: float, seed: int) -> tuple[list[LabeledClip], list[LabeledClip]]:
    """Split clips into training and validation, by whole groups.

    A clip whose `part` is set goes there. Of the other clips of each label at most `share`, rounded to whole clips, are
    for validation, and at least one is for training. Groups are drawn label by label, so that rare labels are validated
    too. Recorded (3D) clips are for training only. Equal clips and seeds give equal splits.
    """
    generator = np.random.default_rng(seed)
    filmed = [clip for clip in clips if clip.origin != RECORDED and not clip.part]
    counts = Counter(clip.label for clip in filmed)
    room = {label: min(round(share * count), count - 1) for label, count in counts.items()}
    members: dict[str, Counter[str]] = {}
    for clip in filmed:
        members.setdefault(clip.group, Counter())[clip.label] += 1
    held: set[str] = set()
    trained = {clip.group for clip in clips if clip.part == TRAINING}
    for label in sorted(counts):
        groups = sorted(group for group in members if label in members[group] and group not in trained)
        generator.shuffle(groups)
        for group in groups:
            # A group that spans labels needs room in all of them.
            if group not in held and all(count <= room[name] for name, count in members[group].items()):
                held.add(group)
                for name, count in members[group].items():
                    room[name] -= count

    def validates(clip: LabeledClip) -> bool:
        return clip.part == VALIDATION or (not clip.part and clip.origin != RECORDED and clip.group in held)

    return [one for one in clips if not validates(one)], [one for one in clips if validates(one)]


def group_of(name: str, label: str, pattern: str | None) -> str:
    """The source video of a clip: the first group of `pattern` in the file name, else the clip itself.

    Without a pattern, a name that holds its own label between underscores (`Title_walk_f_cm_3.avi`, as HMDB51 and
    UCF101 name theirs) is grouped by the text before the label.

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
