"""What is done with one video: `LabelTask` says what happens in it, `PoseTask` writes the poses of every frame.

Both are plain values: another process is handed one and makes its models there.
"""

from __future__ import annotations

from pathlib import Path
from typing import Protocol, Self

from posec3d_cli.batch.find import InputFile
from posec3d_cli.batch.outputs import CurrentRun
from posec3d_cli.batch.worker import Work
from posec3d_cli.config import PipelineConfig


class Task(Protocol):
    """What is to be done with each video; a value that can be pickled. See `posec3d_cli.batch.task`."""

    @property
    def config(self) -> PipelineConfig:
        """Which models do it, where and how."""

    @property
    def folders(self) -> tuple[Path, ...]:
        """The folders that are written into."""

    def fingerprint(self) -> str:
        """Changes with everything that an outcome depends on, but for the video."""

    def outputs(self, found: InputFile) -> dict[str, Path]:
        """The files that are made of a video."""

    def in_run(self, run: CurrentRun) -> Self:
        """The same, of this run."""

    def make(self) -> Work:
        """Make the models, in the process that uses them."""
