"""Fit a new head on a frozen backbone: the features of augmented samples, and a regularized regression on them.

Multinomial logistic regression on standardized features, solved by L-BFGS: convex, so that it has one solution and no
learning rate.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import cast

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional
from torch.utils.data import DataLoader, Dataset

from posec3d_cli.datasets.clips import LabeledClip
from posec3d_cli.nets.layers import Head, Recognizer
from posec3d_cli.training.config import TrainingConfig
from posec3d_cli.training.dataset import TrainingDataset, sampling_weights

MOST_SAMPLES = 8  # of one clip
ALL_SAMPLES = 4000  # of all clips, where these are many
DECAY = 0.03  # of the weights of standardized features; a tenth and the threefold of it are as accurate
_STEPS = 100
_SMALLEST_DEVIATION = 1e-4  # of a feature; one that is the same everywhere says nothing


@dataclass(frozen=True, eq=False)
class Features:
    """What a frozen backbone makes of augmented samples.

    Attributes:
        values: `(N, F)` float64, the pooled features: the input of the linear layer.
        targets: `(N, C)` float64 target probabilities.
        weights: `(N,)` float64 of the samples, with a sum of 1: a rare action counts as much as `sampling_weights`
            lets it be sampled.
    """

    values: Tensor
    targets: Tensor
    weights: Tensor


@dataclass(frozen=True, eq=False)
class LinearHead:
    """The linear layer of a network.

    Attributes:
        weight: `(C, F)` float32.
        bias: `(C,)` float32.
    """

    weight: Tensor
    bias: Tensor


def samples_per_clip(clips: int) -> int:
    """The number of augmented samples of each of so many clips."""
    return max(1, min(MOST_SAMPLES, ALL_SAMPLES // max(1, clips)))


def feature_samples(clips: Sequence[LabeledClip], classes: Sequence[str], config: TrainingConfig) -> TrainingDataset:
    """The augmented samples whose features are taken: as many of each clip, none of which an epoch has."""
    order = np.repeat(np.arange(len(clips), dtype=np.int64), samples_per_clip(len(clips)))
    return TrainingDataset(clips, classes, config, config.epochs, order=order)


def features_of(
    network: Recognizer,
    samples: TrainingDataset,
    *,
    device: str = "cpu",
    workers: int = 0,
    progress: Callable[[int, int], None] = lambda done, total: None,
) -> Features:
    """The features of samples, in evaluation mode.

    Args:
        network: its backbone is used, and moved to the device.
        samples: see `feature_samples`.
        device: where the backbone computes.
        workers: processes that make samples.
        progress: called with the number of samples done and of all.
    """
    network.to(device).to(memory_format=network.layout)  # type: ignore[call-overload]
    network.eval()
    loader: DataLoader[tuple[Tensor, Tensor]] = DataLoader(
        cast(Dataset[tuple[Tensor, Tensor]], samples), batch_size=samples.config.batch_size, num_workers=workers
    )
    values, targets = [], []
    with torch.inference_mode():
        for batch, batch_targets in loader:
            moved = batch.to(device).contiguous(memory_format=network.layout)
            values.append(Head.pool(network.backbone(moved).float()).cpu().double())
            targets.append(batch_targets.double())
            progress(sum(map(len, values)), len(samples))
    own = torch.from_numpy(sampling_weights(samples.clips, samples.config)).double()[torch.from_numpy(samples.order)]
    return Features(torch.cat(values).clone(), torch.cat(targets), own / own.sum())


def fit_head(features: Features, *, smoothing: float = 0.0, decay: float = DECAY) -> LinearHead:
    """Fit the linear layer of a head.

    Args:
        features: of the training samples.
        smoothing: the probability of each target that is spread over all actions.
        decay: half the weight of the squared weights in the loss, of standardized features.
    """
    mean, deviation = standardize(features)
    inputs = (features.values - mean) / deviation
    classes = features.targets.shape[1]
    targets = features.targets * (1 - smoothing) + smoothing / classes
    weight = torch.zeros(classes, inputs.shape[1], dtype=torch.float64, requires_grad=True)
    bias = torch.zeros(classes, dtype=torch.float64, requires_grad=True)

    def loss() -> Tensor:
        logits = functional.linear(inputs, weight, bias)
        each = functional.cross_entropy(logits, targets, reduction="none")
        return features.weights @ each + decay / 2 * weight.square().sum()

    minimize([weight, bias], loss)
    return original_scale(weight, bias, mean, deviation)


def original_scale(weight: Tensor, bias: Tensor, mean: Tensor, deviation: Tensor) -> LinearHead:
    """The head for features as they are, from one for standardized features."""
    with torch.no_grad():
        scaled = weight / deviation
        return LinearHead(scaled.float(), (bias - scaled @ mean).float())


def head_loss(features: Features, head: LinearHead) -> float:
    """The mean cross-entropy of a head, in nats."""
    logits = functional.linear(features.values, head.weight.double(), head.bias.double())
    return float(features.weights @ functional.cross_entropy(logits, features.targets, reduction="none"))


def standardize(features: Features) -> tuple[Tensor, Tensor]:
    """`(F,)` the weighted mean and the standard deviation of each feature."""
    mean = features.weights @ features.values
    deviation = (features.weights @ (features.values - mean) ** 2).sqrt()
    return mean, deviation.clamp(min=_SMALLEST_DEVIATION)


def minimize(parameters: list[Tensor], loss: Callable[[], Tensor]) -> None:
    """Change parameters in place to where a convex loss is smallest."""
    solver = torch.optim.LBFGS(
        parameters, max_iter=_STEPS, history_size=20, line_search_fn="strong_wolfe", tolerance_grad=1e-7
    )

    def closure() -> Tensor:
        solver.zero_grad()
        value = loss()
        value.backward()  # type: ignore[no-untyped-call]
        return value

    solver.step(closure)  # type: ignore[no-untyped-call]
