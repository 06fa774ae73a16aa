"""The picture that an ONNX model reads: which size, which order of channels, normalised how."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from posec3d_cli.errors import BadCard
from posec3d_cli.types import Floats, Pixels

CHANNELS = ("rgb", "bgr")


@dataclass(frozen=True)
class PictureInput:
    """What a model wants to be shown; the fields are settings of its card.

    Attributes:
        input_size: (w, h) in pixels.
        channels: "rgb" or "bgr": the order in which the model reads the three channels.
        mean: subtracted from the values 0 to 255, one per channel in that order.
        std: what the difference is divided by.
    """

    input_size: tuple[int, int]
    channels: str
    mean: tuple[float, ...] = (0.0, 0.0, 0.0)
    std: tuple[float, ...] = (1.0, 1.0, 1.0)

    def __post_init__(self) -> None:
        if not _numbers(self.input_size, 2, int) or min(self.input_size) < 1:
            raise BadCard(f"input_size must be a width and a height in pixels, got {self.input_size!r}")
        if self.channels not in CHANNELS:
            raise BadCard(f"channels must be one of {', '.join(CHANNELS)}, got {self.channels!r}")
        if not _numbers(self.mean, 3, float):
            raise BadCard(f"mean must be three numbers, got {self.mean!r}")
        if not _numbers(self.std, 3, float) or min(self.std) <= 0:
            raise BadCard(f"std must be three numbers above 0, got {self.std!r}")

    def tensor(self, pictures: Pixels) -> Floats:
        """What the model reads.

        Args:
            pictures: `(N, H, W, 3)` uint8 RGB.

        Returns:
            `(N, 3, H, W)` float32, channels in the model's order.
        """
        ordered = pictures[..., ::-1] if self.channels == "bgr" else pictures
        mean, std = np.array(self.mean, np.float32), np.array(self.std, np.float32)
        return np.ascontiguousarray(((ordered.astype(np.float32) - mean) / std).transpose(0, 3, 1, 2))

    def check(self, session: Any, outputs: int) -> int | None:
        """Refuse a model that does not read such pictures; returns how many it reads at once, None for any number.

        Args:
            session: the opened model.
            outputs: how many outputs it has to have.

        Raises:
            BadCard: it has another input, or fewer outputs.
        """
        found = [(one.type, list(one.shape)) for one in session.get_inputs()]
        wanted = [3, *self.input_size[::-1]]
        # An axis of any length has a name, or nothing, where one of fixed length has a number.
        fits = len(found) == 1 and found[0][0] == "tensor(float)" and len(found[0][1]) == 4
        batch, *rest = found[0][1] if fits else [0]
        if not fits or any(want != have for want, have in zip(wanted, rest, strict=True) if isinstance(have, int)):
            reads = [f"{one} {shape or 'of a single number or unknown shape'}" for one, shape in found]
            shape = ", ".join(map(str, wanted))
            raise BadCard(
                f"the model must read one float tensor (N, {shape}), but reads {' and '.join(reads) or 'nothing'}",
                hint="the card's input_size is the model's width and height",
            )
        if len(session.get_outputs()) < outputs:
            raise BadCard(f"the model must have {outputs} outputs, but has {len(session.get_outputs())}")
        return batch if isinstance(batch, int) else None


def _numbers(values: Sequence[float], count: int, kind: type) -> bool:
    allowed = (int,) if kind is int else (int, float)
    return (
        isinstance(values, (list, tuple))
        and len(values) == count
        and all(isinstance(value, allowed) and not isinstance(value, bool) for value in values)
    )
