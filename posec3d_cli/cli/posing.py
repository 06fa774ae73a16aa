"""What the commands that learn from labelled clips share: finding the people of whole folders of videos."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING

from posec3d_cli.cli.many import choose_workers
from posec3d_cli.cli.progress import now_and_then, watching
from posec3d_cli.cli.render import download_progress, note
from posec3d_cli.words import counted

if TYPE_CHECKING:
    from posec3d_cli.batch.work import Models
    from posec3d_cli.train.data import Labelled, Unreadable
    from posec3d_cli.train.examples import Example


def find_people(
    found: Labelled, models: Models, *, every: int, workers: int | None
) -> tuple[list[Example], list[Unreadable]]:
    """Estimate the poses of labelled clips in processes of their own, showing how far it is, and read pose files.

    Nothing is fetched or made where there is no video.

    Args:
        found: the clips.
        models: the detector and the pose model, and the cache of poses.
        every: estimate poses of every N-th frame.
        workers: how many processes; None: as many as suit the device.

    Returns:
        The examples, and the clips that gave none.
    """
    from posec3d_cli.train import data, posing

    task = posing.Finding(models, every)
    videos = found.videos
    if not videos:
        return data.posed(found, posing.side_by_side(task, 1))
    with download_progress() as bars:
        task.fetch(bars)
    size = choose_workers(workers, models.device, len(videos))
    with watching(len(videos), len(videos), quiet=False, log=None) as watcher:
        return data.posed(found, posing.side_by_side(task, size, watcher=watcher))


@contextlib.contextmanager
def saying_read() -> Iterator[Callable[[int, int], None]]:
    """What is told how many clips of how many the classifier has read; it says so on stderr now and then."""
    known = (0, 0)

    def note_down(done: int, total: int) -> None:
        nonlocal known
        known = (done, total)

    with now_and_then(lambda: note("read", f"{known[0]} of {counted(known[1], 'clip')}")):
        yield note_down
