"""Outputs of a live run: lines of JSON, a recorded video, and a command that alerts start."""

from __future__ import annotations

import contextlib
import json
import logging
import os
import subprocess
from collections.abc import Mapping, Sequence
from fractions import Fraction
from pathlib import Path
from types import TracebackType
from typing import IO, Any

from posec3d_cli.errors import OutputError
from posec3d_cli.files.marks import MARK
from posec3d_cli.live.answers import Alert, LiveAnswer, SourceStatus
from posec3d_cli.types import Pixels
from posec3d_cli.video import VideoWriter
from posec3d_cli.video.pictures import fitted

logger = logging.getLogger("posec3d")
NOMINAL = Fraction(30)
"""Frames per second of a recording; each frame has the time at which it came."""
MOST_COMMANDS = 4
"""Commands of alerts that run at the same time."""
_PATIENCE = 5.0  # seconds that running commands get at the end


class Quiet:
    """A base of outputs, which takes everything and does nothing with it."""

    @property
    def wants_frames(self) -> bool:
        """Whether annotated frames are of use now: never."""
        return False

    def frame(self, pixels: Pixels, seconds: float) -> None:
        """Take an annotated frame."""

    def answer(self, answer: LiveAnswer) -> None:
        """Take an answer."""

    def status(self, status: SourceStatus) -> None:
        """Take what happened to the source."""

    def alert(self, alert: Alert) -> None:
        """Take an alert."""


class JsonLines(Quiet):
    """Writes each answer, status and alert as a line of JSON, at once."""

    def __init__(self, stream: IO[str]) -> None:
        self._stream = stream

    def answer(self, answer: LiveAnswer) -> None:
        """Write an answer."""
        self._write(answer.to_dict())

    def status(self, status: SourceStatus) -> None:
        """Write what happened to the source."""
        self._write(status.to_dict())

    def alert(self, alert: Alert) -> None:
        """Write an alert."""
        self._write(alert.to_dict())

    def _write(self, values: Mapping[str, Any]) -> None:
        self._stream.write(json.dumps(values) + "\n")
        self._stream.flush()


class Recording(Quiet):
    """Records the annotated frames, each at the time at which it came; a context manager.

    The video is whole when the block ends, also by an interruption that its caller catches, or by an error of anything
    else, as of a source that is given up. Where the size of the frames changes, later ones are fitted into the first.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._held = contextlib.ExitStack()
        self._writer: VideoWriter | None = None
        self._start = 0.0
        self._size = (0, 0)

    @property
    def wants_frames(self) -> bool:
        """Always."""
        return True

    def frame(self, pixels: Pixels, seconds: float) -> None:
        """Record a frame.

        Raises:
            OutputError: the video cannot be written.
        """
        if self._writer is None:
            self._start, self._size = seconds, (pixels.shape[1], pixels.shape[0])
            writer = VideoWriter(self._path, fps=NOMINAL, size=self._size, comment=MARK)
            self._writer = self._held.enter_context(writer)
        self._writer.write(fitted(pixels, self._size), seconds - self._start)

    def __enter__(self) -> Recording:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if isinstance(error, Exception) and not isinstance(error, OutputError):
            kind = error = trace = None
        self._held.__exit__(kind, error, trace)


class AlertCommand(Quiet):
    """Starts a command for each alert that is sent, without waiting for it; a context manager.

    The command gets the alert as JSON on its standard input and in the variables POSEC3D_LABEL, POSEC3D_PERSON,
    POSEC3D_SCORE, POSEC3D_TIME and POSEC3D_SUPPRESSED. Its output goes where that of posec3d's errors goes.
    """

    def __init__(self, command: Sequence[str]) -> None:
        self.command = list(command)
        self._running: list[subprocess.Popen[str]] = []

    def alert(self, alert: Alert) -> None:
        """Start the command, if the alert is sent."""
        self._reap()
        if not alert.sent:
            return
        if len(self._running) >= MOST_COMMANDS:
            logger.warning(f"{self.command[0]} is not started: {MOST_COMMANDS} of it are still running")
            return
        values = alert.to_dict()
        told = {f"POSEC3D_{name.upper()}": values[name] for name in ("label", "person", "score", "time", "suppressed")}
        environment = {name: "" if value is None else str(value) for name, value in told.items()}
        try:
            process = subprocess.Popen(
                self.command, stdin=subprocess.PIPE, stdout=2, text=True, env={**os.environ, **environment}
            )
        except OSError as error:
            logger.warning(f"{self.command[0]} cannot be started: {error.strerror}")
            return
        self._running.append(process)
        assert process.stdin is not None
        with contextlib.suppress(OSError), process.stdin as stdin:  # it need not read
            stdin.write(json.dumps(values) + "\n")

    def answer(self, answer: LiveAnswer) -> None:
        """Look which commands have ended."""
        self._reap()

    def __enter__(self) -> AlertCommand:
        return self

    def __exit__(self, *error: object) -> None:
        for process in self._running:
            with contextlib.suppress(subprocess.TimeoutExpired):
                process.wait(_PATIENCE)
        self._reap()

    def _reap(self) -> None:
        for process in [one for one in self._running if one.poll() is not None]:
            self._running.remove(process)
            if process.returncode:
                logger.warning(f"{self.command[0]} ended with code {process.returncode}")
