"""Fine-tuning: the settings and weights of a pretrained model, with a new head where the labels differ."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, cast

import torch
from torch import Tensor

from posec3d_cli.datasets.clips import BACKGROUND
from posec3d_cli.errors import BadCard, WeightsMismatch
from posec3d_cli.files.digests import sha256_of
from posec3d_cli.hub.cards import OBJECTS, ModelCard, network_files
from posec3d_cli.hub.weights import fetch
from posec3d_cli.nets import network_class
from posec3d_cli.nets.checkpoints import check_state, load_state_dict
from posec3d_cli.nets.layers import Head, Recognizer
from posec3d_cli.nets.rgbpose import merge_halves
from posec3d_cli.recognition.members import interactions_of
from posec3d_cli.recognition.objects import ObjectReading
from posec3d_cli.sampling.clips import ClipSampling
from posec3d_cli.skeletons import COCO_17
from posec3d_cli.stages.builders.heatmap import spec_of_card
from posec3d_cli.training.config import TrainingConfig
from posec3d_cli.training.head import LinearHead
from posec3d_cli.transforms.heatmaps import HeatmapSpec
from posec3d_cli.transforms.joint_features import JointSpec
from posec3d_cli.transforms.pixels import RGBSpec

HEAD = "cls_head.fc_cls."
SLOWER = 0.2  # the learning rate, relative to that of a new network, of a model that reads another stream from now on
GENTLE = 0.04  # likewise, of fine-tuning: at a fifth, a few clips undo in an epoch what the backbone knows
EPOCHS, MORE_EPOCHS = 12, 24
MANY_CLIPS = 2000  # from which on an epoch shows each clip too seldom for EPOCHS
FEWEST_REPEATS, MOST_REPEATS = 4, 10
EPOCH_SAMPLES = 160  # of few clips, as far as MOST_REPEATS allows
PATIENCE = 4


@dataclass(frozen=True)
class Pretrained:
    """A model to fine-tune.

    Attributes:
        card: its card.
        files: its weights, by name: one file per network.
        config: its input settings; the other settings are those of a new network.
        network: the options of its networks.
        objects: what objects mean to it; None: it reads poses alone.
    """

    card: ModelCard
    files: Mapping[str, Path]
    config: TrainingConfig
    network: Mapping[str, Any]
    objects: ObjectReading | None = None

    @property
    def digests(self) -> list[str]:
        """The sha256 of each weights file."""
        return [sha256_of(file) for file in self.files.values()]

    @property
    def actions(self) -> list[str]:
        """Its labels without `unknown`, each once."""
        return [label for label in self.card.distinct_labels if label != BACKGROUND]

    def lost_labels(self, classes: Sequence[str]) -> list[str]:
        """The actions that a model of `classes` no longer has."""
        return [label for label in self.actions if label not in classes]

    def keeps_head(self, classes: Sequence[str]) -> bool:
        """Whether a network of these outputs can take the head over."""
        return list(self.card.labels) == list(classes)

    def weights(self, number: int) -> dict[str, Tensor]:
        """The tensors of network `number`, in single precision."""
        file = list(self.files.values())[number]
        return {
            name: tensor.float() if tensor.is_floating_point() else tensor
            for name, tensor in load_state_dict(file).items()
        }

    def load_into(self, network: Recognizer, number: int, classes: Sequence[str]) -> None:
        """Load the weights of network `number` into a network; where labels of outputs differ, its head is kept.

        Raises:
            WeightsMismatch: the tensors do not fit the network.
        """
        state = self.weights(number)
        if not self.keeps_head(classes):
            fresh = network.state_dict()
            state |= {name: fresh[name] for name in state if name.startswith(HEAD) and name in fresh}
        check_state(network, state, name=f"{self.card.name}: {list(self.files.values())[number]}")
        network.load_state_dict(state)

    def head(self, number: int) -> LinearHead:
        """The head of network `number`."""
        state = self.weights(number)
        return LinearHead(state[f"{HEAD}weight"], state[f"{HEAD}bias"])


def set_head(network: Recognizer, head: LinearHead) -> None:
    """Replace the linear layer of a network."""
    layer = cast(Head, network.cls_head).fc_cls
    with torch.no_grad():
        layer.weight.copy_(head.weight)
        layer.bias.copy_(head.bias)


def load_pretrained(card: ModelCard, base: TrainingConfig, **fetching: Any) -> Pretrained:
    """Load a classifier to fine-tune, with the input settings of its card.

    Args:
        card: the card of a classifier.
        base: settings that the card does not have.
        fetching: arguments of `posec3d_cli.hub.weights.fetch`.

    Raises:
        BadCard: the card has no input settings, or reads other joints than labeled clips have.
        WeightsMissing, WeightsCorrupt: the weights cannot be fetched.
    """
    architecture = str(card.recipe.get("architecture", ""))
    reads = network_class(architecture).reads
    reads_joints = reads == "joints"
    rgb = RGBSpec.from_recipe(card.recipe.get("rgb", {}), where=card.name) if "rgb" in reads else None
    spec = (
        JointSpec.from_recipe(card.recipe.get("graph", {}), where=card.name) if reads_joints else spec_of_card(card, {})
    )
    if isinstance(spec, HeatmapSpec) and spec.skeleton != COCO_17.name:
        raise BadCard(
            f"{card.name} reads {spec.skeleton} poses, and labeled clips have {COCO_17.name} poses",
            hint="choose another --pretrained, or none",
        )
    sampling = ClipSampling.from_recipe(card.recipe, where=card.name)
    config = replace(
        base,
        architecture=architecture,
        spec=spec,
        sampling=sampling,
        rgb=rgb,
        interactions=interactions_of(card, card.distinct_labels) if sampling.people == "each" else (),
    )
    files = fetch(card, **fetching)
    objects = ObjectReading.read(files[OBJECTS], card.distinct_labels) if OBJECTS in files else None
    return Pretrained(card, network_files(files), config, dict(card.recipe.get("network", {})), objects)


def load_halves(network: Recognizer, halves: tuple[Pretrained, Pretrained], classes: Sequence[str]) -> None:
    """Load two models into an RGBPose-Conv3D that starts as both; where the labels differ, its heads are kept.

    Raises:
        WeightsMismatch: the tensors do not fit.
    """
    states = []
    for half in halves:
        state = half.weights(0)
        kept = half.keeps_head(classes)
        states.append({name: tensor for name, tensor in state.items() if kept or not name.startswith(HEAD)})
    try:
        network.load_state_dict(merge_halves(network, *states))
    except ValueError as error:
        names = " and ".join(half.card.name for half in halves)
        raise WeightsMismatch(f"{names} are no halves of this network: {error}", hint="train both anew") from error


def fine_tuning(config: TrainingConfig, clips: int) -> TrainingConfig:
    """The schedule of fine-tuning: few epochs at a low learning rate that end early, scaled to the number of clips.

    The statistics of batch normalisation stay those of the pretrained model: a batch of few clips has poor ones.
    """
    repeats = max(FEWEST_REPEATS, min(MOST_REPEATS, EPOCH_SAMPLES // max(1, clips)))
    epochs = MORE_EPOCHS if clips >= MANY_CLIPS else EPOCHS
    return replace(slower(config, GENTLE), epochs=epochs, repeats=repeats, patience=PATIENCE, frozen_statistics=True)


def slower(config: TrainingConfig, share: float) -> TrainingConfig:
    """A config whose default learning rate is multiplied by `share`; one that was given stays."""
    if config.learning_rate is not None:
        return config
    return replace(config, learning_rate=config.peak_learning_rate * share)
