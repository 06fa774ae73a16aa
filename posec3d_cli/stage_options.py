"""Settings that replace those of a card, some of which may name files."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from pathlib import Path
from typing import Any


def files_named(options: Mapping[str, Any]) -> dict[str, str]:
    """The sha256 of each file that a setting names, by the setting: what comes of it depends on the bytes."""
    found = {}
    for name, value in options.items():
        path = Path(value).expanduser() if isinstance(value, str | Path) else None
        if path is not None and path.is_file():
            with path.open("rb") as file:
                found[name] = hashlib.file_digest(file, "sha256").hexdigest()
    return found
