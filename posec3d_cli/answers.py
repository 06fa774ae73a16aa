"""Answers, and what made them: how scores become a label, statuses, failures, and the models of a pipeline."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Self

import numpy as np

from posec3d_cli.errors import PoseC3DError, StageMismatch
from posec3d_cli.files.writing import printable
from posec3d_cli.types import ActionScores, Floats, ShapeRepr, VideoInfo

OK, FAILED = "ok", "failed"  # the status of a result, beside NO_PERSON
NO_PERSON = "no_person"  # the status and the answer, in data, where nobody was found
NO_PERSON_IN_WORDS = "no person"  # the same, as people read it
Pair = tuple[int, int]
"""The track ids of two people who do something together, the smaller one first."""
Who = int | Pair | None
"""Whose action it is: a person's by track id, a pair's, or that of everybody, or nobody, together."""
UNKNOWN = "unknown"  # the answer where the best action scores too little, or a classifier's label for other actions


@dataclass(frozen=True)
class Failure:
    """The reason of a failure, as a value that can be stored and sent to other processes.

    Attributes:
        kind: name of the error's class.
        what: what is wrong.
        hint: what to do about it; may be empty.
    """

    kind: str
    what: str
    hint: str = ""

    @classmethod
    def of(cls, error: PoseC3DError) -> Self:
        """The failure of an error."""
        return cls(type(error).__name__, error.what, error.hint)


@dataclass(frozen=True)
class ModelInfo:
    """One model of a pipeline, as it ran.

    Attributes:
        name: of its card.
        stage: name of the stage that ran it.
        device: where it ran; of several classifiers that ran in different places, these with `+` between.
        sha256: of each weights file, by the name that the card gives it.
    """

    name: str
    stage: str
    device: str
    sha256: Mapping[str, str]


@dataclass(frozen=True)
class PipelineInfo:
    """The models and settings behind a result.

    Attributes:
        name: of the pipeline card, or None if the models were chosen one by one.
        models: by kind: "detector", "pose", "classifier".
        builder: the builder's name; of several classifiers that read different things, the names with `+` between.
        precision: of the classifier's arithmetic, or None where it does not say; of several as `device`.
        ensemble: of an ensemble, the weight of each classifier by its name, summing to 1.
        detect_every: N; people were detected in every N-th frame.
        min_score: the answer is UNKNOWN if the best action scores less.
    """

    name: str | None = None
    models: Mapping[str, ModelInfo] = field(default_factory=dict)
    builder: str = "heatmap"
    precision: str | None = None
    ensemble: Mapping[str, float] = field(default_factory=dict)
    detect_every: int = 1
    min_score: float = 0.0


@dataclass(frozen=True, eq=False, repr=False)
class PersonScores(ShapeRepr):
    """The scores of one tracked person.

    Attributes:
        id: the track id, as drawn in the annotated video.
        frames: the number of frames, of those used, in which the person was found.
        mean_keypoint_score: over those frames and all joints.
        weight: of the person in the result of the clip, in [0, 1]; 0 for a person who was not classified.
        scores: None if the classifier reads all people together, or the person was not classified.
    """

    id: int
    frames: int
    mean_keypoint_score: float
    weight: float
    scores: ActionScores | None


@dataclass(frozen=True, eq=False, repr=False)
class PersonInWindow(ShapeRepr):
    """The scores of one tracked person in one window.

    Attributes:
        id: the track id.
        weight: of the person in the result of the window, in [0, 1].
        scores: of the person alone.
        objects: the classes of objects at the person's hands that a classifier read, with the score of each times its
            nearness, the surest first.
    """

    id: int
    weight: float
    scores: ActionScores
    objects: tuple[tuple[str, float], ...] = ()


@dataclass(frozen=True, eq=False, repr=False)
class PairInWindow(ShapeRepr):
    """The scores of two people who were read together in one window.

    Attributes:
        people: their track ids.
        scores: of what they do together, and of what each does else: see `posec3d_cli.recognition.pairs`.
        together: whether something that they do together is more probable than what each does else.
    """

    people: Pair
    scores: ActionScores
    together: bool = False


@dataclass(frozen=True, eq=False, repr=False)
class WindowScores(ShapeRepr):
    """The scores of one window.

    Attributes:
        start: its first frame.
        stop: the frame after its last.
        scores: None if no person was found.
        people: the people with scores of their own, the most important first; empty if all are read together.
        pairs: the people who were also read two by two, each in one pair at most, the surest pair first.
    """

    start: int
    stop: int
    scores: ActionScores | None
    people: tuple[PersonInWindow, ...] = field(default=(), repr=False)
    pairs: tuple[PairInWindow, ...] = field(default=(), repr=False)


@dataclass(frozen=True, eq=False, repr=False)
class ActionSegment(ShapeRepr):
    """A stretch of a video in which one person, or a pair, does one action, or in which nobody is in sight.

    Attributes:
        start: its first frame.
        stop: the frame after its last.
        person: the track id, or those of two people who do it together; None where all people are read together, or
            nobody is in sight.
        scores: the mean over its windows, weighted by their frames; None: nobody is in sight.
        repetitions: how often a periodic exercise is done; None: the action is none, or nothing can be counted.
    """

    start: int
    stop: int
    person: Who
    scores: ActionScores | None
    repetitions: int | None = None

    @property
    def frames(self) -> int:
        """The number of frames."""
        return self.stop - self.start

    def answer(self, min_score: float) -> str:
        """The best action, UNKNOWN where it scores less than `min_score`, NO_PERSON where nobody is in sight."""
        return answer_of(self.scores, min_score) or NO_PERSON


def people_of(person: Who) -> tuple[int, ...]:
    """The track ids of a person or a pair."""
    if person is None:
        return ()
    return (person,) if isinstance(person, int) else person


def person_text(person: Who) -> str:
    """A person or a pair in tables and pictures: "0", "0+3", and "" for nobody in particular."""
    return "+".join(map(str, people_of(person)))


def person_value(person: Who) -> int | str | None:
    """A person as plain values have it: a number, or a pair as 0+3."""
    return person_text(person) if isinstance(person, tuple) else person


def read_person(cell: object) -> Who:
    """What `person_text` wrote; spreadsheets may write 3 as 3.0.

    Raises:
        ValueError: it is neither a track id nor two of them.
    """
    if cell in (None, ""):
        return None
    if not re.fullmatch(r"\d+(\.0+)?(\+\d+)?", str(cell), re.ASCII):
        raise ValueError(f"{cell!r} is neither a track id nor two of them, as 0+3")
    ids = sorted({int(float(part)) for part in str(cell).split("+")})
    return ids[0] if len(ids) == 1 else (ids[0], ids[1])


def weighted_mean(scores: Sequence[ActionScores], weights: Sequence[float]) -> ActionScores:
    """The weighted mean of probabilities; the plain mean if all weights are 0.

    The weight of a person is the square of `Tracks.importance`: its duration, size and confidence.
    Windows have equal weights.

    Raises:
        StageMismatch: there are no scores, or they differ in their labels.
    """
    if not scores:
        raise StageMismatch("there are no scores to combine")
    if any(one.labels != scores[0].labels for one in scores):
        raise StageMismatch("scores with different labels cannot be combined")
    share = np.asarray(weights, np.float64)
    share = share / share.sum() if share.sum() > 0 else np.full(len(scores), 1 / len(scores))

    def mean(values: Sequence[Floats]) -> Floats:
        return np.asarray((np.stack(values).astype(np.float64) * share[:, None]).sum(axis=0), np.float32)

    moved = any(one.without_objects is not None for one in scores)
    alone = mean([one.of_poses.probabilities for one in scores]) if moved else None
    return ActionScores(mean([one.probabilities for one in scores]), scores[0].labels, alone)


def is_named(probability: float, min_score: float) -> bool:
    """Whether the best action scores at least `min_score`.

    Rounded to six digits as in documents; else it is `UNKNOWN`.
    """
    return round(probability, 6) >= min_score


def best_known(scores: ActionScores) -> tuple[str, float]:
    """The best action with its probability: of the labels other than UNKNOWN, unless the classifier has no other."""
    best = scores.top(2)
    return next((one for one in best if one[0] != UNKNOWN), best[0])


def unless_named(scores: ActionScores | None, min_score: float) -> tuple[str, float] | None:
    """What an answer UNKNOWN would have been, with its probability; None where the answer is another."""
    if scores is None or answer_of(scores, min_score) != UNKNOWN:
        return None
    return best_known(scores)


def answer_of(scores: ActionScores | None, min_score: float) -> str | None:
    """The best action, UNKNOWN where it scores less, or None where there are no scores."""
    if scores is None:
        return None
    [(label, probability)] = scores.top(1)
    return label if is_named(probability, min_score) else UNKNOWN


def status_of(error: Failure | None, somebody: bool) -> str:
    """OK, NO_PERSON or FAILED."""
    if error is not None:
        return FAILED
    return OK if somebody else NO_PERSON


def failure_values(error: Failure) -> dict[str, str]:
    """A failure as plain values."""
    return {"kind": error.kind, "what": printable(error.what), "hint": printable(error.hint)}


def rounded_seconds(spent: Mapping[str, float]) -> dict[str, float]:
    """Wall times by stage, as documents have them."""
    return {stage: round(seconds, 4) for stage, seconds in spent.items()}


def label_values(scores: ActionScores | None, top: int) -> list[dict[str, Any]] | None:
    """The best labels as plain values; None without scores."""
    if scores is None:
        return None
    return [{"label": label, "probability": round(probability, 6)} for label, probability in scores.top(top)]


def answer_values(scores: ActionScores | None, min_score: float, *, nobody: str | None = None) -> dict[str, Any]:
    """The answer, `nobody` without scores, and what it would have been as plain values."""
    return {
        "answer": answer_of(scores, min_score) or nobody,
        "guess": guess_values(unless_named(scores, min_score)),
        "without_objects": values_without_objects(scores),
    }


def values_without_objects(scores: ActionScores | None) -> dict[str, Any] | None:
    """The best label of the poses alone as plain values; None where no object had a say."""
    if scores is None or scores.without_objects is None:
        return None
    [(label, probability)] = scores.of_poses.top(1)
    return {"label": label, "probability": round(probability, 6)}


def guess_values(guess: tuple[str, float] | None) -> dict[str, Any] | None:
    """What an answer `unknown` would have been as plain values; None where the answer is another."""
    return None if guess is None else {"label": guess[0], "probability": round(guess[1], 6)}


def person_values(person: PersonScores, top: int, min_score: float) -> dict[str, Any]:
    """A person with its answer as plain values."""
    return {
        "id": person.id,
        "frames": person.frames,
        "mean_keypoint_score": round(person.mean_keypoint_score, 4),
        "weight": round(person.weight, 4),
        "labels": label_values(person.scores, top),
        **answer_values(person.scores, min_score),
    }


def window_values(window: WindowScores, video: VideoInfo, top: int, min_score: float) -> dict[str, Any]:
    """A window with its answer and those of its people as plain values."""
    return {
        "start_frame": window.start,
        "stop_frame": window.stop,
        "start_seconds": round(video.seconds(window.start), 4),
        "stop_seconds": round(video.seconds(window.stop), 4),
        "labels": label_values(window.scores, top),
        "people": [
            {
                "id": person.id,
                "weight": round(person.weight, 4),
                "labels": label_values(person.scores, top),
                **answer_values(person.scores, min_score),
                "objects": [{"name": name, "at_hand": round(score, 4)} for name, score in person.objects],
            }
            for person in window.people
        ],
        **answer_values(window.scores, min_score, nobody=NO_PERSON),
        **({"pairs": [_pair_values(pair, top, min_score) for pair in window.pairs]} if window.pairs else {}),
    }


def _pair_values(pair: PairInWindow, top: int, min_score: float) -> dict[str, Any]:
    labels = label_values(pair.scores, top)
    answered = answer_values(pair.scores, min_score)
    return {"people": list(pair.people), "together": pair.together, "labels": labels, **answered}


def segment_values(segment: ActionSegment, video: VideoInfo, top: int, min_score: float) -> dict[str, Any]:
    """A segment with its answer, called its label, as plain values."""
    label = segment.answer(min_score)
    guess = unless_named(segment.scores, min_score)
    return {
        "start_frame": segment.start,
        "stop_frame": segment.stop,
        "start_seconds": round(video.seconds(segment.start), 4),
        "stop_seconds": round(video.seconds(segment.stop), 4),
        "frames": segment.frames,
        "person": person_value(segment.person),
        "label": label,
        "probability": None if segment.scores is None else round(segment.scores.top(1)[0][1], 6),
        "guess": guess_values(guess),
        "repetitions": segment.repetitions,
        "labels": label_values(segment.scores, top),
    }
