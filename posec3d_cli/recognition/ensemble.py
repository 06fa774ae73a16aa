"""Ensembles: several classifiers on the same people, and the weighted mean of their probabilities.

The joint and limb networks of PoseC3D are published as ensembles: `posec3d-ntu60-joint+posec3d-ntu60-limb`. Members may
differ in their input builders and clip sampling, but not in their labels.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace

from msgspec import structs

from posec3d_cli.answers import Pair, PairInWindow, weighted_mean
from posec3d_cli.errors import StageMismatch
from posec3d_cli.recognition.objects import ObjectReading
from posec3d_cli.results import ModelInfo, PersonInWindow, PersonScores, PipelineInfo, WindowScores
from posec3d_cli.sampling.clips import ClipSampling
from posec3d_cli.stages.protocols import ActionClassifier, InputBuilder


@dataclass(frozen=True, eq=False)
class Member:
    """One classifier of an ensemble, with its input builder and clip sampling.

    Attributes:
        builder: makes the input of the classifier from poses.
        classifier: the classifier.
        sampling: the default clip sampling.
        weight: in the weighted mean, relative to the other members.
        objects: moves what the classifier says of poses by the objects beside people; None: it reads poses alone.
        interactions: the labels of what two people do together, see `posec3d_cli.recognition.pairs`.
    """

    builder: InputBuilder
    classifier: ActionClassifier
    sampling: ClipSampling = field(default_factory=ClipSampling)
    weight: float = 1.0
    objects: ObjectReading | None = None
    interactions: tuple[str, ...] = ()

    def reads(self, sampling: ClipSampling) -> ClipSampling:
        """`sampling` with the frames per view and the sampler that the member was trained with."""
        own = self.sampling
        return structs.replace(sampling, frames=own.frames, sampler=own.sampler, rgb_frames=own.rgb_frames)


def check_compatible(members: Sequence[Member], names: Sequence[str]) -> None:
    """Refuse members whose probabilities cannot be averaged.

    Raises:
        StageMismatch: labels, windows or the handling of people differ.
    """
    first = members[0]
    for name, member in zip(names[1:], members[1:], strict=True):
        both = f"{names[0]} and {name} cannot be an ensemble"
        ours, theirs = first.classifier.labels, member.classifier.labels
        if len(ours) != len(theirs):
            raise StageMismatch(f"{both}: they have {len(ours)} and {len(theirs)} labels")
        if ours != theirs:
            number = next(n for n, (a, b) in enumerate(zip(ours, theirs, strict=True)) if a != b)
            raise StageMismatch(f"{both}: their class {number} is {ours[number]!r} and {theirs[number]!r}")
        if {*first.interactions} != {*member.interactions}:
            own, other = (", ".join(one.interactions) or "none" for one in (first, member))
            raise StageMismatch(f"{both}: the interactions of one are {own}, of the other {other}")
        wanted, found = first.sampling, first.reads(member.sampling)
        for setting in ClipSampling.__struct_fields__:
            a, b = getattr(wanted, setting), getattr(found, setting)
            if a != b:
                raise StageMismatch(f"{both}: {setting} is {a} in the card of one and {b} in that of the other")


def ensemble_info(used: Sequence[PipelineInfo], weights: Sequence[float]) -> PipelineInfo:
    """The pipeline info of an ensemble, from that of its members; of one member, its own."""
    if len(used) == 1:
        return used[0]
    parts = [one.models["classifier"] for one in used]
    whole = ModelInfo(
        name="+".join(part.name for part in parts),
        stage="+".join(dict.fromkeys(part.stage for part in parts)),
        device="+".join(dict.fromkeys(part.device for part in parts)),
        sha256={f"{part.name}/{file}": digest for part in parts for file, digest in part.sha256.items()},
    )
    shares = {part.name: weight / sum(weights) for part, weight in zip(parts, weights, strict=True)}
    builder = "+".join(dict.fromkeys(one.builder for one in used))
    precision = "+".join(dict.fromkeys(one.precision for one in used if one.precision)) or None
    return replace(used[0], models={"classifier": whole}, builder=builder, precision=precision, ensemble=shares)


def average_windows(answers: Sequence[WindowScores], weights: Sequence[float]) -> WindowScores:
    """The weighted mean of the members' scores of one window.

    Also of each person; members without people do not count.
    """
    known = [(one.scores, weight) for one, weight in zip(answers, weights, strict=True) if one.scores is not None]
    scores = weighted_mean([scores for scores, _ in known], [weight for _, weight in known]) if known else None
    alone: dict[int, list[tuple[PersonInWindow, float]]] = {}
    for one, weight in zip(answers, weights, strict=True):
        for person in one.people:
            alone.setdefault(person.id, []).append((person, weight))
    people = [
        PersonInWindow(
            track_id,
            sum(person.weight * weight for person, weight in read) / sum(weights),
            weighted_mean([person.scores for person, _ in read], [weight for _, weight in read]),
            next((person.objects for person, _ in read if person.objects), ()),
        )
        for track_id, read in alone.items()
    ]
    people.sort(key=lambda person: -person.weight)
    together: dict[Pair, list[tuple[PairInWindow, float]]] = {}
    for one, weight in zip(answers, weights, strict=True):
        for pair in one.pairs:
            together.setdefault(pair.people, []).append((pair, weight))
    pairs = tuple(
        PairInWindow(ids, weighted_mean([pair.scores for pair, _ in read], [weight for _, weight in read]))
        for ids, read in together.items()
    )
    return replace(answers[0], scores=scores, people=tuple(people), pairs=pairs)


def average_people(answers: Sequence[Sequence[PersonScores]], weights: Sequence[float]) -> tuple[PersonScores, ...]:
    """The weighted mean of the members' scores of each person. All members have the same people."""
    shares = [weight / sum(weights) for weight in weights]
    people = []
    for same in zip(*answers, strict=True):
        known = [(one.scores, share) for one, share in zip(same, shares, strict=True) if one.scores is not None]
        weight = sum(one.weight * share for one, share in zip(same, shares, strict=True))
        scores = weighted_mean([scores for scores, _ in known], [share for _, share in known]) if known else None
        people.append(replace(same[0], weight=weight, scores=scores))
    return tuple(people)
