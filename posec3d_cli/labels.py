"""Labels of actions: cleaned in one way wherever they are read, and compared for labels that are nearly the same."""

from __future__ import annotations

import unicodedata
from collections.abc import Iterable

_AROUND = "\u200c\u200d"
"""Marks without width that change how letters join; between letters they mean something."""
_INVISIBLE = dict.fromkeys(map(ord, "\ufeff\u200b\u2060\u00ad"))
"""Marks without width that mean nothing anywhere; `str.strip` leaves them."""


def without_marks(text: str) -> str:
    """A text without blanks and marks that nobody sees around it."""
    while (shorter := text.strip().strip(_AROUND + "".join(map(chr, _INVISIBLE)))) != text:
        text = shorter
    return text


def clean_label(text: str) -> str:
    """A label in one line, with single blanks, without invisible marks, in Unicode's composed form (NFC).

    Two labels that look alike because one holds a letter and its accent apart, as file systems of Apple write them,
    are one label.
    """
    return without_marks(" ".join(unicodedata.normalize("NFC", text.translate(_INVISIBLE)).split()))


def near_key(label: str) -> str:
    """A key of a label: equal for labels that differ only in case, blanks, underscores, hyphens and the like."""
    folded = unicodedata.normalize("NFKC", label).casefold()
    return "".join(letter for letter in folded if letter.isalnum()) or folded


def near_labels(labels: Iterable[str]) -> list[tuple[str, ...]]:
    """The labels that are nearly the same, together; each group and the groups in order of their names."""
    alike: dict[str, set[str]] = {}
    for label in labels:
        alike.setdefault(near_key(label), set()).add(label)
    return sorted(tuple(sorted(group)) for group in alike.values() if len(group) > 1)
