"""Formats of annotations: what each of them writes and reads."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

from posec3d_cli.annotations.segments import AnnotatedVideo


@dataclass(frozen=True)
class FoundSegment:
    """A segment as a foreign file has it, whose frames are not known yet.

    Attributes:
        label: the action.
        start: frame, or seconds from the first frame; see `FoundVideo.in_frames`.
        stop: likewise, the end; None: the end of the video.
        person: whose action it is; may be empty.
        reviewer: who set it; may be empty.
        time: when, as ISO 8601; may be empty.
    """

    label: str
    start: float
    stop: float | None
    person: str = ""
    reviewer: str = ""
    time: str = ""


@dataclass(frozen=True)
class FoundVideo:
    """What a foreign file says about one video.

    Attributes:
        names: paths and names that the file has for the video, the best first.
        segments: as the file has them.
        in_frames: whether starts and stops are frames, half open; else they are seconds from the first frame.
        problems: sentences about what cannot be used.
        notes: sentences about what was left out on purpose.
    """

    names: tuple[str, ...]
    segments: tuple[FoundSegment, ...]
    in_frames: bool = False
    problems: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()


@dataclass(frozen=True)
class Choices:
    """What a user may say about a file.

    Attributes:
        media_url: the beginning of the addresses under which a tool finds the videos; empty for that of the format.
        fps: frames per second of the project that the annotations come from; None for what the file says.
        annotator: take the annotations of this person only; empty for all.
    """

    media_url: str = ""
    fps: float | None = None
    annotator: str = ""


class Writer(Protocol):
    """A format that can be written."""

    @property
    def suffix(self) -> str:
        """Of its files."""

    @property
    def per_video(self) -> bool:
        """Whether a file holds one video."""

    def check(self, video: AnnotatedVideo) -> None:
        """Refuse a video that the format cannot hold.

        Raises:
            InputError: it cannot.
        """

    def write(self, videos: Sequence[AnnotatedVideo], vocabulary: Sequence[str], choices: Choices) -> dict[str, bytes]:
        """The files, by what stands behind the name without suffix; `vocabulary` holds every label to choose from."""


class Reader(Protocol):
    """A format that can be read."""

    def read(self, content: bytes, choices: Choices) -> list[FoundVideo]:
        """What a file says.

        Raises:
            InputError: it is no file of this format.
        """
