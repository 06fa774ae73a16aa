"""Check a dataset before training: usable classes, repeated clips, labels that are nearly the same."""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from posec3d_cli.datasets.clips import BACKGROUND, RECORDED, TRAINING, VALIDATION, LabeledClip, LabeledVideo
from posec3d_cli.datasets.labeled_dataset import UnreadableClip
from posec3d_cli.errors import BadDataset, counted
from posec3d_cli.labels import near_labels

MOST_NOTES = 5
SHORTEST = 8  # frames of a clip that can be trained on
OBJECT_SEEN = 0.25  # the best score of an object that counts as seen, as of one that is drawn


@dataclass(frozen=True)
class ClassClips:
    """The numbers of clips of one label. Each clip counts in `given` and in one of the other fields.

    Attributes:
        label: the action.
        given: all clips.
        usable: clips that can be trained or validated on.
        nobody: clips without a person.
        unreadable: clips whose poses could not be read or estimated.
        short: clips of fewer than SHORTEST frames.
        duplicates: clips with the poses of another clip of the label; that clip is kept.
        contradicting: clips with the poses of a clip of another label.
        validation_only: validation clips of a label without training clips.
    """

    label: str
    given: int
    usable: int
    nobody: int
    unreadable: int
    short: int
    duplicates: int
    contradicting: int
    validation_only: int = 0


@dataclass(frozen=True)
class LabelObjects:
    """The objects in the usable clips of one label.

    Attributes:
        label: the action.
        clips: the clips that were searched for objects.
        seen: the classes of objects with the number of clips in which one scores at least OBJECT_SEEN, most first.
    """

    label: str
    clips: int
    seen: tuple[tuple[str, int], ...]


@dataclass(frozen=True, eq=False)
class DatasetReport:
    """The usable clips of a dataset, and the reasons for which the others are left out.

    Attributes:
        clips: the usable clips, in the order given.
        classes: by label, in order of the labels.
        left_out: the reason for each clip that is left out, by name of the clip.
        notes: sentences about whole classes and their labels.
        objects: by label, of those of which a clip was searched for objects.
    """

    clips: tuple[LabeledClip, ...]
    classes: tuple[ClassClips, ...]
    left_out: Mapping[str, str]
    notes: tuple[str, ...]
    objects: tuple[LabelObjects, ...] = ()

    def check(self, fewest: int = 2) -> None:
        """Refuse a dataset that is too small for a classifier.

        Raises:
            BadDataset: fewer actions have a usable clip; BACKGROUND is no action.
        """
        check_labels(self.clips, fewest)


def check_labels(clips: Sequence[LabeledVideo | LabeledClip], fewest: int = 2) -> None:
    """Refuse clips of too few actions; BACKGROUND is none.

    Raises:
        BadDataset: fewer actions have a clip to train on.
    """
    given = {clip.label for clip in clips} - {BACKGROUND}
    labels = {clip.label for clip in clips if clip.part != VALIDATION} & given
    if len(labels) < fewest:
        only = sorted(given - labels)
        said = f"; {', '.join(only)} {'have' if len(only) > 1 else 'has'} validation clips only" if only else ""
        raise BadDataset(
            f"training needs at least {'two labels' if fewest == 2 else 'one label'}, got "
            f"{', '.join(sorted(labels)) or 'none'}{said}",
            hint="one sub-folder per action, or a table with the columns video,label",
        )


