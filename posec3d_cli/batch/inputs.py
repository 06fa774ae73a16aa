"""Inputs of every kind as input files: paths, addresses, standard input, folders and patterns of pictures.

An address is fetched when its file is processed, by whoever processes it: `with_copy`.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import replace
from fractions import Fraction
from pathlib import Path, PurePosixPath

from posec3d_cli.batch.find import NO_VIDEO, InputFile, Wanted, is_sequence
from posec3d_cli.errors import InputError, PoseC3DError, unexpected
from posec3d_cli.files.input_paths import as_given
from posec3d_cli.files.media import is_pattern
from posec3d_cli.sources import remote
from posec3d_cli.sources.cache import ReceivedCallback, ignore
from posec3d_cli.sources.kinds import STDIN, kind_of, shown
from posec3d_cli.sources.local_copies import Address, LocalCopies, stem_of

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
    return input_elsewhere(text, copies)


def input_elsewhere(text: str, copies: LocalCopies) -> InputFile:
    """The input file of an address, which is not fetched yet, or of standard input, which is stored at once."""
    name = shown(text)
    file = InputFile(Path(STDIN), name, stem=stem_of(text), named=True, origin=name)
    if kind_of(text) in ("web", "remote"):
        return replace(file, path=copies.place_of(text), address=Address(text, copies))
    try:
        return replace(file, path=copies.fetch(text))
    except PoseC3DError as error:
        return replace(file, problem=error.what, hint=error.hint)


def inputs_elsewhere(texts: Sequence[str], copies: LocalCopies, *, glob: str | None, poses: bool) -> list[InputFile]:
    """The input files of addresses, each once: of a folder of another file system, of every video below it."""
    files: dict[str, InputFile] = {}
    for text in texts:
        folder = kind_of(text) == "remote" and remote.is_folder(text)
        found = _inputs_below(text, copies, Wanted(glob, poses)) if folder else [input_elsewhere(text, copies)]
        files |= {file.name: file for file in found if file.name not in files}
    return list(files.values())


def _inputs_below(address: str, copies: LocalCopies, wanted: Wanted) -> list[InputFile]:
    """The input files below a folder of another file system, as `find` takes those of a folder here.

    Where none is, or the folder cannot be listed, one that says so.
    """
    name = shown(address)
    alone = InputFile(Path(name), name, named=True)
    try:
        below = copies.files_below(address)
    except PoseC3DError as error:
        return [replace(alone, problem=error.what, hint=error.hint)]
    taken = [file for file in below if not _hidden(file) and wanted.fits(PurePosixPath(file))]
    if not taken:
        return [replace(alone, problem=f"there is no video below {name}", hint=NO_VIDEO)]
    return [input_elsewhere(remote.below(address, file), copies) for file in taken]


def _hidden(file: str) -> bool:
    return any(part.startswith(".") for part in file.split("/"))


def with_copy(file: InputFile, received: ReceivedCallback = ignore) -> InputFile:
    """The same file, fetched if it is an address; the problem with that stands in it.

    Args:
        file: the file.
        received: called again and again while content comes.
    """
    if file.address is None:
        return file
    try:
        file.address.fetch(received)
    except Exception as error:
        # The disk may be full, and still everything else can be read.
        known = error if isinstance(error, PoseC3DError) else unexpected(error)
        return replace(file, problem=known.what, hint=known.hint, address=None)
    return replace(file, address=None)


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
