"""Fine-tuning: the settings and weights of a pretrained model, with a new head where the labels differ."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from posec3d_cli.hub.cards import ModelCard
from posec3d_cli.hub.weights import fetch
from posec3d_cli.nets import network_class
from posec3d_cli.nets.checkpoints import check_state, load_state_dict
from posec3d_cli.nets.layers import Recognizer
from posec3d_cli.sampling.clips import ClipSampling
from posec3d_cli.stages.builders.heatmap import spec_of_card
from posec3d_cli.training.config import TrainingConfig
from posec3d_cli.transforms.joint_features import JointSpec

HEAD = "cls_head.fc_cls."
SLOWER = 0.2  # the learning rate of fine-tuning relative to that of a new network


@dataclass(frozen=True)
class Pretrained:
    """A model to fine-tune.

    Attributes:
        card: its card.
        files: its weights, one file per network.
        config: its input settings; the other settings are those of a new network.
        network: the options of its networks.
    """

    card: ModelCard
    files: tuple[Path, ...]
    config: TrainingConfig
    network: Mapping[str, Any]

    def load_into(self, network: Recognizer, number: int, classes: Sequence[str]) -> None:
        """Load the weights of network `number` into a network; where labels of outputs differ, its head is kept.

        Raises:
            WeightsMismatch: the tensors do not fit the network.
        """
        file = self.files[number]
        state = {
            name: tensor.float() if tensor.is_floating_point() else tensor
            for name, tensor in load_state_dict(file).items()
        }
        if list(self.card.labels) != list(classes):
            fresh = network.state_dict()
            state |= {name: fresh[name] for name in state if name.startswith(HEAD) and name in fresh}
        check_state(network, state, name=f"{self.card.name}: {file}")
        network.load_state_dict(state)


def load_pretrained(card: ModelCard, base: TrainingConfig, **fetching: Any) -> Pretrained:
    """Load a classifier to fine-tune, with the input settings of its card.

    Args:
        card: the card of a classifier.
        base: settings that the card does not have; its default learning rate is lowered.
        fetching: arguments of `posec3d_cli.hub.weights.fetch`.

    Raises:
        BadCard: the card has no input settings.
        WeightsMissing, WeightsCorrupt: the weights cannot be fetched.
    """
    architecture = str(card.recipe.get("architecture", ""))
    reads_joints = network_class(architecture).reads == "joints"
    spec = (
        JointSpec.from_recipe(card.recipe.get("graph", {}), where=card.name) if reads_joints else spec_of_card(card, {})
    )
    rate = base.peak_learning_rate * SLOWER if base.learning_rate is None else base.learning_rate
    sampling = ClipSampling.from_recipe(card.recipe, where=card.name)
    config = replace(base, architecture=architecture, spec=spec, sampling=sampling, learning_rate=rate)
    files = tuple(fetch(card, **fetching).values())
    return Pretrained(card, files, config, dict(card.recipe.get("network", {})))
