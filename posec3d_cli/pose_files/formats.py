"""PoseFormat and PoseSource: the interface of pose formats.

A format is an object that an entry point in the group `posec3d.pose_formats` names. A path is held against all of them
in the order of their `priority`, and the first that calls it its own reads it. How to add one: docs/plugins.md.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any, Protocol

from posec3d_cli.pose_files.checks import read_json
from posec3d_cli.results import VideoPoses

LOOKED_AT = 8
"""Files of a folder that are looked into to tell its format: the first may be damaged."""
_HEAD = 4096  # bytes that show a text file's form


class PoseSource:
    """A path that may be a pose file, and its content, which is read at first use.

    Args:
        path: a file or folder; it may be missing.
    """

    def __init__(self, path: Path) -> None:
        self.path = path

    @cached_property
    def is_folder(self) -> bool:
        """Whether it is a folder."""
        return self.path.is_dir()

    @cached_property
    def suffix(self) -> str:
        """The file's suffix in small letters; empty for a folder."""
        return "" if self.is_folder else self.path.suffix.lower()

    @cached_property
    def names(self) -> tuple[str, ...]:
        """The names of the files in a folder, sorted, without hidden files; empty for a file."""
        try:
            return tuple(sorted(name for name in os.listdir(self.path) if not name.startswith(".")))
        except OSError:
            return ()

    @cached_property
    def content(self) -> Any:
        """The content of a JSON file.

        Raises:
            BadPoseFile: it cannot be read or is no JSON.
        """
        return read_json(self.path)

    def head(self, name: str) -> bytes:
        """The first bytes of a file in the folder; empty if it cannot be read."""
        try:
            with (self.path / name).open("rb") as file:
                return file.read(_HEAD)
        except OSError:
            return b""


Write = Callable[[VideoPoses, Path], None]
DEFAULT_PRIORITY = 50
"""Of a format that names none: asked after those of this package that a mark of their own tells, a schema or the names
of their files, and before those that are told by the form of their content."""


class PoseFormat(Protocol):
    """One format of pose files.

    Optional members:
        priority: formats of a higher one are asked first, equals in order of the names of their entry points; those of
            this package have 10 to 92, others `DEFAULT_PRIORITY` where they name none.
        suffix: with its dot, of the files that it writes. No other format may write such files.
        write: `write(video_poses, path)` writes one to `path`, whatever the path's own suffix is, because files get
            their name when they are whole. None, or without it: the format is read only.
    """

    @property
    def name(self) -> str:
        """The name in messages."""

    @property
    def suffixes(self) -> frozenset[str]:
        """The suffixes of its files, in lower case; empty for a format of folders."""

    def matches(self, source: PoseSource) -> bool:
        """Whether the file is of this format. A folder is told by names and heads, without reading its files whole.

        Raises:
            BadPoseFile: it cannot be read at all.
        """

    def read(self, source: PoseSource) -> list[VideoPoses]:
        """The clips of a file of this format, joints as COCO-17.

        Raises:
            BadPoseFile: it does not hold what the format promises.
        """


@dataclass(frozen=True)
class FileFormat:
    """A format that its suffix tells.

    Attributes:
        name: what messages call it.
        suffixes: of its files.
        clips: reads them.
        priority: as in `PoseFormat`, and so are `suffix` and `write`.
    """

    name: str
    suffixes: frozenset[str]
    clips: Callable[[Path], list[VideoPoses]]
    priority: int = DEFAULT_PRIORITY
    suffix: str = ""
    write: Write | None = None

    def matches(self, source: PoseSource) -> bool:
        """Whether the suffix is one of its own."""
        return source.suffix in self.suffixes

    def read(self, source: PoseSource) -> list[VideoPoses]:
        """The clips."""
        return self.clips(source.path)


@dataclass(frozen=True)
class JsonFormat:
    """A JSON file that holds one clip.

    Attributes:
        name: what messages call it.
        fits: whether this is the content of such a file.
        clip: makes the clip of it.
        priority: as in `PoseFormat`, and so are `suffix` and `write`.
    """

    name: str
    fits: Callable[[Any], bool]
    clip: Callable[[Path, Any], VideoPoses]
    priority: int = DEFAULT_PRIORITY
    suffix: str = ""
    write: Write | None = None
    suffixes = frozenset({".json"})

    def matches(self, source: PoseSource) -> bool:
        """Whether it is a JSON file with such content."""
        return source.suffix in self.suffixes and self.fits(source.content)

    def read(self, source: PoseSource) -> list[VideoPoses]:
        """The clip, alone in a list."""
        return [self.clip(source.path, source.content)]


@dataclass(frozen=True)
class FolderFormat:
    """A folder that holds one clip, one file per frame.

    Attributes:
        name: what messages call it.
        fits: whether it is such a folder.
        clip: reads it.
        priority: as in `PoseFormat`.
    """

    name: str
    fits: Callable[[PoseSource], bool]
    clip: Callable[[PoseSource], VideoPoses]
    priority: int = DEFAULT_PRIORITY
    suffixes: frozenset[str] = frozenset()

    def matches(self, source: PoseSource) -> bool:
        """Whether it is such a folder."""
        return source.is_folder and self.fits(source)

    def read(self, source: PoseSource) -> list[VideoPoses]:
        """The clip, alone in a list."""
        return [self.clip(source)]
