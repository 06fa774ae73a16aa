"""Clip lists: text files that name clips of a dataset, for evaluation and for validation."""

from __future__ import annotations

import os
from collections.abc import Collection
from dataclasses import replace
from pathlib import Path

from posec3d_cli.datasets.clips import RECORDED, TRAINING, VALIDATION, LabeledClip, LabeledVideo
from posec3d_cli.datasets.labeled_dataset import LabeledDataset
from posec3d_cli.errors import BadDataset, counted


def read_clip_list(file: Path) -> tuple[str, ...]:
    """Read a list of clips: the lines of a text file, without blank lines.

    Raises:
        BadDataset: the file cannot be read, or has no such line.
    """
    try:
        names = tuple(line for line in file.read_text(encoding="utf-8-sig").splitlines() if line.strip())
    except (OSError, UnicodeDecodeError) as error:
        raise BadDataset(f"{file} cannot be read as a list of clips: {error}") from error
    if not names:
        raise BadDataset(f"{file} names no clips")
    return names


def match_clips(dataset: LabeledDataset, names: Collection[str]) -> set[str]:
    """Match names in a list to clips of a dataset, and return the full names of the clips.

    A list names a clip by its full name, `SOURCE/walk/a.mp4`, by its name within its source, `walk/a.mp4`, by its
    file's name, `a.mp4`, or by its path.

    Raises:
        BadDataset: a name matches no clip, or several.
    """
    called: dict[str, set[str]] = {}
    for clip in dataset.clips:
        within = clip.name.partition("/")[2]
        ways = {clip.name, within, within.rpartition("/")[2]}
        if isinstance(clip, LabeledVideo):
            ways |= {os.path.abspath(clip.path), clip.path.as_posix()}
        for way in ways:
            called.setdefault(way, set()).add(clip.name)
    whole = {clip.name for clip in dataset.clips}
    wanted: set[str] = set()
    unknown = []
    for name in names:
        meant = {name} & whole or called.get(name) or called.get(name.strip().replace("\\", "/").removeprefix("./"))
        if not meant:
            unknown.append(name)
        elif len(meant) > 1:
            raise BadDataset(
                f"{name!r} may be any of {len(meant)} clips: {', '.join(sorted(meant)[:5])}",
                hint="a full name begins with the name of the source",
            )
        wanted |= meant or set()
    if unknown:
        example = f"; the data holds names such as {dataset.clips[0].name}" if dataset.clips else ""
        raise BadDataset(
            f"{len(unknown)} of the {len(names)} clips listed are not in the data, the first is {min(unknown)!r}",
            hint=f"a clip is called by its file's name, its path, or SOURCE/PATH{example}",
        )
    return wanted


def set_validation(dataset: LabeledDataset, names: Collection[str]) -> LabeledDataset:
    """Validate on the clips that a list names, and train on all others.

    A clip of the validation split of a dataset pickle that the list does not name is left out.

    Raises:
        BadDataset: see `match_clips`; or a named clip is a 3D recording.
    """
    chosen = match_clips(dataset, names)
    clips: list[LabeledVideo | LabeledClip] = []
    for clip in dataset.clips:
        if clip.name in chosen and isinstance(clip, LabeledClip) and clip.origin == RECORDED:
            raise BadDataset(f"{clip.name} is a 3D recording, and a 3D recording cannot be a validation clip")
        if clip.name in chosen or clip.part != VALIDATION:
            clips.append(replace(clip, part=VALIDATION if clip.name in chosen else TRAINING))
    left = len(dataset.clips) - len(clips)
    words = "is not listed and left out" if left == 1 else "are not listed and left out"
    said = (f"{counted(left, 'clip')} of validation splits {words}",) if left else ()
    return LabeledDataset(tuple(clips), (*dataset.notes, *said))
