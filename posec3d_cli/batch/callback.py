"""The callback of a batch run: frames done and files done."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from posec3d_cli.batch.file_result import FileResult
    from posec3d_cli.batch.find import InputFile


class RunCallback:
    """The callback of a batch run; the methods of this class do nothing."""

    def frames(self, file: InputFile, done: int) -> None:
        """Called with the number of frames done of a video in work."""

    def done(self, file: InputFile, result: FileResult[Any]) -> None:
        """Called when a file is done and, where the run keeps a state, recorded."""
