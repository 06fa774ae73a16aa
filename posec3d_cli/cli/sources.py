"""Local copies of the inputs of a command that are no paths."""

from __future__ import annotations

from fractions import Fraction
from typing import TYPE_CHECKING

from posec3d_cli.cli.render import megabytes, note

if TYPE_CHECKING:
    from posec3d_cli.sources.local_copies import LocalCopies


def local_copies(max_download: float, *, offline: bool) -> LocalCopies:
    """What makes local copies in the user's cache; says on stderr what it fetches.

    Args:
        max_download: gigabytes of one input at most.
        offline: whether --offline was given.
    """
    from posec3d_cli.hub.download import is_offline
    from posec3d_cli.sources.cache import SourceCache, default_folder
    from posec3d_cli.sources.local_copies import LocalCopies

    def say(name: str, size: int | None) -> None:
        note("fetch", name if size is None else f"{name}, {megabytes(size)}")

    limit = round(max_download * 10**9)
    return LocalCopies(SourceCache(default_folder()), limit, offline or is_offline(), say)


def rate(fps: float | None) -> Fraction | None:
    """Pictures per second as a fraction: 29.97 is 2997/100."""
    return None if fps is None else Fraction(fps).limit_denominator(1001)
