"""Classifiers that read frames: RGBPose-Conv3D, frames and heatmaps in, and its RGB half, frames in.

The recipe of their cards:

    architecture = "rgbpose"      # a network of frames and heatmaps; of frames alone "rgb-only"
    heads = ["rgb", "pose"]       # of "rgbpose": the heads that are averaged; one named twice counts twice
    people = "together"           # one clip of everybody, or "each": one per tracked person
    temperature = 1.0             # divides the logits of each head: above 1, its answers are less sure
    min_score = 0.0               # below it, the answer is `unknown`
    [recipe.network]              # options of the network: in_channels, rgb_channels, lateral …
    [recipe.rgb]                  # how the frames are scaled and normalized; read by the builder
    [recipe.heatmaps]             # how the volumes are drawn, and the crop of both; read by the builder
    [recipe.clip]                 # which frames are shown: frames with poses, and rgb_frames; read by the sampler
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal, Self

from msgspec import Meta, field

from posec3d_cli.errors import StageMismatch
from posec3d_cli.schema import read_settings
from posec3d_cli.stages.classifiers.base import ClassifierSettings, NetworkClassifier, Views
from posec3d_cli.types import Floats, RGBClips, RGBPoseClips

if TYPE_CHECKING:
    from posec3d_cli.hub.cards import ModelCard

HEADS, SPEED = ("rgb", "pose"), 4
"""The heads of the network, in their order, and how many frames of heatmaps it reads by default for each RGB frame."""
HeadNames = Annotated[
    tuple[Literal["rgb", "pose"], ...], Meta(min_length=1, description='a list of "rgb" and "pose", at least one')
]

# Pixels of a batch, T x H x W x views: on a CPU one view of 8 x 256 x 256, or some small ones.
PIXELS_PER_BATCH = {"cpu": 525_000, "mps": 525_000, "cuda": 8_400_000}


class FrameSettings(ClassifierSettings, frozen=True):
    """Settings of the cards of classifiers that read frames, besides those of every classifier.

    Attributes:
        rgb: how the frames are scaled and normalized; read by the builder.
        heatmaps: how volumes are drawn, and the crop; read by the builder.
    """

    rgb: dict[str, Any] = field(default_factory=dict)
    heatmaps: dict[str, Any] = field(default_factory=dict)


class RGBClassifier(NetworkClassifier):
    """Networks of frames: views are `(3, T, H, W)`."""

    Settings = FrameSettings
    builder = "rgb"
    reads = RGBClips
    network_reads = "rgb"
    batch_sizes = PIXELS_PER_BATCH

    @staticmethod
    def extent(*shapes: tuple[int, ...]) -> int:
        """Pixels, T x H x W."""
        return math.prod(shapes[0][1:])

    def check_view(self, *shapes: tuple[int, ...]) -> None:
        """Every view of three colours will do."""


class RGBPoseClassifier(NetworkClassifier):
    """RGBPose-Conv3D networks: views are `(3, T, H, W)` frames and `(K, T', h, w)` heatmaps."""

    class Settings(FrameSettings, frozen=True):
        """Settings of its cards, besides those of every classifier of frames.

        Attributes:
            heads: the heads whose probabilities are averaged; one that is named twice counts twice.
        """

        heads: HeadNames = ("rgb", "pose")

    builder = "rgbpose"
    reads = RGBPoseClips
    network_reads = "rgb+heatmaps"
    batch_sizes = PIXELS_PER_BATCH
    heads: tuple[str, ...] = HEADS
    speed: int = SPEED

    @classmethod
    def from_card(cls, card: ModelCard, files: Mapping[str, Path], *, device: str = "cpu", **options: Any) -> Self:
        """As `NetworkClassifier.from_card`."""
        made = super().from_card(card, files, device=device, **options)
        settings = read_settings(cls.Settings, card, options)
        made.heads, made.speed = settings.heads, int(settings.network.get("speed", SPEED))
        return made

    def _logits(self, views: Views) -> Floats:
        """B views -> `(networks x heads, B, O)`: of each network the heads that are asked for."""
        logits = self.networks.logits(*views)  # (networks x 2, B, O)
        asked = [HEADS.index(name) for name in self.heads]
        by_head = logits.reshape(-1, len(HEADS), *logits.shape[1:])[:, asked]
        return by_head.reshape(-1, *logits.shape[1:])

    @staticmethod
    def extent(*shapes: tuple[int, ...]) -> int:
        """Pixels of the frames, T x H x W."""
        return math.prod(shapes[0][1:])

    def check_view(self, *shapes: tuple[int, ...]) -> None:
        """Refuse volumes of other joints than the networks read, and views whose pathways cannot be joined."""
        (_, frames, *size), (channels, posed, *drawn) = shapes
        if channels != self.networks.in_channels:
            raise StageMismatch(
                f"the classifier reads volumes of {self.networks.in_channels} channels, got {channels}",
                hint="the builder must draw the joints or limbs that the classifier's card names",
            )
        if posed != self.speed * frames or [4 * side for side in drawn] != size:
            raise StageMismatch(
                f"the classifier reads {self.speed} frames of heatmaps per frame, in a quarter of its height and "
                f"width; got {posed} of {drawn[0]} x {drawn[1]} for {frames} of {size[0]} x {size[1]}",
                hint="recipe.clip, recipe.rgb.size and recipe.heatmaps.size of the classifier's card must fit",
            )
