"""Probabilities that mean what they say: one temperature, fitted on clips that the networks did not learn from.

Guo et al., "On Calibration of Modern Neural Networks", ICML 2017: the logits divided by one number. It changes which
action is best only where answers are averaged, and there hardly ever.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from scipy.optimize import minimize_scalar

from posec3d_cli.config import PipelineConfig
from posec3d_cli.datasets.clips import LabeledClip
from posec3d_cli.errors import BadDataset, StageMismatch, counted
from posec3d_cli.evaluation.evaluate import as_video_poses
from posec3d_cli.evaluation.metrics import expected_calibration_error
from posec3d_cli.recognition.aggregate import Subject, aggregate_window, subjects, weighted_mean
from posec3d_cli.recognition.ensemble import Member
from posec3d_cli.recognition.recognizer import ActionRecognizer
from posec3d_cli.sampling.clips import Window, used_frames
from posec3d_cli.stages.protocols import HasLogits
from posec3d_cli.types import ActionScores, ClassifierInput, Floats, Ints

COLDEST, HOTTEST = 0.2, 5.0  # temperatures that are tried
LEAST = float(np.finfo(np.float32).tiny)  # a probability of 0 costs as much as this one


@dataclass(frozen=True)
class Calibration:
    """A fitted temperature and what it changes.

    Attributes:
        temperature: for the classifier's recipe, in place of the one that it has.
        nll_before: mean negative log-likelihood of the true labels, in nats, at the temperature that the card has.
        nll_after: likewise at the fitted one.
        ece_before: expected calibration error of the best action's probability, at the card's temperature.
        ece_after: likewise at the fitted one.
        clips: those that it was fitted on.
    """

    temperature: float
    nll_before: float
    nll_after: float
    ece_before: float
    ece_after: float
    clips: int

    @property
    def found(self) -> bool:
        """False where the temperature went to its bound: the clips are too easy, or too hard, to tell one."""
        return COLDEST * 1.05 < self.temperature < HOTTEST / 1.05


def fit_temperature(
    model: Path, clips: Sequence[LabeledClip], *, device: str = "auto", precision: str = "auto"
) -> Calibration:
    """The temperature, from 0.2 to 5, that makes the true labels most likely in the answers as they are given.

    That is after the average over networks, views, people and windows. The networks run once. Examples in which
    nobody is found are left out.

    Args:
        model: a classifier's model folder.
        clips: not learnt from; the fewer and the easier, the less the result is worth.
        device: where the networks run, as in `PipelineConfig`.
        precision: in which numbers, likewise.

    Raises:
        BadDataset: nobody is found in any clip, or one has a label that the classifier does not know.
        StageMismatch: the classifier shows no logits.
    """
    recognizer = ActionRecognizer.from_config(PipelineConfig(classifiers=(model,), device=device, precision=precision))
    [member] = recognizer.members
    if not isinstance(member.classifier, HasLogits):
        raise StageMismatch(f"{model}: a classifier of this stage shows no logits, so no temperature can be fitted")
    unknown = sorted({clip.label for clip in clips} - set(recognizer.labels))
    if unknown:
        raise BadDataset(
            f"the classifier does not know the labels {', '.join(unknown)}",
            hint=f"it knows {', '.join(recognizer.labels)}",
        )
    heard = [one for clip in clips if (one := _collect_logits(member, member.classifier, clip)).said]
    if not heard:
        raise BadDataset(f"nobody is found in any of {counted(len(clips), 'clip')} to fit the temperature on")
    truth = np.array([one.truth for one in heard])

    def answers(temperature: float) -> Floats:
        return np.stack([one.answer(temperature, recognizer.labels) for one in heard])

    def cost(log_temperature: float) -> float:
        return _nll(answers(math.exp(log_temperature)), truth)

    found = minimize_scalar(cost, bounds=(math.log(COLDEST), math.log(HOTTEST)), method="bounded")
    fitted = math.exp(float(found.x))
    before, after = answers(member.classifier.temperature), answers(fitted)
    return Calibration(
        temperature=fitted,
        nll_before=_nll(before, truth),
        nll_after=_nll(after, truth),
        ece_before=expected_calibration_error(before.max(axis=1), before.argmax(axis=1) == truth),
        ece_after=expected_calibration_error(after.max(axis=1), after.argmax(axis=1) == truth),
        clips=len(heard),
    )


def softmax_with_temperature(logits: Floats, temperature: float) -> Floats:
    """`(networks, V, C)` logits to `(C,)` float32 probabilities, as the classifier averages them."""
    scaled = logits.astype(np.float64) / temperature
    powers = np.exp(scaled - scaled.max(axis=-1, keepdims=True))
    probabilities: Floats = (powers / powers.sum(axis=-1, keepdims=True)).mean(axis=(0, 1)).astype(np.float32)
    return probabilities


@dataclass(frozen=True, eq=False)
class _Collected:
    """What the networks said of one clip: for each subject the logits; the answer follows from the temperature."""

    truth: int
    plan: Sequence[Window]
    said: Sequence[tuple[Subject, Floats]]

    def answer(self, temperature: float, labels: tuple[str, ...]) -> Floats:
        """`(C,)` the probabilities, combined as those of a prediction."""
        scored = [
            (subject, ActionScores(softmax_with_temperature(logits, temperature), labels))
            for subject, logits in self.said
        ]
        windows = [aggregate_window(number, window, scored).scores for number, window in enumerate(self.plan)]
        known = [scores for scores in windows if scores is not None]
        return weighted_mean(known, [1.0] * len(known)).probabilities


class _Recorder:
    """A classifier that answers as another and keeps its logits."""

    def __init__(self, classifier: HasLogits) -> None:
        self._classifier = classifier
        self.labels = classifier.labels
        self.kept: list[Floats] = []

    def classify(self, volumes: Sequence[ClassifierInput]) -> list[ActionScores]:
        logits = self._classifier.logits(volumes)
        self.kept += logits
        return [
            ActionScores(softmax_with_temperature(one, self._classifier.temperature), self.labels) for one in logits
        ]


def _collect_logits(member: Member, classifier: HasLogits, clip: LabeledClip) -> _Collected:
    recorder = _Recorder(classifier)
    video_poses, sampling = as_video_poses(clip), member.sampling
    ActionRecognizer([replace(member, classifier=recorder)]).recognize(video_poses, sampling)
    plan = member.reads(sampling).plan(video_poses.video.frame_count, video_poses.video.fps)
    shown = [subject for subject, _ in subjects(video_poses.part(used_frames(plan)), plan, sampling, set())]
    # The reader shows the classifier the same subjects in the same order.
    return _Collected(classifier.labels.index(clip.label), plan, list(zip(shown, recorder.kept, strict=True)))


def _nll(answers: Floats, truth: Ints) -> float:
    """The mean of -log p, `answers` being `(N, C)` and `truth` `(N,)` columns."""
    likely = answers[np.arange(len(truth)), truth].astype(np.float64)
    return float(-np.log(np.maximum(likely, LEAST)).mean())
