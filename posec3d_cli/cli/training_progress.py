"""Progress of a training: a bar with loss and accuracy on a terminal, else a line per epoch and every half minute."""

from __future__ import annotations

import contextlib
import sys
from collections.abc import Iterator
from typing import TYPE_CHECKING

from posec3d_cli.cli.progress import now_and_then
from posec3d_cli.cli.render import note, stderr_console
from posec3d_cli.training.loop import EpochMetrics, TrainingCallback

if TYPE_CHECKING:
    from rich.progress import Progress as Bars


class Lines(TrainingCallback):
    """Progress as lines on stderr: metrics after every epoch and, from `say`, the current step.

    Args:
        epochs: epochs per network.
        networks: number of networks.
    """

    def __init__(self, epochs: int, networks: int) -> None:
        self.epochs, self.networks = epochs, networks
        self.at = "the first step is being prepared"

    def step(self, epoch: int, step: int, steps: int, loss: float) -> None:
        """Remember the step for `say`."""
        self.at = f"{place(epoch, self.epochs, self.networks)}: step {step} of {steps}, loss {loss:.3f}"

    def epoch(self, progress: EpochMetrics) -> None:
        """Print the metrics of an epoch."""
        where = place(progress.epoch, self.epochs, self.networks)
        note("epoch", f"{where}: loss {progress.loss:.3f}, {_shown(progress)}")
        if progress.epoch == self.epochs * self.networks:
            self.at = f"{where} is done; the model is measured on the validation clips"

    def say(self) -> None:
        """Print the progress of the epoch."""
        note("epoch", self.at)


class Bar(TrainingCallback):
    """A progress bar of all steps of all epochs.

    Args:
        bars: rich's progress display.
        epochs: epochs per network.
        networks: number of networks.
    """

    def __init__(self, bars: Bars, epochs: int, networks: int) -> None:
        self.bars, self.epochs, self.networks, self.known = bars, epochs, networks, ""
        self.task = bars.add_task("", total=None)
        self.smooth: float | None = None

    def step(self, epoch: int, step: int, steps: int, loss: float) -> None:
        """Advance the bar, and show the recent loss."""
        self.smooth = loss if self.smooth is None else 0.95 * self.smooth + 0.05 * loss
        words = f"epoch {place(epoch, self.epochs, self.networks)}, loss {self.smooth:.3f}{self.known}"
        total = self.epochs * self.networks * steps
        self.bars.update(self.task, total=total, completed=(epoch - 1) * steps + step, description=words)

    def epoch(self, progress: EpochMetrics) -> None:
        """Show the accuracy from now on."""
        self.known = f", {_shown(progress)}"


def place(epoch: int, epochs: int, networks: int) -> str:
    """The position of an epoch, counted over all networks from 1: "1 of 24" or "1 of 24, network 2 of 3"."""
    number, within = divmod(epoch - 1, epochs)
    return f"{within + 1} of {epochs}" + (f", network {number + 1} of {networks}" if networks > 1 else "")


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
