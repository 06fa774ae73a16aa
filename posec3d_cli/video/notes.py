"""Notes about a video for its results: sizes, clocks and colors that the file states wrongly or leaves open."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from fractions import Fraction

import numpy as np

from posec3d_cli.types import Ints
from posec3d_cli.video.display import Display, Size, plausible
from posec3d_cli.video.timing import Timing

_PQ = 16
"""SMPTE ST 2084 among the transfer characteristics of ISO/IEC 23091-2."""


def notes_on_display(display: Display, stated: Fraction | None, shapes: dict[Size, list[Fraction | None]]) -> list[str]:
    """Notes on sizes and pixels that are not square.

    Args:
        display: how the frames are shown.
        stated: the sample aspect ratio of the first frame as the file states it.
        shapes: the stored sizes that occur and their sample aspect ratios, where the frames were counted by decoding.
    """
    said = []
    if stated and plausible(stated) != stated:
        said.append(
            f"the file states pixels of {stated.numerator}:{stated.denominator}, which no camera has; "
            "they are taken as square"
        )
    if len(shapes) > 1:
        sizes = ", ".join(f"{width}x{height}" for width, height in shapes)
        said.append(
            f"the size of the frames changes ({sizes}); all were fitted into {_size(display.size)}, with black borders"
        )
    elif display.changes:
        said.append(
            f"the shape of the pixels changes; all frames were fitted into {_size(display.size)}, with black borders"
        )
    return said


def notes_on_times(timing: Timing, leaps: Ints, *, rate_is_guessed: bool) -> Iterator[str]:
    """Notes on clocks: `leaps` are the frames before each leap that was closed."""
    if rate_is_guessed:
        yield f"the file states no rate; {float(timing.fps):g} frames per second is a guess"
    if len(leaps):
        yield (
            f"the file's clock leaps after {_frames(leaps.tolist())}; the frames were taken to follow one another, "
            f"{timing.duration:.1f} seconds in all"
        )
    if len(timing.gaps):
        longest = np.diff(timing.seconds).max()
        yield (
            f"no new frame comes for up to {longest:.0f} seconds after {_frames(timing.gaps.tolist())}; "
            "the rate leaves that time out"
        )


def notes_on_colors(transfer: int) -> Iterator[str]:
    """Notes on colors, by the number of the transfer characteristics."""
    if transfer == _PQ:
        yield "the frames are HDR (PQ) and were read without tone mapping, grayer than a player shows them"


def _frames(numbers: Sequence[int]) -> str:
    named = ", ".join(str(number) for number in numbers[:3])
    more = f" and {len(numbers) - 3} more" if len(numbers) > 3 else ""
    return f"frame{'s' if len(numbers) > 1 else ''} {named}{more}"


def _size(size: Size) -> str:
    return f"{size[0]}x{size[1]}"
