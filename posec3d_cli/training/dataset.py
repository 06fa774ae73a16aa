"""TrainingDataset: the augmented samples of an epoch, made by the builder that predictions use."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch
from torch import Tensor
from torch.utils.data import Dataset

from posec3d_cli.datasets.clips import BACKGROUND, LabeledClip, source_name_of
from posec3d_cli.stages.builders.rgb import RGBBuilder, RGBPoseBuilder
from posec3d_cli.training.augment import augmented
from posec3d_cli.training.augment_frames import augmented_views
from posec3d_cli.training.config import POSE_PHASES, TrainingConfig
from posec3d_cli.types import Floats, Ints

Sample = Tensor | tuple[Tensor, ...]
"""What a network reads, one view: a tensor, or several."""


class TrainingDataset(Dataset[tuple[Sample, Tensor]]):
    """One epoch of augmented inputs, each with its target probabilities `(C,)`.

    A sample is an augmented pose sequence that the builder of the network turns into an input, by the same call as in a
    prediction. Sample i of an epoch is a function of (seed, epoch, i) alone. A background clip, unless `unknown` is
    among the classes, and a person who holds still, are labelled as every action alike.

    Args:
        clips: the training clips.
        classes: the labels, in the order of the outputs of the network.
        config: the settings.
        epoch: counted from 0.
        order: `(N,)` the clip of each sample; None: as many as `config.samples` says, drawn by `sampling_weights`.
    """

    def __init__(
        self,
        clips: Sequence[LabeledClip],
        classes: Sequence[str],
        config: TrainingConfig,
        epoch: int,
        *,
        order: Ints | None = None,
    ) -> None:
        self.clips, self.classes, self.config, self.epoch = clips, list(classes), config, epoch
        self.builder = config.builder
        if order is None:
            order = draw_clips(sampling_weights(clips, config), config.samples(len(clips)), (config.seed, epoch))
        self.order = order

    def __len__(self) -> int:
        return len(self.order)

    def __getitem__(self, item: int) -> tuple[Sample, Tensor]:
        config = self.config
        generator = np.random.default_rng((config.seed, self.epoch, item))
        clip = self.clips[self.order[item]]
        still = bool(generator.random() < config.augmentation.still)
        uniform = still or (clip.label == BACKGROUND and BACKGROUND not in self.classes)
        target = torch.full((len(self.classes),), 1 / len(self.classes) if uniform else 0.0)
        if not uniform:
            target[self.classes.index(clip.label)] = 1
        return self._input(clip, generator, still), target

    def _input(self, clip: LabeledClip, generator: np.random.Generator, still: bool) -> Sample:
        config, builder = self.config, self.builder
        if isinstance(builder, RGBBuilder | RGBPoseBuilder):
            phases = config.sampling.changed(views=POSE_PHASES)
            arrays = augmented_views(clip, builder, phases, config.augmentation, generator, still=still)
        else:
            sequence, frames = augmented(
                clip,
                self.clips,
                config.sampling,
                config.augmentation,
                generator,
                still=still,
                interactions=config.interactions,
            )
            arrays = tuple(array[0] for array in builder.build(sequence, frames[None]).arrays)
        tensors = tuple(map(torch.from_numpy, arrays))
        return tensors[0] if len(tensors) == 1 else tensors


def sampling_weights(clips: Sequence[LabeledClip], config: TrainingConfig) -> Floats:
    """`(N,)` the sampling weight of each clip, with a sum of 1: by origin, and by label and source.

    Clips of a rare label or of a small source weigh more, so neither a large source nor a frequent label dominates.
    """
    own = np.array([config.origin_weights[clip.origin] for clip in clips], np.float64)
    kinds = [f"{clip.label}\0{source_name_of(clip)}" for clip in clips]
    names, alike = np.unique(kinds, return_inverse=True)
    mass = np.bincount(alike, weights=own, minlength=len(names))
    scaled = own * np.where(mass > 0, mass, 1)[alike] ** -config.class_balance
    if not scaled.sum() > 0:
        scaled = np.ones(len(clips))
    return np.asarray(scaled / scaled.sum(), np.float32)


def draw_clips(weights: Floats, count: int, seed: Sequence[int]) -> Ints:
    """`(count,)` clip indices in random order, each as often as its weight says, rounded up or down at random."""
    generator = np.random.default_rng(seed)
    edges = np.cumsum(weights.astype(np.float64))
    positions = (np.arange(count) + generator.random()) / count * edges[-1]
    chosen = np.minimum(np.searchsorted(edges, positions, side="right"), len(weights) - 1)
    return np.asarray(generator.permutation(chosen), np.int64)
