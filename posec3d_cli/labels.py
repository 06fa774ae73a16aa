"""The names of actions as people write them: cleaned in one way wherever they are read, and compared."""

from __future__ import annotations

import unicodedata
from collections.abc import Iterable

_AROUND = "\ufeff\u200b\u200c\u200d\u2060"
"""Marks without width; `str.strip` leaves them."""


def clean_label(text: str) -> str:
    """A label without blanks and invisible marks around it, in Unicode's composed form (NFC).

    Two labels that look alike because one holds a letter and its accent apart, as file systems of Apple write them,
    are one label.
    """
    cleaned = unicodedata.normalize("NFC", text)
    while (shorter := cleaned.strip().strip(_AROUND)) != cleaned:
        cleaned = shorter
    return cleaned


def near_key(label: str) -> str:
    """The same for labels that differ in nothing but case, blanks, underscores, hyphens and the like."""
    folded = unicodedata.normalize("NFKC", label).casefold()
    return "".join(letter for letter in folded if letter.isalnum()) or folded


def near_labels(labels: Iterable[str]) -> list[tuple[str, ...]]:
    """The labels that are nearly the same, together; each group and the groups in order of their names."""
    alike: dict[str, set[str]] = {}
    for label in labels:
        alike.setdefault(near_key(label), set()).add(label)
    return sorted(tuple(sorted(group)) for group in alike.values() if len(group) > 1)
