"""Aggregate scores: the people of each window, the weight of each, and the weighted mean of their scores.

Pure functions; the networks are called elsewhere.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Sequence
from dataclasses import dataclass, replace

import numpy as np

from posec3d_cli.answers import PairInWindow, Who, weighted_mean
from posec3d_cli.errors import counted
from posec3d_cli.recognition.tally import ClipTally
from posec3d_cli.results import PersonInWindow, PersonScores, VideoPoses, WindowScores
from posec3d_cli.sampling.clips import ClipSampling, Window
from posec3d_cli.tracking.pairs import near_pairs
from posec3d_cli.tracking.selection import EVERYBODY, Selection
from posec3d_cli.tracking.tracks import Tracks
from posec3d_cli.types import ActionScores, Ints, PoseSequence, VideoInfo

FEW_FRAMES = 0.5  # warn if a person was found in a smaller share of the frames
CUTS_SAID = 5  # more cuts are counted only
WEAK_JOINTS = 0.3  # warn if the mean joint score is lower


@dataclass(frozen=True, eq=False)
class Subject:
    """The people in one classifier input, and the weight of the input in the result of its window; 0 of a pair."""

    window: int
    person: Who  # the track id, those of a pair, or None for all people together
    weight: float
    objects: tuple[tuple[str, float], ...] = ()  # what is at their hands, see `PersonInWindow`


Scored = tuple[Subject, ActionScores]


def subjects(
    part: Callable[[Ints], VideoPoses],
    plan: Sequence[Window],
    sampling: ClipSampling,
    ids: set[int],
    selection: Selection = EVERYBODY,
    *,
    interactions: Collection[str] = (),
) -> Iterator[tuple[Subject, PoseSequence]]:
    """The subjects and their pose sequences, window by window. Adds the track ids of the main people to `ids`.

    `part` gives the poses of the frames of a window: `VideoPoses.part`, or what remembers what it gave. A window
    without a person has no subject. Where there are labels of what two people do together, and people are read each
    alone, two of them who are near each other are a subject too.
    """
    for number, window in enumerate(plan):
        used = part(window.indices)
        tracks = selection.of_window(used.tracks())
        main = tracks.main_people(sampling.min_share)
        ids.update(main.ids.tolist())
        if sampling.people == "each":
            sequences = main.each(**used.placing)
            for track_id, weight, sequence in zip(main.ids.tolist(), _shares(main), sequences, strict=True):
                yield Subject(number, track_id, weight), sequence
            for rows in near_pairs(main) if interactions else ():
                first, second = sorted(main.ids[list(rows)].tolist())
                yield Subject(number, (first, second), 0.0), main.take(rows).sequence(**used.placing)
        elif len(tracks):
            yield Subject(number, None, 1.0), tracks.sequence(**used.placing)


def _shares(tracks: Tracks) -> list[float]:
    """The weight of each person in the result: the square of the importance, summing to 1.

    Squared, so that several bystanders together do not outweigh the person who is filmed.
    """
    importance = tracks.importance.astype(np.float64) ** 2
    total = importance.sum()
    return [float(value / total) if total > 0 else 1 / len(tracks) for value in importance]


def aggregate_window(number: int, window: Window, scored: Sequence[Scored]) -> WindowScores:
    """The scores of window `number`: the weighted mean of the scores of its people."""
    here = [(subject, answer) for subject, answer in scored if subject.window == number]
    pairs = tuple(PairInWindow(one.person, answer) for one, answer in here if isinstance(one.person, tuple))
    here = [(subject, answer) for subject, answer in here if not isinstance(subject.person, tuple)]
    scores = weighted_mean([answer for _, answer in here], [subject.weight for subject, _ in here]) if here else None
    people = [
        PersonInWindow(subject.person, subject.weight, answer, subject.objects)
        for subject, answer in here
        if isinstance(subject.person, int)
    ]
    return WindowScores(window.start, window.stop, scores, tuple(people), pairs)


def aggregate_people(people: Sequence[PersonScores], scored: Sequence[Scored]) -> tuple[PersonScores, ...]:
    """The people with their scores; the weight of a person is the mean over the windows with people."""
    windows = len({subject.window for subject, _ in scored})
    result: list[PersonScores] = []
    for seen in people:
        mine = [(answer, subject.weight) for subject, answer in scored if subject.person == seen.id]
        if mine:
            weights = [weight for _, weight in mine]
            scores = weighted_mean([answer for answer, _ in mine], weights)
            result.append(replace(seen, weight=sum(weights) / windows, scores=scores))
        else:
            result.append(seen)
    return tuple(result)


def warnings_for(video: VideoInfo, tally: ClipTally, sampling: ClipSampling) -> tuple[str, ...]:
    """Warnings, in sentences, about what makes the result less certain."""
    found, score = tally.with_person, tally.mean_keypoint_score
    said = list(video.notes)
    lost = video.lost_frames + tally.lost
    if lost:
        was = "was" if lost == 1 else "were"
        said.append(f"{counted(lost, 'damaged frame')} could not be decoded and {was} left out")
    if video.frame_count < sampling.frames:
        count = counted(video.frame_count, "frame")
        said.append(f"the video has {count} and the classifier reads {sampling.frames}: frames are repeated")
    if 0 < found < FEW_FRAMES * tally.frames:
        said.append(f"somebody was found in only {found} of {counted(tally.frames, 'frame')} used")
    if score is not None and score < WEAK_JOINTS:
        said.append(f"the joints are seen poorly: their mean score is {score:.2f}")
    if tally.cuts:
        said.append(f"{_cuts_at([video.seconds(cut) for cut in tally.cuts])}: nobody is followed over a cut")
    return tuple(said)


def _cuts_at(seconds: Sequence[float]) -> str:
    number = counted(len(seconds), "cut")
    if len(seconds) > CUTS_SAID:
        return f"{number}, the first at {seconds[0]:.2f} s"
    *first, last = (f"{one:.2f}" for one in seconds)
    return f"{number} at {', '.join(first)} and {last} s" if first else f"{number} at {last} s"
