"""Which epoch of a network is the model, and whether more epochs are worth the time."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any


def best_epoch(history: Sequence[dict[str, Any]], number: int) -> int:
    """The epoch of a network with the best validation; without validation clips, the last.

    The best accuracy; of several such the lowest validation loss, to a hundredth; of several such the first.
    """
    entries = [entry for entry in history if entry["network"] == number]
    if all(entry["accuracy"] is None for entry in entries):
        return int(entries[-1]["epoch"])
    best = max(entries, key=lambda entry: (entry["accuracy"], -round(entry["validation_loss"], 2), -entry["epoch"]))
    return int(best["epoch"])


def ends_early(history: Sequence[dict[str, Any]], number: int, patience: int) -> bool:
    """Whether the last `patience` epochs of a network were no better than one before; 0 is endless patience."""
    entries = [entry for entry in history if entry["network"] == number]
    if not patience or not entries or entries[0]["accuracy"] is None:
        return False
    return int(entries[-1]["epoch"]) - best_epoch(history, number) >= patience
