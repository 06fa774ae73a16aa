"""The lock of a batch run: one run at a time on an output. The system drops the lock when the process ends."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from filelock import FileLock, Timeout

from posec3d_cli.batch.state import RunState, owner_of
from posec3d_cli.errors import OutputError

STATE = ".state.sqlite"
"""What the name of a run's state adds to that of its output."""


def state_of(output: Path) -> Path:
    """The file that keeps the state of the runs on `output`."""
    return output.with_name(output.name + STATE)


@contextmanager
def locked(output: Path) -> Iterator[tuple[RunState, str]]:
    """Lock the output; yields its run state and the process of an interrupted run, or an empty text.

    Raises:
        OutputError: another process has locked the output, or nothing can be written beside it.
    """
    state = state_of(output)
    lock = FileLock(output.with_name(f"{output.name}.lock"), blocking=False)
    try:
        lock.acquire()
    except Timeout as error:
        raise OutputError(
            f"{output} is being written by {owner_of(state) or 'another process'}",
            hint="wait until it has ended, or choose another output",
        ) from error
    except OSError as error:
        raise OutputError(f"nothing can be written beside {output}: {error.strerror}") from error
    try:
        with RunState(state) as run_state:
            before = run_state.own()
            try:
                yield run_state, before
            finally:
                run_state.disown()
    finally:
        lock.release()
