"""Match the rows of a user's table to the input files of a run."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path

from posec3d_cli.batch.find import InputFile
from posec3d_cli.files.relative_paths import RelativePaths
from posec3d_cli.files.writing import printable


class RowNames:
    """The names that a run gives to what a table names.

    A row is about the file that the run calls by the row's name, or about the one that lies at its path, see
    `posec3d_cli.files.relative_paths`; with `: CLIP` behind it, about a clip of a pack.

    Args:
        table: the file.
        found: the files of the run.
        root: where the relative paths of the table begin.
    """

    def __init__(self, table: Path, found: Sequence[InputFile], root: Path | None = None) -> None:
        self.names = {printable(video.name) for video in found}
        self.at_path = {os.path.abspath(video.path): printable(video.name) for video in found}
        self.paths = RelativePaths(table, root)

    def name(self, given: str) -> str | None:
        """What the run calls it; None where no file of the run is meant."""
        file, colon, clip = given.partition(": ")
        for text, rest in ((given, ""), (file, colon + clip)):
            for spelled in (text, text.replace("\\", "/")):
                if spelled in self.names:
                    return spelled + rest
            for path in self.paths.candidates(text):
                if name := self.at_path.get(os.path.abspath(path)):
                    return name + rest
        return None

    def hint(self, given: Sequence[str]) -> str:
        """What to do where nothing of these names is meant."""
        example = min(self.names, default="")
        return f"a row names a file as the output does, such as {example!r}, or by its path: {self.paths.hint(given)}"
