"""Names of output files: unique stems for the outputs of several inputs in one folder."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from pathlib import PurePath


def without_suffixes(names: Sequence[str]) -> list[str]:
    """Each input's name without its suffix, or its whole name where something else could be called the same.

    `clip.mp4` gives "clip"; beside `clip.avi`, "clip.mp4". Names that differ only in case count as the same, for some
    file systems take them so. The result depends on the set of names alone, and differs wherever the names do.

    Args:
        names: names, or paths below one folder.
    """
    short = [
        str(path.with_suffix("")) if path.name else name for name, path in zip(names, map(PurePath, names), strict=True)
    ]
    distinct = dict(zip(names, short, strict=True))
    times = Counter(one.casefold() for one in distinct.values())
    whole = {name.casefold() for name, one in distinct.items() if one != name}
    return [
        name if times[one.casefold()] > 1 or one.casefold() in whole else one
        for name, one in zip(names, short, strict=True)
    ]
