"""The segments of saved results: those of a timeline, or windows one after the other with one answer."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace

from posec3d_cli.annotations.segments import Segment, segment_label
from posec3d_cli.batch.saved_results import SavedAnswer, SavedResult
from posec3d_cli.results import UNKNOWN


def predicted_segments(result: SavedResult, frames: int, min_score: float = 0.0) -> list[Segment]:
    """The segments of a clip; a correction stands for the whole clip, and is no prediction.

    Args:
        result: what was saved of it.
        frames: of the video.
        min_score: where the best label scores less, the answer is `unknown`.
    """
    if result.corrected:
        return [Segment(segment_label(result.corrected), 0, frames, reviewed=True)]
    answers = result.answers
    if not answers and result.label and result.score is not None:
        answers = (SavedAnswer(0, frames, result.label, result.score),)
    named = [_named(one, min_score) for one in answers]
    segments = [
        found
        for person in dict.fromkeys(one.person for one in named)
        for found in _merged([one for one in named if one.person == person], frames)
    ]
    return sorted(segments, key=lambda one: (one.start, one.stop))


def _named(one: SavedAnswer, min_score: float) -> SavedAnswer:
    if one.corrected:
        return replace(one, label=one.corrected)
    return replace(one, label=UNKNOWN) if round(one.score, 6) < min_score else one


def _merged(answers: Sequence[SavedAnswer], frames: int) -> Iterator[Segment]:
    """Segments that do not overlap; where windows with two answers do, the border is the middle of both."""
    ordered = sorted(answers, key=lambda one: (one.start, one.stop))
    groups: list[list[SavedAnswer]] = []
    for one in ordered:
        if groups and _alike(groups[-1][-1], one) and one.start <= groups[-1][-1].stop:
            groups[-1].append(one)
        else:
            groups.append([one])
    begin = 0
    for place, group in enumerate(groups):
        start, stop = max(begin, group[0].start), min(group[-1].stop, frames)
        after = groups[place + 1][0].start if place + 1 < len(groups) else stop
        if after < stop:
            stop = (after + stop) // 2
        begin = stop
        if start < stop and group[0].label:
            label, person = segment_label(group[0].label), group[0].person
            score = sum(one.score for one in group) / len(group)
            if group[0].corrected:
                yield Segment(label, start, stop, person, reviewed=True)
            else:
                yield Segment(label, start, stop, person, score)


def _alike(before: SavedAnswer, after: SavedAnswer) -> bool:
    return before.label == after.label and bool(before.corrected) == bool(after.corrected)
