"""Leave out what earlier runs wrote into a folder of inputs: annotated videos, poses and JSON results."""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path

from posec3d_cli.batch.find import InputFile
from posec3d_cli.errors import InputError
from posec3d_cli.output.json import SCHEMA
from posec3d_cli.pose_files.origin import Source, sources_of
from posec3d_cli.video.marks import is_annotated

_ANSWERS = re.compile(rf'\A\s*{{\s*"schema":\s*"{SCHEMA}"'.encode())


def without_own(found: Sequence[InputFile]) -> tuple[list[InputFile], list[InputFile]]:
    """The files to do, and those that are left out because posec3d made them of the others.

    Left out are annotated videos, answers of `predict --json`, and pose files whose videos are all among the files.
    What was named itself is never left out.

    Raises:
        InputError: nothing else is there.
    """
    there = {source for one in found if (source := _source(one.path)) is not None}
    own = [one for one in found if not one.named and _is_own(one.path, there)]
    left_out = {one.path for one in own}
    if own and len(left_out) == len(found):
        raise InputError(
            f"all files that are found were made by posec3d, {own[0].path} for one", hint="name them one by one"
        )
    return [one for one in found if one.path not in left_out], own


def _is_own(path: Path, there: set[Source]) -> bool:
    if is_annotated(path) or _holds_answers(path):
        return True
    sources = sources_of(path)
    return bool(sources) and there.issuperset(sources)


def _source(path: Path) -> Source | None:
    try:
        return path.name, path.stat().st_size
    except (OSError, ValueError):
        return None


def _holds_answers(path: Path) -> bool:
    if path.suffix.lower() != ".json":
        return False
    try:
        with path.open("rb") as file:
            return _ANSWERS.match(file.read(200)) is not None
    except OSError:
        return False
