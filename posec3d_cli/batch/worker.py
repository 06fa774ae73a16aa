"""Worker: a process that runs a task on one input after another. A crash or a hang fails the input, not the run."""

from __future__ import annotations

import errno
import faulthandler
import logging
import os
import signal
import traceback
from collections.abc import Callable
from contextlib import suppress
from multiprocessing import connection
from pathlib import Path
from time import perf_counter
from typing import Any, Generic

from posec3d_cli.batch.file_result import FileResult, R
from posec3d_cli.batch.find import InputFile
from posec3d_cli.batch.inputs import with_copy
from posec3d_cli.batch.process import WorkerProcess
from posec3d_cli.batch.task import Task, attempt
from posec3d_cli.errors import OutputError, PoseC3DError, StageError
from posec3d_cli.files.digests import content_digest
from posec3d_cli.files.writing import FULL, remedy
from posec3d_cli.runtime.memory import return_large_blocks
from posec3d_cli.runtime.threads import limit_threads

logger = logging.getLogger("posec3d")
_READY = "ready"  # the first message of a process that has loaded its models
_BEAT = 0.5  # seconds between two heartbeats of a download
_WINDOWS_CRASH = 0xC0000000  # exit codes from here on are exceptions of Windows
_UNWRITABLE = {*FULL, errno.EROFS}  # not specific to one video: the next one would fail too


class Worker(Generic[R]):
    """A process that prepares a task once and then runs it on one file after another, until `stop`.

    Args:
        task: the task to run on each file; it is pickled.
        threads: processor threads for the networks of the process; None leaves it to them.
        gpu: the one CUDA device that the process sees, as CUDA_VISIBLE_DEVICES names it; None: all of them.
        log: file that the process's own output and tracebacks are appended to; None throws them away.
        started: a process that waits for its work; None: one is started for the first video.
    """

    def __init__(
        self,
        task: Task[R],
        *,
        threads: int | None = None,
        gpu: str | None = None,
        log: Path | None = None,
        started: WorkerProcess | None = None,
    ) -> None:
        self._task = task
        self._threads = threads
        self._gpu = gpu
        self._log = log
        self._started = started
        self._process: WorkerProcess | None = None
        self._ready = False
        self._file: InputFile | None = None

    @property
    def file(self) -> InputFile | None:
        """The video in work."""
        return self._file

    @property
    def pipe(self) -> connection.Connection:
        """The pipe of the process: call `receive` when it is readable."""
        assert self._process is not None
        return self._process.pipe

    @property
    def idle_seconds(self) -> float:
        """Seconds since its last heartbeat; 0 while it loads its models."""
        return perf_counter() - self._last_heartbeat if self._ready else 0.0

    def begin(self, file: InputFile) -> None:
        """Send a video to the process."""
        if self._process is None:
            self._start()
        self._file = file
        self._began = self._last_heartbeat = perf_counter()
        with suppress(OSError):  # it died since the last video: `receive` finds that out
            self.pipe.send(file)

    def receive(self) -> FileResult[R] | int | None:
        """Its next message: the result of the video, the number of frames done, or None.

        Log records of the process are logged here.

        Raises:
            PoseC3DError: the models cannot be loaded, or the disk is full: the next video would fail too.
        """
        try:
            message = self.pipe.recv()
        except (EOFError, OSError):
            if not self._ready:
                raise StageError(
                    f"the models cannot be loaded: {self._exit_reason()}",
                    hint="--log-file FILE keeps the output of the process",
                ) from None
            return self._failed(PoseC3DError(self._exit_reason()))
        self._last_heartbeat = perf_counter()
        if isinstance(message, PoseC3DError):
            raise message
        if isinstance(message, FileResult):
            self._file = None
            return message
        if message == _READY:
            self._ready = True
            return None
        if isinstance(message, logging.LogRecord):
            logger.handle(message)
            return None
        return int(message)

    def end_idle(self, timeout: float) -> FileResult[R]:
        """End the process, which had no heartbeat for too long, and fail its video."""
        self.stop()
        return self._failed(
            PoseC3DError(f"no progress for {timeout:g} seconds", hint="a larger --timeout waits longer")
        )

    def stop(self) -> None:
        """End the process at once, whatever it is doing."""
        if self._process is not None:
            self._process.process.kill()
            self._process.process.join(10)
            self._process.pipe.close()
            self._process = None
            self._ready = False

    def _start(self) -> None:
        self._process, self._started = self._started or WorkerProcess(), None
        given = serve, self._task, self._threads, self._gpu, self._log, logger.getEffectiveLevel()
        with suppress(OSError):  # as in `begin`
            self.pipe.send(given)

    def _exit_reason(self) -> str:
        """How the process ended, as a clause."""
        assert self._process is not None
        self._process.process.join(10)
        code = self._process.process.exitcode
        self.stop()
        return exit_words(code)

    def _failed(self, error: PoseC3DError) -> FileResult[R]:
        assert self._file is not None
        file, self._file = self._file, None
        return FileResult((self._task.failed(file, error),), seconds=perf_counter() - self._began)


