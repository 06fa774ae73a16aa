"""Segments of pairs: from when to when two people do something together."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from itertools import groupby, pairwise

import numpy as np
from numpy.typing import NDArray

from posec3d_cli.answers import ActionSegment, Pair, PairInWindow, WindowScores, weighted_mean
from posec3d_cli.timeline.presence import Length, Span, in_frames
from posec3d_cli.timeline.smoothing import LEAST, ViterbiSmoother, merge_short
from posec3d_cli.types import ActionScores


def apart(pair: ActionScores, each: Sequence[ActionScores], interactions: Collection[str]) -> float:
    """How probable what two people do alone is: what the pair leaves, times the mean of the best action of each.

    Args:
        pair: what the reading of both says.
        each: the scores of either, in which interactions may have a part.
        interactions: the labels of what two people do together.
    """
    left = sum(
        p for label, p in zip(pair.labels, pair.probabilities.tolist(), strict=True) if label not in interactions
    )
    best = [float(one.ruling_out(interactions).probabilities.max()) for one in each]
    return float(left * sum(best) / len(best))


def pair_segments(
    windows: Sequence[WindowScores],
    spans: Mapping[int | None, Sequence[Span]],
    interactions: Collection[str],
    *,
    min_score: float,
    switch_cost: float,
    shortest: int,
    length: Length = in_frames,
) -> list[ActionSegment]:
    """The segments of pairs, in order of start; those of one person do not overlap.

    For each stretch in which both people of a pair are in sight, `ViterbiSmoother` chooses between the interactions and
    "apart". An interaction is as probable as the reading of the pair says; apart is as probable as `apart` says, or as
    `min_score` if that is more. In windows in which the pair
    was not read, they are apart. An interaction is a segment where it is more probable than apart over its windows
    together. Where two pairs share a person, the more probable segment stays, and the other has what is left.

    Args:
        windows: in order.
        spans: when people are in sight, see `posec3d_cli.timeline.presence`.
        interactions: the labels of what two people do together.
        min_score: of an action that is named.
        switch_cost: of `ViterbiSmoother`.
        shortest: frames of the shortest segment.
        length: how long frames are shown, see `posec3d_cli.types.VideoInfo.length`.
    """
    found: list[ActionSegment] = []
    for pair in dict.fromkeys(one.people for window in windows for one in window.pairs):
        for first in spans.get(pair[0], ()):
            for second in spans.get(pair[1], ()):
                start, stop = max(first[0], second[0]), min(first[1], second[1])
                if start < stop:
                    span = start, stop
                    found += _of_span(windows, pair, span, interactions, min_score, switch_cost, shortest, length)
    found.sort(key=lambda one: -_best(one))
    kept: list[ActionSegment] = []
    for one in found:
        taken = [(other.start, other.stop) for other in kept if {*_ids(other)} & {*_ids(one)}]
        pieces = free((one.start, one.stop), taken)
        if pieces:
            start, stop = max(pieces, key=lambda piece: length(*piece))
            if (start, stop) == (one.start, one.stop) or length(start, stop) >= shortest:
                kept.append(ActionSegment(start, stop, one.person, one.scores))
    return _to_edges(sorted(kept, key=lambda one: one.start), spans, shortest, length)


def free(span: Span, taken: Sequence[Span]) -> list[Span]:
    """What is left of a span without those taken, which do not overlap each other."""
    inside = sorted((max(start, span[0]), min(stop, span[1])) for start, stop in taken)
    edges = [span[0], *(edge for one in inside if one[0] < one[1] for edge in one), span[1]]
    return [(start, stop) for start, stop in zip(edges[::2], edges[1::2], strict=True) if start < stop]


def _ids(segment: ActionSegment) -> Pair:
    assert isinstance(segment.person, tuple)
    return segment.person


def _best(segment: ActionSegment) -> float:
    assert segment.scores is not None
    return segment.scores.top(1)[0][1]


def _of_span(
    windows: Sequence[WindowScores],
    pair: Pair,
    span: Span,
    interactions: Collection[str],
    min_score: float,
    switch_cost: float,
    shortest: int,
    length: Length,
) -> list[ActionSegment]:
    """The segments of a pair while both are in sight."""
    seen = [window for window in windows if window.start < span[1] and window.stop > span[0] if _has(window, pair)]
    if not seen:
        return []
    middles = [(max(window.start, span[0]) + min(window.stop, span[1])) / 2 for window in seen]
    borders = [span[0], *(round((a + b) / 2) for a, b in pairwise(middles)), span[1]]
    read = [next((one for one in window.pairs if one.people == pair), None) for window in seen]
    labels = [label for label in seen[0].people[0].scores.labels if label in interactions]
    chances = [_chances(window, one, labels, min_score) for window, one in zip(seen, read, strict=True)]
    smoother = ViterbiSmoother(switch_cost)
    for values in chances:
        smoother.add(np.log(np.maximum(values, LEAST)))
    lengths = [length(start, stop) for start, stop in pairwise(borders)]
    states = merge_short(smoother.path(), lengths, shortest)
    segments = []
    for state, group in groupby(range(len(states)), key=lambda number: states[number]):
        run = list(group)
        known = [number for number in run if read[number] is not None]
        if state == len(labels) or not known:
            continue
        weights = np.array([lengths[number] for number in known], np.float64)
        weights = weights if weights.any() else np.ones(len(known))
        mean = np.average([chances[number] for number in known], axis=0, weights=weights)
        if mean[:-1].max() > mean[-1]:
            scores = weighted_mean([one.scores for n in known if (one := read[n]) is not None], weights.tolist())
            segments.append(ActionSegment(borders[run[0]], borders[run[-1] + 1], pair, scores))
    return segments


def _has(window: WindowScores, pair: Pair) -> bool:
    return {*pair} <= {person.id for person in window.people}


def _chances(
    window: WindowScores, read: PairInWindow | None, labels: Sequence[str], min_score: float
) -> NDArray[np.float64]:
    """How probable each interaction is in a window and, last, that the two are apart."""
    if read is None:
        return np.array([*(0.0 for _ in labels), 1.0])
    probable = dict(zip(read.scores.labels, read.scores.probabilities.tolist(), strict=True))
    both = [person.scores for person in window.people if person.id in read.people]
    return np.array([*(probable[label] for label in labels), max(apart(read.scores, both, labels), min_score)])


def _to_edges(
    segments: Sequence[ActionSegment], spans: Mapping[int | None, Sequence[Span]], shortest: int, length: Length
) -> list[ActionSegment]:
    """The segments, which take what is left beside them where that is short for both people."""
    found = list(segments)
    for number, one in enumerate(found):
        start, stop = one.start, one.stop
        left, right = [], []
        for person in _ids(one):
            others = [(other.start, other.stop) for other in found if other is not one and person in _ids(other)]
            pieces = [piece for span in spans.get(person, ()) for piece in free(span, others)]
            [around] = [piece for piece in pieces if piece[0] <= start and stop <= piece[1]]
            left.append(around[0])
            right.append(around[1])
        if length(min(left), start) < shortest:
            start = max(left)
        if length(stop, max(right)) < shortest:
            stop = min(right)
        found[number] = ActionSegment(start, stop, one.person, one.scores)
    return found
