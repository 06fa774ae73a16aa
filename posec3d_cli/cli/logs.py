"""Show the log of the library: warnings on stderr, more with --verbose, everything in a log file."""

from __future__ import annotations

import contextlib
import logging
from collections.abc import Iterator
from pathlib import Path

import typer

from posec3d_cli.cli.progress import one_line
from posec3d_cli.cli.render import note
from posec3d_cli.errors import OutputError, PoseC3DError

logger = logging.getLogger("posec3d")


class _Notes(logging.Handler):
    """Says on stderr what is logged; a warning once, though many videos may give it. Errors are printed elsewhere."""

    def __init__(self, level: int) -> None:
        super().__init__(level)
        self.said: set[str] = set()

    def emit(self, record: logging.LogRecord) -> None:
        """Print the metrics of an epoch."""
        text = one_line(record.getMessage())
        if record.levelno < logging.WARNING:
            note(record.levelname.lower(), text)
        elif record.levelno < logging.ERROR and text not in self.said:
            self.said.add(text)
            note("note", text)


class _Lines(logging.Formatter):
    """One line per record, with the time, and with the level where that is not INFO; below it the traceback, if any."""

    def formatMessage(self, record: logging.LogRecord) -> str:
        """The line."""
        level = "" if record.levelno == logging.INFO else f"{record.levelname.lower()}: "
        return f"{record.asctime} {level}{one_line(record.getMessage())}"

    def usesTime(self) -> bool:
        """The time is in every line."""
        return True


@contextlib.contextmanager
def logging_to(file: Path | None, *, verbose: bool) -> Iterator[None]:
    """While this block runs, what is logged is said on stderr and appended to `file`.

    Raises:
        OutputError: the file cannot be written.
    """
    handlers: list[logging.Handler] = [_Notes(logging.DEBUG if verbose else logging.WARNING)]
    if file is not None:
        try:
            lines = logging.FileHandler(file, encoding="utf-8", errors="backslashreplace")
        except OSError as error:
            raise OutputError(f"{file} cannot be written: {error.strerror}") from error
        lines.setLevel(logging.DEBUG if verbose else logging.INFO)
        lines.setFormatter(_Lines(datefmt="%Y-%m-%d %H:%M:%S"))
        handlers.append(lines)
    before = logger.level
    logger.setLevel(min(handler.level for handler in handlers))
    for handler in handlers:
        logger.addHandler(handler)
    try:
        yield
    except PoseC3DError as error:
        logger.error(error.what)
        raise
    except (typer.Exit, typer.Abort, typer.BadParameter):
        raise
    except Exception:
        logger.exception("an unexpected error")
        raise
    finally:
        logger.setLevel(before)
        for handler in handlers:
            logger.removeHandler(handler)
            handler.close()


def log_file() -> Path | None:
    """The file that is logged into, for what other processes write themselves; None where there is none."""
    return next((Path(one.baseFilename) for one in logger.handlers if isinstance(one, logging.FileHandler)), None)
