"""Fit an `ObjectReading`: which actions go with which objects, on the clips that a classifier learns from.

How much the objects count beside the poses, and whether at all, is chosen on validation clips.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from scipy.optimize import minimize

from posec3d_cli.answers import weighted_mean
from posec3d_cli.config import PipelineConfig
from posec3d_cli.datasets.clips import BACKGROUND, RECORDED, LabeledClip
from posec3d_cli.evaluation.evaluate import as_video_poses
from posec3d_cli.recognition.aggregate import Subject, aggregate_window, subjects
from posec3d_cli.recognition.ensemble import Member
from posec3d_cli.recognition.objects import ObjectReading
from posec3d_cli.recognition.recognizer import ActionRecognizer
from posec3d_cli.sampling.clips import ClipSampling, Window
from posec3d_cli.transforms.object_features import FEATURES, object_features
from posec3d_cli.types import ActionScores, Floats, Ints, PoseSequence

PENALTY = 2e-4  # of the sum of squared weights, beside the mean loss of a clip
FEWEST = 3  # clips in which a class of objects must be seen
STRENGTHS = (0.1, 0.2, 0.3, 0.5, 0.7, 1.0)
"""What the weights may be multiplied by: objects and poses are not independent, so their evidence does not add up."""
CHOICE = "object choice"
"""The key of an `ObjectChoice` among the figures of a model, which are named after sources of clips, too."""
_LEAST_LIKELY = 1e-6  # a probability, before its logarithm is taken


@dataclass(frozen=True)
class ObjectChoice:
    """Whether a trained model reads objects, and what that was decided by.

    Attributes:
        kept: whether the objects are read: where more validation clips are right with them.
        clips: training clips of which objects are known.
        classes: classes of objects that were seen often enough to mean something.
        strength: what the fitted weights were multiplied by: of several strengths, the one at which the labels of the
            validation clips are likeliest; 0 where nothing was fitted.
        validation_clips: those that decided, with people and with known objects.
        correct_without: how many of them the poses alone answer rightly.
        correct: how many of them poses and objects do, at this strength.

    Without `classes` nothing was fitted, and without `validation_clips` nothing was compared.
    """

    kept: bool
    clips: int
    classes: int = 0
    strength: float = 0.0
    validation_clips: int = 0
    correct_without: int = 0
    correct: int = 0

    def sentence(self) -> str:
        """What was decided, and why."""
        if not self.classes:
            why = "of fewer than two labels, or show no class of objects often enough to mean something"
            return f"Objects are not read: the training clips of which they are known ({self.clips}) are {why}."
        if not self.validation_clips:
            return "Objects are not read: no validation clip with people and objects says whether they help."
        seen = f"{self.correct} of {self.validation_clips} validation clips are right with them"
        if self.kept:
            return (
                f"Objects are read, at strength {self.strength:g}: {seen}, {self.correct_without} by the poses alone."
            )
        return f"Objects are not read: {seen}, {self.correct_without} without."


def choose_objects(
    model: Path,
    training_clips: Sequence[LabeledClip],
    validation_clips: Sequence[LabeledClip],
    *,
    device: str,
    precision: str,
) -> tuple[ObjectReading | None, ObjectChoice]:
    """Fit what objects mean to a model on its training clips, and keep it if it helps on validation clips.

    Args:
        model: the model folder, which reads poses alone.
        training_clips: the clips to learn from.
        validation_clips: the clips to decide by.
        device: of the networks.
        precision: of the networks.

    Returns:
        The reading with its strength, None where poses alone are as good; and what was decided.
    """
    recognizer = ActionRecognizer.from_config(PipelineConfig(classifiers=(model,), device=device, precision=precision))
    [member] = recognizer.members
    fitted, clips = reading_of(recognizer, training_clips)
    if fitted is None:
        return None, ObjectChoice(False, clips)
    named = [clip for clip in validation_clips if clip.label in recognizer.labels and clip.objects]
    shown = [one for clip in named if (one := _Shown.of(clip, member, fitted)).subjects]
    classes = len(fitted.names)
    if not shown:
        return None, ObjectChoice(False, clips, classes)
    best = min(STRENGTHS, key=lambda strength: float(np.mean([one.loss(fitted.scaled(strength)) for one in shown])))
    reading = fitted.scaled(best)
    before, after = (sum(one.correct(some) for one in shown) for some in (None, reading))
    choice = ObjectChoice(after > before, clips, classes, best, len(shown), before, after)
    return reading if choice.kept else None, choice


def reading_of(recognizer: ActionRecognizer, clips: Sequence[LabeledClip]) -> tuple[ObjectReading | None, int]:
    """What objects mean to the labels of a classifier, and the number of clips that say it.

    Returns:
        None instead of a reading where the clips with known objects are of fewer than two labels, or no class of
        objects is seen in enough of them.
    """
    names = sorted({name for clip in clips for one in clip.objects if one is not None for name in one.names})
    known = [clip for clip in clips if clip.label in recognizer.labels and clip.label != BACKGROUND]
    read = [(clip, clip_features(clip, recognizer.sampling, names)) for clip in known]
    seen = [(clip, features) for clip, features in read if features is not None]
    if len({clip.label for clip, _ in seen}) < 2:
        return None, len(seen)
    actions = np.array([recognizer.labels.index(clip.label) for clip, _ in seen])
    fitted = fit_objects(np.stack([features for _, features in seen]), actions, names, recognizer.labels)
    return fitted if fitted.names else None, len(seen)


@dataclass(frozen=True, eq=False)
class _Shown:
    """What a classifier answers of the poses of a clip, and the objects beside its people.

    Attributes:
        label: of the clip.
        plan: its windows.
        subjects: each with its scores and the features of its objects.
    """

    label: str
    plan: Sequence[Window]
    subjects: Sequence[tuple[Subject, ActionScores, Floats | None]]

    @classmethod
    def of(cls, clip: LabeledClip, member: Member, reading: ObjectReading) -> _Shown:
        """Run the classifier on a clip."""
        plan, shown = _people(clip, member.sampling)
        found = []
        for subject, sequence in shown:
            view = member.builder.build(sequence, plan[subject.window].clips, flip=member.sampling.flip)
            found.append((subject, member.classifier.classify([view])[0], reading.features(sequence)))
        return cls(clip.label, plan, found)

    def scores(self, reading: ObjectReading | None) -> ActionScores:
        """The scores of the clip with a reading of objects; None: of the poses alone."""
        scored = [
            (subject, scores if reading is None else reading.apply(scores, near, subject.weight))
            for subject, scores, near in self.subjects
        ]
        windows = [aggregate_window(number, window, scored).scores for number, window in enumerate(self.plan)]
        known = [scores for scores in windows if scores is not None]
        return weighted_mean(known, [1.0] * len(known))

    def correct(self, reading: ObjectReading | None) -> bool:
        """Whether the best action is the label."""
        return self.scores(reading).top(1)[0][0] == self.label

    def loss(self, reading: ObjectReading) -> float:
        """The negative log-likelihood of the label, in nats."""
        scores = self.scores(reading)
        return -float(np.log(max(float(scores.probabilities[scores.labels.index(self.label)]), _LEAST_LIKELY)))


def clip_features(clip: LabeledClip, sampling: ClipSampling, names: Sequence[str]) -> Floats | None:
    """`(2, C)` of a clip, as predictions read it: the mean over its windows of those of its people, by their weight.

    None where nothing but people was looked for, or nobody was found.
    """
    if clip.origin == RECORDED or not clip.objects:
        return None
    shown = list(_people(clip, sampling)[1])
    if not shown:
        return None
    read = [(one.weight, object_features(sequence, names)) for one, sequence in shown]
    windows = len({one.window for one, _ in shown})
    total = sum(weight * features for weight, features in read if features is not None)
    return np.asarray(total / windows, np.float32)


def _people(
    clip: LabeledClip, sampling: ClipSampling
) -> tuple[Sequence[Window], Iterator[tuple[Subject, PoseSequence]]]:
    """The windows of a clip, and the people whom a prediction reads in them."""
    video_poses = as_video_poses(clip)
    plan = sampling.plan(*video_poses.video.timing)
    return plan, subjects(video_poses.part, plan, sampling, set())


def fit_objects(features: Floats, actions: Ints, names: Sequence[str], labels: Sequence[str]) -> ObjectReading:
    """A multinomial logistic regression of the actions on the features of the objects, without its constants.

    Args:
        features: `(N, 2, C)` of N clips, see `posec3d_cli.transforms.object_features`.
        actions: `(N,)` positions in `labels`.
        names: the C classes of objects; those that few clips show are left out.
        labels: of the classifier; one that no clip has gets weights of 0.
    """
    often = (features[:, 0] > 0).sum(axis=0) >= FEWEST
    x = features[:, :, often].reshape(len(features), -1).astype(np.float64)
    present, targets = np.unique(actions, return_inverse=True)
    rows = np.arange(len(x))

    def loss(flat: Floats) -> tuple[float, Floats]:
        weights, constants = flat[: -len(present)].reshape(x.shape[1], -1), flat[-len(present) :]
        logits = x @ weights + constants
        logits -= logits.max(axis=1, keepdims=True)
        chances = np.exp(logits)
        chances /= chances.sum(axis=1, keepdims=True)
        cost = -np.log(np.maximum(chances[rows, targets], 1e-12)).mean() + PENALTY * (weights**2).sum()
        chances[rows, targets] -= 1
        slope = x.T @ chances / len(x) + 2 * PENALTY * weights
        return float(cost), np.concatenate([slope.ravel(), chances.mean(axis=0)])

    start = np.zeros((x.shape[1] + 1) * len(present))
    fitted = minimize(loss, start, jac=True, method="L-BFGS-B", options={"maxiter": 500}).x[: -len(present)]
    weights = np.zeros((len(FEATURES), int(often.sum()), len(labels)), np.float32)
    weights[:, :, present] = fitted.reshape(len(FEATURES), -1, len(present))
    return ObjectReading(tuple(np.array(names)[often].tolist()), tuple(labels), weights)
