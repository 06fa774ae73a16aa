"""Aggregate scores: the people of each window, the weight of each, and the weighted mean of their scores.

Pure functions; the networks are called elsewhere.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass, replace

import numpy as np

from posec3d_cli.answers import weighted_mean
from posec3d_cli.errors import counted
from posec3d_cli.results import PersonInWindow, PersonScores, VideoPoses, WindowScores
from posec3d_cli.sampling.clips import ClipSampling, Window
from posec3d_cli.tracking.similarity import box_area
from posec3d_cli.tracking.tracks import Tracks
from posec3d_cli.types import ActionScores, Poses, PoseSequence

FEW_FRAMES = 0.5  # warn if a person was found in a smaller share of the frames
CUTS_SAID = 5  # more cuts are counted only
WEAK_JOINTS = 0.3  # warn if the mean joint score is lower


@dataclass(frozen=True, eq=False)
class Subject:
    """The people in one classifier input, and the weight of the input in the result of its window."""

    window: int
    person: int | None  # the track id, or None for all people together
    weight: float
    objects: tuple[tuple[str, float], ...] = ()  # what is at their hands, see `PersonInWindow`


Scored = tuple[Subject, ActionScores]


def subjects(
    used: VideoPoses, plan: Sequence[Window], sampling: ClipSampling, ids: set[int]
) -> Iterator[tuple[Subject, PoseSequence]]:
    """The subjects and their pose sequences, window by window. Adds the track ids of the main people to `ids`.

    A window without a person has no subject.
    """
    for number, window in enumerate(plan):
        part = used.part(window.indices)
        tracks = part.tracks()
        main = tracks.main_people(sampling.min_share)
        ids.update(main.ids.tolist())
        if sampling.people == "each":
            sequences = main.each(**part.placing)
            for track_id, weight, sequence in zip(main.ids.tolist(), _shares(main), sequences, strict=True):
                yield Subject(number, track_id, weight), sequence
        elif len(tracks):
            yield Subject(number, None, 1.0), tracks.sequence(**part.placing)


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
    scores = weighted_mean([answer for _, answer in here], [subject.weight for subject, _ in here]) if here else None
    people = [
        PersonInWindow(subject.person, subject.weight, answer, subject.objects)
        for subject, answer in here
        if subject.person is not None
    ]
    return WindowScores(window.start, window.stop, scores, tuple(people))


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


def summarize_people(used: VideoPoses, ids: Collection[int]) -> list[PersonScores]:
    """The people with these track ids, the most important first, without scores."""
    frames: dict[int, list[float]] = {track_id: [] for track_id in ids}
    importance = dict.fromkeys(ids, 0.0)
    for who, found, poses in zip(used.track_ids, used.detections, used.poses, strict=True):
        sizes = np.sqrt(box_area(found.boxes.astype(np.float64)))
        for row, track_id in enumerate(who.tolist()):
            if track_id in frames:
                score = float(poses.scores[row].mean(dtype=np.float64))
                frames[track_id].append(score)
                importance[track_id] += sizes[row] * score
    order = sorted(ids, key=lambda track_id: (-importance[track_id], track_id))
    return [
        PersonScores(track_id, len(frames[track_id]), float(np.mean(frames[track_id])), 0.0, None) for track_id in order
    ]


def mean_keypoint_score(detected: Sequence[Poses]) -> float | None:
    """The mean joint score over all people and frames; None if no person was found."""
    scores = [poses.scores.ravel() for poses in detected if len(poses)]
    return float(np.concatenate(scores).mean(dtype=np.float64)) if scores else None


def warnings_for(used: VideoPoses, sampling: ClipSampling) -> tuple[str, ...]:
    """Warnings, in sentences, about what makes the result less certain."""
    found = sum(1 for poses in used.poses if len(poses))
    score = mean_keypoint_score(used.poses)
    said = list(used.video.notes)
    lost = used.video.lost_frames + len(used.lost)
    if lost:
        was = "was" if lost == 1 else "were"
        said.append(f"{counted(lost, 'damaged frame')} could not be decoded and {was} left out")
    if used.video.frame_count < sampling.frames:
        count = counted(used.video.frame_count, "frame")
        said.append(f"the video has {count} and the classifier reads {sampling.frames}: frames are repeated")
    if 0 < found < FEW_FRAMES * len(used):
        said.append(f"somebody was found in only {found} of {counted(len(used), 'frame')} used")
    if score is not None and score < WEAK_JOINTS:
        said.append(f"the joints are seen poorly: their mean score is {score:.2f}")
    if len(used.cuts):
        said.append(f"{_cuts_at((used.cuts / float(used.video.fps)).tolist())}: nobody is followed over a cut")
    return tuple(said)


def _cuts_at(seconds: Sequence[float]) -> str:
    number = counted(len(seconds), "cut")
    if len(seconds) > CUTS_SAID:
        return f"{number}, the first at {seconds[0]:.2f} s"
    *first, last = (f"{one:.2f}" for one in seconds)
    return f"{number} at {', '.join(first)} and {last} s" if first else f"{number} at {last} s"
