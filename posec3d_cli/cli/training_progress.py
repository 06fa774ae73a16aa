"""Progress of a training: a bar with loss and accuracy on a terminal, else a line per epoch and every half minute."""

from __future__ import annotations

import contextlib
import sys
import time
from collections.abc import Iterator
from typing import TYPE_CHECKING

from posec3d_cli.cli.progress import now_and_then, spelled
from posec3d_cli.cli.render import note, stderr_console
from posec3d_cli.training.loop import EpochMetrics, TrainingCallback

if TYPE_CHECKING:
    from rich.progress import Progress as Bars


class Clock:
    """The time that a training takes at most, from the steps that are done.

    Args:
        epochs: epochs per network, at most.
        networks: number of networks.
    """

    def __init__(self, epochs: int, networks: int) -> None:
        self.epochs, self.networks = epochs, networks
        self.started = self.now = time.monotonic()
        self.first = self.done = self.total = 0

    def step(self, network: int, epoch: int, step: int, steps: int) -> None:
        """Count a step of a network, see `TrainingCallback.step`."""
        self.done = (network * self.epochs + epoch - 1) * steps + step
        self.total = self.networks * self.epochs * steps
        self.now = time.monotonic()
        if not self.first:
            self.first, self.started = self.done, self.now

    @property
    def left(self) -> str:
        """In words; empty while nothing is known."""
        counted = self.done - self.first
        if counted <= 0:
            return ""
        return f", at most {spelled((self.now - self.started) / counted * (self.total - self.done))} left"


class Lines(TrainingCallback):
    """Progress as lines on stderr: metrics after every epoch and, from `say`, the current step and the time left.

    Args:
        epochs: epochs per network, at most.
        networks: number of networks.
    """

    def __init__(self, epochs: int, networks: int) -> None:
        self.epochs, self.networks = epochs, networks
        self.clock, self.number = Clock(epochs, networks), 0
        self.at = "the first step is being prepared"

    def network(self, number: int) -> None:
        """Remember which network it is."""
        self.number = number

    def frames(self, done: int, total: int) -> None:
        """Remember the clip for `say`."""
        self.at = f"the frames that training reads are decoded: clip {done} of {total}"

    def features(self, done: int, total: int) -> None:
        """Remember the sample for `say`."""
        self.at = f"a new head on the frozen backbone: sample {done} of {total}"

    def step(self, epoch: int, step: int, steps: int, loss: float) -> None:
        """Remember the step for `say`."""
        self.clock.step(self.number, epoch, step, steps)
        self.at = f"{place(epoch, self)}: step {step} of {steps}, loss {loss:.3f}{self.clock.left}"

    def epoch(self, progress: EpochMetrics) -> None:
        """Print the metrics of an epoch."""
        note("epoch", f"{place(progress.epoch, self)}: loss {progress.loss:.3f}, {_shown(progress)}{self.clock.left}")

    def finished(self, epoch: int, best: int) -> None:
        """Print which epoch is the model."""
        note("done", _ended(epoch, best, self))

    def measuring(self) -> None:
        """Remember it for `say`."""
        self.at = "the model is measured on the validation clips"

    def say(self) -> None:
        """Print the progress of the epoch."""
        note("epoch", self.at)


class Bar(TrainingCallback):
    """A progress bar of all steps of all epochs.

    Args:
        bars: rich's progress display.
        epochs: epochs per network, at most.
        networks: number of networks.
    """

    def __init__(self, bars: Bars, epochs: int, networks: int) -> None:
        self.bars, self.epochs, self.networks, self.number, self.known = bars, epochs, networks, 0, ""
        self.task = bars.add_task("", total=None)
        self.smooth: float | None = None

    def network(self, number: int) -> None:
        """Remember which network it is."""
        self.number = number

    def frames(self, done: int, total: int) -> None:
        """Show how many clips are decoded."""
        self.bars.update(self.task, total=total, completed=done, description="frames that training reads")

    def features(self, done: int, total: int) -> None:
        """Show that a new head is fitted."""
        self.bars.update(self.task, total=total, completed=done, description="new head on the frozen backbone")

    def step(self, epoch: int, step: int, steps: int, loss: float) -> None:
        """Advance the bar, and show the recent loss."""
        self.smooth = loss if self.smooth is None else 0.95 * self.smooth + 0.05 * loss
        words = f"epoch {place(epoch, self)}, loss {self.smooth:.3f}{self.known}"
        total = self.epochs * self.networks * steps
        done = (self.number * self.epochs + epoch - 1) * steps + step
        self.bars.update(self.task, total=total, completed=done, description=words)

    def epoch(self, progress: EpochMetrics) -> None:
        """Show the accuracy from now on."""
        self.known = f", {_shown(progress)}"

    def finished(self, epoch: int, best: int) -> None:
        """Print which epoch is the model."""
        self.bars.console.print(_ended(epoch, best, self), markup=False)

    def measuring(self) -> None:
        """Show that the model is measured."""
        self.bars.update(self.task, total=None, description="the model is measured on the validation clips")


def place(epoch: int, run: Lines | Bar) -> str:
    """The position of an epoch of a network: "1 of 24", or "head on the frozen backbone, network 2 of 3"."""
    where = f"{epoch} of {run.epochs}" if epoch else "head on the frozen backbone"
    return where + (f", network {run.number + 1} of {run.networks}" if run.networks > 1 else "")


def _ended(epoch: int, best: int, run: Lines | Bar) -> str:
    """How the training of a network ended."""
    kept = f"epoch {best}" if best else "the head on the frozen backbone"
    early = "ended early" if 0 < epoch < run.epochs else "ended"
    return f"{early} after {place(epoch, run)}: the model is {kept}"


def _shown(progress: EpochMetrics) -> str:
    shown = ", ".join(f"{name} {value:.1%}" for name, value in progress.accuracy.items())
    return f"validation top-1: {shown or 'none'}"


@contextlib.contextmanager
def training_progress(epochs: int, networks: int) -> Iterator[TrainingCallback]:
    """The callback that shows the progress of a training."""
    if not sys.stderr.isatty():
        lines = Lines(epochs, networks)
        with now_and_then(lines.say):
            yield lines
        return
    from rich.progress import BarColumn, Progress, TextColumn, TimeRemainingColumn

    columns = (TextColumn("{task.description}", markup=False), BarColumn(bar_width=20), TimeRemainingColumn())
    with Progress(*columns, console=stderr_console(), transient=True) as bars:
        yield Bar(bars, epochs, networks)
