"""AlertRules: one alert per person and action that begins, with hysteresis, a cooldown and a cap per hour."""

from __future__ import annotations

from collections import defaultdict, deque
from collections.abc import Sequence
from dataclasses import dataclass, field

from posec3d_cli.answers import Who
from posec3d_cli.live.answers import Alert, LiveAnswer

BEGINS = 2
"""Answers in a row that name an action before it has begun."""
ENDS = 3
"""Answers in a row that do not name it before it has ended, and may begin again."""
_HOUR = 3600.0


@dataclass
class _Watched:
    """An action of a person: how often in a row it was named, or not, whether it goes on, and whether that was sent."""

    named: int = 0
    missed: int = 0
    goes_on: bool = False
    sent: bool = False


@dataclass
class _Sent:
    """The alerts of one action."""

    last: float | None = None
    suppressed: int = 0


@dataclass
class AlertRules:
    """Decides which answers ring.

    An action begins when `BEGINS` answers in a row name it for a person, and ends when `ENDS` in a row do not, also
    because the person is gone; one alert stands between. Only alerts that are sent start a cooldown: one that is
    suppressed makes nobody wait longer. An action that still goes on when it may be sent is sent then: who falls within
    the cooldown of somebody else and stays down is not passed over. How many were suppressed is told with the next that
    is sent.

    Attributes:
        labels: the actions that are watched for.
        cooldown: seconds after an alert in which no other of the same action is sent.
        per_hour: alerts that are sent within an hour at most, of all actions.
    """

    labels: Sequence[str]
    cooldown: float = 60.0
    per_hour: int = 12
    _watched: dict[tuple[str, Who], _Watched] = field(default_factory=dict, repr=False)
    _sent: dict[str, _Sent] = field(default_factory=lambda: defaultdict(_Sent), repr=False)
    _times: deque[float] = field(default_factory=deque, repr=False)

    def update(self, answer: LiveAnswer) -> list[Alert]:
        """The alerts of the next answer, sent or not."""
        named = {(one.label, one.person): one.score for one in answer.doings if one.label in self.labels}
        alerts = []
        for key, score in named.items():
            watched = self._watched.setdefault(key, _Watched())
            watched.named, watched.missed = watched.named + 1, 0
            begins = watched.named >= BEGINS and not watched.goes_on
            if begins or (watched.goes_on and not watched.sent and not self._why_not(answer.time, key[0])):
                alert = self._alert(answer.time, *key, score)
                watched.goes_on, watched.sent = True, alert.sent
                alerts.append(alert)
        for key in [key for key in self._watched if key not in named]:
            watched = self._watched[key]
            watched.named, watched.missed = 0, watched.missed + 1
            if watched.missed >= ENDS:
                del self._watched[key]
        return alerts

    def _alert(self, now: float, label: str, person: Who, score: float) -> Alert:
        sent, why_not = self._sent[label], self._why_not(now, label)
        alert = Alert(now, label, person, score, not why_not, why_not, sent.suppressed)
        if why_not:
            sent.suppressed += 1
        else:
            sent.last, sent.suppressed = now, 0
            self._times.append(now)
        return alert

    def _why_not(self, now: float, label: str) -> str:
        """Why no alert of an action is sent now; empty where it is."""
        last = self._sent[label].last
        while self._times and now - self._times[0] >= _HOUR:
            self._times.popleft()
        if last is not None and now - last < self.cooldown:
            return f"{now - last:.0f} of {self.cooldown:g} seconds of cooldown have passed"
        return f"{self.per_hour} were sent within an hour" if len(self._times) >= self.per_hour else ""
