"""Extend a model: outputs for new labels beside those that it has, on its frozen backbone.

The old labels have no clips, unless the user gives some. What the old head knows of them takes their place: features
that it takes for each of its outputs, the nearest such to the features of the clips (deep inversion, Yin et al., CVPR
2020, of the features instead of images). The new head answers them as the old one did. Between the old labels it
answers clips of new labels as the old one did too (learning without forgetting, Li and Hoiem, ECCV 2016).
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor
from torch.nn import functional

from posec3d_cli.datasets.clips import BACKGROUND
from posec3d_cli.training.head import DECAY, Features, LinearHead, minimize, original_scale, standardize

IMAGINED = 8  # features of each old output
_PULL = 0.01  # how strongly imagined features stay near those of the clips
_STEPS = 60
_RATE = 0.3


def extended_outputs(outputs: Sequence[str], labels: Sequence[str]) -> list[str]:
    """The outputs of a model, and after them one for each label that it lacks."""
    return [*outputs, *sorted(set(labels) - set(outputs) - {BACKGROUND})]


def extend_head(
    features: Features,
    old: LinearHead,
    outputs: Sequence[str],
    *,
    seed: int,
    smoothing: float = 0.0,
    decay: float = DECAY,
) -> LinearHead:
    """Fit the head of an extended model.

    Args:
        features: of the clips; their targets are of `outputs`.
        old: the head of the model that is extended.
        outputs: the labels of its O outputs, and of the new ones after them.
        seed: of the imagined features.
        smoothing: the probability of the targets of the clips that is spread over all outputs.
        decay: half the weight of the squared change of the weights in the loss, of standardized features.
    """
    mean, deviation = standardize(features)
    inputs = (features.values - mean) / deviation
    old_weight = old.weight.double() * deviation
    old_bias = old.bias.double() + old.weight.double() @ mean
    known = len(old_bias)
    answers = functional.linear(inputs, old_weight, old_bias).softmax(1)
    targets = spread_targets(features.targets, answers, outputs)
    given = {outputs[number] for number in targets.max(1).indices.tolist()}
    imagined = imagine(inputs, old_weight, old_bias, least=-mean / deviation, seed=seed)
    imagined_targets = functional.pad(
        functional.linear(imagined, old_weight, old_bias).softmax(1), (0, len(outputs) - known)
    )
    of_clips, of_old = len(given), len(set(outputs[:known]) - given)
    share = of_clips / (of_clips + of_old)
    of_new = features.weights * targets[:, known:].sum(1)
    smoothed = targets * (1 - smoothing) + smoothing / len(outputs)
    weight = functional.pad(old_weight, (0, 0, 0, len(outputs) - known)).clone().requires_grad_()
    start = functional.pad(old_weight, (0, 0, 0, len(outputs) - known))
    bias = functional.pad(old_bias, (0, len(outputs) - known)).clone().requires_grad_()

    def loss() -> Tensor:
        logits = functional.linear(inputs, weight, bias)
        clips = features.weights @ functional.cross_entropy(logits, smoothed, reduction="none")
        between_old = of_new @ functional.cross_entropy(logits[:, :known], answers, reduction="none")
        kept = functional.cross_entropy(functional.linear(imagined, weight, bias), imagined_targets)
        return share * (clips + between_old) + (1 - share) * kept + decay / 2 * (weight - start).square().sum()

    minimize([weight, bias], loss)
    return original_scale(weight, bias, mean, deviation)


def spread_targets(targets: Tensor, answers: Tensor, outputs: Sequence[str]) -> Tensor:
    """Targets of a model that may have several outputs of one label, `(N, C)`.

    Args:
        targets: `(N, C)`: of a label all at its first output; the same everywhere for people who hold still.
        answers: `(N, O)` the probabilities of the old outputs by the old model. They tell how the probability of a
            label is spread over its outputs, and are the target of people who hold still.
        outputs: the label of each of the C outputs.
    """
    known = answers.shape[1]
    spread = torch.zeros_like(targets)
    best, first = targets.max(1)
    still = best < 1
    spread[still, :known] = answers[still]
    for row in (~still).nonzero().ravel().tolist():
        label = outputs[int(first[row])]
        same = [number for number, name in enumerate(outputs) if name == label]
        if len(same) == 1:
            spread[row, same[0]] = 1
        else:
            own = answers[row, same].clamp(min=1e-9)
            spread[row, same] = own / own.sum()
    return spread


def imagine(inputs: Tensor, weight: Tensor, bias: Tensor, *, least: Tensor, seed: int) -> Tensor:
    """Features that a head takes for each of its outputs, `IMAGINED` of each, near to given ones.

    Args:
        inputs: `(N, F)` standardized features to begin from, with noise of as much as they vary.
        weight: `(O, F)` of the head.
        bias: `(O,)` of the head.
        least: `(F,)` the smallest value of each feature: a mean of rectified values is not below 0.
        seed: which inputs are chosen.
    """
    wanted = torch.arange(len(bias)).repeat_interleave(IMAGINED)
    generator = torch.Generator()
    generator.manual_seed(seed)
    chosen = torch.randint(len(inputs), (len(wanted),), generator=generator)
    begin = inputs[chosen] + torch.randn(chosen.shape + inputs.shape[1:], generator=generator).double()
    moved = torch.zeros_like(begin, requires_grad=True)
    solver = torch.optim.Adam([moved], lr=_RATE)
    for _ in range(_STEPS):
        solver.zero_grad()
        logits = functional.linear(torch.maximum(begin + moved, least), weight, bias)
        cost = functional.cross_entropy(logits, wanted, reduction="sum") + _PULL / 2 * moved.square().sum()
        cost.backward()  # type: ignore[no-untyped-call]
        solver.step()
    return torch.maximum(begin + moved, least).detach()
