"""Training checkpoints: written after every epoch, read to resume."""

from __future__ import annotations

import contextlib
import tempfile
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import torch

from posec3d_cli.errors import BadDataset, OutputError, OutputExists
from posec3d_cli.files.writing import atomic_write
from posec3d_cli.training.card import CARD

FILE = "checkpoint.pt"


def save_checkpoint(folder: Path, state: dict[str, Any]) -> None:
    """Write a checkpoint atomically.

    Raises:
        OutputError: the checkpoint cannot be written.
    """
    with atomic_write(folder / FILE, overwrite=True) as part, part.open("wb") as file:
        torch.save(state, file)


def load_checkpoint(folder: Path) -> dict[str, Any]:
    """The checkpoint of a model folder, read without executing anything in it.

    Raises:
        BadDataset: there is no checkpoint, or it is damaged.
    """
    file = folder / FILE
    if not file.is_file():
        raise BadDataset(f"{folder} holds no checkpoint to resume from", hint="leave out --resume to start a training")
    try:
        state = torch.load(file, map_location="cpu", weights_only=True)
    except Exception as error:  # a damaged file can fail in any way
        reason = str(error).partition("\n")[0] or "it is empty"
        raise BadDataset(f"{file} cannot be read: {reason}", hint="start over with --overwrite") from error
    if not isinstance(state, dict) or "settings" not in state:
        raise BadDataset(f"{file} is not a training checkpoint", hint="start over with --overwrite")
    return state


def check_folder(folder: Path, *, written: Iterable[str] = (), resume: bool = False, overwrite: bool = False) -> None:
    """Refuse to overwrite a training or other files, and to resume without a checkpoint.

    Args:
        folder: the model folder.
        written: the names of the files that a training writes, besides its checkpoint.
        resume: whether the training resumes.
        overwrite: whether existing files may be overwritten.

    Raises:
        OutputExists: the folder holds one of these files, and neither `resume` nor `overwrite` is set.
        OutputError: the folder is a file, or cannot be written.
        BadDataset: with `resume`, the folder holds no checkpoint, or a damaged one.
    """
    _try_writing(folder)
    for name in (CARD, FILE, *written):
        path = folder / name
        if path.is_dir() if path.suffix else path.is_file():
            kind = "folder" if path.suffix else "file"
            raise OutputError(f"{path} is a {kind}, and a training writes it", hint="choose another folder")
    if resume:
        load_checkpoint(folder)
    elif not overwrite:
        if any((folder / name).exists() for name in (CARD, FILE)):
            raise OutputExists(
                f"{folder} already holds a training",
                hint="--resume continues it, --overwrite replaces it, or choose another folder",
            )
        existing = [name for name in written if (folder / name).exists()]
        if existing:
            raise OutputExists(
                f"{folder} holds {', '.join(existing)}, which a training would overwrite",
                hint="choose another folder, or say --overwrite",
            )


def _try_writing(folder: Path) -> None:
    """Make a folder and a file in it, and remove what was made.

    Raises:
        OutputError: it cannot be made or written.
    """
    made: list[Path] = []
    try:
        for one in (*reversed(folder.absolute().parents), folder.absolute()):
            if not one.exists():
                one.mkdir()
                made.append(one)
            elif not one.is_dir():
                raise OutputError(f"{folder} cannot be made: {one} is a file", hint="choose another folder")
        with tempfile.TemporaryFile(dir=folder):
            pass
    except OSError as error:
        raise OutputError(f"{folder} cannot be written: {error.strerror}", hint="choose another folder") from error
    finally:
        for one in reversed(made):
            with contextlib.suppress(OSError):  # another process writes into it
                one.rmdir()


def check_settings(before: dict[str, Any], now: dict[str, Any]) -> None:
    """Refuse to resume with other settings or clips than those of the checkpoint.

    Raises:
        BadDataset: a setting differs; the text has both values.
    """
    different = sorted(name for name in {*before, *now} if before.get(name) != now.get(name))
    if different:
        name = different[0]
        raise BadDataset(
            f"the checkpoint has another {name}: {before.get(name)!r}, now it is {now.get(name)!r}",
            hint="--resume needs the same data and settings; --overwrite starts over",
        )
