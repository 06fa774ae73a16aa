"""Where the files that are made of videos go, and how each appears under its name only when it is whole."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

from posec3d_cli.batch.find import Found
from posec3d_cli.errors import OutputError

_UNFINISHED = ".posec3d-unfinished"  # the folder, in each output folder, of what is being written


def place(folder: Path, found: Found, suffix: str) -> Path:
    """Where the file that is made of a video goes: its whole name below `folder`, and a suffix of its own."""
    return folder / (found.name + suffix)


def prepare(folders: tuple[Path, ...]) -> None:
    """Make the folders that are written into, each with a hidden one for files that are not finished, empty.

    Raises:
        OutputError: nothing can be written there.
    """
    sweep(folders)
    for folder in folders:
        try:
            (folder / _UNFINISHED).mkdir(parents=True)
        except OSError as error:
            raise OutputError(f"nothing can be written into {folder}: {error.strerror}") from error


def unfinished(target: Path, folders: tuple[Path, ...]) -> Path:
    """Where a file is written before it takes its place in one of `folders`: in the hidden folder of that one.

    Each process that writes has one of its own; it writes one file at a time.
    """
    folder = next(one for one in folders if target.is_relative_to(one))
    return folder / _UNFINISHED / f"{os.getpid()}{target.suffix}"


def settle(part: Path, target: Path) -> None:
    """Give a finished file its name, so that a cut of the power leaves it whole or not there.

    Raises:
        OutputError: it cannot have that name.
    """
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        with part.open("rb") as file:
            os.fsync(file.fileno())
        part.replace(target)
    except OSError as error:
        raise OutputError(f"{target} cannot be written: {error.strerror}") from error


def sweep(folders: tuple[Path, ...]) -> None:
    """Remove what was being written into these folders when somebody was cut off."""
    for folder in folders:
        shutil.rmtree(folder / _UNFINISHED, ignore_errors=True)
