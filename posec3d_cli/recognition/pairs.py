"""Pairs: one answer of what people do alone and what two of them do together.

A classifier with interactions reads each person alone and each pair of people who are near each other
(`posec3d_cli.tracking.pairs`) in one input, as it was trained on two people. What the reading of a pair gives to
interactions is how probable it is that the two do that; the rest is shared out among the single actions as the
reading of each person alone says. So interactions come from pairs only and single actions from people alone, and the
scores of a person sum to 1. Where no interaction is more probable than what the two do alone, each keeps the own
reading.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import replace

import numpy as np

from posec3d_cli.answers import PairInWindow, PersonInWindow, PersonScores, WindowScores, weighted_mean
from posec3d_cli.timeline.pairs import apart
from posec3d_cli.types import ActionScores, Floats


def joined_readings(window: WindowScores, interactions: Collection[str]) -> WindowScores:
    """The window with one answer per person, of the readings of people alone and of pairs.

    A person is in one pair at most: that whose reading gives most to interactions.

    Args:
        window: its people, and the pairs among them, as they were read.
        interactions: the labels of what two people do together.
    """
    if not window.people:
        return window
    people = {one.id: replace(one, scores=one.scores.ruling_out(interactions)) for one in window.people}
    order = sorted(window.pairs, key=lambda pair: -_together(pair.scores, interactions))
    pairs: list[PairInWindow] = []
    for pair in order:
        if any({*pair.people} & {*other.people} for other in pairs) or not {*pair.people} <= people.keys():
            continue
        both = [people[one] for one in pair.people]
        joined = [replace(person, scores=_shared(pair.scores, person.scores, interactions)) for person in both]
        scores = weighted_mean([person.scores for person in joined], [1.0, 1.0])
        best = max(p for label, p in zip(scores.labels, scores.probabilities, strict=True) if label in interactions)
        together = bool(best > apart(scores, [person.scores for person in both], interactions))
        pairs.append(PairInWindow(pair.people, scores, together))
        if together:
            people |= {person.id: person for person in joined}
    found = tuple(people[one.id] for one in window.people)
    scores = weighted_mean([one.scores for one in found], [one.weight for one in found])
    return replace(window, scores=scores, people=found, pairs=tuple(pairs))


def people_of_windows(seen: Sequence[PersonScores], windows: Sequence[WindowScores]) -> tuple[PersonScores, ...]:
    """The people with the weighted mean of their scores; the weight is the mean over the windows with people."""
    count = sum(bool(window.people) for window in windows)
    parts: dict[int, list[PersonInWindow]] = {}
    for window in windows:
        for person in window.people:
            parts.setdefault(person.id, []).append(person)
    result = []
    for one in seen:
        mine = parts.get(one.id, [])
        weights = [person.weight for person in mine]
        scores = weighted_mean([person.scores for person in mine], weights) if mine else one.scores
        result.append(replace(one, weight=sum(weights) / max(count, 1), scores=scores))
    return tuple(result)


def _together(scores: ActionScores, interactions: Collection[str]) -> float:
    both = zip(scores.labels, scores.probabilities.tolist(), strict=True)
    return float(sum(value for label, value in both if label in interactions))


def _shared(pair: ActionScores, single: ActionScores, interactions: Collection[str]) -> ActionScores:
    """What a pair does together as the pair says, and the rest as a person alone says."""
    together = np.array([label in interactions for label in pair.labels])
    single = single.ruling_out(interactions)

    def join(of_pair: Floats, of_single: Floats) -> Floats:
        left = of_pair[~together].sum(dtype=np.float64)
        return np.where(together, of_pair, left * of_single).astype(np.float32)

    moved = None
    if pair.without_objects is not None or single.without_objects is not None:
        moved = join(pair.of_poses.probabilities, single.of_poses.probabilities)
    return ActionScores(join(pair.probabilities, single.probabilities), pair.labels, moved)
