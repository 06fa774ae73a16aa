"""Copy the sound of a video into a newly drawn one."""

from __future__ import annotations

import errno
import heapq
import os
from collections.abc import Iterator
from dataclasses import dataclass, field
from fractions import Fraction
from itertools import chain
from pathlib import Path
from typing import Any

import av
import av.error
from av.filter import Graph

from posec3d_cli.errors import are, counted
from posec3d_cli.files.media import is_list
from posec3d_cli.video.decoding import file_opened
from posec3d_cli.video.packet_table import clock_may_leap
from posec3d_cli.video.timing import LEAP_SECONDS

_COPIED = frozenset({"aac", "ac3", "alac", "eac3", "flac", "mp3", "opus"})
"""What MP4 holds as it is; everything else becomes AAC."""
_AAC_RATES = frozenset((7350, 8000, 11025, 12000, 16000, 22050, 24000, 32000, 44100, 48000, 64000, 88200, 96000))
_AAC_SAMPLES = 1024
_LEAST_LEAD = Fraction(1, 20)
"""Sound that begins earlier than the frames by less than this, in seconds, is cut rather than waited for."""
_SOUND_FAULTS = (av.error.FFmpegError, ValueError)
_NO_ROOM = frozenset({errno.ENOSPC, errno.EDQUOT, errno.EIO, errno.EROFS})


@dataclass(frozen=True)
class SoundOf:
    """The source of the sound of a written video.

    Attributes:
        path: a video.
        start: seconds on the clock of that file at which the first frame that is written was shown.
    """

    path: Path
    start: float = 0.0


@dataclass(eq=False)
class _Source:
    """The sound that is kept, as it is read.

    Attributes:
        container, stream: as PyAV opened them.
        damaged: packets that could not be read, decoded or written so far.
    """

    container: Any
    stream: Any
    damaged: int = field(default=0)

    def packets(self) -> Iterator[Any]:
        """Every packet that is played, with times that run on where the clock began anew."""
        leap = LEAP_SECONDS / self.stream.time_base if clock_may_leap(self.container) else None
        shift, end, heard = 0, None, False
        source = self.container.demux(self.stream)
        while True:
            try:
                packet = next(source, None)
            except av.error.FFmpegError:
                self.damaged += 1
                return
            if packet is None or not packet.size:
                return
            time = packet.pts if packet.pts is not None else packet.dts
            if packet.is_discard and heard:  # those at the start are what the decoder needs to begin
                continue
            heard = heard or not packet.is_discard
            if time is None:
                time = end - shift if end is not None else 0
            if leap is not None and end is not None and abs(time + shift - end) > leap:
                shift = end - time
            packet.pts = packet.dts = time + shift
            end = time + shift + (packet.duration or 0)
            yield packet


def with_sound(drawn: Path, target: Path, sound: SoundOf) -> tuple[bool, str]:
    """Copy the frames of an MP4 and put the best sound of another file beside them, in time.

    Sound that begins before the first frame is kept: the frame then waits for its time.

    Args:
        drawn: the frames; its first one is at second 0.
        target: an MP4 that is written anew.
        sound: where the sound comes from.

    Returns:
        Whether `target` was written, which it is not where there is no sound; and what was lost of the sound, in a
        sentence, empty for nothing.

    Raises:
        OSError: `target` cannot be written.
    """
    reason = ""
    if is_list(sound.path):
        return False, ""
    with file_opened(sound.path) as container:
        stream = container.streams.best("audio")
        if stream is None:
            return False, ""
        codec = stream.codec_context.codec.canonical_name if stream.codec_context is not None else "an unknown codec"
    for copies in (True, False) if codec in _COPIED else (False,):
        try:
            with file_opened(sound.path) as container:
                source = _Source(container, container.streams.best("audio"))
                _write(drawn, target, source, Fraction(sound.start), copies)
        except _SOUND_FAULTS as error:
            if getattr(error, "errno", None) in _NO_ROOM:
                raise
            reason = getattr(error, "strerror", None) or str(error)
            continue
        return True, (
            f"{counted(source.damaged, 'damaged packet')} of the sound {are(source.damaged)} missing"
            if source.damaged
            else ""
        )
    return False, f"the sound ({codec}) could not be kept: {reason}"


