"""Training checkpoints: written after every epoch, read to resume."""

from __future__ import annotations

import os
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import torch

from posec3d_cli.errors import BadDataset, OutputError, OutputExists
from posec3d_cli.files.writing import atomic_write

FILE = "checkpoint.pt"


def save_checkpoint(folder: Path, state: dict[str, Any]) -> None:
    """Write the state; there is a whole one at any moment.

    Raises:
        OutputError: it cannot be written.
    """
    with atomic_write(folder / FILE, overwrite=True) as part, part.open("wb") as file:
        torch.save(state, file)


def load_checkpoint(folder: Path) -> dict[str, Any]:
    """The state of a folder, read without executing anything in it.

    Raises:
        BadDataset: there is none, or it is damaged.
    """
    file = folder / FILE
    if not file.is_file():
        raise BadDataset(f"{folder} holds no training to go on with", hint="leave out --resume to begin one")
    try:
        state = torch.load(file, map_location="cpu", weights_only=True)
    except Exception as error:  # a damaged file can fail in any way
        reason = str(error).partition("\n")[0] or "it is empty"
        raise BadDataset(f"{file} cannot be read: {reason}", hint="begin anew with --overwrite") from error
    if not isinstance(state, dict) or "settings" not in state:
        raise BadDataset(f"{file} is not the state of a training", hint="begin anew with --overwrite")
    return state


def check_folder(folder: Path, *, written: Iterable[str] = (), resume: bool = False, overwrite: bool = False) -> None:
    """Refuse to write a training over another one or over anything else, and to go on where there is none.

    Args:
        folder: of the model.
        written: what a training writes into it, besides its state.
        resume: whether it is to go on.
        overwrite: whether what is there may be written over.

    Raises:
        OutputExists: the folder holds any of that, and neither `resume` nor `overwrite` was said.
        OutputError: it is a file, or nothing can be written there.
        BadDataset: with `resume`, it holds no training, or a damaged one.
    """
    place = next(one for one in (folder, *folder.absolute().parents) if one.exists())
    if not place.is_dir():
        raise OutputError(f"{folder} cannot be made: {place} is a file", hint="choose another folder")
    if not os.access(place, os.W_OK | os.X_OK):
        raise OutputError(f"nothing can be written into {place}", hint="choose another folder")
    if resume:
        load_checkpoint(folder)
    elif not overwrite:
        if any((folder / name).exists() for name in ("model.toml", FILE)):
            raise OutputExists(
                f"{folder} already holds a training",
                hint="--resume goes on with it, --overwrite begins anew, or choose another folder",
            )
        there = [name for name in written if (folder / name).exists()]
        if there:
            raise OutputExists(
                f"{folder} holds {', '.join(there)}, which a training would write over",
                hint="choose another folder, or say --overwrite",
            )


def check_settings(before: dict[str, Any], now: dict[str, Any]) -> None:
    """Refuse to go on with other settings or other clips than before.

    Raises:
        BadDataset: it names what differs, with both values.
    """
    odd = sorted(name for name in {*before, *now} if before.get(name) != now.get(name))
    if odd:
        name = odd[0]
        raise BadDataset(
            f"the training was begun with another {name}: {before.get(name)!r}, now it is {now.get(name)!r}",
            hint="--resume goes on with the same data and settings; --overwrite begins anew",
        )
