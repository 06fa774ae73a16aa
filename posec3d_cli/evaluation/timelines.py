"""Compare the timelines of videos with tables of segments: rows with start and end, perhaps of single people."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from posec3d_cli.answers import NO_PERSON, UNKNOWN, ActionSegment, people_of
from posec3d_cli.datasets.clips import LabeledClip, LabeledVideo
from posec3d_cli.datasets.labeled_dataset import LabeledDataset, UnreadableClip
from posec3d_cli.datasets.segments import Segment
from posec3d_cli.errors import BadDataset, PoseC3DError, StageMismatch
from posec3d_cli.evaluation.segment_metrics import Detection, Pair, SegmentReport, measure_segments
from posec3d_cli.results import ClipResult
from posec3d_cli.timeline.build import action_segments

NO_ACTION = "none"
"""The label of frames in which no action is named: the background of the metrics."""
_NO_LABELS = (NO_ACTION, NO_PERSON, UNKNOWN)


@dataclass(frozen=True)
class TimelineEvaluation:
    """What was measured, and what was not.

    Attributes:
        report: of the videos that were answered; None without one.
        unreadable: the videos, and people of videos, that were not.
    """

    report: SegmentReport | None
    unreadable: tuple[UnreadableClip, ...]


def evaluate_timelines(
    dataset: LabeledDataset, answer: Callable[[Path], ClipResult], read: Callable[[int], None] = lambda count: None
) -> TimelineEvaluation:
    """Compare the timeline of each video of a dataset with its segments.

    Frames that no row labels are background, as are those that a row labels none, unknown or no_person, and those of
    which the timeline names no action. Rows with a person are compared with the segments of this person, rows without
    one with a timeline of everybody: the smoothed scores of the video. Each is a sequence of its own; a row with two
    people is one of each of them, as is a segment of a pair.

    Args:
        dataset: videos and pose files.
        answer: the result of a video, with the poses it rests on.
        read: called with the number of videos done.

    Raises:
        BadDataset: a clip is no file.
    """
    by_path: dict[Path, list[LabeledVideo]] = {}
    for clip in dataset.clips:
        if isinstance(clip, LabeledClip):
            raise BadDataset(
                f"{clip.name} is a clip of a dataset pickle, which has no segments", hint="give a table of videos"
            )
        by_path.setdefault(clip.path, []).append(clip)
    pairs: dict[str, Pair] = {}
    detections: list[Detection] = []
    unreadable: list[UnreadableClip] = []
    for count, (path, clips) in enumerate(by_path.items(), 1):
        try:
            result = answer(path)
        except PoseC3DError as error:
            unreadable.append(UnreadableClip(str(path), clips[0].label, error.what))
            continue
        finally:
            read(count)
        for person, own in _by_person(clips).items():
            name = f"{path}{'' if person is None else f', person {person}'}"
            try:
                segments = _segments(result, own[0].segment)
                pairs[name] = _pair(result, segments, own)
            except StageMismatch as error:
                unreadable.append(UnreadableClip(name, own[0].label, error.what))
                continue
            detections += _detections(name, result, segments)
    report = measure_segments(pairs, detections, (NO_ACTION,)) if pairs else None
    return TimelineEvaluation(report, tuple(unreadable))


def everybody(result: ClipResult) -> tuple[ActionSegment, ...]:
    """The timeline of a video without regard to who does what: of the scores of its windows."""
    away = [(one.start, one.stop) for one in result.segments if one.scores is None]
    edges = [0, *(edge for span in away for edge in span), result.video.frame_count]
    here = [span for span in zip(edges[::2], edges[1::2], strict=True) if span[0] < span[1]]
    return action_segments(
        [replace(window, people=(), pairs=()) for window in result.windows],
        {None: here},
        frame_count=result.video.frame_count,
        fps=result.video.fps,
        min_score=result.pipeline.min_score,
        length=result.video.length,
    )


def _by_person(clips: Sequence[LabeledVideo]) -> dict[int | str | None, list[LabeledVideo]]:
    people: dict[int | str | None, list[LabeledVideo]] = {}
    for clip in clips:
        for segment in (None,) if clip.segment is None else clip.segment.of_each():
            person = None if segment is None else segment.person
            assert not isinstance(person, tuple)
            people.setdefault(person, []).append(replace(clip, segment=segment))
    return people


def _segments(result: ClipResult, segment: Segment | None) -> tuple[ActionSegment, ...]:
    if segment is None or segment.person is None:
        return everybody(result)
    [person] = segment.find_people(result.video_poses)
    return tuple(one for one in result.segments if person in people_of(one.person))


def _named(result: ClipResult, segments: Sequence[ActionSegment]) -> Iterator[tuple[str, ActionSegment]]:
    for one in segments:
        label = one.answer(result.pipeline.min_score)
        if label not in _NO_LABELS:
            yield label, one


def _pair(result: ClipResult, segments: Sequence[ActionSegment], clips: Sequence[LabeledVideo]) -> Pair:
    """The predicted and the true label of each frame."""
    count = result.video.frame_count
    predicted, true = [NO_ACTION] * count, [NO_ACTION] * count
    for label, one in _named(result, segments):
        predicted[one.start : one.stop] = [label] * one.frames
    for clip in clips:
        frames = (clip.segment or Segment()).frames(count)
        label = NO_ACTION if clip.label in _NO_LABELS else clip.label
        true[frames.start : frames.stop] = [label] * len(frames)
    return predicted, true


def _detections(name: str, result: ClipResult, segments: Sequence[ActionSegment]) -> Iterator[Detection]:
    for label, one in _named(result, segments):
        if one.scores is not None:
            yield Detection(name, label, one.start, one.stop, one.scores.top(1)[0][1])
