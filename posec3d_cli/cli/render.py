"""Print results on stdout and everything else on stderr, never as markup."""

from __future__ import annotations

import contextlib
import json
import sys
import warnings
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any

import typer

from posec3d_cli.errors import PoseC3DError
from posec3d_cli.registry import PluginWarning

if TYPE_CHECKING:
    from rich.console import Console
    from rich.progress import Progress as Bars
    from rich.progress import TaskID


def stderr_console() -> Console:
    """A console on stderr that takes square brackets for what they are."""
    from rich.console import Console

    return Console(stderr=True, markup=False, highlight=False, emoji=False)


def stdout_console() -> Console:
    """A console on stdout that takes square brackets for what they are."""
    from rich.console import Console

    return Console(markup=False, highlight=False, emoji=False)


def print_error(error: PoseC3DError) -> None:
    """Print an error and its hint on stderr."""
    note("error", error.what)
    if error.hint:
        note("hint", error.hint)


def note(label: str, text: str) -> None:
    """One message on stderr: "label: text", further lines below the first."""
    first, *further = text.splitlines() or [""]
    typer.echo(f"{label + ':':<6} {first}", err=True)
    for line in further:
        typer.echo(f"       {line}", err=True)


@contextlib.contextmanager
def plugin_warnings() -> Iterator[None]:
    """Print warnings about plugins on stderr, each once; other warnings stay as they are."""
    with warnings.catch_warnings():
        show = warnings.showwarning

        def say(message: Warning | str, category: type[Warning], *where: Any, **more: Any) -> None:
            if issubclass(category, PluginWarning):
                note("warning", str(message))
            else:
                show(message, category, *where, **more)

        warnings.simplefilter("default", PluginWarning)
        warnings.showwarning = say
        yield


def print_json(value: Any) -> None:
    """One JSON document on stdout, in ASCII, so that any file name survives."""
    typer.echo(json.dumps(value, indent=2))


def print_table(headers: Sequence[str], rows: Sequence[Sequence[str]], *, err: bool = False) -> None:
    """A table on stdout, or on stderr: drawn on a terminal, else tab-separated under headers, nothing cut off."""
    if not (sys.stderr if err else sys.stdout).isatty():
        for row in (headers, *rows):
            typer.echo("\t".join(row), err=err)
        return
    from rich import box
    from rich.table import Table
    from rich.text import Text

    table = Table(box=box.SIMPLE_HEAD, pad_edge=False)
    for header in headers:
        table.add_column(Text(header), overflow="fold")
    for row in rows:
        table.add_row(*(Text(cell) for cell in row))
    (stderr_console() if err else stdout_console()).print(table)


def megabytes(size: int) -> str:
    """A number of bytes as people read it: "12.5 MB"."""
    return f"{size / 1e6:.1f} MB"


class DownloadProgress:
    """Shows downloads as bars on stderr.

    Args:
        bars: what draws; None where stderr is no terminal.
    """

    def __init__(self, bars: Bars | None) -> None:
        self._bars = bars
        self._tasks: dict[str, TaskID] = {}

    def __call__(self, name: str, done: int, total: int) -> None:
        """Draw how far the file of this name is."""
        if self._bars is None:
            return
        if name not in self._tasks:
            # Before the first byte the length of the wait is unknown: the bar pulses.
            self._tasks[name] = self._bars.add_task(name, total=None)
        if done:
            self._bars.update(self._tasks[name], completed=done, total=total or None)


@contextlib.contextmanager
def download_progress() -> Iterator[DownloadProgress]:
    """A callback that draws one bar per file on stderr, where that is a terminal."""
    if not sys.stderr.isatty():
        yield DownloadProgress(None)
        return
    from rich.progress import BarColumn, DownloadColumn, TextColumn, TimeElapsedColumn
    from rich.progress import Progress as Bars

    columns = (
        TextColumn("{task.description}", markup=False),
        BarColumn(),
        DownloadColumn(),
        TimeElapsedColumn(),
    )
    with Bars(*columns, console=stderr_console(), transient=True) as bars:
        yield DownloadProgress(bars)