def check_dataset(clips: Sequence[LabeledClip], unreadable: Sequence[UnreadableClip] = ()) -> DatasetReport:
    """Find the clips of a dataset that can be trained and validated on.

    Args:
        clips: the clips of all labels.
        unreadable: the clips without poses.
    """
    reasons: dict[str, tuple[str, str]] = {one.name: ("unreadable", one.reason) for one in unreadable}
    for one in clips:
        if not (one.scores[0] > 0).any():
            reasons[one.name] = ("nobody", "no person was found")
        elif len(one) < SHORTEST:
            reasons[one.name] = ("short", f"it has {counted(len(one), 'frame')}, fewer than {SHORTEST}")
    reasons |= find_duplicates([one for one in clips if one.name not in reasons])
    learned = {one.label for one in clips if one.name not in reasons and one.part != VALIDATION} | {BACKGROUND}
    for one in clips:
        if one.name not in reasons and one.label not in learned:
            reasons[one.name] = (
                "validation_only",
                f"it is a validation clip, and no training clip has the label {one.label}",
            )
    usable = tuple(one for one in clips if one.name not in reasons)
    label_of = {one.name: one.label for one in clips} | {one.name: one.label for one in unreadable}
    counts = Counter((label_of[name], kind) for name, (kind, _) in reasons.items())
    counts.update((one.label, "usable") for one in usable)
    given = Counter(label_of.values())
    kinds = ("usable", "nobody", "unreadable", "short", "duplicates", "contradicting", "validation_only")
    classes = tuple(
        ClassClips(label, given[label], **{kind: counts[label, kind] for kind in kinds}) for label in sorted(given)
    )
    notes = [text for one in classes if (text := _class_note(one, usable))]
    notes += similar_label_notes(given)
    notes += summarize_notes(clips)
    left_out = {name: reason for name, (_, reason) in reasons.items()}
    return DatasetReport(usable, classes, left_out, tuple(notes), objects_by_label(usable))


def objects_by_label(clips: Sequence[LabeledClip]) -> tuple[LabelObjects, ...]:
    """Which classes of objects occur with which label, in order of the labels."""
    searched = [clip for clip in clips if clip.objects]
    found = []
    for label in sorted({clip.label for clip in searched}):
        own = [clip for clip in searched if clip.label == label]
        counts = Counter(name for clip in own for name in _classes_seen(clip))
        found.append(LabelObjects(label, len(own), tuple(sorted(counts.items(), key=lambda one: (-one[1], one[0])))))
    return tuple(found)


def _classes_seen(clip: LabeledClip) -> set[str]:
    """The classes of objects that score enough in some frame of a clip."""
    return {
        objects.names[number]
        for objects in clip.objects
        if objects is not None
        for number in objects.classes[objects.scores >= OBJECT_SEEN].tolist()
    }


def digest(clip: LabeledClip) -> bytes:
    """A digest of the poses of a clip: equal for equal scores and equal positions of found joints."""
    keypoints = np.where(clip.scores[..., None] > 0, clip.keypoints, 0)
    sha256 = hashlib.sha256(repr(clip.keypoints.shape).encode())
    for array in (keypoints, clip.scores):
        # -0.0 and 0.0 are the same place.
        sha256.update(np.ascontiguousarray(array + np.float32(0), np.float32).tobytes())
    return sha256.digest()


def summarize_notes(clips: Sequence[LabeledClip]) -> list[str]:
    """The notes of clips, at most MOST_NOTES of them, and how many more there are."""
    said = [f"{one.name}: {text}" for one in clips for text in one.notes]
    more = len(said) - MOST_NOTES
    return [*said[:MOST_NOTES], f"and {more} more notes of this kind"] if more > 1 else said


def similar_label_notes(labels: Iterable[str]) -> list[str]:
    """A sentence for each group of labels that differ only in case, blanks and marks."""
    return [
        f"the labels {', '.join(map(repr, alike))} differ in nothing but case, blanks and marks, and are different "
        "actions here; --label-map gives them one name"
        for alike in near_labels({*labels, BACKGROUND})
    ]


def find_duplicates(clips: Sequence[LabeledClip]) -> dict[str, tuple[str, str]]:
    """Find clips with equal poses. Of clips of one label the first is kept, of clips of several labels none.

    Returns:
        By the name of each clip that is left out: "duplicates" or "contradicting", and the reason.
    """
    alike: dict[bytes, list[LabeledClip]] = {}
    for one in clips:
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


def _class_note(clips: ClassClips, usable: Sequence[LabeledClip]) -> str:
    if clips.label == BACKGROUND:
        return ""
    if not clips.usable:
        return f"{clips.label} has no usable clip and will not be trained"
    own = [one for one in usable if one.label == clips.label]
    if any(one.part == VALIDATION for one in own):
        return ""
    if all(one.part == TRAINING for one in own):
        return f"{clips.label} has no clip to validate on"
    if all(one.origin == RECORDED for one in own):
        return f"{clips.label} has only 3D recordings: it can be trained but not validated"
    if clips.usable == 1:
        return f"{clips.label} has one usable clip: it can be trained but not validated"
    if len({one.group for one in own}) == 1:
        return f"the {len(own)} usable clips of {clips.label} are of one source: it can be trained but not validated"
    return ""
