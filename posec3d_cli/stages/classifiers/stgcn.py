"""ST-GCN++: clips of joints in, action probabilities out.

The recipe of its cards:

    architecture = "stgcn++"
    people = "together"           # one clip of the most important people, or "each": one per tracked person
    min_score = 0.0               # below it, the answer is `unknown`
    [recipe.network]              # options of the network: in_channels, base_channels …
    [recipe.graph]                # stream, score_threshold and people, the number of slots; read by the builder
    [recipe.clip]                 # which frames they show; read by the sampler

A card with several weights files is as many networks, whose probabilities are averaged.
"""

from __future__ import annotations

import math
from typing import Any

from msgspec import field

from posec3d_cli.errors import StageMismatch
from posec3d_cli.skeletons import COCO_17
from posec3d_cli.stages.classifiers.base import ClassifierSettings, NetworkClassifier
from posec3d_cli.types import JointClips

JOINTS = len(COCO_17.joints)
# Joints of a batch, M x T x K x views: on a CPU 24 views of one person over 48 frames. A view by itself takes about
# twice as long as one of eight, and more than that gain nothing.
JOINTS_PER_BATCH = {"cpu": 20_000, "mps": 20_000, "cuda": 640_000}


class STGCN(NetworkClassifier):
    """ST-GCN++ networks: views are `(M, T, 17, C)` joints or bones."""

    class Settings(ClassifierSettings, frozen=True):
        """Settings of its cards, besides those of every classifier.

        Attributes:
            graph: how the joints are given; read by the builder.
        """

        graph: dict[str, Any] = field(default_factory=dict)

    builder = "graph"
    reads = JointClips
    network_reads = "joints"
    batch_sizes = JOINTS_PER_BATCH

    @staticmethod
    def extent(*shapes: tuple[int, ...]) -> int:
        """Joints, M x T x K."""
        return math.prod(shapes[0][:-1])

    def check_view(self, *shapes: tuple[int, ...]) -> None:
        """Refuse clips without people, without frames, or with other joints or features than the networks read."""
        [shape] = shapes
        people, frames, *joint = shape
        if joint != [JOINTS, self.networks.in_channels] or not people or not frames:
            raise StageMismatch(
                f"the classifier reads clips of (M, T, {JOINTS}, {self.networks.in_channels}) joints, got {shape}",
                hint="the builder 'graph' makes them",
            )
