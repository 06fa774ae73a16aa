"""What `posec3d live` prints: a line per answer, and what happens to the source."""

from __future__ import annotations

import typer

from posec3d_cli.answers import person_text
from posec3d_cli.cli.render import note
from posec3d_cli.live.answers import Alert, LiveAnswer, SourceStatus, clock
from posec3d_cli.live.outputs import Quiet
from posec3d_cli.live.run import spelled
from posec3d_cli.results import NO_PERSON_IN_WORDS


class Lines(Quiet):
    """Prints answers and alerts on stdout, or on stderr where stdout holds JSON; the source's status on stderr.

    Args:
        quiet: print no answers.
        err: print answers on stderr.
    """

    def __init__(self, *, quiet: bool, err: bool) -> None:
        self._quiet, self._err = quiet, err

    def answer(self, answer: LiveAnswer) -> None:
        """Print who does what, how late that is, and how many frames were dropped."""
        if self._quiet:
            return
        said = [
            spelled(one) if one.person is None else f"#{person_text(one.person)} {spelled(one)}"
            for one in answer.doings
        ]
        counts = answer.counts
        rate = f"{answer.delay:.2f} s late, {answer.fps:.1f} frames/s, {counts.dropped} of {counts.decoded} dropped"
        self._print(f"{_time(answer.time)}  {', '.join(said) or NO_PERSON_IN_WORDS}  ({rate})")

    def status(self, status: SourceStatus) -> None:
        """Print what happens to the source."""
        retry = f"; next try in {status.retry_seconds:g} s" if status.retry_seconds else ""
        note("source", f"{_time(status.time)} {status.state}: {status.text}{retry}")

    def alert(self, alert: Alert) -> None:
        """Print an alert, or why it was not sent."""
        who = "" if alert.person is None else f" by #{person_text(alert.person)}"
        before = f"; {alert.suppressed} suppressed before it" if alert.suppressed else ""
        rest = before if alert.sent else f", not sent: {alert.why_not}"
        self._print(f"{_time(alert.time)}  ALERT {alert.label}{who}, {100 * alert.score:.0f}%{rest}")

    def _print(self, text: str) -> None:
        typer.echo(text, err=self._err)


def _time(seconds: float) -> str:
    return clock(seconds)[11:19]
