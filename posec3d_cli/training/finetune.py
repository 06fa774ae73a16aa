"""Fine-tuning: the settings and weights of a pretrained model, with a new head where the labels differ."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from posec3d_cli.errors import BadCard
from posec3d_cli.hub.cards import ModelCard
from posec3d_cli.hub.weights import fetch
from posec3d_cli.nets.checkpoints import check_state, load_state_dict
from posec3d_cli.nets.layers import Recognizer
from posec3d_cli.sampling.clips import ClipSampling
from posec3d_cli.skeletons import COCO_17
from posec3d_cli.stages.builders.heatmap import spec_of_card
from posec3d_cli.training.config import TrainingConfig
from posec3d_cli.transforms.heatmaps import HeatmapSpec

HEAD = "cls_head.fc_cls."
SLOWER = 0.2  # the learning rate of a network that has learnt already, in parts of that of a fresh one


@dataclass(frozen=True)
class Pretrained:
    """A model to begin from.

    Attributes:
        card: its card.
        files: its weights, one file per network.
        recipe: what it reads and how, the rest as for a fresh network.
        network: the options of its networks.
        sampling: how it reads a video.
    """

    card: ModelCard
    files: tuple[Path, ...]
    recipe: TrainingConfig
    network: Mapping[str, Any]
    sampling: ClipSampling

    def load_into(self, network: Recognizer, number: int, classes: Sequence[str]) -> None:
        """Give a network the weights of network `number`; where the labels differ, the head stays as it is.

        Raises:
            WeightsMismatch: the tensors are not those of the network.
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
    """What there is to begin from.

    Args:
        card: of a classifier.
        base: settings that the card says nothing about; its learning rate becomes slower.
        fetching: arguments of `posec3d_cli.hub.weights.fetch`.

    Raises:
        BadCard: its volumes are drawn in a way that training cannot draw.
        WeightsMissing, WeightsCorrupt: the weights cannot be had.
    """
    architecture = str(card.recipe.get("architecture", ""))
    sampling = ClipSampling.from_recipe(card.recipe, where=card.name)
    rate = base.peak_rate * SLOWER if base.rate is None else base.rate
    recipe = replace(base, architecture=architecture, frames=sampling.frames, rate=rate)
    recipe = _graph(card, recipe) if recipe.graph else _volumes(card, recipe, spec_of_card(card, {}))
    files = tuple(fetch(card, **fetching).values())
    return Pretrained(card, files, recipe, dict(card.recipe.get("network", {})), sampling)


def _graph(card: ModelCard, recipe: TrainingConfig) -> TrainingConfig:
    graph = card.recipe.get("graph", {})
    return replace(
        recipe,
        input="limb" if graph.get("stream") == "bone" else "joint",
        score_threshold=graph.get("score_threshold", recipe.score_threshold),
    )


def _volumes(card: ModelCard, recipe: TrainingConfig, spec: HeatmapSpec) -> TrainingConfig:
    recipe = replace(
        recipe,
        input="limb" if spec.channels == "limbs" else "joint",
        size=spec.size[0],
        joints=spec.joints or (_joints_of(spec) if spec.channels == "limbs" else COCO_17.joints),
        sigma=spec.sigma,
        score_threshold=spec.score_threshold,
    )
    if spec.size[0] != spec.size[1] or (spec.channels == "limbs" and spec.limbs != recipe.limbs):
        raise BadCard(
            f"{card.name} draws volumes that training does not draw: {spec.size[0]} x {spec.size[1]} pixels, "
            f"limbs {spec.limbs}",
            hint="begin from another model",
        )
    return recipe


def _joints_of(spec: HeatmapSpec) -> tuple[str, ...]:
    used = {number for limb in spec.limbs for number in limb}
    return tuple(joint for number, joint in enumerate(COCO_17.joints) if number in used)
