"""Calibration by temperature scaling: one temperature, fitted on validation clips.

Guo et al., "On Calibration of Modern Neural Networks", ICML 2017: the logits divided by one number. It changes the
best action only where probabilities are averaged, and rarely there.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from scipy.optimize import minimize_scalar

from posec3d_cli.answers import weighted_mean
from posec3d_cli.config import PipelineConfig
from posec3d_cli.datasets.clips import LabeledClip
from posec3d_cli.errors import BadDataset, StageMismatch, counted
from posec3d_cli.evaluation.evaluate import as_video_poses
from posec3d_cli.evaluation.metrics import expected_calibration_error
from posec3d_cli.recognition.aggregate import Subject, aggregate_window, subjects
from posec3d_cli.recognition.ensemble import Member
from posec3d_cli.recognition.pairs import joined_readings
from posec3d_cli.recognition.recognizer import ActionRecognizer
from posec3d_cli.sampling.clips import Window
from posec3d_cli.stages.protocols import HasLogits
from posec3d_cli.types import ActionScores, ClassifierInput, Floats, Ints

MIN_TEMPERATURE, MAX_TEMPERATURE = 0.2, 5.0  # the range of the fit
MIN_PROBABILITY = float(np.finfo(np.float32).tiny)  # the floor of a probability in the likelihood


@dataclass(frozen=True)
class Calibration:
    """A fitted temperature and what it changes.

    Attributes:
        temperature: the new temperature for the classifier's card.
        nll_before: mean negative log-likelihood of the true labels, in nats, at the card's temperature.
        nll_after: likewise at the fitted temperature.
        ece_before: expected calibration error of the best action's probability, at the card's temperature.
        ece_after: likewise at the fitted temperature.
        clips: number of clips of the fit.
    """

    temperature: float
    nll_before: float
    nll_after: float
    ece_before: float
    ece_after: float
    clips: int

    @property
    def found(self) -> bool:
        """Whether the fit stayed within its bounds; clips that are too easy or too hard give no temperature."""
        return MIN_TEMPERATURE * 1.05 < self.temperature < MAX_TEMPERATURE / 1.05


def fit_temperature(
    model: Path, clips: Sequence[LabeledClip], *, device: str = "auto", precision: str = "auto"
) -> Calibration:
    """Fit the temperature, from 0.2 to 5, that maximizes the likelihood of the true labels.

    The likelihood is that of the final probabilities, averaged over networks, views, people and windows. The networks
    run once. Clips without people are left out.

    Args:
        model: a classifier's model folder.
        clips: clips that the model was not trained on; few or easy clips give a poor fit.
        device: as in `PipelineConfig`.
        precision: as in `PipelineConfig`.

    Raises:
        BadDataset: no clip has people, or a label is unknown to the classifier.
        StageMismatch: the classifier offers no logits.
    """
    recognizer = ActionRecognizer.from_config(PipelineConfig(classifiers=(model,), device=device, precision=precision))
    [member] = recognizer.members
    if not isinstance(member.classifier, HasLogits):
        raise StageMismatch(f"{model}: a classifier of this stage offers no logits, so no temperature can be fitted")
    unknown = sorted({clip.label for clip in clips} - set(recognizer.labels))
    if unknown:
        raise BadDataset(
            f"the classifier does not know the labels {', '.join(unknown)}",
            hint=f"it knows {', '.join(recognizer.labels)}",
        )
    collected = [
        clip_logits
        for clip in clips
        if (clip_logits := _collect_logits(member, member.classifier, clip)).subject_logits
    ]
    if not collected:
        raise BadDataset(f"there are no people in any of {counted(len(clips), 'clip')} to fit the temperature on")
    outputs = member.classifier.outputs
    ground_truth = np.array([clip_logits.label_index for clip_logits in collected])

    def probabilities(temperature: float) -> Floats:
        return np.stack([clip_logits.probabilities(temperature, outputs) for clip_logits in collected])

    def cost(log_temperature: float) -> float:
        return _nll(probabilities(math.exp(log_temperature)), ground_truth)

    optimum = minimize_scalar(cost, bounds=(math.log(MIN_TEMPERATURE), math.log(MAX_TEMPERATURE)), method="bounded")
    fitted = math.exp(float(optimum.x))
    before, after = probabilities(member.classifier.temperature), probabilities(fitted)
    return Calibration(
        temperature=fitted,
        nll_before=_nll(before, ground_truth),
        nll_after=_nll(after, ground_truth),
        ece_before=expected_calibration_error(before.max(axis=1), before.argmax(axis=1) == ground_truth),
        ece_after=expected_calibration_error(after.max(axis=1), after.argmax(axis=1) == ground_truth),
        clips=len(collected),
    )


def softmax_with_temperature(logits: Floats, temperature: float) -> Floats:
    """`(networks, V, O)` logits to `(O,)` float32 probabilities of the outputs, as the classifier averages them."""
    scaled = logits.astype(np.float64) / temperature
    powers = np.exp(scaled - scaled.max(axis=-1, keepdims=True))
    probabilities: Floats = (powers / powers.sum(axis=-1, keepdims=True)).mean(axis=(0, 1)).astype(np.float32)
    return probabilities


@dataclass(frozen=True, eq=False)
class _ClipLogits:
    """The logits of the networks for each subject of one clip."""

    label_index: int
    plan: Sequence[Window]
    subject_logits: Sequence[tuple[Subject, Floats]]
    interactions: tuple[str, ...] = ()

    def probabilities(self, temperature: float, outputs: tuple[str, ...]) -> Floats:
        """`(C,)` the probabilities at a temperature, aggregated as in a prediction."""
        scored = [
            (subject, ActionScores.of_outputs(softmax_with_temperature(logits, temperature), outputs))
            for subject, logits in self.subject_logits
        ]
        windows = [aggregate_window(number, window, scored) for number, window in enumerate(self.plan)]
        if self.interactions:
            windows = [joined_readings(window, self.interactions) for window in windows]
        known = [window.scores for window in windows if window.scores is not None]
        return weighted_mean(known, [1.0] * len(known)).probabilities


class _Recorder:
    """A classifier that wraps another and keeps its logits."""

    def __init__(self, classifier: HasLogits) -> None:
        self._classifier = classifier
        self.labels = classifier.labels
        self.kept: list[Floats] = []

    def classify(self, volumes: Sequence[ClassifierInput]) -> list[ActionScores]:
        logits = self._classifier.logits(volumes)
        self.kept += logits
        return [
            ActionScores.of_outputs(
                softmax_with_temperature(one, self._classifier.temperature), self._classifier.outputs
            )
            for one in logits
        ]


def _collect_logits(member: Member, classifier: HasLogits, clip: LabeledClip) -> _ClipLogits:
    recorder = _Recorder(classifier)
    video_poses, sampling = as_video_poses(clip), member.sampling
    recognizer = ActionRecognizer([replace(member, classifier=recorder)])
    recognizer.recognize(video_poses, sampling, frames=clip.frames)
    plan = member.reads(sampling).plan(*video_poses.video.timing)
    interactions = recognizer.interactions(sampling)
    found = subjects(video_poses.part, plan, sampling, set(), interactions=interactions)
    shown = [subject for subject, _ in found]
    # The recognizer classifies the same subjects in the same order.
    logits = list(zip(shown, recorder.kept, strict=True))
    return _ClipLogits(classifier.labels.index(clip.label), plan, logits, interactions)


def _nll(probabilities: Floats, ground_truth: Ints) -> float:
    """The mean of -log p, `probabilities` being `(N, C)` and `ground_truth` `(N,)` columns."""
    likely = probabilities[np.arange(len(ground_truth)), ground_truth].astype(np.float64)
    return float(-np.log(np.maximum(likely, MIN_PROBABILITY)).mean())
