"""Whether confidence means what it says, and what a smallest score costs and brings."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import ArrayLike, NDArray

BINS = 15  # of the calibration error, as in Guo et al., "On Calibration of Modern Neural Networks", ICML 2017


def expected_calibration_error(confidences: ArrayLike, correct: ArrayLike, bins: int = BINS) -> float:
    """How far confidence and accuracy lie apart, in [0, 1]: the mean over bins of equal width, weighted by their clips.

    Args:
        confidences: `(N,)` probability of each answer, N at least 1.
        correct: `(N,)` whether it is right.
        bins: bin b holds the confidences in (b / bins, (b + 1) / bins].
    """
    sure, right = _paired(confidences, correct)
    places = np.clip(np.ceil(sure * bins).astype(np.int64) - 1, 0, bins - 1)
    gaps = np.bincount(places, weights=right - sure, minlength=bins)
    return float(np.abs(gaps).sum() / len(sure))


def coverage(
    confidences: ArrayLike, correct: ArrayLike, thresholds: Sequence[float]
) -> list[tuple[float, float, float | None]]:
    """What a smallest score costs and brings: (threshold, part named, part of these right; None where none is named).

    Args:
        confidences: `(N,)` probability of each answer, N at least 1; one below the threshold is not named.
        correct: `(N,)` whether it is right.
        thresholds: the rows wanted.
    """
    sure, right = _paired(confidences, correct)
    rows = []
    for threshold in thresholds:
        named = sure >= threshold
        rows.append((threshold, float(named.mean()), float(right[named].mean()) if named.any() else None))
    return rows


def _paired(confidences: ArrayLike, correct: ArrayLike) -> tuple[NDArray[np.float64], NDArray[np.bool_]]:
    sure, right = np.asarray(confidences, np.float64), np.asarray(correct, np.bool_)
    if sure.shape != right.shape or sure.ndim != 1 or not len(sure):
        raise ValueError(f"confidences and correct must be as many, at least one: {sure.shape} and {right.shape}")
    return sure, right
