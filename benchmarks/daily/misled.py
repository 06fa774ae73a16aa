"""How objects mislead: those of one clip, pasted into the frames of another.

    python benchmarks/daily/misled.py SETS MODEL [MODEL…] [--strength S] [--part PART…] [--donors N]

The models read objects as their cards say, or with `--strength` as objects.py would fit it from SETS. Of the clips of
each PART of SETS (by default the halves that nothing was chosen on, `jhmdb_b` and `web_known_b`), those that are
answered rightly get objects besides their own: all objects of one kind in a clip of another label, which the seed
draws, of N such clips each. They come in two ways: where they were in their own frame, scaled to the new one (a parked
car, a ball lying about), and at the person's nearest wrist, as large beside the person as they were (something in the
hand that has nothing to do with the action). Prints the share of right answers that turn wrong, by kind, with Wilson's
interval of 95 %.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable, Sequence
from dataclasses import replace
from hashlib import sha256
from pathlib import Path

import numpy as np
from objects import VALIDATED, apart_from, held, with_strength
from scipy.stats import binomtest
from ship import clips_of, recognizer_of

from posec3d_cli import ActionRecognizer, LabeledClip, Objects
from posec3d_cli.evaluation.evaluate import predict_clips
from posec3d_cli.stages.protocols import ActionClassifier
from posec3d_cli.training.objects import reading_of
from posec3d_cli.types import ActionScores, ClassifierInput, Floats, Ints

PARTS = ("jhmdb_b", "web_known_b")
SEEN = 0.25
"""The best score of an object in a clip that is said to show it."""
WRISTS = (9, 10)
GROUPS = {
    "ball": ("sports ball",),
    "racket, bat": ("tennis racket", "baseball bat"),
    "bottle, cup": ("bottle", "wine glass", "cup", "bowl"),
    "phone, book": ("cell phone", "remote", "book"),
    "seat": ("bench", "chair", "couch"),
    "bicycle": ("bicycle", "motorcycle"),
    "board": ("skateboard", "skis", "snowboard", "surfboard"),
    "car": ("car", "bus", "truck"),
    "animal": ("bird", "cat", "dog", "horse", "sheep", "cow", "elephant", "bear", "zebra", "giraffe"),
    "else": (),
}
"""Kinds of objects: COCO's classes beside people in ten groups, of which the last holds those of no other."""
Place = Callable[[Objects, LabeledClip, int, LabeledClip, int], Floats]
"""The boxes of the objects in a frame of a clip, for a frame of another clip."""


class Remembered:
    """A classifier that answers the same input once: pasted objects change no poses."""

    def __init__(self, classifier: ActionClassifier) -> None:
        self.classifier, self.labels = classifier, classifier.labels
        self.known: dict[bytes, ActionScores] = {}

    def classify(self, volumes: Sequence[ClassifierInput]) -> list[ActionScores]:
        """The scores of each input."""
        keys = [sha256(volume.values.tobytes()).digest() for volume in volumes]
        new = {key: volume for key, volume in zip(keys, volumes, strict=True) if key not in self.known}
        if new:
            self.known |= dict(zip(new, self.classifier.classify(list(new.values())), strict=True))
        return [self.known[key] for key in keys]


def group_numbers(names: Sequence[str]) -> Ints:
    """`(C,)` int64, the position in GROUPS of the group of each class."""
    group_of = {name: number for number, names in enumerate(GROUPS.values()) for name in names}
    return np.array([group_of.get(name, len(GROUPS) - 1) for name in names], np.int64)


def frame_size(clip: LabeledClip) -> tuple[int, int]:
    """(H, W) of the frames of a clip; where nothing says it, as far as the joints reach."""
    if clip.frame_size is not None:
        return clip.frame_size
    width, height = np.ceil(clip.keypoints[clip.scores > 0].max(axis=0, initial=1)).astype(int).tolist()
    return height, width


def same_place(objects: Objects, donor: LabeledClip, at: int, clip: LabeledClip, frame: int) -> Floats:
    """The boxes where they are in their frame, scaled to the other one."""
    (height, width), (old_height, old_width) = frame_size(clip), frame_size(donor)
    return np.asarray(objects.boxes * np.tile([width / old_width, height / old_height], 2), np.float32)


def at_wrist(objects: Objects, donor: LabeledClip, at: int, clip: LabeledClip, frame: int) -> Floats:
    """The boxes around the wrist of the first person that is nearest to where they are, scaled with the person."""
    boxes = same_place(objects, donor, at, clip, frame)
    seen = clip.scores[0, frame, list(WRISTS)] > 0
    if not seen.any():
        return boxes
    wrists = clip.keypoints[0, frame, list(WRISTS)][seen]
    middles = (boxes[:, :2] + boxes[:, 2:]) / 2
    nearest = wrists[np.linalg.norm(middles[:, None] - wrists[None], axis=-1).argmin(axis=1)]
    half = (objects.boxes[:, 2:] - objects.boxes[:, :2]) / 2 * (_height(clip, frame) / _height(donor, at))
    return np.concatenate([nearest - half, nearest + half], axis=1).astype(np.float32)


