"""Progress of a batch run: a bar on a terminal, else a line every half minute."""

from __future__ import annotations

import contextlib
import logging
import sys
import threading
import time
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Any

from posec3d_cli.batch.callback import RunCallback
from posec3d_cli.cli.render import note, stderr_console
from posec3d_cli.errors import counted
from posec3d_cli.files.writing import printable

if TYPE_CHECKING:
    from rich.progress import Progress

    from posec3d_cli.batch.file_result import FileResult
    from posec3d_cli.batch.find import InputFile

SECONDS_BETWEEN_LINES = 30.0
logger = logging.getLogger("posec3d")


@contextlib.contextmanager
def now_and_then(say: Callable[[], None]) -> Iterator[None]:
    """Call `say` every half minute while this block runs, whatever the block waits for."""
    ended = threading.Event()

    def repeat() -> None:
        while not ended.wait(SECONDS_BETWEEN_LINES):
            say()

    thread = threading.Thread(target=repeat, daemon=True)
    thread.start()
    try:
        yield
    finally:
        ended.set()
        thread.join()


class Count(RunCallback):
    """Counts, and logs what becomes of each video.

    Args:
        todo: videos to do.
        total: videos in all, with those that were done before.
    """

    def __init__(self, todo: int, total: int) -> None:
        self.todo, self.total = todo, total
        self.videos = self.failed = self.frames_done = 0
        self.in_work: dict[InputFile, int] = {}
        self.started = time.monotonic()

    def frames(self, file: InputFile, done: int) -> None:
        """Called with the number of frames done of a video in work."""
        self.in_work[file] = done
        self.show()

    def done(self, file: InputFile, result: FileResult[Any]) -> None:
        """A file is done and recorded."""
        self.videos += 1
        self.failed += result.status == "failed"
        self.frames_done += self.in_work.pop(file, 0)
        why = f": {printable(result.error.what)}" if result.error is not None and result.error.what else ""
        logger.info(f"{result.status} {printable(file.name)}, {result.seconds:.1f} s{why}")
        self.show()

    def show(self) -> None:
        """Show how far it is; this one shows nothing."""

    @property
    def at(self) -> int:
        """Videos that are done, with those that were done before."""
        return self.total - self.todo + self.videos

    @property
    def rate(self) -> str:
        """Frames per second."""
        frames = self.frames_done + sum(list(self.in_work.values()))
        return f"{frames / max(time.monotonic() - self.started, 1e-3):.1f}"


class Lines(Count):
    """Says on stderr how far it is, when it is asked."""

    def say(self) -> None:
        """Print the metrics of an epoch."""
        left = ""
        if self.videos:
            spent = time.monotonic() - self.started
            left = f", {spelled(spent / self.videos * (self.todo - self.videos))} left"
        note("done", f"{self.at} of {counted(self.total, 'video')}, {self.failed} failed, {self.rate} frames/s{left}")


class Bar(Count):
    """A progress bar."""

    def __init__(self, todo: int, total: int, bars: Progress) -> None:
        super().__init__(todo, total)
        self.bars = bars
        self.task = bars.add_task("", total=total, completed=self.at, failed=0, rate="0.0")

    def show(self) -> None:
        """Move it."""
        self.bars.update(self.task, completed=self.at, failed=self.failed, rate=self.rate)


@contextlib.contextmanager
def watching(todo: int, total: int, *, quiet: bool) -> Iterator[RunCallback]:
    """The callback that shows the progress of a run."""
    if quiet:
        yield Count(todo, total)
        return
    if not sys.stderr.isatty():
        lines = Lines(todo, total)
        with now_and_then(lines.say):
            yield lines
        return
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

    columns = (
        BarColumn(),
        MofNCompleteColumn(),
        TextColumn("videos, {task.fields[failed]} failed, {task.fields[rate]} frames/s,", markup=False),
        TimeRemainingColumn(),
        TextColumn("left", markup=False),
    )
    with Progress(*columns, console=stderr_console(), transient=True) as bars:
        yield Bar(todo, total, bars)


def one_line(text: str) -> str:
    """A text with line breaks and other control characters spelled out."""
    return "".join(c if c.isprintable() else c.encode("unicode_escape").decode("ascii") for c in text)


def spelled(seconds: float) -> str:
    """A time to wait in words, in whole minutes."""
    minutes = round(seconds / 60)
    return f"{minutes // 60} h {minutes % 60} min" if minutes >= 60 else f"{max(minutes, 1)} min"


class FrameProgress:
    """Shows how many frames of a video are done, and what is found meanwhile.

    Args:
        bars: what draws; None where stderr is no terminal: then findings are lines.
        title: of the bar.
    """

    def __init__(self, bars: Progress | None, title: str) -> None:
        self._bars = bars
        self._task = None if bars is None else bars.add_task(title, total=None)

    def __call__(self, done: int, total: int) -> None:
        """So many frames of all are done."""
        if self._bars is not None and self._task is not None:
            self._bars.update(self._task, completed=done, total=total)

    def tell(self, text: str) -> None:
        """Show what was found last."""
        if self._bars is not None and self._task is not None:
            self._bars.update(self._task, description=one_line(text))
        else:
            note("read", one_line(text))


@contextlib.contextmanager
def frame_progress(title: str) -> Iterator[FrameProgress]:
    """A callback that draws a bar of frames on stderr, where that is a terminal."""
    if not sys.stderr.isatty():
        yield FrameProgress(None, title)
        return
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

    columns = (
        TextColumn("{task.description}", markup=False),
        BarColumn(),
        MofNCompleteColumn(),
        TimeRemainingColumn(),
    )
    with Progress(*columns, console=stderr_console(), transient=True) as bars:
        yield FrameProgress(bars, title)
