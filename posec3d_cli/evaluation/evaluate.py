"""Evaluate a classifier on labeled clips, with the same code that predicts."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Collection, Mapping, Sequence
from fractions import Fraction
from pathlib import Path

from posec3d_cli.datasets.clips import RECORDED, LabeledClip
from posec3d_cli.errors import BadDataset
from posec3d_cli.evaluation.report import BEST, Answer, Report
from posec3d_cli.labels import near_labels
from posec3d_cli.pose_files.clip import from_slots, make_video_poses
from posec3d_cli.recognition.recognizer import ActionRecognizer
from posec3d_cli.results import VideoPoses
from posec3d_cli.sampling.clips import ClipSampling


def evaluate(
    actions: ActionRecognizer,
    examples: Sequence[LabeledClip],
    sampling: ClipSampling | None = None,
    progress: Callable[[int, int], None] = lambda done, total: None,
) -> Report:
    """Let a classifier name examples whose poses are known.

    Raises:
        BadDataset: there are none, or some have labels that the classifier does not know.
    """
    if not examples:
        raise BadDataset("there is nothing to evaluate")
    check_labels(Counter(example.label for example in examples), actions.labels)
    answers = []
    for number, example in enumerate(examples):
        progress(number, len(examples))
        scores = actions.read(as_video_poses(example), sampling).scores
        answers.append(Answer(example.name, example.label, () if scores is None else tuple(scores.top(BEST))))
    progress(len(examples), len(examples))
    return Report(actions.labels, tuple(answers))


def check_labels(labels: Mapping[str, int], known: Collection[str]) -> None:
    """Refuse labels that a classifier does not know.

    Args:
        labels: the number of clips by label.
        known: the labels of the classifier.

    Raises:
        BadDataset: there are such; the message names them all.
    """
    unknown = {label: labels[label] for label in sorted(labels) if label not in known}
    if unknown:
        nearly = [group for group in near_labels({*unknown, *known}) if not {*unknown}.isdisjoint(group)]
        alike = "; ".join(" and ".join(map(repr, group)) for group in nearly)
        raise BadDataset(
            f"the classifier does not know the labels {counted(unknown)}",
            hint=(f"nearly the same are {alike}: --label-map gives them one name; " if alike else "")
            + f"--only-known leaves their clips out; it knows {', '.join(known)}",
        )


def counted(labels: Mapping[str, int]) -> str:
    """Labels with their numbers of clips, in words: "fly (1 clip), swim (2 clips)"."""
    return ", ".join(f"{label} ({count} clip{'s' * (count != 1)})" for label, count in labels.items())


def as_video_poses(example: LabeledClip) -> VideoPoses:
    """An example as if a detector and a pose estimator had found it: everybody who shows a joint, frame by frame.

    Raises:
        BadDataset: the example is a 3D recording.
    """
    if example.origin == RECORDED:
        raise BadDataset(f"{example.name} is a 3D recording: project it through a camera first")
    fps = Fraction(example.fps).limit_denominator(1001)
    return make_video_poses(Path(example.name), from_slots(example.keypoints, example.scores), fps=fps)
