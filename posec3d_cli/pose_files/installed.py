"""The pose formats that installed packages offer, in the order in which a file is matched.

A format of another package that cannot be imported, or fails, is left out with a `PluginWarning` that names it: the
files of all other formats are read as without it.
"""

from __future__ import annotations

import warnings
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from posec3d_cli.errors import BadPoseFile, OutputError, StageError
from posec3d_cli.pose_files.formats import DEFAULT_PRIORITY, PoseFormat, PoseSource
from posec3d_cli.registry import POSE_FORMATS, Entry, PluginWarning
from posec3d_cli.results import VideoPoses

DEFAULT_SUFFIX = ".npz"
"""Of pose files that are written where nobody names a suffix."""


@dataclass(frozen=True)
class InstalledFormat:
    """A format and where it comes from.

    Attributes:
        entry: its name and package.
        format: the format itself.
    """

    entry: Entry
    format: PoseFormat

    @property
    def priority(self) -> int:
        """Formats of a higher one are asked first."""
        return int(getattr(self.format, "priority", DEFAULT_PRIORITY))

    @property
    def suffix(self) -> str:
        """The suffix of the files that it writes; empty if it writes none."""
        has_one = getattr(self.format, "write", None) is not None
        return str(getattr(self.format, "suffix", "")) if has_one else ""

    def matches(self, source: PoseSource) -> bool:
        """Whether a file is of this format; not where another package's format fails to say so.

        Raises:
            BadPoseFile: the file cannot be read at all.
        """
        try:
            return self.format.matches(source)
        except BadPoseFile:
            raise
        except Exception as error:
            if self.entry.built_in:
                raise
            warnings.warn(self._failed(f"cannot say whether {source.path} is its own", error), stacklevel=2)
            return False

    def read(self, source: PoseSource) -> list[VideoPoses]:
        """The clips of a file.

        Raises:
            BadPoseFile: it does not hold what the format promises, or another package's format fails.
        """
        try:
            return self.format.read(source)
        except BadPoseFile as error:
            raise BadPoseFile(error.what, hint=error.hint or f"it was read as one of {self.format.name}") from error
        except Exception as error:
            if self.entry.built_in:
                raise
            raise BadPoseFile(str(self._failed("cannot read it", error))) from error

    def write(self, video_poses: VideoPoses, path: Path) -> None:
        """Write a file.

        Raises:
            OutputError: another package's format fails.
        """
        try:
            self.format.write(video_poses, path)  # type: ignore[attr-defined]  # only those with a `suffix` are asked
        except Exception as error:
            if self.entry.built_in or isinstance(error, OSError):
                raise
            raise OutputError(f"{path}: {self._failed('cannot write it', error)}") from error

    def _failed(self, what: str, error: Exception) -> PluginWarning:
        named = f"the pose format {self.entry.name!r} of {self.entry.package}"
        return PluginWarning(f"{named} {what}: {type(error).__name__}: {error}")


@cache
def installed_formats() -> tuple[InstalledFormat, ...]:
    """All of them, that of the highest priority first, and equals in order of their names.

    Raises:
        StageError: two packages offer formats of one name, or one of this package cannot be imported.
    """
    formats = []
    for name, entry in POSE_FORMATS.entries().items():
        try:
            formats.append(InstalledFormat(entry, POSE_FORMATS.load(name)))
        except StageError as error:
            if entry.built_in:
                raise
            hint = f" ({error.hint})" if error.hint else ""
            warnings.warn(PluginWarning(f"{error.what}{hint}; files of this format are not read"), stacklevel=2)
    return tuple(sorted(formats, key=lambda one: -one.priority))


@cache
def installed_suffixes() -> frozenset[str]:
    """The suffixes of pose files."""
    return frozenset().union(*(one.format.suffixes for one in installed_formats()))


def written_formats() -> dict[str, InstalledFormat]:
    """The formats that can write, by suffix, `DEFAULT_SUFFIX` first.

    Raises:
        StageError: two formats write files of one suffix.
    """
    found: dict[str, InstalledFormat] = {}
    for one in sorted(installed_formats(), key=lambda one: one.suffix != DEFAULT_SUFFIX):
        if one.suffix and (other := found.setdefault(one.suffix, one)) is not one:
            raise StageError(
                f"two pose formats write {one.suffix} files: {other.entry.name!r} of {other.entry.package} and "
                f"{one.entry.name!r} of {one.entry.package}",
                hint="uninstall one of them",
            )
    return found
