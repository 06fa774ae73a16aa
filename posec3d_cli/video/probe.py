"""Finds out, once and for every reader, which frames a file holds."""

from __future__ import annotations

from array import array
from dataclasses import dataclass, field
from fractions import Fraction
from pathlib import Path
from typing import Any

import av.error
import numpy as np

from posec3d_cli.errors import EmptyVideo
from posec3d_cli.types import Ints
from posec3d_cli.video.base import VideoInfo
from posec3d_cli.video.decoding import decoded, opened
from posec3d_cli.video.packets import ONE_PICTURE_PER_PACKET, PacketLook, inspect_packet, nal_length_size
from posec3d_cli.video.timing import Timing, announced_seconds, time_frames
from posec3d_cli.video.truncation import is_cut_short


@dataclass(frozen=True, eq=False)
class FrameTable:
    """Which frames a file holds and how to get at them.

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
    """

    info: VideoInfo
    container: str
    seconds: np.ndarray[tuple[int], np.dtype[np.float64]]
    ticks: Ints | None
    packets: PacketTable | None
    counted_by_decoding: bool
    damaged: bool
    hidden: int


@dataclass(eq=False)
class PacketTable:
    """The packets of a video stream in decoding order, P of them.

    Attributes:
        ticks: presentation time of each, in the stream's time base.
        keys: 1 where decoding can start.
        droppable: 1 where leaving the packet out changes no other frame.
        hidden: 1 where an edit list hides the frame.
        doubts: why packets cannot simply be counted; empty where they can.
        timed: every packet has a time of its own.
    """

    ticks: array[int] = field(default_factory=lambda: array("q"))
    keys: bytearray = field(default_factory=bytearray)
    droppable: bytearray = field(default_factory=bytearray)
    hidden: bytearray = field(default_factory=bytearray)
    doubts: set[str] = field(default_factory=set)
    timed: bool = True

    def __len__(self) -> int:
        return len(self.ticks)

    def add(self, packet: Any, look: PacketLook) -> None:
        """Note one packet down."""
        if packet.pts is None:
            self.timed = False
        if packet.is_corrupt or not look.sound:
            self.doubts.add("packets are damaged")
        self.ticks.append(packet.pts if packet.pts is not None else -1)
        self.keys.append(packet.is_keyframe)
        self.droppable.append(look.droppable)
        self.hidden.append(packet.is_discard)

    @property
    def groups_are_closed(self) -> bool:
        """No frame that follows a key frame in the file is shown before it."""
        since = None
        for tick, is_key in zip(self.ticks, self.keys, strict=True):
            if is_key:
                since = tick
            elif since is not None and tick < since:
                return False
        return True

    @property
    def shown(self) -> Ints:
        """The times of the frames that are shown, in display order."""
        times = np.frombuffer(self.ticks, np.int64) if self.ticks else np.zeros(0, np.int64)
        return np.sort(times[np.frombuffer(self.hidden, np.uint8) == 0])


def probe(path: Path) -> FrameTable:
    """Read every packet of a video, and decode it only as far as its frames cannot be told otherwise.

    Raises:
        UnreadableVideo, EmptyVideo: see `open_video`.
    """
    with opened(path) as (container, stream):
        cut_short = is_cut_short(path)
        packets = _read_packets(container, stream)
        codec = stream.codec_context.codec.canonical_name
        reorders_untimed = container.format.name == "avi" and bool(stream.codec_context.has_b_frames)
        announced = _announced_packets(container, stream, packets, cut_short=cut_short)
        seconds_announced = announced_seconds(container, stream, cut_short=cut_short)
        rate, time_base, name = stream.average_rate, stream.time_base, container.format.name
    if cut_short:
        packets.doubts.add("the file is cut short")
    picture = _first_picture(path)
    doubts = set(packets.doubts) | _doubts_about_order(packets, codec, reorders_untimed)
    errors = 0
    ticks: Ints | None = packets.shown if packets.timed and not reorders_untimed else None
    count = len(packets.shown)
    if doubts:
        ticks, count, errors = _count_by_decoding(path)
        if reorders_untimed:
            ticks = None
    if count == 0:
        raise _empty(path)
    timing = time_frames(count, ticks, Fraction(time_base), rate)
    held = len(packets.shown) if codec in ONE_PICTURE_PER_PACKET else count + min(errors, len(packets.shown))
    # An intact file of uneven rate may hold its last picture for long; that is no loss.
    believed = seconds_announced if packets.doubts or not timing.variable else None
    promised = max(held, announced, timing.frames_in(believed))
    return FrameTable(
        info=_info(path, picture, timing, codec, count, lost=max(0, promised - count)),
        container=name,
        seconds=timing.seconds,
        ticks=ticks,
        packets=packets if not doubts and ticks is not None else None,
        counted_by_decoding=bool(doubts),
        damaged=cut_short or errors > 0,
        hidden=sum(packets.hidden),
    )


