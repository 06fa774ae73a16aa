"""The source videos of native pose files, by name and size, which stay when files move."""

from __future__ import annotations

import json
import re
import zipfile
from pathlib import Path
from typing import Any

import numpy as np

from posec3d_cli.errors import BadPoseFile
from posec3d_cli.pose_files.safe_pickle import load_pickle
from posec3d_cli.pose_files.write import SCHEMA

_HEAD = 65_536  # bytes in which a file of ours says what it is
_JSON_SOURCES = re.compile(rf'\A\s*{{\s*"schema":\s*"{SCHEMA}",\s*"version":\s*\d+,\s*"sources":\s*')

Source = tuple[str, int]
"""The name of a file and its size in bytes."""


def sources_of(path: Path) -> list[Source]:
    """The source videos of a native pose file; empty if the file is of another tool, names none, or is damaged."""
    try:
        found = _READERS[path.suffix.lower()](path)
        return [(str(name), int(size)) for name, size in found]
    except (KeyError, OSError, ValueError, TypeError, BadPoseFile, zipfile.BadZipFile):
        return []


def _of_archive(path: Path) -> Any:
    with zipfile.ZipFile(path) as archive:
        member = archive.getinfo("sources.npy")
        if member.file_size > _HEAD:
            return []
        with archive.open(member) as file:
            return json.loads(str(np.lib.format.read_array(file, allow_pickle=False)))


def _of_document(path: Path) -> Any:
    with path.open("rb") as file:
        head = file.read(_HEAD).decode("utf-8", "replace")
    found = _JSON_SOURCES.match(head)
    return json.JSONDecoder().raw_decode(head, found.end())[0] if found else []


def _of_pack(path: Path) -> Any:
    with path.open("rb") as file:
        if SCHEMA.encode() not in file.read(128):
            return []
    content = load_pickle(path)
    return content["sources"]


_READERS = {".npz": _of_archive, ".json": _of_document, ".pkl": _of_pack, ".pickle": _of_pack}
