"""Numbers in messages."""

from __future__ import annotations

from collections.abc import Sequence


def counted(number: int, noun: str, plural: str | None = None) -> str:
    """A number and what it counts: "1 clip", "2 clips", "2 classes" where `plural` says so."""
    return f"{number} {noun if number == 1 else plural or noun + 's'}"


def are(number: int) -> str:
    """The verb behind a number of things."""
    return "is" if number == 1 else "are"


def listed(names: Sequence[str], most: int = 5) -> str:
    """Names in a sentence; where there are more than `most`, how many are left out."""
    more = f" and {len(names) - most} more" if len(names) > most else ""
    return ", ".join(names[:most]) + more
