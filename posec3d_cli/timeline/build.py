"""Build the segments of a video from the scores of its windows."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction
from itertools import groupby, pairwise

from posec3d_cli.answers import NO_PERSON, UNKNOWN, ActionSegment, Who, WindowScores, people_of, weighted_mean
from posec3d_cli.results import LONG
from posec3d_cli.timeline.pairs import free, pair_segments
from posec3d_cli.timeline.presence import Length, Span, in_frames
from posec3d_cli.timeline.smoothing import SWITCH_COST, ViterbiSmoother, evidence, merge_short
from posec3d_cli.types import ActionScores

SHORTEST = 1.5
"""Seconds that a segment lasts at least, unless its person is in sight for less."""
SHORTEST_PRESENCE = 1.0
"""Seconds that a person must be in sight, or nobody, to have a segment."""
MAIN_WEIGHT = 0.1
"""Of a person in some window: who weighs less in all of them has no segments."""


@dataclass(frozen=True)
class _Cell:
    """The frames that a window stands for, and the scores of one person in it."""

    start: int
    stop: int
    scores: ActionScores


def action_segments(
    windows: Sequence[WindowScores],
    spans: Mapping[int | None, Sequence[Span]],
    *,
    frame_count: int,
    fps: Fraction,
    min_score: float = 0.0,
    switch_cost: float = SWITCH_COST,
    shortest: float = SHORTEST,
    length: Length = in_frames,
    interactions: Collection[str] = (),
) -> tuple[ActionSegment, ...]:
    """The segments of each person, of pairs, or of all people together, and those without a person, in order of start.

    Windows overlap: each stands for the frames that are nearer to its middle than to that of another one. For each
    span in which a person is in sight, `ViterbiSmoother` chooses the actions, and runs shorter than `shortest` go to a
    neighbour. The scores of a segment are the mean of those of its windows. Segments of one person do not overlap.
    Those of pairs come first: in what they leave, people are alone; less than `shortest` beside one is nobody's.

    Args:
        windows: in order.
        spans: when people are in sight, see `posec3d_cli.timeline.presence`.
        frame_count: of the video.
        fps: its frame rate.
        min_score: of an action that is named.
        switch_cost: of `ViterbiSmoother`.
        shortest: in seconds.
        length: how long frames are shown, see `posec3d_cli.types.VideoInfo.length`.
        interactions: the labels of what two people do together, where pairs were read.
    """
    least, seen = (max(1, round(seconds * float(fps))) for seconds in (shortest, SHORTEST_PRESENCE))
    people: list[int | None] = [*main_people(windows)] or [None]
    found = [
        ActionSegment(start, stop, None, None)
        for start, stop in _between(spans.get(None, ()), frame_count, seen, length)
    ]
    together = pair_segments(
        windows, spans, interactions, min_score=min_score, switch_cost=switch_cost, shortest=least, length=length
    )
    found += together
    for person in people:
        taken = [(one.start, one.stop) for one in together if person in people_of(one.person)]
        for span in spans.get(person, ()):
            if person is not None and length(*span) < min(seen, length(0, frame_count)):
                continue
            for piece in free(span, taken):
                if piece != span and length(*piece) < least:
                    continue
                if cells := _cells(windows, person, piece, interactions):
                    found += _smoothed(cells, person, min_score, switch_cost, least, length)
    return tuple(sorted(found, key=lambda one: (one.start, people_of(one.person))))


def clip_scores(
    windows: Sequence[WindowScores], segments: Sequence[ActionSegment], min_score: float, length: Length = in_frames
) -> ActionScores | None:
    """The scores of a whole clip: the mean over its windows; None without a person.

    Where the timeline of more than `LONG` windows names several actions, the mean over all of them would answer no
    question: then it is the mean over the segments of the action that takes most time.
    """
    known = [window.scores for window in windows if window.scores is not None]
    if not known:
        return None
    lengths: dict[str, float] = {}
    for one in segments:
        if (label := one.answer(min_score)) not in (UNKNOWN, NO_PERSON):
            shown = length(one.start, one.stop) * _people(one)
            lengths[label] = lengths.get(label, 0) + shown
    if len(lengths) > 1 and len(windows) > LONG:
        most = max(lengths, key=lambda label: lengths[label])
        parts = [
            (one.scores, float(one.frames * _people(one)))
            for one in segments
            if one.scores and one.answer(min_score) == most
        ]
        return weighted_mean(*map(list, zip(*parts, strict=True)))
    return weighted_mean(known, [1.0] * len(known))


def _people(segment: ActionSegment) -> int:
    """Whose segment it is, in people: two of a pair."""
    return max(1, len(people_of(segment.person)))


def main_people(windows: Sequence[WindowScores]) -> list[int]:
    """The track ids of the people who have segments, in order of appearance; empty where all are read together."""
    most: dict[int, float] = {}
    for window in windows:
        for person in window.people:
            most[person.id] = max(person.weight, most.get(person.id, 0.0))
    return [one for one, weight in most.items() if weight >= MAIN_WEIGHT]


def _scores_of(window: WindowScores, person: int | None, interactions: Collection[str]) -> ActionScores | None:
    if person is None:
        return window.scores
    scores = next((one.scores for one in window.people if one.id == person), None)
    return scores.ruling_out(interactions) if scores is not None else None


def _cells(
    windows: Sequence[WindowScores], person: int | None, span: Span, interactions: Collection[str]
) -> list[_Cell]:
    """The windows of a person in a span, cut to it; together they cover it."""
    seen = [
        (window, scores)
        for window in windows
        if window.start < span[1] and window.stop > span[0]
        if (scores := _scores_of(window, person, interactions)) is not None
    ]
    middles = [(max(window.start, span[0]) + min(window.stop, span[1])) / 2 for window, _ in seen]
    borders = [span[0], *(round((a + b) / 2) for a, b in pairwise(middles)), span[1]]
    cells = [_Cell(borders[n], borders[n + 1], scores) for n, (_, scores) in enumerate(seen)]
    return [cell for cell in cells if cell.start < cell.stop]


def _smoothed(
    cells: Sequence[_Cell], person: Who, min_score: float, switch_cost: float, least: int, length: Length
) -> list[ActionSegment]:
    smoother = ViterbiSmoother(switch_cost)
    for cell in cells:
        smoother.add(evidence(cell.scores, min_score))
    states = merge_short(smoother.path(), [length(cell.start, cell.stop) for cell in cells], least)
    segments: list[ActionSegment] = []
    for _, group in groupby(zip(states, cells, strict=True), key=lambda one: one[0]):
        run = [cell for _, cell in group]
        segments.append(_segment(run, person))
    return _joined(segments, min_score)


def _segment(run: Sequence[_Cell], person: Who) -> ActionSegment:
    lengths = [float(cell.stop - cell.start) for cell in run]
    return ActionSegment(run[0].start, run[-1].stop, person, weighted_mean([cell.scores for cell in run], lengths))


def _joined(segments: Sequence[ActionSegment], min_score: float) -> list[ActionSegment]:
    """Neighbours of one answer as one: what the mean of a run names may be another than its state."""
    joined: list[ActionSegment] = []
    for one in segments:
        last = joined[-1] if joined else None
        if last is not None and last.answer(min_score) == one.answer(min_score):
            assert last.scores is not None
            assert one.scores is not None
            lengths = [float(last.frames), float(one.frames)]
            scores = weighted_mean([last.scores, one.scores], lengths)
            joined[-1] = ActionSegment(last.start, one.stop, one.person, scores)
        else:
            joined.append(one)
    return joined


def _between(spans: Sequence[Span], frame_count: int, least: int, length: Length) -> list[Span]:
    """The stretches without anybody; of a video with people, those that last at least `least` frames."""
    if not spans:
        return [(0, frame_count)]
    edges = [0, *(edge for span in spans for edge in span), frame_count]
    return [(start, stop) for start, stop in zip(edges[::2], edges[1::2], strict=True) if length(start, stop) >= least]
