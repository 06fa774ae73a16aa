"""The callback of a batch run: frames done, inputs done, and notices."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from posec3d_cli.batch.find import InputFile
    from posec3d_cli.batch.state import Record


class RunCallback:
    """Hears what happens during a run; this one does nothing about it."""

    def frames(self, found: InputFile, done: int) -> None:
        """So many frames of a video in work are done."""

    def done(self, found: InputFile, record: Record) -> None:
        """A video is done and recorded."""
