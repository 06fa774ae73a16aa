"""Training and validation splits: those that a dataset pickle names, or a random split by group."""

from __future__ import annotations

import re
import unicodedata
from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from posec3d_cli.datasets.clips import RECORDED, TRAINING, VALIDATION, LabeledClip
from posec3d_cli.errors import BadDataset, BadPoseFile, counted
from posec3d_cli.pose_files.checks import shown

if TYPE_CHECKING:
    pass
_TRAIN = ("train", "training")
_VALIDATION = ("val", "valid", "validation", "test")  # the first that is there


@dataclass(frozen=True)
class Splits:
    """The names of splits that were asked for; None: `train`, and `val` or else `test`, where a pack has both."""

    train: str | None = None
    val: str | None = None


@dataclass(frozen=True)
class Parts:
    """The clips of a pack, by name.

    Attributes:
        training: those to learn from; None: all that are not validated on.
        validation: those to validate on; None: nothing is said about it.
        remark: what was taken, or could have been, in one sentence; may be empty.
    """

    training: frozenset[str] | None = None
    validation: frozenset[str] | None = None
    remark: str = ""

    def lacking(self, names: Collection[str], path: Path) -> str:
        """What the splits name and the pack, whose clips have these names, lacks: in one sentence, or an empty text.

        Raises:
            BadPoseFile: a split means no clip at all.
        """
        lacking = []
        for part in (self.training, self.validation):
            if part and part.isdisjoint(names):
                raise BadPoseFile(
                    f"{path}: a split names {counted(len(part), 'clip')}, first {min(part)!r}, and none is there",
                    hint="a split lists what the clips are called in frame_dir",
                )
            if part and (absent := part - set(names)):
                lacking.append(
                    f"{len(absent)} of the {counted(len(part), 'clip')} that a split names ({min(absent)!r})"
                )
        return f"{path.name} lacks {' and '.join(lacking)}" if lacking else ""

    def of(self, name: str | None) -> str | None:
        """The part of a clip, empty where it is not settled; None where the clip is to be left out."""
        if self.validation is not None and name in self.validation:
            return VALIDATION
        if self.training is not None and name not in self.training:
            return None
        return "" if self.validation is None else TRAINING


def is_split(labels: Collection[str]) -> bool:
    """Whether what should be names of actions are those of splits, such as train and test."""
    return {label.casefold() for label in labels} <= {*_TRAIN, *_VALIDATION} and len(set(labels)) > 1


def split_named(splits: Any, name: str, path: Path) -> frozenset[str]:
    """The names of the clips of a split.

    Raises:
        BadPoseFile: the pack has no such split.
    """
    if not isinstance(splits, dict) or name not in splits:
        known = ", ".join(map(str, splits)) if isinstance(splits, dict) else ""
        raise BadPoseFile(f"{path} has no split {name!r}", hint=f"its splits: {known or 'none'}")
    names = splits[name]
    if not isinstance(names, list | tuple | set | frozenset) and np.ndim(names) != 1:
        raise BadPoseFile(f"{path}: its split {name!r} must be a list of names of clips, got {shown(names)}")
    return frozenset(str(one) for one in names)


def parts_of(splits: Any, asked: Splits, path: Path) -> Parts:
    """What a pack's splits say, or were asked to.

    Raises:
        BadPoseFile: a split that was asked for is not there, or a clip is in both.
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
            return Parts()
        listed = ", ".join(others)
        return Parts(
            remark=f"{path.name} has the splits {listed}, and none is taken: all its clips are used; "
            "--train-split and --val-split choose"
        )
    training = None if train is None else split_named(known, train, path)
    validation = None if val is None else split_named(known, val, path)
    both = sorted((training or frozenset()) & (validation or frozenset()))
    if both:
        raise BadPoseFile(
            f"{path}: {counted(len(both), 'clip')} in both splits, {train} and {val}, the first is {both[0]!r}",
            hint="validating on what was learnt says nothing: name others with --train-split and --val-split",
        )
    words = [
        "all other clips are learnt from"
        if training is None
        else f"its split {train} ({counted(len(training), 'clip')}) is learnt from",
        "a part of that is held out"
        if validation is None
        else f"its split {val} ({counted(len(validation), 'clip')}) is validated on",
    ]
    left = [str(name) for name in known if str(name) not in (train, val)]
    if train is not None and left:
        words.append(f"clips that are only in {', '.join(left)} are left out")
    return Parts(training, validation, f"{path.name}: {', '.join(words)}")


def _first(splits: Mapping[Any, Any], names: tuple[str, ...]) -> str | None:
    """The first split with one of these names, in any case, that holds clips."""
    by_name = {name.casefold(): name for name in splits if isinstance(name, str) and _holds_clips(splits[name])}
    return next((by_name[name] for name in names if name in by_name), None)


def _holds_clips(names: Any) -> bool:
    return names is not None and (not hasattr(names, "__len__") or len(names) > 0)


def split(examples: Sequence[LabeledClip], share: float, seed: int) -> tuple[list[LabeledClip], list[LabeledClip]]:
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

    def validates(example: LabeledClip) -> bool:
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
