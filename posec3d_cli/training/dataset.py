"""TrainingDataset: the augmented samples of an epoch, and the network input of a clip."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch
from torch import Tensor
from torch.utils.data import Dataset

from posec3d_cli.datasets.clips import BACKGROUND, LabeledClip
from posec3d_cli.training.augment import draw_clip
from posec3d_cli.training.config import TrainingConfig
from posec3d_cli.transforms.gaussians import draw_joints, draw_limbs
from posec3d_cli.transforms.joint_features import Stream, graph_features
from posec3d_cli.transforms.motion import at_times
from posec3d_cli.types import Floats, Ints


class TrainingDataset(Dataset[tuple[Tensor, Tensor]]):
    """One epoch of augmented inputs and the probabilities `(C,)` to answer.

    Sample i of an epoch is a function of (seed, epoch, i) alone. A clip of an action that is not among the classes,
    and a person who holds still, are labelled as every action alike.
    """

    def __init__(
        self, examples: Sequence[LabeledClip], classes: Sequence[str], recipe: TrainingConfig, epoch: int
    ) -> None:
        self.examples, self.classes, self.recipe, self.epoch = examples, list(classes), recipe, epoch
        self.order = drawn(importance(examples, recipe), recipe.samples(len(examples)), (recipe.seed, epoch))

    def __len__(self) -> int:
        return len(self.order)

    def __getitem__(self, item: int) -> tuple[Tensor, Tensor]:
        recipe = self.recipe
        generator = np.random.default_rng((recipe.seed, self.epoch, item))
        example = self.examples[self.order[item]]
        still = bool(generator.random() < recipe.augmentation.still)
        keypoints, scores = draw_clip(
            example, self.examples, recipe.frames, recipe.augmentation, generator, still=still
        )
        nothing = still or example.label == BACKGROUND
        answer = torch.full((len(self.classes),), 1 / len(self.classes) if nothing else 0.0)
        if not nothing:
            answer[self.classes.index(example.label)] = 1
        return torch.from_numpy(network_input(keypoints, scores, recipe, generator)), answer


def importance(examples: Sequence[LabeledClip], recipe: TrainingConfig) -> Floats:
    """`(N,)` how often each example is to be drawn, in parts of the whole: by its origin, and rare labels more."""
    own = np.array([recipe.importance[example.origin] for example in examples], np.float64)
    names, labels = np.unique([example.label for example in examples], return_inverse=True)
    mass = np.bincount(labels, weights=own, minlength=len(names))
    scaled = own * np.where(mass > 0, mass, 1)[labels] ** -recipe.balance
    if not scaled.sum() > 0:
        scaled = np.ones(len(examples))
    return np.asarray(scaled / scaled.sum(), np.float32)


def drawn(parts: Floats, count: int, seed: Sequence[int]) -> Ints:
    """`(count,)` numbers of examples in random order, each as often as its part says, rounded up or down by chance."""
    generator = np.random.default_rng(seed)
    edges = np.cumsum(parts.astype(np.float64))
    places = (np.arange(count) + generator.random()) / count * edges[-1]
    chosen = np.minimum(np.searchsorted(edges, places, side="right"), len(parts) - 1)
    return np.asarray(generator.permutation(chosen), np.int64)


def network_input(
    keypoints: Floats, scores: Floats, recipe: TrainingConfig, generator: np.random.Generator | None = None
) -> Floats:
    """What the network reads of some people: a volume `(K, T, H, W)`, or of ST-GCN++ `(M, T, 17, 3)`.

    Args:
        keypoints: `(M, T, 17, 2)` in any pixels.
        scores: `(M, T, 17)`.
        recipe: what the network reads.
        generator: with one, a volume is cropped not quite right.
    """
    if not recipe.graph:
        return draw_volume(keypoints, scores, recipe, generator)
    stream: Stream = "bone" if recipe.input == "limb" else "joint"
    return graph_features(keypoints[:1], scores[:1], stream=stream, score_threshold=recipe.score_threshold)


def draw_volume(
    keypoints: Floats, scores: Floats, recipe: TrainingConfig, generator: np.random.Generator | None = None
) -> Floats:
    """`(C, T, size, size)`: the people cropped together and drawn; with a generator, cropped not quite right."""
    size = (recipe.size, recipe.size)
    keypoints, scores = keypoints[:, :, recipe.channels], scores[:, :, recipe.channels]
    seen = scores >= recipe.score_threshold
    if not seen.any():
        return np.zeros((recipe.in_channels, keypoints.shape[1], *size), np.float32)
    low, high = keypoints[seen].min(axis=0), keypoints[seen].max(axis=0)
    middle, half = (low + high) / 2, np.maximum((high - low) / 2, 1e-3)
    side = np.full(2, half.max() * recipe.padding)
    if generator is not None:
        middle = middle + generator.uniform(-0.12, 0.12, 2) * half.max()
        side = side * generator.uniform(0.8, 1.3) * np.exp(generator.uniform(-0.12, 0.12, 2))
    placed = ((keypoints - (middle - side)) * (recipe.size / (2 * side))).transpose(1, 0, 2, 3).astype(np.float32)
    values = np.ascontiguousarray(scores.transpose(1, 0, 2))
    if recipe.input == "limb":
        volume = draw_limbs(
            placed, values, recipe.limbs, size=size, sigma=recipe.sigma, score_threshold=recipe.score_threshold
        )
    else:
        volume = draw_joints(placed, values, size=size, sigma=recipe.sigma, score_threshold=recipe.score_threshold)
    return np.ascontiguousarray(volume.transpose(1, 0, 2, 3))


def whole_clip(example: LabeledClip, recipe: TrainingConfig) -> Floats:
    """What the network reads of the acting person over the whole example, in the middle of T equal parts."""
    times = (np.arange(recipe.frames) + 0.5) / recipe.frames * len(example) - 0.5
    times = np.clip(np.round(times), 0, len(example) - 1)
    keypoints, scores = at_times(example.keypoints[:1], example.scores[:1], times)
    return network_input(keypoints, scores, recipe)