def _write(drawn: Path, target: Path, source: _Source, start: Fraction, copies: bool) -> None:
    stream = source.stream
    began = start if stream.start_time is None else stream.start_time * stream.time_base
    lead = start - began if start - began > _LEAST_LEAD else Fraction(0)
    with (
        av.open(os.path.abspath(drawn)) as old,
        av.open(os.path.abspath(target), "w", format="mp4", container_options={"movflags": "faststart"}) as new,
    ):
        new.metadata["comment"] = old.metadata.get("comment", "")
        video_stream = old.streams.video[0]
        copy = new.add_stream_from_template(video_stream)
        if copies:
            track = new.add_stream_from_template(stream)
            sounds = _shifted(source.packets(), track, lead - start)
        else:
            track = _aac(new, stream)
            sounds = _shifted(_encoded(source, track), track, lead - start)
        new.start_encoding()
        written = 0
        for packet in heapq.merge(_shifted(_video_packets(old, video_stream), copy, lead), sounds, key=_seconds):
            try:
                new.mux(packet)
                written += packet.stream is track
            except av.error.FFmpegError as error:
                if packet.stream is copy or error.errno in _NO_ROOM:
                    raise
                source.damaged += 1
        if not written:
            raise ValueError("none of it can be read")


def _video_packets(container: Any, stream: Any) -> Iterator[Any]:
    return (packet for packet in container.demux(stream) if packet.size)


def _seconds(packet: Any) -> Fraction:
    return Fraction(packet.dts * packet.time_base)


def _shifted(packets: Iterator[Any], track: Any, shift: Fraction) -> Iterator[Any]:
    """The packets for a track, later by `shift` seconds, in rising order.

    Sound before second 0 is left out, but for one packet, which decoders need to begin and players do not play.
    """
    last = None
    for packet in packets:
        ticks = round(shift / packet.time_base)
        packet.pts, packet.dts, packet.stream = packet.pts + ticks, packet.dts + ticks, track
        over = track.type == "audio" and packet.pts + 2 * (packet.duration or 0) <= 0
        if over or (last is not None and packet.dts <= last):
            continue
        last = packet.dts
        yield packet


def _aac(container: Any, stream: Any) -> Any:
    context = stream.codec_context
    if context is None or not context.sample_rate or not context.channels:
        raise ValueError("FFmpeg has no decoder for it, or its header is damaged")
    rate = context.sample_rate if context.sample_rate in _AAC_RATES else 48_000
    layout = {1: "mono", 6: "5.1"}.get(context.channels, "stereo")
    return container.add_stream("aac", rate=rate, layout=layout)


def _encoded(source: _Source, track: Any) -> Iterator[Any]:
    """The sound as AAC; what cannot be decoded is silence."""
    graph = None
    for frame in _decoded(source):
        if graph is None:
            graph = _converter(frame, track)
        graph.push(frame)
        for ready in _pulled(graph):
            yield from track.encode(ready)
    if graph is not None:
        graph.push(None)
        for ready in _pulled(graph):
            yield from track.encode(ready)
        yield from track.encode(None)


def _decoded(source: _Source) -> Iterator[Any]:
    """Every frame of sound that decodes; one without a time begins where the one before ends."""
    context, time_base = source.stream.codec_context, source.stream.time_base
    end = Fraction(0)
    for packet in chain(source.packets(), (None,)):
        try:
            frames = context.decode(packet)
        except av.error.FFmpegError:
            source.damaged += 1
            continue
        for frame in frames:
            frame.time_base = time_base
            if frame.pts is None:
                frame.pts = round(end / time_base)
            else:
                end = frame.pts * time_base
            end += Fraction(frame.samples, frame.sample_rate)
            yield frame


def _converter(first: Any, track: Any) -> Graph:
    """Takes in frames like `first` and gives out what `track` encodes, gaps filled with silence."""
    graph = Graph()
    context = track.codec_context
    kind = f"sample_fmts={context.format.name}:sample_rates={context.sample_rate}:channel_layouts={context.layout.name}"
    graph.link_nodes(
        graph.add_abuffer(
            sample_rate=first.sample_rate, format=first.format, layout=first.layout.name, time_base=first.time_base
        ),
        graph.add("aresample", "async=1"),
        graph.add("aformat", kind),
        graph.add("asetnsamples", f"n={_AAC_SAMPLES}:p=0"),
        graph.add("abuffersink"),
    )
    graph.configure()
    return graph


def _pulled(graph: Graph) -> Iterator[Any]:
    while True:
        try:
            yield graph.pull()
        except (av.error.BlockingIOError, av.error.EOFError):
            return
