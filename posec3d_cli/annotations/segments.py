"""Segment and AnnotatedVideo: labeled stretches of a video, in frames."""

from __future__ import annotations

import unicodedata
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from posec3d_cli.annotations.boundaries import FrameBoundaries
from posec3d_cli.errors import InputError
from posec3d_cli.labels import clean_label
from posec3d_cli.types import Floats, VideoInfo

_UNWRITTEN = ("Cc", "Cs")
"""The Unicode categories of control characters and of halves of a pair: XML can hold neither."""
_NO_CHARACTERS = "\ufffe\uffff"  # nor these
Boxes = dict[str, dict[int, Floats]]
"""Boxes `(4,)` x1, y1, x2, y2 in pixels by person and frame."""


def segment_label(text: str) -> str:
    """A label that every format can hold: one line, composed Unicode, without control characters."""
    return clean_label("".join(letter for letter in text if letter in "\t\n\r" or _can_be_written(letter)))


def _can_be_written(letter: str) -> bool:
    return unicodedata.category(letter) not in _UNWRITTEN and letter not in _NO_CHARACTERS


@dataclass(frozen=True)
class Segment:
    """A labeled stretch of a video.

    Attributes:
        label: the action.
        start: its first frame.
        stop: the frame after its last.
        person: whose action it is; empty: of everybody together.
        score: of a prediction, its probability; else None.
        reviewed: a person set or confirmed the label; else it is a prediction.
        reviewer: who did; empty if unknown.
        time: when, as ISO 8601; empty if unknown.
    """

    label: str
    start: int
    stop: int
    person: str = ""
    score: float | None = None
    reviewed: bool = False
    reviewer: str = ""
    time: str = ""


@dataclass(frozen=True, eq=False)
class AnnotatedVideo:
    """A video with its segments.

    Attributes:
        info: the video.
        name: what it is called in tables, with forward slashes.
        times: of its frames.
        segments: in order of their start.
        boxes: where people are, by person; empty if unknown.
    """

    info: VideoInfo
    name: str
    times: FrameBoundaries
    segments: tuple[Segment, ...]
    boxes: Boxes = field(default_factory=dict)

    def __post_init__(self) -> None:
        for one in self.segments:
            if not one.label:
                raise InputError(f"{self.name}: a segment has no label")
            if not 0 <= one.start < one.stop <= len(self.times):
                frames = f"frames {one.start} to {one.stop} of {len(self.times)}"
                raise InputError(f"{self.name}: {one.label!r} is at {frames}, which are no part of the video")

    @property
    def path(self) -> Path:
        """The file."""
        return self.info.path

    @property
    def people(self) -> tuple[str, ...]:
        """The people who have segments, each once, in order of appearance."""
        return tuple(dict.fromkeys(one.person for one in self.segments))


def layers(
    segments: Sequence[Segment], *, apart: Callable[[Segment, Segment], bool] = lambda before, after: False
) -> list[list[Segment]]:
    """Distribute segments over as few layers as hold them without overlap, each in order of start.

    Args:
        segments: in any order.
        apart: whether of two that touch, the later one must not be in the layer of the earlier one.
    """
    found: list[list[Segment]] = []
    for one in sorted(segments, key=lambda one: (one.start, one.stop)):
        for layer in found:
            last = layer[-1]
            if last.stop < one.start or (last.stop == one.start and not apart(last, one)):
                layer.append(one)
                break
        else:
            found.append([one])
    return found
