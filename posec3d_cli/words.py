"""Numbers in messages."""

from __future__ import annotations

import re
from collections.abc import Sequence

_NUMBER = re.compile(r"\d+(?:\.\d+)?")


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


def together(said: Sequence[tuple[str, str]], noun: str) -> list[str]:
    """What is said of things, of each kind one line: sentences that differ only in their numbers are of one kind.

    Args:
        said: the name of a thing and a sentence about it.
        noun: what the things are.

    Returns:
        "a.mp4: 3 frames are lost", or "2 videos: 3 to 5 frames are lost: a.mp4, b.mp4".
    """
    kinds: dict[str, list[tuple[str, str]]] = {}
    for name, sentence in said:
        kinds.setdefault(_NUMBER.sub("0", sentence), []).append((name, sentence))
    lines = []
    for one in kinds.values():
        names = list(dict.fromkeys(name for name, _ in one))
        if len(names) == 1:
            lines += [f"{name}: {sentence}" for name, sentence in one]
        else:
            lines.append(f"{counted(len(names), noun)}: {_with_ranges([text for _, text in one])}: {listed(names)}")
    return lines


def _with_ranges(sentences: Sequence[str]) -> str:
    """One sentence for several that differ in their numbers only."""
    columns = zip(*(_NUMBER.findall(sentence) for sentence in sentences), strict=True)
    ranges = iter([_range(numbers) for numbers in columns])
    return _NUMBER.sub(lambda found: next(ranges), sentences[0])


def _range(numbers: Sequence[str]) -> str:
    low, high = min(numbers, key=float), max(numbers, key=float)
    return low if float(low) == float(high) else f"{low} to {high}"
