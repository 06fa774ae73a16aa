"""What the commands that learn from labelled clips share: estimating the poses of whole folders."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from posec3d_cli.cli.render import download_progress, note

if TYPE_CHECKING:
    from posec3d_cli.extraction import PoseExtractor

EVERY = 50  # clips between two lines of progress


def make_extractor(detector: str, pose: str, **options: Any) -> PoseExtractor:
    """A detector and a pose estimator by the names of their models, downloads shown."""
    from posec3d_cli.extraction import PoseExtractor

    with download_progress() as bars:
        return PoseExtractor.from_cards(detector, pose, progress=bars, **options)


def say_posing(done: int, total: int, name: str) -> None:
    """Say on stderr now and then how many clips have been posed."""
    if done % EVERY == 0 or done == total:
        note("poses", f"{done} of {total} clips {name}")
