"""The run: which videos are still to do, hand them out one by one, record each outcome."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol, Self

from posec3d_cli.batch import TIMEOUT
from posec3d_cli.batch.crew import Crew
from posec3d_cli.batch.files import check_made, unfinished_files
from posec3d_cli.batch.find import Found
from posec3d_cli.batch.ledger import FAILED, Ledger, Record
from posec3d_cli.batch.stamp import Stamp, digest, stamp
from posec3d_cli.batch.watcher import Watcher
from posec3d_cli.batch.worker import Work
from posec3d_cli.output import printable

if TYPE_CHECKING:
    from posec3d_cli.batch.work import Models


class Task(Protocol):
    """What is to be done with each video; a value that can be pickled. See `posec3d_cli.batch.work`."""

    @property
    def models(self) -> Models:
        """Which models do it, and where."""

    @property
    def folders(self) -> tuple[Path, ...]:
        """The folders that are written into."""

    def fingerprint(self) -> str:
        """Changes with everything that an outcome depends on, but for the video."""

    def outputs(self, found: Found) -> dict[str, Path]:
        """The files that are made of a video."""

    def in_run(self, name: str) -> Self:
        """The same, of the run whose unfinished files lie under this name."""

    def make(self) -> Work:
        """Make the models, in the process that uses them."""


@dataclass(frozen=True)
class Todo:
    """A video to do, and why again if it was done before: "", "video", "pipeline", "output" or "failed"."""

    found: Found
    again: str = ""


def plan(found: Sequence[Found], task: Task, ledger: Ledger, *, retry_failed: bool = False) -> deque[Todo]:
    """The videos that have no outcome yet, or none that still holds. Nothing but the time of a touched file is changed.

    Args:
        found: all videos.
        task: what is done with them.
        ledger: the outcomes so far.
        retry_failed: failures do not hold.
    """
    pipeline = task.fingerprint()
    todo: deque[Todo] = deque()
    for video in found:
        record = ledger.get(video.path)
        reason = "" if record is None else _outdated(video, record, pipeline, task, ledger, retry_failed)
        if reason is not None:
            todo.append(Todo(video, reason))
    return todo


def _outdated(
    video: Found, record: Record, pipeline: str, task: Task, ledger: Ledger, retry_failed: bool
) -> str | None:
    """Why an outcome does not hold any more, or None."""
    now = stamp(video.path)
    if now != record.stamp:
        if not record.sha256 or digest(video.path) != record.sha256:
            return "video"
        ledger.put(replace(record, stamp=now))
    if record.pipeline != pipeline:
        return "pipeline"
    if record.status == FAILED:
        return "failed" if retry_failed else None
    return None if all(output.exists() and ledger.made(output) for output in task.outputs(video).values()) else "output"


def check_outputs(todo: Iterable[Todo], task: Task, ledger: Ledger) -> None:
    """Refuse to replace files that no run on this output made.

    Raises:
        OutputExists: there are some.
    """
    check_made((output for one in todo for output in task.outputs(one.found).values()), ledger)


def run(
    todo: deque[Todo],
    task: Task,
    ledger: Ledger,
    *,
    workers: int = 1,
    timeout: float = TIMEOUT,
    fail_fast: bool = False,
    log: Path | None = None,
    watcher: Watcher | None = None,
) -> None:
    """Do the videos, in processes of their own, and record what comes out of each.

    Args:
        todo: the videos; each is taken out once it is recorded, so what is left was not done.
        task: what is done with them.
        ledger: where outcomes are recorded.
        workers: how many processes there may be.
        timeout: seconds without a sign of life after which a video is given up.
        fail_fast: end after the first failure.
        log: file that tracebacks, and what decoders say, are appended to.
        watcher: is told what happens.

    Raises:
        PoseC3DError: the models cannot be made, or nothing can be written any more.
    """
    watcher = watcher or Watcher()
    pipeline = task.fingerprint()
    of_video = {one.found: one for one in todo}
    stamps: dict[Found, Stamp | None] = {}

    def taken() -> Iterator[Found]:
        for video in of_video:
            stamps[video] = stamp(video.path)
            for output in task.outputs(video).values():
                ledger.claim(output)
            yield video

    with (
        unfinished_files(task.folders) as name,
        Crew(task.in_run(name).make, min(workers, len(todo)), device=task.models.device, log=log) as crew,
    ):
        outcomes = crew.outcomes(taken(), timeout=timeout, progress=watcher.frames, notice=watcher.notice)
        for video, outcome in outcomes:
            entries = [_named(entry, video) for entry in outcome.entries]
            record = Record(video.path, stamps[video], outcome.sha256, pipeline, entries, outcome.seconds)
            if record.status == FAILED and of_video[video].again:
                _remove(task.outputs(video).values())
            ledger.put(record)
            todo.remove(of_video[video])
            watcher.done(video, record)
            if fail_fast and record.status == FAILED:
                break


def _remove(outputs: Iterable[Path]) -> None:
    """Remove what was made of a video before it changed."""
    for output in outputs:
        with suppress(OSError):
            output.unlink()


def _named(entry: dict[str, Any], found: Found) -> dict[str, Any]:
    """A failure's entry under the video's own name instead of its path."""
    return {**entry, "video": printable(found.name)} if entry["video"] == printable(found.path) else entry
