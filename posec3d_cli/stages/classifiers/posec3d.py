"""PoseC3D: heatmap volumes in, action probabilities out.

The recipe of its cards:

    architecture = "slowonly"     # a network of heatmaps: this, "c3d-light", "x3d-shallow" or one of a plugin
    people = "together"           # one volume of everybody, or "each": one per tracked person
    temperature = 1.0             # divides the logits of each network: above 1, its answers are less sure
    min_score = 0.0               # below it, the answer is `unknown`
    [recipe.network]              # options of that network: in_channels, base_channels, stage_blocks …
    [recipe.heatmaps]             # how the volumes are drawn; read by the builder
    [recipe.clip]                 # which frames they show; read by the sampler

A card with several weights files is as many networks of that architecture, whose probabilities are averaged.
"""

from __future__ import annotations

import math
from typing import Any

from msgspec import field

from posec3d_cli.errors import StageMismatch
from posec3d_cli.stages.classifiers.base import ClassifierSettings, NetworkClassifier
from posec3d_cli.types import HeatmapVolume

# Voxels of a batch, T x H x W x views: on a CPU one 48 x 64 x 64 view, because two of 48 x 56 x 56 at once measured
# 19 % slower per view than one, while small views gain from company (`benchmarks/classifier.py`).
VOXELS_PER_BATCH = {"cpu": 200_000, "mps": 200_000, "cuda": 6_400_000}


class PoseC3D(NetworkClassifier):
    """PoseC3D networks: views are `(K, T, H, W)` heatmaps."""

    class Settings(ClassifierSettings, frozen=True):
        """Settings of its cards, besides those of every classifier.

        Attributes:
            heatmaps: how the volumes are drawn; read by the builder.
        """

        heatmaps: dict[str, Any] = field(default_factory=dict)

    builder = "heatmap"
    reads = HeatmapVolume
    network_reads = "heatmaps"
    batch_sizes = VOXELS_PER_BATCH

    @staticmethod
    def extent(*shapes: tuple[int, ...]) -> int:
        """Voxels, T x H x W."""
        return math.prod(shapes[0][1:])

    def check_view(self, *shapes: tuple[int, ...]) -> None:
        """Refuse volumes of other joints or limbs than the networks read."""
        [shape] = shapes
        if shape[0] != self.networks.in_channels:
            raise StageMismatch(
                f"the classifier reads volumes of {self.networks.in_channels} channels, got {shape[0]}",
                hint="the volume builder must draw the joints or limbs that the classifier's card names",
            )
