"""What people say of a row: events as the page sends them, and the decision that follows from those of a row."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from msgspec import Struct, ValidationError, convert, to_builtins

from posec3d_cli.datasets.clips import BACKGROUND
from posec3d_cli.errors import InputError
from posec3d_cli.labels import clean_label

LONGEST_LABEL = 200
UNDO = "undo"
PAIR = re.compile(r"[0-9]{1,9}\+[0-9]{1,9}")
"""Two people in a table."""
Who = int | str | None
"""Whose action a segment is: a track id, those of two people as "0+3", or nobody's in particular."""
Span = tuple[int, int, Who]
"""What a predicted segment is known by: its first frame, the frame after its last, and whose it is."""


class SetLabel(Struct, tag="label", tag_field="kind", forbid_unknown_fields=True, frozen=True):
    """The whole clip, or one person of it, shows this action; BACKGROUND: none of the actions.

    Attributes:
        label: the action.
        person: the track id of the person; None: the clip.
        accepted: whether it is the prediction that the reviewer agreed with.
    """

    label: str
    person: int | None = None
    accepted: bool = False


class ClearLabel(Struct, tag="clear", tag_field="kind", forbid_unknown_fields=True, frozen=True):
    """Nothing is said any more of the whole clip, or of one person of it."""

    person: int | None = None


class AddSegment(Struct, tag="segment", tag_field="kind", forbid_unknown_fields=True, frozen=True):
    """A part of the clip shows this action.

    Attributes:
        label: the action.
        start: its first frame.
        stop: the frame after its last.
        person: the track id of the person, or those of two as "0+3"; None: nobody in particular.
        replaces: the event that added the segment that this one takes the place of; None: it is a new one.
        predicted: the predicted segment that it was made of, as it is or changed; None: it was made of none.
    """

    label: str
    start: int
    stop: int
    person: Who = None
    replaces: int | None = None
    predicted: Span | None = None


class RemoveSegment(Struct, tag="remove", tag_field="kind", forbid_unknown_fields=True, frozen=True):
    """There is no such segment.

    Attributes:
        segment: the event that added it.
    """

    segment: int


class DropSegment(Struct, tag="drop", tag_field="kind", forbid_unknown_fields=True, frozen=True):
    """A predicted segment is none.

    Attributes:
        predicted: which.
    """

    predicted: Span


class Undo(Struct, tag=UNDO, tag_field="kind", forbid_unknown_fields=True, frozen=True):
    """An earlier event does not count.

    Attributes:
        event: its number.
    """

    event: int


Said = SetLabel | ClearLabel | AddSegment | RemoveSegment | DropSegment | Undo


@dataclass(frozen=True)
class Event:
    """Something that a reviewer said; events are only ever added.

    Attributes:
        id: its number, rising.
        time: when, in UTC: "2026-11-28T15:04:05.123Z".
        reviewer: who.
        video: the name of the row.
        number: of the row among rows of that name, from 0.
        said: what was said.
        context: what else was known then: the prediction, and of a segment its times and the person's box.
    """

    id: int
    time: str
    reviewer: str
    video: str
    number: int
    said: Said
    context: Mapping[str, Any] = field(default_factory=dict)

    @property
    def key(self) -> tuple[str, int]:
        """The row."""
        return self.video, self.number


@dataclass(frozen=True)
class Decision:
    """What holds for a row.

    Attributes:
        labels: the newest event about the clip (None) and about each of its people.
        segments: the events that added the segments which stand, by time.
        handled: the predicted segments of which somebody said something.
    """

    labels: Mapping[int | None, Event] = field(default_factory=dict)
    segments: Sequence[Event] = ()
    handled: frozenset[Span] = frozenset()

    @property
    def label(self) -> str | None:
        """The action of the whole clip, if somebody said it."""
        event = self.labels.get(None)
        return event.said.label if event is not None and isinstance(event.said, SetLabel) else None

    @property
    def anything(self) -> bool:
        """Whether anything is said of the row."""
        return bool(self.labels or self.segments or self.handled)


NOTHING = Decision()


def decide(events: Iterable[Event], undone: frozenset[int] | set[int]) -> Decision:
    """The decision that follows from the events of one row.

    Args:
        events: in order of their numbers.
        undone: numbers of events that do not count.
    """
    labels: dict[int | None, Event] = {}
    segments: dict[int, Event] = {}
    handled: set[Span] = set()
    for event in events:
        if event.id in undone:
            continue
        match event.said:
            case SetLabel(person=person):
                labels[person] = event
            case ClearLabel(person=person):
                labels.pop(person, None)
            case AddSegment(replaces=replaces, predicted=predicted):
                handled |= set() if predicted is None else {predicted}
                segments.pop(-1 if replaces is None else replaces, None)
                segments[event.id] = event
            case RemoveSegment(segment=segment):
                segments.pop(segment, None)
            case DropSegment(predicted=predicted):
                handled.add(predicted)
            case Undo():
                pass
    return Decision(labels, sorted(segments.values(), key=_place), frozenset(handled))


def _place(event: Event) -> tuple[int, int, int]:
    said = event.said
    return (said.start, said.stop, event.id) if isinstance(said, AddSegment) else (0, 0, event.id)


def read_said(content: Any) -> Said:
    """What the page says, checked; labels are cleaned as everywhere, and never changed in case.

    Raises:
        InputError: it cannot be meant so.
    """
    try:
        said: Said = convert(content, Said)
    except ValidationError as error:
        raise InputError(f"this is no decision: {error}") from error
    if isinstance(said, SetLabel | AddSegment):
        label = clean_label(said.label)
        if not label:
            raise InputError("a label has at least one visible character")
        if len(label) > LONGEST_LABEL:
            raise InputError(f"a label has at most {LONGEST_LABEL} characters, this one has {len(label)}")
        said = convert({**to_builtins(said), "label": label}, Said)
    if isinstance(said, AddSegment) and isinstance(said.person, str) and not PAIR.fullmatch(said.person):
        raise InputError(f"{said.person!r} is neither a track id nor two of them, as 0+3")
    if isinstance(said, AddSegment) and not 0 <= said.start < said.stop:
        raise InputError(f"a segment begins before it ends, got frames {said.start} to {said.stop}")
    return said


def shown_label(label: str | None) -> str:
    """A label as people read it."""
    return "no such action" if label == BACKGROUND else label or ""
