"""Check a dataset before training: usable classes, repeated clips, labels that are nearly the same."""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from posec3d_cli.datasets.clips import RECORDED, TRAINING, UNKNOWN, VALIDATION, LabeledClip
from posec3d_cli.datasets.load import Unreadable
from posec3d_cli.errors import BadDataset, counted
from posec3d_cli.labels import near_labels

MOST_NOTES = 5
SHORTEST = 8  # frames of a clip that can be learnt from


@dataclass(frozen=True)
class ClassClips:
    """The clips of one label; each is counted once, besides in `given`.

    Attributes:
        label: the action.
        given: all of them.
        usable: those that can be learnt from.
        nobody: in which nobody was found.
        unreadable: whose poses could not be had.
        short: of fewer than SHORTEST frames.
        duplicates: with the poses of another clip of the label, which is kept.
        contradicting: with the poses of a clip of another label.
        unlearnt: to be validated on, of a label of which nothing is learnt.
    """

    label: str
    given: int
    usable: int
    nobody: int
    unreadable: int
    short: int
    duplicates: int
    contradicting: int
    unlearnt: int = 0


@dataclass(frozen=True, eq=False)
class DatasetReport:
    """What there is to learn from, and what is wrong with the rest.

    Attributes:
        examples: those that can be learnt from, in the order given.
        classes: by label, in order of their names.
        left_out: the reason for every clip that cannot be learnt from, by its name.
        findings: what is to be known about whole classes and their names, a sentence each.
    """

    examples: tuple[LabeledClip, ...]
    classes: tuple[ClassClips, ...]
    left_out: Mapping[str, str]
    findings: tuple[str, ...]

    def check(self) -> None:
        """Refuse what no classifier can be made of.

        Raises:
            BadDataset: fewer than two actions have a usable clip; UNKNOWN is none.
        """
        labels = [one.label for one in self.classes if one.usable and one.label != UNKNOWN]
        if len(labels) < 2:
            raise BadDataset(
                f"training needs at least two labels, got {', '.join(labels) or 'none'}",
                hint="one sub-folder per action, or a table with the columns video,label",
            )


def check_dataset(examples: Sequence[LabeledClip], unreadable: Sequence[Unreadable] = ()) -> DatasetReport:
    """Part what a network can learn from and what it cannot.

    Args:
        examples: of all labels.
        unreadable: the clips that gave no example.
    """
    reasons: dict[str, tuple[str, str]] = {one.name: ("unreadable", one.reason) for one in unreadable}
    for one in examples:
        if not (one.scores[0] > 0).any():
            reasons[one.name] = ("nobody", "no person was found")
        elif len(one) < SHORTEST:
            reasons[one.name] = ("short", f"it has {counted(len(one), 'frame')}, fewer than {SHORTEST}")
    reasons |= repeated([one for one in examples if one.name not in reasons])
    learned = {one.label for one in examples if one.name not in reasons and one.part != VALIDATION} | {UNKNOWN}
    for one in examples:
        if one.name not in reasons and one.label not in learned:
            reasons[one.name] = ("unlearnt", f"it is to be validated on, and nothing of {one.label} is learnt")
    usable = tuple(one for one in examples if one.name not in reasons)
    label_of = {one.name: one.label for one in examples} | {one.name: one.label for one in unreadable}
    counts = Counter((label_of[name], kind) for name, (kind, _) in reasons.items())
    counts.update((one.label, "usable") for one in usable)
    given = Counter(label_of.values())
    kinds = ("usable", "nobody", "unreadable", "short", "duplicates", "contradicting", "unlearnt")
    classes = tuple(
        ClassClips(label, given[label], **{kind: counts[label, kind] for kind in kinds}) for label in sorted(given)
    )
    findings = [text for one in classes if (text := _finding(one, usable))]
    findings += near_findings(given)
    findings += notes_of(examples)
    return DatasetReport(usable, classes, {name: reason for name, (_, reason) in reasons.items()}, tuple(findings))


def digest(example: LabeledClip) -> bytes:
    """The same for the same people: all places of joints that were found, and all scores."""
    found = np.where(example.scores[..., None] > 0, example.keypoints, 0)
    sha256 = hashlib.sha256(repr(example.keypoints.shape).encode())
    for array in (found, example.scores):
        # -0.0 and 0.0 are the same place.
        sha256.update(np.ascontiguousarray(array + np.float32(0), np.float32).tobytes())
    return sha256.digest()


def notes_of(examples: Sequence[LabeledClip]) -> list[str]:
    """What was left out of the clips' files, a sentence per clip; of many clips the first, and how many more."""
    said = [f"{one.name}: {text}" for one in examples for text in one.notes]
    more = len(said) - MOST_NOTES
    return [*said[:MOST_NOTES], f"and {more} more notes of this kind"] if more > 1 else said


def near_findings(labels: Iterable[str]) -> list[str]:
    """What is to be known about labels that are nearly the same, a sentence for each group."""
    return [
        f"the labels {', '.join(map(repr, alike))} differ in nothing but case, blanks and marks, and are different "
        "actions here; --label-map gives them one name"
        for alike in near_labels({*labels, UNKNOWN})
    ]


def repeated(examples: Sequence[LabeledClip]) -> dict[str, tuple[str, str]]:
    """What is wrong with examples of the same poses: of one label the first is kept, of several none.

    Returns:
        By the name of every example that is not to be used, "duplicates" or "contradicting", and the reason.
    """
    alike: dict[bytes, list[LabeledClip]] = {}
    for one in examples:
        if (one.scores > 0).any():
            alike.setdefault(digest(one), []).append(one)
    reasons = {}
    for same in alike.values():
        for one in same:
            other = next((each for each in same if each.label != one.label), None)
            if other is not None:
                why = f"its poses are those of {other.name}, which is labelled {other.label}, and it {one.label}"
                reasons[one.name] = ("contradicting", why)
            elif one is not same[0]:
                reasons[one.name] = ("duplicates", f"its poses are those of {same[0].name}")
    return reasons


def _finding(clips: ClassClips, usable: Sequence[LabeledClip]) -> str:
    if clips.label == UNKNOWN:
        return ""
    if not clips.usable:
        return f"{clips.label} has no usable clip and will not be learnt"
    own = [one for one in usable if one.label == clips.label]
    if any(one.part == VALIDATION for one in own):
        return ""
    if all(one.part == TRAINING for one in own):
        return f"{clips.label} has no clip to validate on"
    if all(one.origin == RECORDED for one in own):
        return f"{clips.label} has only 3D recordings: it can be learnt but not validated"
    if clips.usable == 1:
        return f"{clips.label} has one usable clip: it can be learnt but not validated"
    if len({one.group for one in own}) == 1:
        return f"the {len(own)} usable clips of {clips.label} are of one source: it can be learnt but not validated"
    return ""
