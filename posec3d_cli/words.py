"""Numbers in messages."""

from __future__ import annotations


def counted(number: int, noun: str, plural: str | None = None) -> str:
    """A number and what it counts: "1 clip", "2 clips", "2 classes" where `plural` says so."""
    return f"{number} {noun if number == 1 else plural or noun + 's'}"
