"""Subtitles: SRT and WebVTT, for players. They are written and not read: they cannot say whose a segment is."""

from __future__ import annotations

import html
from collections.abc import Sequence
from dataclasses import dataclass

from posec3d_cli.annotations.formats import Choices
from posec3d_cli.annotations.segments import AnnotatedVideo, Segment
from posec3d_cli.errors import InputError
from posec3d_cli.files.writing import printable

_ARROW = "-->"


@dataclass(frozen=True)
class Subtitles:
    """One file per video.

    Attributes:
        suffix: ".srt" or ".vtt".
    """

    suffix: str
    per_video: bool = True

    def check(self, video: AnnotatedVideo) -> None:
        """Refuse a label that the format cannot hold."""
        for one in video.segments:
            video.times.milliseconds(one.start), video.times.milliseconds(one.stop)
            if self.suffix == ".srt" and _ARROW in one.person + one.label:
                raise InputError(
                    f"SRT cannot hold the label {one.label!r}: it has no way to write {_ARROW}", hint="take vtt"
                )

    def write(self, videos: Sequence[AnnotatedVideo], vocabulary: Sequence[str], choices: Choices) -> dict[str, bytes]:
        """The subtitles of the one video."""
        (video,) = videos
        several = len(video.people) > 1
        write = _vtt_cue if self.suffix == ".vtt" else _srt_cue
        ordered = sorted(video.segments, key=lambda one: (one.start, one.stop))
        cues = [write(video, one, number, several=several) for number, one in enumerate(ordered, start=1)]
        name = printable(video.name).replace(_ARROW, "->").replace("\n", " ")
        head = f"WEBVTT\n\nNOTE posec3d, video={name}\n\n" if self.suffix == ".vtt" else ""
        return {"": (head + "".join(cues)).encode()}


def _srt_cue(video: AnnotatedVideo, one: Segment, number: int, *, several: bool) -> str:
    text = f"{one.person}: {one.label}" if several and one.person else one.label
    return f"{number}\n{_span(video, one, ',')}\n{text}\n\n"


def _vtt_cue(video: AnnotatedVideo, one: Segment, number: int, *, several: bool) -> str:
    text = html.escape(one.label, quote=False)
    if several and one.person:
        text = f"<v {html.escape(one.person, quote=False)}>{text}"
    return f"a{number}\n{_span(video, one, '.')}\n{text}\n\n"


def _span(video: AnnotatedVideo, one: Segment, point: str) -> str:
    return f" {_ARROW} ".join(_clock(video.times.milliseconds(edge), point) for edge in (one.start, one.stop))


def _clock(milliseconds: int, point: str) -> str:
    seconds, rest = divmod(milliseconds, 1000)
    return f"{seconds // 3600:02d}:{seconds // 60 % 60:02d}:{seconds % 60:02d}{point}{rest:03d}"


SRT, VTT = Subtitles(".srt"), Subtitles(".vtt")
