"""The whole frame as one person, for clips that show one person close up. Never used unless it is named."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self

import numpy as np

from posec3d_cli.schema import Checked, read_settings
from posec3d_cli.types import Detections, Frame

if TYPE_CHECKING:
    from posec3d_cli.hub.cards import ModelCard


class WholeFrame:
    """Detects exactly one person who fills the frame, with score 1, in every frame; pixels are not read."""

    device = None

    @classmethod
    def from_card(cls, card: ModelCard, files: Mapping[str, Path], *, device: str = "cpu", **options: Any) -> Self:
        """Make the stage; it has no settings."""
        read_settings(Checked, card, options)
        return cls()

    @classmethod
    def prefers_processor(cls, card: ModelCard) -> bool:
        """It has no network."""
        return True

    def detect(self, frames: Sequence[Frame]) -> list[Detections]:
        """One box per frame: the whole frame."""
        return [_whole(frame) for frame in frames]


def _whole(frame: Frame) -> Detections:
    height, width = frame.pixels.shape[:2]
    return Detections(np.array([[0, 0, width, height]], np.float32), np.ones(1, np.float32))
