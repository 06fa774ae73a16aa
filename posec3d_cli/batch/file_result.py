"""FileResult: the result of one input file, one entry per clip."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Generic, Protocol, TypeVar

from posec3d_cli.results import FAILED, NO_PERSON, OK, Failure


class Result(Protocol):
    """The result of a clip."""

    @property
    def status(self) -> str:
        """OK, NO_PERSON or FAILED."""

    @property
    def error(self) -> Failure | None:
        """Why the clip failed; None if it did not."""


R = TypeVar("R", bound=Result)
R_co = TypeVar("R_co", bound=Result, covariant=True)


@dataclass(frozen=True)
class FileResult(Generic[R]):
    """The result of one input file.

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
        """The first error of its clips; None if no clip failed."""
        return next((result.error for result in self.results if result.error is not None), None)