def _info(path: Path, picture: tuple[int, int, int], timing: Timing, codec: str, count: int, lost: int) -> VideoInfo:
    width, height, rotation = picture
    if rotation % 180:
        width, height = height, width
    return VideoInfo(
        path=path,
        width=width,
        height=height,
        fps=timing.fps,
        frame_count=count,
        duration=timing.duration,
        codec=codec,
        rotation=rotation,
        lost_frames=lost,
        variable_rate=timing.variable,
    )


def _read_packets(container: Any, stream: Any) -> PacketTable:
    packets = PacketTable()
    codec = stream.codec_context.codec.canonical_name
    length_size = nal_length_size(codec, stream.codec_context.extradata)
    try:
        for packet in container.demux(stream):
            if packet.size:
                vouched = codec in ONE_PICTURE_PER_PACKET
                look = inspect_packet(codec, bytes(packet), length_size) if vouched else PacketLook(sound=True)
                packets.add(packet, look)
    except av.error.FFmpegError:
        packets.doubts.add("the container ends in damage")
    return packets


def _doubts_about_order(packets: PacketTable, codec: str, reorders_untimed: bool) -> set[str]:
    """Why the packets, though each looks right, may not be the frames."""
    doubts = set()
    if codec not in ONE_PICTURE_PER_PACKET or (codec == "mpeg4" and reorders_untimed):
        doubts.add("a packet may hold no picture, or two")
    if not len(packets) or not packets.keys[0]:
        doubts.add("the first frame cannot be decoded by itself")
    if reorders_untimed:
        return doubts
    shown = packets.shown
    if not packets.timed or np.any(np.diff(shown) <= 0):
        doubts.add("frames have no time of their own")
    elif len(shown) and len(packets) and not packets.hidden[0] and shown[0] < packets.ticks[0]:
        doubts.add("the first frames are predicted from pictures that are not there")
    return doubts


def _announced_packets(container: Any, stream: Any, packets: PacketTable, *, cut_short: bool) -> int:
    """How many frames the container's index says that it holds, those hidden by an edit list left out."""
    if container.format.name == "avi":
        # The header's count is believed only where the index behind the pictures was cut off.
        return int(stream.frames) if cut_short else 0
    if "mp4" in container.format.name.split(","):
        return len(stream.index_entries) - sum(packets.hidden)
    return 0


def _first_picture(path: Path) -> tuple[int, int, int]:
    """Stored width and height in pixels, and the clockwise rotation that makes the picture stand upright."""
    with opened(path) as (container, stream):
        for frame in decoded(container, stream, threads=1):
            return frame.width, frame.height, -round(frame.rotation / 90) * 90 % 360
    raise _empty(path)


def _count_by_decoding(path: Path) -> tuple[Ints | None, int, int]:
    """The times of the frames that decode (None where they do not rise), how many, and how many packets failed."""
    ticks = array("q")
    timed, failures = True, bytearray()
    with opened(path) as (container, stream):
        # One thread: what becomes of a damaged picture must not depend on chance.
        for frame in decoded(container, stream, threads=1, failed=lambda: failures.append(1)):
            timed = timed and frame.pts is not None and (not ticks or frame.pts > ticks[-1])
            ticks.append(frame.pts if frame.pts is not None else -1)
    return (np.array(ticks, np.int64) if timed else None), len(ticks), len(failures)


def _empty(path: Path) -> EmptyVideo:
    return EmptyVideo(f"{path} holds a video stream without a frame that can be decoded", hint="record it again")
