"""Exclude the outputs of earlier runs from a folder of inputs: annotated videos, poses and JSON results."""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path

from posec3d_cli.batch.find import InputFile
from posec3d_cli.errors import InputError
from posec3d_cli.files.marks import is_annotated
from posec3d_cli.pose_files.origin import Source, sources_of

_RESULTS = re.compile(rb'\A\s*\{\s*"schema":\s*"posec3d/(?!poses")')


def without_own(files: Sequence[InputFile]) -> tuple[list[InputFile], list[InputFile]]:
    """The input files, and the files that are excluded because posec3d made them of the others.

    A file that was named itself is never excluded.

    Raises:
        InputError: posec3d made all of the files.
    """
    own = own_among(files)
    left_out = {file.path for file in own}
    if own and len(left_out) == len(files):
        raise InputError(f"posec3d made all of these files, {own[0].path} for one", hint="name them one by one")
    return [file for file in files if file.path not in left_out], own


def own_among(files: Sequence[InputFile]) -> list[InputFile]:
    """The files that posec3d made of the others, except files that were named themselves.

    These are annotated videos, the JSON of `predict`, `evaluate` and `train`, and pose files whose videos are all among
    the files.
    """
    there = {source for file in files if (source := _source(file.path)) is not None}
    return [file for file in files if not file.named and _is_own(file.path, there)]


def _is_own(path: Path, there: set[Source]) -> bool:
    if is_annotated(path) or holds_results(path):
        return True
    sources = sources_of(path)
    return bool(sources) and there.issuperset(sources)


def _source(path: Path) -> Source | None:
    try:
        return path.name, path.stat().st_size
    except (OSError, ValueError):
        return None


def holds_results(path: Path) -> bool:
    """Whether a file is the JSON of results, and no pose file."""
    if path.suffix.lower() != ".json":
        return False
    try:
        with path.open("rb") as file:
            return _RESULTS.match(file.read(200)) is not None
    except OSError:
        return False
