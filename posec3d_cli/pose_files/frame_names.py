"""Frame numbers from the names of images and files.

The number that changes from name to name is the frame's: `0_cam1.jpg`, `1_cam1.jpg` are the frames 0 and 1. Names
without a number, or with several of which none tells all frames apart, are frames in the order in which they appear.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any, NamedTuple

from posec3d_cli.errors import BadPoseFile
from posec3d_cli.pose_files.checks import shown, whole

_NUMBER = re.compile(r"(?<!\d)(\d{1,18})(?!\d)", re.ASCII)  # what is longer is no frame's number
_SUFFIX = re.compile(r"\.[A-Za-z]\w{0,4}$", re.ASCII)
_CLOCK = re.compile(r"(?<!\d)\d\d\D\d\d\D\d\d(?!\d)", re.ASCII)
_COPY = re.compile(r"( (- )?copy)?( ?\(\d+\))?$", re.ASCII | re.IGNORECASE)
_SOURCE = re.compile(r"(cam|camera|view|video|vid|clip)[\W_]*$", re.IGNORECASE)
"""What stands before the number of a video, not of a frame."""
_HINT = "one file or folder holds the frames of one video, and one number in their names tells them apart"


class FrameNumbers(NamedTuple):
    """The frame of each name, and a sentence where their order is a guess."""

    of: dict[str, int]
    notes: tuple[str, ...] = ()


def in_natural_order(names: Sequence[str]) -> list[str]:
    """The names of a folder, which has no order of its own, by their words and numbers: 2 before 10."""

    def key(name: str) -> list[tuple[str, int]]:
        words, numbers = _NUMBER.split(name)[::2], _NUMBER.split(name)[1::2]
        return list(zip(words, [*map(int, numbers), -1], strict=True))

    return sorted(names, key=key)


def frame_ids(ids: Sequence[Any], places: Sequence[str]) -> tuple[list[int], tuple[str, ...]]:
    """The frame of each entry, of which each says the frame's number, or each says its name; and notes about it.

    Args:
        ids: what the entries say; frames repeat where there are several people.
        places: how a message calls each of them.

    Raises:
        BadPoseFile: they are neither, or the names do not tell the frames apart.
    """
    if ids and all(isinstance(one, str) for one in ids):
        numbers = frame_numbers(ids)
        return [numbers.of[one] for one in ids], numbers.notes
    return [whole(one, place, 0, 10**15) for one, place in zip(ids, places, strict=True)], ()


def frame_numbers(names: Sequence[str]) -> FrameNumbers:
    """The frame of each name.

    Names that differ in nothing but numbers are frames of one video: the number that is another one in every name is
    the frame's, of several the one that spans least. Where several change and none is another one in every name, and
    where some are marked as copies, the order of appearance counts, and a note says so, unless folders or words such as
    `cam` tell several videos. Names that differ in words are frames in the order of appearance, unless many share their
    words: those are of several videos.

    Raises:
        BadPoseFile: the names are of several videos, or several have the same numbers.
    """
    distinct = list(dict.fromkeys(names))
    parts = {name: _NUMBER.split(_SUFFIX.sub("", name)) for name in distinct}
    alike: dict[tuple[str, ...], list[str]] = {}
    for name in distinct:
        alike.setdefault(tuple(parts[name][::2]), []).append(name)
    if len(alike) == 1:
        return _by_number(distinct, [[int(number) for number in parts[name][1::2]] for name in distinct])
    if len({tuple(_NUMBER.split(_COPY.sub("", _SUFFIX.sub("", name)))[::2]) for name in distinct}) == 1:
        return _as_they_appear(distinct, "some of its names are marked as copies of others")
    largest, half = max(map(len, alike.values()), default=0), len(distinct) / 2
    if largest > 1 and (largest >= half or len(alike) <= half):
        examples = _some([group[0] for group in alike.values()])
        raise BadPoseFile(f"its names are of several videos: {examples}", hint=_HINT)
    return FrameNumbers({name: order for order, name in enumerate(distinct)})


def _as_they_appear(names: Sequence[str], why: str, *, several: bool = False) -> FrameNumbers:
    if several or len({name.replace("\\", "/").rpartition("/")[0] for name in names}) > 1:
        raise BadPoseFile(f"its names are of several videos: {_some([names[0], names[-1]])}", hint=_HINT)
    note = f"{why}: they are taken for frames in the order in which they appear ({_some(names)})"
    return FrameNumbers({name: order for order, name in enumerate(names)}, (note,))


def _by_number(names: Sequence[str], rows: Sequence[Sequence[int]]) -> FrameNumbers:
    columns = list(zip(*rows, strict=True))
    if len(names) == 1:
        return FrameNumbers({names[0]: columns[-1][0] if columns else 0})
    telling = [column for column in reversed(columns) if len(set(column)) == len(names)]
    if telling:
        best = min(telling, key=lambda column: max(column) - min(column))
        return FrameNumbers(dict(zip(names, best, strict=True)))
    if len(set(map(tuple, rows))) < len(names):
        first: dict[tuple[int, ...], str] = {}
        again, name = next(
            (first[tuple(row)], name)
            for name, row in zip(names, rows, strict=True)
            if first.setdefault(tuple(row), name) != name
        )
        raise BadPoseFile(f"two names are of the same frame: {_some([again, name])}", hint=_HINT)
    if all(_CLOCK.search(name) for name in names):
        return FrameNumbers({name: order for order, name in enumerate(names)})
    words = _NUMBER.split(_SUFFIX.sub("", names[0]))[::2]
    changing = [place for place, column in enumerate(columns) if len(set(column)) > 1]
    why = f"{len(changing)} numbers change in its names, and none tells all frames apart"
    return _as_they_appear(names, why, several=any(_SOURCE.search(words[place]) for place in changing))


def _some(names: Sequence[str]) -> str:
    """Some names as a message shows them."""
    return ", ".join(shown(name) for name in names[:3]) + (", …" if len(names) > 3 else "")
