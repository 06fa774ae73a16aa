"""FileResult: what comes of a file in a run, one result per clip."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Generic, Protocol, TypeVar

from posec3d_cli.results import FAILED, NO_PERSON, OK, Failure


class Result(Protocol):
    """What comes of a clip."""

    @property
    def status(self) -> str:
        """OK, NO_PERSON or FAILED."""

    @property
    def error(self) -> Failure | None:
        """Why it failed."""


R = TypeVar("R", bound=Result)
R_co = TypeVar("R_co", bound=Result, covariant=True)


@dataclass(frozen=True)
class FileResult(Generic[R]):
    """What comes of a file.

    Attributes:
        results: one per clip; a video is one clip, a pose file may hold many.
        sha256: of the file's content; empty where it could not be read.
        seconds: wall time.
    """

    results: tuple[R, ...]
    sha256: str = ""
    seconds: float = 0.0

    @property
    def status(self) -> str:
        """OK, NO_PERSON or FAILED, the worst of its clips'."""
        return max((result.status for result in self.results), key=(NO_PERSON, OK, FAILED).index)

    @property
    def error(self) -> Failure | None:
        """What went wrong first."""
        return next((result.error for result in self.results if result.error is not None), None)
