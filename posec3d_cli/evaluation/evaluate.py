"""Evaluate a classifier on labeled clips, with the same code that predicts."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Collection, Mapping, Sequence
from pathlib import Path

from posec3d_cli.datasets.clips import RECORDED, LabeledClip
from posec3d_cli.errors import BadDataset
from posec3d_cli.evaluation.predictions import BEST, ClipPrediction
from posec3d_cli.evaluation.report import EvaluationReport
from posec3d_cli.labels import near_labels
from posec3d_cli.pose_files.clip import from_slots, make_video_poses
from posec3d_cli.pose_files.objects import with_objects
from posec3d_cli.recognition.recognizer import ActionRecognizer
from posec3d_cli.results import UNKNOWN, ClipResult, VideoPoses
from posec3d_cli.sampling.clips import ClipSampling
from posec3d_cli.tracking.object_rows import ObjectRows


def evaluate(
    recognizer: ActionRecognizer,
    clips: Sequence[LabeledClip],
    sampling: ClipSampling | None = None,
    progress: Callable[[int, int], None] = lambda done, total: None,
) -> EvaluationReport:
    """Measure the accuracy of a classifier on labeled clips.

    Args:
        recognizer: the classifier, or the ensemble of classifiers.
        clips: labeled poses, see `LabeledDataset.with_poses`.
        sampling: of the clips; None for the sampling of the recognizer.
        progress: called with the numbers of evaluated clips and of all clips.

    Raises:
        BadDataset: there is no clip, a clip is a 3D recording, or a label is not one of the classifier's.
    """
    if not clips:
        raise BadDataset("there is no clip to evaluate")
    check_labels(Counter(clip.label for clip in clips), recognizer.labels)
    predictions = predict_clips(recognizer, clips, sampling, progress)
    return EvaluationReport(recognizer.labels, tuple(predictions), recognizer.used.min_score)


def predict_clips(
    recognizer: ActionRecognizer,
    clips: Sequence[LabeledClip],
    sampling: ClipSampling | None = None,
    progress: Callable[[int, int], None] = lambda done, total: None,
) -> list[ClipPrediction]:
    """The predictions for labeled clips, whatever their labels are; the arguments are those of `evaluate`.

    Raises:
        BadDataset: a clip is a 3D recording.
        StageMismatch: the classifier reads frames, and a clip has none.
    """
    predictions = []
    frames = [clip.frames for clip in clips]
    results = recognizer.recognize_many(map(as_video_poses, clips), sampling, frames=frames)
    for number, (clip, result) in enumerate(zip(clips, results, strict=True)):
        progress(number, len(clips))
        predictions.append(_prediction(clip, result))
    progress(len(clips), len(clips))
    return predictions


def _prediction(clip: LabeledClip, result: ClipResult) -> ClipPrediction:
    scores = result.scores
    if scores is None:
        return ClipPrediction(clip.name, clip.label, ())
    unknown = float(scores.probabilities[scores.labels.index(UNKNOWN)]) if UNKNOWN in scores.labels else 0.0
    best = tuple(scores.top(BEST))
    return ClipPrediction(clip.name, clip.label, best, scores.probabilities, result.sureness, unknown)


def check_labels(labels: Mapping[str, int], known: Collection[str]) -> None:
    """Refuse labels that a classifier does not have.

    Args:
        labels: the number of clips by label.
        known: the labels of the classifier.

    Raises:
        BadDataset: the classifier lacks a label; the message names all of them.
    """
    unknown = {label: labels[label] for label in sorted(labels) if label not in known}
    if unknown:
        nearly = [group for group in near_labels({*unknown, *known}) if not {*unknown}.isdisjoint(group)]
        alike = "; ".join(" and ".join(map(repr, group)) for group in nearly)
        raise BadDataset(
            f"the classifier does not have the labels {clips_per_label(unknown)}",
            hint=(f"similar labels are {alike}: --label-map gives them one name; " if alike else "")
            + f"--only-known leaves their clips out; it has {', '.join(known)}",
        )


def clips_per_label(labels: Mapping[str, int]) -> str:
    """Labels with their numbers of clips, in words: "fly (1 clip), swim (2 clips)"."""
    return ", ".join(f"{label} ({count} clip{'s' * (count != 1)})" for label, count in labels.items())


def as_video_poses(clip: LabeledClip) -> VideoPoses:
    """The poses of a labeled clip as `VideoPoses`: in each frame, the people with at least one found joint.

    Raises:
        BadDataset: the clip is a 3D recording.
    """
    if clip.origin == RECORDED:
        raise BadDataset(f"{clip.name} is a 3D recording: project it through a camera first")
    people = from_slots(clip.keypoints, clip.scores)
    video_poses = make_video_poses(Path(clip.name), people, fps=clip.frame_rate, frame_size=clip.frame_size)
    return with_objects(video_poses, ObjectRows.of(clip.objects)) if clip.objects else video_poses
