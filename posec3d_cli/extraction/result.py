"""PosesResult: what came of estimating the poses of a video and writing them to a file."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from posec3d_cli.results import Failure, status_of


@dataclass(frozen=True)
class PosesResult:
    """The number of poses that were written, or the failure.

    Attributes:
        path: the video.
        name: what it is called in outputs.
        frames: frames with poses, also of nobody.
        people: track ids.
        lost_frames: frames that could not be decoded.
        seconds: wall time by stage.
        error: why there are no poses; the numbers then say nothing.
    """

    path: Path
    name: str
    frames: int = 0
    people: int = 0
    lost_frames: int = 0
    seconds: Mapping[str, float] = field(default_factory=dict)
    error: Failure | None = None

    @property
    def status(self) -> str:
        """OK, NO_PERSON or FAILED."""
        return status_of(self.error, self.people > 0)
