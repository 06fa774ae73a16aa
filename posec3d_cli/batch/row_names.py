"""Match the rows of a user's table to the input files of a run."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path

from posec3d_cli.batch.find import InputFile
from posec3d_cli.files.relative_paths import RelativePaths
from posec3d_cli.files.writing import printable


class RowNames:
    """The input names that the rows of a table stand for.

    A row names a file by its input name or by its path, see `posec3d_cli.files.relative_paths`; with `: CLIP` behind
    that, it names a clip of a dataset pickle.

    Args:
        table: the file of the table.
        files: the input files of the run.
        root: where the relative paths of the table begin.
    """

    def __init__(self, table: Path, files: Sequence[InputFile], root: Path | None = None) -> None:
        self.names = {printable(video.name) for video in files}
        self.at_path = {os.path.abspath(video.path): printable(video.name) for video in files}
        self.paths = RelativePaths(table, root)

    def name(self, given: str) -> str | None:
        """The input name for a row's name; None where it is no input of the run."""
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
        """A hint for rows that name no input of the run."""
        example = min(self.names, default="")
        return f"a row names a file as the output does, such as {example!r}, or by its path: {self.paths.hint(given)}"
