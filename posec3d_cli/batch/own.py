"""Leave out what earlier runs wrote into a folder of inputs: annotated videos, poses and JSON results."""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path

from posec3d_cli.batch.find import InputFile
from posec3d_cli.errors import InputError
from posec3d_cli.pose_files.origin import Source, sources_of
from posec3d_cli.video.marks import is_annotated

_RESULTS = re.compile(rb'\A\s*\{\s*"schema":\s*"posec3d/(?!poses")')


def without_own(found: Sequence[InputFile]) -> tuple[list[InputFile], list[InputFile]]:
    """The files to do, and those that are left out because posec3d made them of the others.

    What was named itself is never left out.

    Raises:
        InputError: nothing else is there.
    """
    own = own_among(found)
    left_out = {one.path for one in own}
    if own and len(left_out) == len(found):
        raise InputError(
            f"all files that are found were made by posec3d, {own[0].path} for one", hint="name them one by one"
        )
    return [one for one in found if one.path not in left_out], own


def own_among(found: Sequence[InputFile]) -> list[InputFile]:
    """The files that posec3d made of the others, and that were not named themselves.

    These are annotated videos, the JSON of `predict`, `evaluate` and `train`, and pose files whose videos are all among
    the files.
    """
    there = {source for one in found if (source := _source(one.path)) is not None}
    return [one for one in found if not one.named and _is_own(one.path, there)]


def _is_own(path: Path, there: set[Source]) -> bool:
    if is_annotated(path) or _holds_results(path):
        return True
    sources = sources_of(path)
    return bool(sources) and there.issuperset(sources)


def _source(path: Path) -> Source | None:
    try:
        return path.name, path.stat().st_size
    except (OSError, ValueError):
        return None


def _holds_results(path: Path) -> bool:
    if path.suffix.lower() != ".json":
        return False
    try:
        with path.open("rb") as file:
            return _RESULTS.match(file.read(200)) is not None
    except OSError:
        return False
