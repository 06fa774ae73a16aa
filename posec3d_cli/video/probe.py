"""Probe a video: which frames it holds, once and for every reader."""

from __future__ import annotations

from array import array
from dataclasses import dataclass, field
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np

from posec3d_cli.errors import EmptyVideo
from posec3d_cli.types import Ints, VideoInfo
from posec3d_cli.video.decoding import decoded, opened
from posec3d_cli.video.display import Display, Orientation, Size, inner_aspect_of, orientation_of, plausible
from posec3d_cli.video.notes import notes_on_colors, notes_on_display, notes_on_times
from posec3d_cli.video.packet_table import PacketTable, clock_may_leap, read_packets
from posec3d_cli.video.packets import ONE_FRAME_PER_PACKET, is_cut_short
from posec3d_cli.video.timing import announced_seconds, stated_rate, time_frames, without_leaps

_IN_DECODING_ORDER = frozenset({"avi", "asf"})
"""Containers whose times are those of decoding: where frames are reordered, none has a time of its own."""


@dataclass(frozen=True, eq=False)
class FrameTable:
    """The frames of a file, and how to reach them.

    Attributes:
        info: what users see.
        container: FFmpeg's names of the container format.
        seconds: `(N,)` float64 presentation time of each frame from the first one.
        ticks: `(N,)` the same as the decoder stamps it, where that tells frames apart; None where frames can only be
            counted off as the decoder gives them out.
        packets: the packets in decoding order, where frames may be reached without decoding all before them.
        counted_by_decoding: the frames were counted by decoding them.
        damaged: packets did not decode, or the file ends before its header says.
        hidden: packets that are decoded and, by an edit list, not shown.
        packets_differ: some packets hold no frame, or two.
        display: how the frames are shown.
        interlaced: the first frame consists of two fields.
    """

    info: VideoInfo
    container: str
    seconds: np.ndarray[tuple[int], np.dtype[np.float64]]
    ticks: Ints | None
    packets: PacketTable | None
    counted_by_decoding: bool
    damaged: bool
    hidden: int
    packets_differ: bool
    display: Display
    interlaced: bool


def probe(path: Path) -> FrameTable:
    """Read every packet of a video, and decode it only as far as its frames cannot be told otherwise.

    Raises:
        UnreadableVideo, EmptyVideo: see `open_video`.
    """
    with opened(path) as (container, stream):
        cut_short = is_cut_short(path)
        packets = read_packets(container, stream)
        codec = stream.codec_context.codec.canonical_name
        may_be_fields = codec == "h264" and stream.codec_context.field_order > 1
        reorders_untimed = container.format.name in _IN_DECODING_ORDER and bool(stream.codec_context.has_b_frames)
        delay = int(stream.codec_context.reorder_depth)
        announced = _announced_packets(container, stream, packets, cut_short=cut_short)
        seconds_announced = announced_seconds(container, stream, cut_short=cut_short)
        rate, rate_is_guessed = stated_rate(container, stream)
        may_leap, stream_start = clock_may_leap(container), stream.start_time or 0
        time_base, name = Fraction(stream.time_base), container.format.name
    if cut_short:
        packets.note_damage("the file is cut short")
    first = _first_frame(path)
    doubts = set(packets.doubts) | _doubts_about_order(packets, codec, reorders_untimed)
    ticks: Ints | None = packets.shown if packets.timed and not reorders_untimed else None
    counted = _Counted(ticks, len(packets.shown))
    if doubts:
        counted = _count_by_decoding(path)
        ticks = None if reorders_untimed else counted.ticks
    if counted.count == 0:
        raise _empty(path)
    leaps = np.zeros(0, np.int64)
    if ticks is not None and doubts:
        ticks, leaps = without_leaps(ticks, time_base, may_leap=may_leap)
    shown_at = packets.times_by_turns(counted.count, delay) if reorders_untimed else ticks
    timing = time_frames(counted.count, shown_at, time_base, rate)
    # The two fields of an H.264 frame may have a packet each, of which only the first has a time.
    vouched = codec in ONE_FRAME_PER_PACKET and (packets.timed or not may_be_fields)
    held = len(packets.turns) if vouched else counted.count + min(counted.failures, len(packets.shown))
    # An intact file of uneven rate may hold its last frame for long; that is no loss.
    believed = seconds_announced if packets.damaged or not timing.variable else None
    promised = max(held, announced, timing.frames_in(believed) - packets.empty)
    display = Display(
        first.stored, plausible(first.aspect), first.orientation, first.inner_aspect, _shape_changes(counted.shapes)
    )
    return FrameTable(
        info=VideoInfo(
            path=path,
            width=display.size[0],
            height=display.size[1],
            fps=timing.fps,
            frame_count=counted.count,
            duration=timing.duration,
            codec=codec,
            rotation=first.orientation.rotation,
            mirrored=first.orientation.mirrored,
            lost_frames=max(0, promised - counted.count),
            variable_rate=timing.variable,
            start=float((stream_start if shown_at is None else int(shown_at[0])) * time_base),
            notes=(
                *notes_on_display(display, first.aspect, counted.shapes),
                *notes_on_times(timing, leaps, rate_is_guessed=rate_is_guessed),
                *notes_on_colors(first.transfer),
            ),
            boundaries=timing.boundaries(),
        ),
        container=name,
        seconds=timing.seconds,
        ticks=ticks,
        packets=packets if not doubts and ticks is not None else None,
        counted_by_decoding=bool(doubts),
        damaged=cut_short or counted.failures > 0,
        hidden=sum(packets.hidden),
        packets_differ=packets.differ,
        display=display,
        interlaced=first.interlaced,
    )


