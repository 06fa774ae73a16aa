"""The formats of annotations by name, and which one a file has."""

from __future__ import annotations

from pathlib import Path

from posec3d_cli.annotations import cvat, elan, label_studio, subtitles, via
from posec3d_cli.annotations.formats import Reader, Writer
from posec3d_cli.errors import InputError


def writers() -> dict[str, Writer]:
    """The formats that can be written, by name."""
    return {
        "elan": elan.FORMAT,
        "label-studio": label_studio.FORMAT,
        "cvat": cvat.FORMAT,
        "via": via.FORMAT,
        "srt": subtitles.SRT,
        "vtt": subtitles.VTT,
    }


def readers() -> dict[str, Reader]:
    """The formats that can be read, by name."""
    return {"elan": elan.FORMAT, "label-studio": label_studio.FORMAT, "cvat": cvat.FORMAT, "via": via.FORMAT}


_OF_SUFFIX = {".eaf": "elan", ".srt": "srt", ".vtt": "vtt", ".xml": "cvat", ".zip": "cvat"}


def format_name(path: Path, content: bytes = b"") -> str:
    """The name of the format of a file, by its suffix, and for JSON by its content.

    Raises:
        InputError: nothing tells.
    """
    found = _OF_SUFFIX.get(path.suffix.lower())
    if found is None and path.suffix.lower() == ".json" and content:
        found = "via" if content.lstrip(b"\xef\xbb\xbf \t\r\n").startswith(b"{") else "label-studio"
    if found is None:
        raise InputError(f"{path}: its name does not tell the format", hint=f"--format {'|'.join(writers())}")
    return found
