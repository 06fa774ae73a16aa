"""What a live run tells: answers, what happens to the source, and alerts; each as plain values too."""

from __future__ import annotations

import datetime
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from posec3d_cli.answers import NO_PERSON, UNKNOWN, Who, label_values, person_value, unless_named
from posec3d_cli.results import ClipResult
from posec3d_cli.types import ActionScores

TOP = 3  # labels that an answer has as plain values


def clock(seconds: float) -> str:
    """A Unix time as ISO 8601, to the millisecond, in this machine's zone."""
    return datetime.datetime.fromtimestamp(seconds).astimezone().isoformat(timespec="milliseconds")


@dataclass(frozen=True)
class Counts:
    """The frames of a run so far.

    Attributes:
        decoded: that came and could be decoded.
        processed: of these, in which people were looked for.
        damaged: packets that did not decode.
    """

    decoded: int
    processed: int
    damaged: int = 0

    @property
    def dropped(self) -> int:
        """Frames that came while an earlier one was processed."""
        return self.decoded - self.processed

    def to_dict(self) -> dict[str, int]:
        """The counts as plain values."""
        return {
            "decoded": self.decoded,
            "processed": self.processed,
            "dropped": self.dropped,
            "damaged": self.damaged,
        }


@dataclass(frozen=True, eq=False)
class Doing:
    """What one person does, a pair, or all together.

    Attributes:
        person: the track id, or those of two people who do it together; None for all people together.
        scores: of the actions.
        min_score: the action is `unknown` if it scores less.
    """

    person: Who
    scores: ActionScores
    min_score: float

    @property
    def label(self) -> str:
        """The action, or `unknown`."""
        return UNKNOWN if self.guess is not None else self.scores.top(1)[0][0]

    @property
    def score(self) -> float:
        """The probability of the action or, where it is `unknown`, of what it would have been."""
        return (self.guess or self.scores.top(1)[0])[1]

    @property
    def guess(self) -> tuple[str, float] | None:
        """What `unknown` would have been, with its probability; None where the action is named."""
        return unless_named(self.scores, self.min_score)


@dataclass(frozen=True, eq=False)
class LiveAnswer:
    """What is done in the last seconds of a live source.

    Attributes:
        time: Unix time at which the newest frame of the window came.
        window_seconds: the length of what was read.
        frames: that were read.
        doings: of each person, or of all together; empty: nobody is there.
        delay: seconds from the arrival of the newest frame to the answer.
        fps: frames processed per second, over the window.
        counts: of the frames of the run so far.
    """

    time: float
    window_seconds: float
    frames: int
    doings: tuple[Doing, ...]
    delay: float
    fps: float
    counts: Counts

    def to_dict(self) -> dict[str, Any]:
        """The answer as plain values, as `live --jsonl` has it."""
        people = []
        for one in self.doings:
            guess = one.guess
            people.append(
                {
                    "person": person_value(one.person),
                    "label": one.label,
                    "score": round(one.score, 4),
                    "guess": None if guess is None else guess[0],
                    "labels": label_values(one.scores, TOP),
                }
            )
        return {
            "type": "answer",
            "time": clock(self.time),
            "status": "ok" if people else NO_PERSON,
            "people": people,
            "window_seconds": round(self.window_seconds, 3),
            "frames": self.frames,
            "delay_seconds": round(self.delay, 3),
            "fps": round(self.fps, 2),
            "counts": self.counts.to_dict(),
        }


def doings_of(result: ClipResult) -> tuple[Doing, ...]:
    """What each person or pair does or, where the classifier reads all together, all."""
    least = result.pipeline.min_score
    pairs = [pair for window in result.windows[-1:] for pair in window.pairs if pair.together]
    together = tuple(Doing(pair.people, pair.scores, least) for pair in pairs)
    paired = {person for pair in pairs for person in pair.people}
    people = [one for one in result.people if one.id not in paired]
    alone = together + tuple(Doing(one.id, one.scores, least) for one in people if one.scores is not None)
    if alone or result.scores is None:
        return alone
    return (Doing(None, result.scores, least),)


@dataclass(frozen=True)
class SourceStatus:
    """What happens to the source.

    Attributes:
        time: Unix time.
        state: "connecting", "live", "silent", "slow" (too few frames are processed for an answer), "lost" or "ended".
        text: a clause that says it.
        retry_seconds: until it is opened again; 0: it is not.
    """

    time: float
    state: str
    text: str
    retry_seconds: float = 0.0

    def to_dict(self) -> dict[str, Any]:
        """The status as plain values."""
        told: Mapping[str, Any] = {"type": "status", "time": clock(self.time), "state": self.state, "text": self.text}
        return {**told, "retry_seconds": self.retry_seconds}


@dataclass(frozen=True)
class Alert:
    """Somebody began an action that is watched for.

    Attributes:
        time: Unix time.
        label: the action.
        person: the track id, or those of a pair; None for all people together.
        score: the probability of the action.
        sent: whether it was passed on; it is not within the cooldown, or beyond the cap per hour.
        why_not: why it was not passed on; empty if it was.
        suppressed: alerts of this action that were not passed on since the last one that was.
    """

    time: float
    label: str
    person: Who
    score: float
    sent: bool
    why_not: str
    suppressed: int

    def to_dict(self) -> dict[str, Any]:
        """The alert as plain values."""
        return {
            "type": "alert",
            "time": clock(self.time),
            "label": self.label,
            "person": person_value(self.person),
            "score": round(self.score, 4),
            "sent": self.sent,
            "why_not": self.why_not,
            "suppressed": self.suppressed,
        }
