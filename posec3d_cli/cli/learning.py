"""How far a training is: a bar with loss and accuracy on a terminal, else a line per epoch."""

from __future__ import annotations

import contextlib
import sys
from collections.abc import Iterator
from typing import TYPE_CHECKING

from posec3d_cli.cli.render import note, stderr_console
from posec3d_cli.train.loop import Progress, Watcher

if TYPE_CHECKING:
    from rich.progress import Progress as Bars


class Lines(Watcher):
    """Says on stderr what is known after every epoch."""

    def epoch(self, progress: Progress) -> None:
        """Say it."""
        note("epoch", f"{progress.epoch} of {progress.epochs}: loss {progress.loss:.3f}, {_shown(progress)}")


class Bar(Watcher):
    """Moves a bar of all steps of all epochs.

    Args:
        bars: what draws it.
        epochs: how many there are in all.
    """

    def __init__(self, bars: Bars, epochs: int) -> None:
        self.bars, self.epochs, self.known = bars, epochs, ""
        self.task = bars.add_task("", total=None)
        self.smooth: float | None = None

    def step(self, epoch: int, step: int, steps: int, loss: float) -> None:
        """Move it, and show the loss as it has been of late."""
        self.smooth = loss if self.smooth is None else 0.95 * self.smooth + 0.05 * loss
        words = f"epoch {epoch} of {self.epochs}, loss {self.smooth:.3f}{self.known}"
        self.bars.update(self.task, total=self.epochs * steps, completed=(epoch - 1) * steps + step, description=words)

    def epoch(self, progress: Progress) -> None:
        """Show the accuracy from now on."""
        self.known = f", {_shown(progress)}"


def _shown(progress: Progress) -> str:
    shown = ", ".join(f"{name} {value:.1%}" for name, value in progress.accuracy.items())
    return f"held-out top-1: {shown or 'none'}"


@contextlib.contextmanager
def learning(epochs: int) -> Iterator[Watcher]:
    """What is told how far a training of so many epochs is."""
    if not sys.stderr.isatty():
        yield Lines()
        return
    from rich.progress import BarColumn, Progress, TextColumn, TimeRemainingColumn

    columns = (TextColumn("{task.description}", markup=False), BarColumn(bar_width=20), TimeRemainingColumn())
    with Progress(*columns, console=stderr_console(), transient=True) as bars:
        yield Bar(bars, epochs)
