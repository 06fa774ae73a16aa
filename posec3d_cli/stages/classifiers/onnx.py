"""Classifiers that exist as an ONNX model only, such as those of other programs.

The recipe of its cards is that of `posec3d_cli.stages.classifiers.posec3d` where it has a table `heatmaps`, and that of
`posec3d_cli.stages.classifiers.stgcn` where it has a table `graph`; it needs no `architecture`. The file is called
`onnx`, and reads and returns what `posec3d_cli.stages.classifiers.onnx_networks` says.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from posec3d_cli.errors import BadCard
from posec3d_cli.hub.cards import ONNX
from posec3d_cli.stages.classifiers.base import NetworkClassifier
from posec3d_cli.stages.classifiers.posec3d import PoseC3D
from posec3d_cli.stages.classifiers.stgcn import STGCN

if TYPE_CHECKING:
    from posec3d_cli.hub.cards import ModelCard


class OnnxClassifier:
    """Makes the classifier that reads what an ONNX model reads."""

    @classmethod
    def from_card(
        cls, card: ModelCard, files: Mapping[str, Path], *, device: str = "cpu", **options: Any
    ) -> NetworkClassifier:
        """Make the stage; options: settings in place of those of the card.

        Raises:
            BadCard: the recipe has no table `heatmaps` or `graph`, or both, a setting does not fit, or there is no file
                called `onnx`, or it is another model.
            StageUnavailable: ONNX Runtime does not run on the device.
        """
        if ONNX not in files:
            raise BadCard(f"{card.name}: the stage 'onnx' reads a file called {ONNX!r}; there is {', '.join(files)}")
        settings = {"architecture": card.recipe.get("architecture", ONNX), **options}
        return cls._kind(card).from_card(card, {ONNX: files[ONNX]}, device=device, **settings)

    @classmethod
    def builder_of(cls, card: ModelCard) -> str:
        """The builder that makes what the model of `card` reads.

        Raises:
            BadCard: as `from_card`.
        """
        return cls._kind(card).builder

    @classmethod
    def prefers_processor(cls, card: ModelCard) -> bool:
        """Whether the device "auto" means the processor."""
        return cls._kind(card).prefers_processor(card)

    @staticmethod
    def _kind(card: ModelCard) -> type[NetworkClassifier]:
        tables = [name for name in ("heatmaps", "graph") if name in card.recipe]
        if len(tables) != 1:
            raise BadCard(
                f"{card.name}: the recipe must have one of the tables 'heatmaps' and 'graph'; "
                f"there is {' and '.join(tables) or 'neither'}",
                hint="it says what the model reads, and how that is made",
            )
        return PoseC3D if tables == ["heatmaps"] else STGCN