@dataclass(frozen=True)
class _FirstFrame:
    stored: Size
    aspect: Fraction | None
    inner_aspect: Fraction
    orientation: Orientation
    interlaced: bool
    transfer: int


@dataclass(eq=False)
class _Counted:
    """The frames that decoding the whole file gave.

    Attributes:
        ticks: the times of the frames that decode; None where one has none.
        count: how many decode.
        failures: how many packets do not.
        shapes: each stored size that occurs and the sample aspect ratios that it occurs with, in order of appearance.
    """

    ticks: Ints | None
    count: int
    failures: int = 0
    shapes: dict[Size, list[Fraction | None]] = field(default_factory=dict)


def _doubts_about_order(packets: PacketTable, codec: str, reorders_untimed: bool) -> set[str]:
    """Why the packets, though each looks right, may not be the frames."""
    doubts = set()
    if codec not in ONE_FRAME_PER_PACKET or (codec == "mpeg4" and reorders_untimed):
        doubts.add("a packet may hold no frame, or two")
    if not len(packets) or not packets.keys[0]:
        doubts.add("the first frame cannot be decoded by itself")
    if reorders_untimed:
        return doubts
    shown = packets.shown
    if not packets.timed or np.any(np.diff(shown) <= 0):
        doubts.add("frames have no time of their own")
    elif len(shown) and len(packets) and not packets.hidden[0] and shown[0] < packets.ticks[0]:
        doubts.add("the first frames are predicted from frames that are not there")
    return doubts


def _announced_packets(container: Any, stream: Any, packets: PacketTable, *, cut_short: bool) -> int:
    """How many frames the container's index announces, without empty ones and those that an edit list hides."""
    if container.format.name == "avi":
        # The header's count is believed only where the index behind the frames was cut off.
        return int(stream.frames) - packets.empty if cut_short else 0
    if "mp4" in container.format.name.split(","):
        return len(stream.index_entries) - sum(packets.hidden) - packets.empty
    return 0


def _first_frame(path: Path) -> _FirstFrame:
    with opened(path) as (container, stream):
        for frame in decoded(container, stream, threads=1):
            return _FirstFrame(
                (frame.width, frame.height),
                stream.sample_aspect_ratio or stream.codec_context.sample_aspect_ratio,
                inner_aspect_of(frame),
                orientation_of(frame),
                frame.interlaced_frame,
                int(frame.color_trc),
            )
    raise _empty(path)


def _count_by_decoding(path: Path) -> _Counted:
    ticks = array("q")
    timed, failures = True, bytearray()
    shapes: dict[Size, list[Fraction | None]] = {}
    with opened(path) as (container, stream):
        # One thread: what becomes of a damaged frame must not depend on chance.
        for frame in decoded(container, stream, threads=1, failed=lambda: failures.append(1)):
            timed = timed and frame.pts is not None
            ticks.append(frame.pts if frame.pts is not None else -1)
            aspects = shapes.setdefault((frame.width, frame.height), [])
            if stream.codec_context.sample_aspect_ratio not in aspects:
                aspects.append(stream.codec_context.sample_aspect_ratio)
    return _Counted(np.array(ticks, np.int64) if timed else None, len(ticks), len(failures), shapes)


def _shape_changes(shapes: dict[Size, list[Fraction | None]]) -> bool:
    return len(shapes) > 1 or any(len({plausible(one) for one in aspects}) > 1 for aspects in shapes.values())


def _empty(path: Path) -> EmptyVideo:
    return EmptyVideo(f"{path} holds a video stream without a frame that can be decoded", hint="record it again")
