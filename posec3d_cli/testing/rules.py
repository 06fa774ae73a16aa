"""Assertions of the contract checks; each message says what was expected and what was returned."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from posec3d_cli.errors import StageMismatch
from posec3d_cli.types import Floats


def require(holds: bool, rule: str) -> None:
    """Fail unless a condition holds.

    Raises:
        StageMismatch: it does not.
    """
    if not holds:
        raise StageMismatch(rule)


def one_each(results: Any, inputs: Sequence[Any], kind: type, verb: str) -> None:
    """Refuse results that are not one `kind` per input."""
    require(isinstance(results, list), f"{verb} must give a list, got {type(results).__name__}")
    require(len(results) == len(inputs), f"{verb} must give one result per input, got {len(results)}")
    wrong = [type(result).__name__ for result in results if not isinstance(result, kind)]
    require(not wrong, f"{verb} must give {kind.__name__}, got {wrong[0] if wrong else ''}")


def unit(values: Floats, name: str) -> None:
    """Refuse numbers outside [0, 1]."""
    require(bool(np.isfinite(values).all()), f"{name} must be finite")
    require(bool((values >= 0).all() and (values <= 1 + 1e-3).all()), f"{name} must lie in [0, 1]")


def same(one: Floats, other: Any, tolerance: float, name: str) -> None:
    """Refuse arrays that differ by more than a tolerance."""
    require(one.shape == other.shape, f"{name} must have shape {one.shape}, got {other.shape}")
    if one.size:
        difference = float(np.abs(one - other).max())
        require(difference <= tolerance, f"{name} must be the same, but differ by {difference:.3g}")


def unchanged(call: Callable[[], Any], arrays: Sequence[Any], verb: str) -> Any:
    """The result of `call`, which must leave the arrays as they are."""
    before = [array.copy() for array in arrays]
    result = call()
    same = all(np.array_equal(array, copy) for array, copy in zip(arrays, before, strict=True))
    require(same, f"{verb} must not change its inputs")
    return result
