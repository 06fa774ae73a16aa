"""Check the paths of inputs before anything is opened: what is wrong with a path, and what to do."""

from __future__ import annotations

import difflib
import os
import re
import shlex
import stat
from pathlib import Path

_ADDRESS = re.compile(r"([a-z][a-z0-9+.-]+):/+(.*)", re.IGNORECASE | re.DOTALL)  # one letter is a drive
_DOWNLOADED = {"http", "https", "ftp", "ftps"}


def as_given(path: str | Path) -> str:
    """The path as it was typed: an address has the second slash again, which `Path` takes away."""
    address = _ADDRESS.fullmatch(str(path))
    if address is None or os.path.lexists(path):
        return str(path)
    scheme, rest = address.groups()
    return f"{scheme}:///{rest}" if scheme.lower() == "file" else f"{scheme}://{rest}"


def problem_of(path: Path) -> tuple[str, str] | None:
    """Why a path cannot be read as a file, and what to do; None if it can be read."""
    try:
        status = path.stat()
        if stat.S_ISDIR(status.st_mode):
            label = f"posec3d label {shlex.quote(str(path))} -o labels.csv"
            return f"{path} is a folder, not a video", f"{label} does every video in it"
        if not stat.S_ISREG(status.st_mode):
            return f"{path} is no ordinary file", "save the video to a file first"
        if status.st_size == 0:
            return f"{path} is empty: it holds 0 bytes", "record or download it again"
        with path.open("rb"):
            return None
    except (FileNotFoundError, NotADirectoryError):
        return _missing(path)
    except PermissionError:
        return f"{path} may not be read", "give yourself read permission on it"
    except (OSError, ValueError) as error:  # ValueError: a null byte in the path
        return f"{path} cannot be opened: {getattr(error, 'strerror', None) or error}", ""


def _missing(path: Path) -> tuple[str, str]:
    address = _ADDRESS.fullmatch(str(path))
    if address is not None:
        return f"{as_given(path)} is an address, and only files are read", _hint_of(*address.groups())
    if str(path) == "-":
        return "- would be standard input, and only files are read", "save the video to a file first"
    what = f"there is no file {path}"
    if any(character in path.name for character in "*?"):
        return what, "no file matches this pattern"
    folder = path.parent
    if not folder.is_dir():
        return what, f"there is no folder {folder}"
    try:
        near = difflib.get_close_matches(path.name, [name for name in os.listdir(folder) if name[0] != "."], n=1)
    except OSError:
        near = []
    return what, f"did you mean {folder / near[0]}?" if near else "check the spelling of the path"


def _hint_of(scheme: str, rest: str) -> str:
    if scheme.lower() == "file":
        return f"name the file by its path: /{rest}"
    if scheme.lower() in _DOWNLOADED:
        return "download it first, for example with `curl -LO`, and name the file"
    return "record it into a file first, and name that"
