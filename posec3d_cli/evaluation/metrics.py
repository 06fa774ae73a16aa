"""Metrics: calibration error, coverage at a smallest score, area under the ROC curve, intervals of accuracy."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import ArrayLike, NDArray

from posec3d_cli.types import Ints

BINS = 15  # of the calibration error, as in Guo et al., "On Calibration of Modern Neural Networks", ICML 2017


def expected_calibration_error(confidences: ArrayLike, correct: ArrayLike, bins: int = BINS) -> float:
    """The expected calibration error (ECE) in [0, 1]: the mean gap between confidence and accuracy over equal bins.

    Args:
        confidences: `(N,)` probability of each prediction, N at least 1.
        correct: `(N,)` whether each prediction is correct.
        bins: bin b holds the confidences in (b / bins, (b + 1) / bins].
    """
    sure, right = _paired(confidences, correct)
    places = np.clip(np.ceil(sure * bins).astype(np.int64) - 1, 0, bins - 1)
    gaps = np.bincount(places, weights=right - sure, minlength=bins)
    return float(np.abs(gaps).sum() / len(sure))


def error_if_calibrated(confidences: ArrayLike, bins: int = BINS) -> float:
    """The mean calibration error of a perfectly calibrated model with these confidences: what few clips alone make.

    Each prediction is drawn correct with the probability of its own confidence, 1,000 times, with a fixed seed.

    Args:
        confidences: `(N,)` probability of each prediction, N at least 1.
        bins: as for `expected_calibration_error`.
    """
    sure, generator = np.asarray(confidences, np.float64), np.random.default_rng(0)
    errors = [expected_calibration_error(sure, generator.random(len(sure)) < sure, bins) for _ in range(1000)]
    return float(np.mean(errors))


def coverage(
    confidences: ArrayLike, correct: ArrayLike, thresholds: Sequence[float]
) -> list[tuple[float, float, float | None]]:
    """The effect of a minimum score: (threshold, share of clips at or above it, accuracy of these or None).

    Args:
        confidences: `(N,)` probability of each prediction, N at least 1.
        correct: `(N,)` whether each prediction is correct.
        thresholds: one row each.
    """
    sure, right = _paired(confidences, correct)
    rows = []
    for threshold in thresholds:
        named = sure >= threshold
        rows.append((threshold, float(named.mean()), float(right[named].mean()) if named.any() else None))
    return rows


def area_under_roc(positives: ArrayLike, negatives: ArrayLike) -> float:
    """The area under the ROC curve in [0, 1], the statistic of Mann and Whitney: equal scores count one half.

    Args:
        positives: `(P,)` scores of what is to be accepted, P at least 1.
        negatives: `(N,)` scores of what is to be rejected, N at least 1.
    """
    from scipy.stats import mannwhitneyu  # half a second, that only a report needs

    accepted, rejected = np.asarray(positives, np.float64), np.asarray(negatives, np.float64)
    if not (accepted.ndim == rejected.ndim == 1 and len(accepted) and len(rejected)):
        raise ValueError(f"both must be lists with at least one score: {accepted.shape} and {rejected.shape}")
    pairs = mannwhitneyu(accepted, rejected, method="asymptotic").statistic
    return float(pairs) / (len(accepted) * len(rejected))


def count_below(scores: ArrayLike, thresholds: Sequence[float]) -> list[int]:
    """The number of scores below each threshold.

    Args:
        scores: `(N,)`, also none.
        thresholds: one number each.
    """
    found: list[int] = np.searchsorted(np.sort(np.asarray(scores, np.float64)), thresholds, side="left").tolist()
    return found


def _paired(confidences: ArrayLike, correct: ArrayLike) -> tuple[NDArray[np.float64], NDArray[np.bool_]]:
    sure, right = np.asarray(confidences, np.float64), np.asarray(correct, np.bool_)
    if sure.shape != right.shape or sure.ndim != 1 or not len(sure):
        raise ValueError(f"confidences and correct must be as many, at least one: {sure.shape} and {right.shape}")
    return sure, right


_DRAWS = 10_000


def wilson(right: int, clips: int) -> tuple[float, float]:
    """The 95 % Wilson interval of an accuracy, in [0, 1]: E. B. Wilson, JASA 22 (1927).

    Args:
        right: the number of correct predictions.
        clips: at least 1.
    """
    from scipy.stats import binomtest  # half a second, that only a report needs

    interval = binomtest(right, clips).proportion_ci(0.95, method="wilson")
    part = right / clips
    # Rounding must not push the part out of its own interval.
    return min(float(interval.low), part), max(float(interval.high), part)


def mean_class_interval(right: Ints, clips: Ints, *, seed: int = 0) -> tuple[float, float] | None:
    """The 95 % interval of the mean class accuracy, by the bootstrap.

    The clips of each class are resampled within the class, so that every class keeps its number of clips. The number of
    correct clips in a resample of n clips, of which k are correct, is binomial and drawn directly. A class with all or
    no clips correct does not vary: with few clips per class the interval is too narrow, and if no class varies there is
    none.

    Args:
        right: `(C,)` the number of correct predictions of each class.
        clips: `(C,)` clips of each class, at least 1.
        seed: of the draws.

    Returns:
        The interval; None if it has no width.
    """
    drawn = np.random.default_rng(seed).binomial(clips, right / clips, (_DRAWS, len(clips))) / clips
    low, high = np.quantile(drawn.mean(axis=1), (0.025, 0.975)).tolist()
    return None if low == high else (low, high)
