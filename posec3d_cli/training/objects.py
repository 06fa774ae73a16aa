"""Fit an `ObjectReading`: which actions go with which objects, on the clips that a classifier learns from."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from scipy.optimize import minimize

from posec3d_cli.datasets.clips import RECORDED, LabeledClip
from posec3d_cli.evaluation.evaluate import as_video_poses
from posec3d_cli.recognition.aggregate import subjects
from posec3d_cli.recognition.objects import ObjectReading
from posec3d_cli.sampling.clips import ClipSampling, used_frames
from posec3d_cli.transforms.object_features import FEATURES, object_features
from posec3d_cli.types import Floats, Ints

PENALTY = 2e-4  # of the sum of squared weights, beside the mean loss of a clip
FEWEST = 3  # clips in which a class of objects must be seen


def clip_features(clip: LabeledClip, sampling: ClipSampling, names: Sequence[str]) -> Floats | None:
    """`(2, C)` of a clip, as predictions read it: the mean over its windows of those of its people, by their weight.

    None where nothing but people was looked for, or nobody was found.
    """
    if clip.origin == RECORDED or not clip.objects:
        return None
    video_poses = as_video_poses(clip)
    plan = sampling.plan(video_poses.video.frame_count, video_poses.video.fps)
    shown = list(subjects(video_poses.part(used_frames(plan)), plan, sampling, set()))
    if not shown:
        return None
    read = [(one.weight, object_features(sequence, names)) for one, sequence in shown]
    windows = len({one.window for one, _ in shown})
    total = sum(weight * features for weight, features in read if features is not None)
    return np.asarray(total / windows, np.float32)


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
