"""Inputs of every kind as input files: paths, addresses, standard input, folders and patterns of pictures."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import replace
from fractions import Fraction
from pathlib import Path

from posec3d_cli.batch.find import InputFile, is_sequence
from posec3d_cli.errors import InputError, PoseC3DError
from posec3d_cli.files.input_paths import as_given
from posec3d_cli.sources.kinds import STDIN, kind_of, shown
from posec3d_cli.sources.local_copies import LocalCopies, stem_of
from posec3d_cli.video.pictures import is_pattern

NEEDS_FPS = "--fps N reads them as a video of N pictures per second"


def split(given: Sequence[str | Path]) -> tuple[list[Path], list[str]]:
    """The paths among the inputs, and the others, each of these once.

    Raises:
        InputError: standard input is named twice.
    """
    texts = [str(one) for one in given]
    kinds = [kind_of(text) for text in texts]
    if Counter(kinds)["stdin"] > 1:
        raise InputError("- is standard input and is named twice", hint="it holds one video: name it once")
    paths = [Path(text) for text, kind in zip(texts, kinds, strict=True) if kind == "path"]
    return paths, list(dict.fromkeys(text for text, kind in zip(texts, kinds, strict=True) if kind != "path"))


def input_of(text: str, copies: LocalCopies, fps: Fraction | None = None) -> InputFile:
    """The input file of one input that the user named; a problem with it stands in it."""
    if kind_of(text) == "path":
        path = Path(text)
        return with_list(InputFile(path, as_given(path), named=True), copies, fps)
    return fetched(text, copies)


def fetched(text: str, copies: LocalCopies) -> InputFile:
    """The input file of an address or of standard input, of which a local copy is made."""
    name, stem = shown(text), stem_of(text)
    try:
        return InputFile(copies.fetch(text), name, stem=stem, named=True, origin=name)
    except PoseC3DError as error:
        # The disk may be full, and still everything else can be read.
        place = Path(STDIN) if text == STDIN else copies.place_of(text)
        return InputFile(place, name, error.what, stem, named=True, hint=error.hint, origin=name)


def with_list(file: InputFile, copies: LocalCopies, fps: Fraction | None) -> InputFile:
    """The same input file or, where it is a folder or a pattern of pictures, that of the list of these."""
    path = file.path
    pattern = is_pattern(path) and not path.exists()
    if file.problem or not (pattern or (path.is_dir() and is_sequence(path))):
        return file
    if fps is None:
        # A folder without --fps is searched, or refused, as any other.
        what = f"{path} stands for numbered pictures" if pattern else f"{path} is a folder of pictures"
        return replace(file, problem=what, hint=NEEDS_FPS)
    try:
        return replace(file, path=copies.list_pictures(path, fps), origin=str(path))
    except PoseC3DError as error:
        return replace(file, problem=error.what, hint=error.hint)