def exit_words(code: int | None) -> str:
    """How a process ended, as a clause: by itself, by a signal or, on Windows, by an exception of the system."""
    if code is not None and code >= _WINDOWS_CRASH:
        return f"its process crashed (exception 0x{code:08X})"
    if code is None or code >= 0:
        return f"its process ended by itself, with code {code}"
    name, words = signal.Signals(-code).name, signal.strsignal(-code)
    if name == "SIGKILL":
        return f"its process was killed ({name}); the memory may have run out"
    return f"its process crashed ({name}: {words})"


def serve(
    pipe: connection.Connection,
    task: Task[Any],
    threads: int | None,
    gpu: str | None,
    log: Path | None,
    level: int,
) -> None:
    """The main loop of the process."""
    _redirect_output(log)
    logger.setLevel(level)
    logger.addHandler(_ToParent(pipe))
    logger.propagate = False
    return_large_blocks()
    if threads is not None:
        limit_threads(threads)
    if gpu is not None:
        os.environ["CUDA_VISIBLE_DEVICES"] = gpu
    try:
        task.prepare()
    except PoseC3DError as error:
        pipe.send(error)
        return
    except Exception as error:
        traceback.print_exc()
        pipe.send(StageError(f"the models cannot be loaded: {type(error).__name__}: {error}"))
        return
    pipe.send(_READY)
    with suppress(EOFError, OSError):  # the parent process has ended
        while True:
            pipe.send(run_task(task, pipe.recv(), pipe.send))


def run_task(task: Task[Any], file: InputFile, send: Callable[[int], None]) -> FileResult[Any] | PoseC3DError:
    """The result of a file, or the error that every other file would meet too."""
    started = perf_counter()
    copied = with_copy(file, _now_and_then(lambda: send(0)))
    # A copy of an earlier time is not what this result is about.
    sha256 = "" if file.address is not None and copied.problem else content_digest(file.path)

    def report(error: Exception) -> None:
        full = _is_full(error)
        if full is not None:
            raise OutputError(
                f"{full.filename or 'the output'} cannot be written: {full.strerror}",
                hint=remedy(full, "free some space", "choose a place that can be written"),
            )
        if not isinstance(error, PoseC3DError):
            error.add_note(f"while {file.path!r} was done")
            traceback.print_exception(error)

    try:
        results = tuple(attempt(task, copied, lambda done, total: send(done), report))
    except OutputError as error:
        return error
    return FileResult(results, sha256, perf_counter() - started)


def _now_and_then(beat: Callable[[], None]) -> Callable[[], None]:
    """A function that calls `beat` once in `_BEAT` seconds, however often it is called."""
    last = 0.0

    def call() -> None:
        nonlocal last
        if perf_counter() - last >= _BEAT:
            last = perf_counter()
            beat()

    return call


def _is_full(error: BaseException | None) -> OSError | None:
    """The error of a full or read-only disk, among an error and its causes."""
    while error is not None:
        if isinstance(error, OSError) and error.errno in _UNWRITABLE:
            return error
        error = error.__cause__
    return None


def _redirect_output(log: Path | None) -> None:
    """Redirect the output of decoders from the terminal to the log file."""
    target = os.open(log or os.devnull, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o666)
    for number in (1, 2):
        os.dup2(target, number)
    os.close(target)
    faulthandler.enable()


class _ToParent(logging.Handler):
    """Sends what is logged through the pipe, as a text that can be pickled."""

    def __init__(self, pipe: connection.Connection) -> None:
        super().__init__()
        self.pipe = pipe

    def emit(self, record: logging.LogRecord) -> None:
        """Send a record; it is lost if the parent process has ended."""
        record.msg, record.args = record.getMessage(), None
        if record.exc_info:
            record.msg += "\n" + logging.Formatter().formatException(record.exc_info)
            record.exc_info = None
        with suppress(OSError):
            self.pipe.send(record)
