"""Retraining: `posec3d train` on what was decided, then `posec3d label` on the rest, in processes of their own."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
import threading
from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

from posec3d_cli.errors import InputError, PoseC3DError, unexpected
from posec3d_cli.review.session import ReviewSession

TRAINING, LABELLING, DONE, FAILED, STOPPED = "training", "labelling", "done", "failed", "stopped"
LINES_KEPT = 12
_EPOCH = re.compile(
    r"epoch:\s+(?:(\d+) of (\d+)|head on the frozen backbone)(?:, network (\d+) of (\d+))?: "
    r"loss ([\d.]+), validation top-1: (.*)"
)
_TOP1 = re.compile(r"([\d.]+)%")
_PROGRAM = (sys.executable, "-m", "posec3d_cli.cli.start")


@dataclass(frozen=True)
class CurvePoint:
    """What `posec3d train` says of an epoch.

    Attributes:
        epoch: counted over all networks, from 1; 0 is a new head on the frozen backbone of the pretrained model.
        epochs: of all networks, at most; 0 where it is not said yet.
        loss: mean of the epoch.
        top1: of the validation clips, in [0, 1]; None where there are none.
    """

    epoch: int
    epochs: int
    loss: float
    top1: float | None


def read_epoch(line: str) -> CurvePoint | None:
    """The point of the curve that a line of `posec3d train` says; None for another line."""
    found = _EPOCH.match(line)
    if found is None:
        return None
    epoch, epochs, network, networks, loss, accuracy = found.groups()
    share = _TOP1.search(accuracy)
    before = (int(network or 1) - 1) * int(epochs or 0)
    if epoch is None and int(network or 1) > 1:
        return None  # between the curves of two networks
    top1 = None if share is None else float(share[1]) / 100
    return CurvePoint(before + int(epoch or 0), int(epochs or 0) * int(networks or 1), float(loss), top1)


@dataclass
class RetrainingState:
    """How far a retraining is.

    Attributes:
        stage: empty before the first one, then one of the constants above.
        model: the folder of the new model.
        table: the table of its predictions.
        curve: the epochs so far.
        lines: the newest lines that the commands said.
        error: why it failed.
    """

    stage: str = ""
    model: Path | None = None
    table: Path | None = None
    curve: list[CurvePoint] = field(default_factory=list)
    lines: deque[str] = field(default_factory=lambda: deque(maxlen=LINES_KEPT))
    error: str = ""

    @property
    def running(self) -> bool:
        """Whether a process is at work."""
        return self.stage in (TRAINING, LABELLING)


class Retraining:
    """One retraining at a time; the model and the table stay beside the table under review.

    Args:
        session: of the review.
        options: further options of both commands, such as --offline.
    """

    def __init__(self, session: ReviewSession, options: Sequence[str] = ()) -> None:
        self.session, self.options = session, tuple(options)
        self.state = RetrainingState()
        self._process: subprocess.Popen[str] | None = None
        self._lock = threading.Lock()

    def start(self) -> RetrainingState:
        """Begin, unless it runs already.

        Raises:
            InputError: nothing is decided yet.
        """
        with self._lock:
            if self.state.running:
                return self.state
            if not self.session.truth_file.exists():
                raise InputError("nothing is decided yet, so there is nothing to learn from")
            model, table = _free_names(self.session.source)
            self.state = RetrainingState(TRAINING, model, table)
        threading.Thread(target=self._work, args=(self.state,), daemon=True).start()
        return self.state

    def stop(self) -> None:
        """End the process that is at work."""
        with self._lock:
            if self.state.running:
                self.state.stage = STOPPED
            process = self._process
        if process is not None and process.poll() is None:
            # As Ctrl-C, where it can be sent to one process: what the command started ends with it in any case.
            process.send_signal(signal.SIGTERM if sys.platform == "win32" else signal.SIGINT)

    def _work(self, state: RetrainingState) -> None:
        try:
            assert state.model is not None
            assert state.table is not None
            self._run(state, ("train", str(self.session.truth_file), "-o", str(state.model)))
            rest = [row.path for row in self.session.rows if row.path is not None and not self.session.is_decided(row)]
            if rest and self._next(state, TRAINING, LABELLING):
                names = state.table.with_suffix(".txt")
                names.write_bytes(b"".join(os.fsencode(os.path.abspath(path)) + b"\n" for path in rest))
                command = ("label", "--from-file", str(names), "-o", str(state.table), "--classifier", str(state.model))
                self._run(state, command, accepted=(0, 1))  # 1: a video failed, as its row says
                self.session.use_predictions(state.table)
            self._next(state, state.stage, DONE)
        except PoseC3DError as error:
            self._fail(state, error.what)
        except Exception as error:  # whatever it is, the page says it
            self._fail(state, unexpected(error).what)

    def _run(self, state: RetrainingState, command: Sequence[str], accepted: Sequence[int] = (0,)) -> None:
        """Run a command of this program to its end, and note what it says.

        Raises:
            InputError: it ends with another exit code.
        """
        with self._lock:
            if not state.running:
                return
            self._process = process = subprocess.Popen(
                [*_PROGRAM, *command, *self.options],
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=subprocess.STDOUT,
                text=True,
                errors="replace",
            )
        errors = []
        with process:
            assert process.stdout is not None
            for line in process.stdout:
                state.lines.append(line.rstrip("\n"))
                if (point := read_epoch(line)) is not None:
                    state.curve.append(point)
                if line.startswith("error:"):
                    errors.append(line.removeprefix("error:").strip())
        if process.returncode not in accepted and state.running:
            said = errors[-1] if errors else f"posec3d {command[0]} ended with exit code {process.returncode}"
            raise InputError(said)

    def _next(self, state: RetrainingState, before: str, stage: str) -> bool:
        """Go on to the next stage, unless it was stopped."""
        with self._lock:
            if state.stage == before and state.running:
                state.stage = stage
            return state.stage == stage

    def _fail(self, state: RetrainingState, error: str) -> None:
        with self._lock:
            if state.running:
                state.stage, state.error = FAILED, error


def _free_names(source: Path) -> tuple[Path, Path]:
    """A folder for the model and a table for its predictions that are not there yet."""
    begin = source / "review" if source.is_dir() else source.with_suffix("")
    number = 1
    while (model := begin.with_name(f"{begin.name}.model-{number}")).exists() or (
        table := begin.with_name(f"{begin.name}.again-{number}.csv")
    ).exists():
        number += 1
    return model, table
