"""The callback of a batch run: frames done and files done."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from posec3d_cli.batch.file_result import FileResult
    from posec3d_cli.batch.find import InputFile


class RunCallback:
    """Hears what happens during a run; this one does nothing about it."""

    def frames(self, file: InputFile, done: int) -> None:
        """So many frames of a video in work are done."""

    def done(self, file: InputFile, result: FileResult[Any]) -> None:
        """A file is done and, where the run keeps a state, recorded."""
