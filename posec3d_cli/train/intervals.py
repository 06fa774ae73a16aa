"""How far a measured part may lie from the true one: 95 % intervals."""

from __future__ import annotations

import numpy as np

from posec3d_cli.types import Ints

_DRAWS = 10_000
_Z = 1.96  # standard deviations; 2.5 % of a normal distribution lie above


def wilson(right: int, clips: int) -> tuple[float, float]:
    """The 95 % interval of a part, in [0, 1]: E. B. Wilson, JASA 22 (1927).

    Args:
        right: how many of the clips were named rightly.
        clips: at least 1.
    """
    part = right / clips
    middle = part + _Z**2 / (2 * clips)
    half = _Z * float(np.sqrt(part * (1 - part) / clips + _Z**2 / (4 * clips**2)))
    low, high = (edge / (1 + _Z**2 / clips) for edge in (middle - half, middle + half))
    # Rounding must not push the edges over the ends, nor the part out of its own interval.
    return min(max(low, 0.0), part), max(min(high, 1.0), part)


def mean_class_interval(right: Ints, clips: Ints, *, seed: int = 0) -> tuple[float, float] | None:
    """The 95 % interval of the mean over classes of the part that was named rightly, by the bootstrap.

    The clips of each class are drawn anew from its own, so that every class keeps its number. How many of n drawn
    clips are right, where k of n were, is binomial; so that number is drawn and no clip. A class of which all or no
    clips are right does not vary in this: with few clips a class the interval is too narrow, and where no class varies
    there is none.

    Args:
        right: `(C,)` clips of each class that were named rightly.
        clips: `(C,)` clips of each class, at least 1.
        seed: of the draws.

    Returns:
        The interval; None where it would have no width.
    """
    drawn = np.random.default_rng(seed).binomial(clips, right / clips, (_DRAWS, len(clips))) / clips
    low, high = np.quantile(drawn.mean(axis=1), (0.025, 0.975)).tolist()
    return None if low == high else (low, high)