def _height(clip: LabeledClip, frame: int) -> float:
    """The height of the joints of the first person in a frame; without any, that of the frame."""
    y = clip.keypoints[0, frame, clip.scores[0, frame] > 0, 1]
    return max(float(np.ptp(y)), 1.0) if len(y) else float(frame_size(clip)[0])


WAYS: dict[str, Place] = {"same place": same_place, "at the wrist": at_wrist}


def shows(clip: LabeledClip, group: int) -> bool:
    """Whether a clip shows an object of a group."""
    return any(
        bool((found.scores[group_numbers(found.names)[found.classes] == group] >= SEEN).any())
        for found in clip.objects
        if found is not None
    )


def pasted(clip: LabeledClip, donor: LabeledClip, group: int, place: Place) -> LabeledClip:
    """A clip with the objects of a group in another one besides its own; the longer one is not shown whole."""
    columns = np.round(np.linspace(0, len(donor) - 1, len(clip))).astype(int).tolist()
    own = clip.objects or (None,) * len(clip)
    found = []
    for frame, (at, before) in enumerate(zip(columns, own, strict=True)):
        given = donor.objects[at]
        if given is None:
            found.append(before)
            continue
        mine = group_numbers(given.names)[given.classes] == group
        chosen = replace(given, boxes=given.boxes[mine], scores=given.scores[mine], classes=given.classes[mine])
        chosen = replace(chosen, boxes=place(chosen, donor, at, clip, frame))
        found.append(chosen if before is None else _together(before, chosen))
    return replace(clip, objects=tuple(found))


def _together(one: Objects, other: Objects) -> Objects:
    """The objects of both, under the names of both."""
    names = tuple(dict.fromkeys([*one.names, *other.names]))
    classes = [names.index(name) for name in (*one.class_names, *other.class_names)]
    return Objects(
        np.concatenate([one.boxes, other.boxes]),
        np.concatenate([one.scores, other.scores]),
        np.array(classes, np.int64),
        names,
    )


def misled(
    recognizer: ActionRecognizer, clips: Sequence[LabeledClip], donors: int, seed: int = 0
) -> dict[str, dict[str, tuple[int, int]]]:
    """By kind of object and way of pasting it: how many right answers it turned wrong, and of how many."""
    members = [replace(member, classifier=Remembered(member.classifier)) for member in recognizer.members]
    remembering = ActionRecognizer(members, used=recognizer.used, sampling=recognizer.sampling)
    answers = predict_clips(remembering, clips)
    right = [clip for clip, answer in zip(clips, answers, strict=True) if answer.correct]
    counts: dict[str, dict[str, tuple[int, int]]] = {}
    for group, kind in enumerate(GROUPS):
        showing = [clip for clip in clips if shows(clip, group)]
        generator = np.random.default_rng((seed, group))
        pairs = []
        for clip in right:
            others = [other for other in showing if other.label != clip.label]
            chosen = generator.permutation(len(others))[:donors].tolist()
            pairs += [(clip, others[number]) for number in chosen]
        counts[kind] = {}
        for way, place in WAYS.items():
            given = [pasted(clip, donor, group, place) for clip, donor in pairs]
            wrong = sum(not answer.correct for answer in predict_clips(remembering, given)) if given else 0
            counts[kind][way] = wrong, len(given)
    return counts


def in_words(wrong: int, of: int) -> str:
    """A share with its interval."""
    if not of:
        return "no clip shows one"
    low, high = binomtest(wrong, of).proportion_ci(method="wilson")
    return f"{wrong} of {of}, {wrong / of:.1%} ({low:.1%} to {high:.1%})"


def main() -> None:
    """Measure, and print the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("sets", type=Path, metavar="SETS")
    parser.add_argument("models", nargs="+", type=Path, metavar="MODEL")
    parser.add_argument("--strength", type=float, metavar="S", help="Read objects as fitted, with weights times S.")
    parser.add_argument("--part", action="append", metavar="PART", help="Paste into the clips of this table of SETS.")
    parser.add_argument("--donors", type=int, default=3, metavar="N", help="Clips that objects of a kind come from.")
    given = parser.parse_args()
    recognizer = recognizer_of(given.models)
    if given.strength is not None:
        learned = clips_of([given.sets / "jhmdb.csv", given.sets / "web.csv"])
        kept_out = clips_of([given.sets / f"{part}.csv" for part in VALIDATED])
        reading, _ = reading_of(recognizer, apart_from(learned, kept_out))
        if reading is None:
            raise SystemExit(f"no class of objects is seen often enough in the clips of {given.sets}")
        recognizer = with_strength(recognizer, held(reading), given.strength)
    clips = clips_of([given.sets / f"{part}.csv" for part in given.part or PARTS])
    known = [clip for clip in clips if clip.label in recognizer.labels]
    print(f"| object | {' | '.join(WAYS)} |\n|---|{'---:|' * len(WAYS)}")
    for kind, ways in misled(recognizer, known, given.donors).items():
        print(f"| {kind} | {' | '.join(in_words(*ways[way]) for way in WAYS)} |")


if __name__ == "__main__":
    main()
