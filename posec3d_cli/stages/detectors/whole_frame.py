"""The whole frame as one person, for clips that show one person close up. Never used unless it is named."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self

import numpy as np

from posec3d_cli.errors import BadCard
from posec3d_cli.types import Detections, Frame

if TYPE_CHECKING:
    from posec3d_cli.hub.cards import ModelCard


class WholeFrame:
    """Says that every frame shows exactly one person who fills it, with score 1. It looks at nothing."""

    device = None

    @classmethod
    def from_card(cls, card: ModelCard, files: Mapping[str, Path], *, device: str = "cpu", **options: Any) -> Self:
        """Make the stage; it has no settings."""
        if options:
            raise BadCard(f"{card.name}: the stage 'whole-frame' has no settings, got {', '.join(sorted(options))}")
        return cls()

    def detect(self, frames: Sequence[Frame]) -> list[Detections]:
        """One box per frame: the frame itself."""
        return [_whole(frame) for frame in frames]


def _whole(frame: Frame) -> Detections:
    height, width = frame.pixels.shape[:2]
    return Detections(np.array([[0, 0, width, height]], np.float32), np.ones(1, np.float32))
