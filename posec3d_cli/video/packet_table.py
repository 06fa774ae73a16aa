"""PacketTable: what the packets of a video stream tell about its frames, before any is decoded."""

from __future__ import annotations

from array import array
from dataclasses import dataclass, field
from typing import Any

import av.error
import numpy as np

from posec3d_cli.types import Ints
from posec3d_cli.video.packets import ONE_FRAME_PER_PACKET, InspectedPacket, PacketInspector
from posec3d_cli.video.timing import LEAP_SECONDS

_CLOCK_MAY_LEAP = 0x200
"""AVFMT_TS_DISCONT: the clock of such a container may begin anew anywhere, as in recordings that were joined."""


@dataclass(eq=False)
class PacketTable:
    """The packets of a video stream in decoding order, P of them.

    Attributes:
        ticks: presentation time of each, in the stream's time base.
        keys: 1 where decoding can start.
        droppable: 1 where leaving the packet out changes no other frame.
        hidden: 1 where an edit list hides the frame.
        doubts: why packets cannot simply be counted; empty where they can.
        damaged: one of the doubts is damage.
        timed: every packet has a time of its own.
        turns: when the decoder's turn comes to give out each frame that is shown, in the time base. Of two frames
            in one packet, one comes out with the next packet, and at the end of the file not at all.
        differ: packets occur that hold no frame, or two.
        empty: packets that hold no frame, only its place.
    """

    ticks: array[int] = field(default_factory=lambda: array("q"))
    keys: bytearray = field(default_factory=bytearray)
    droppable: bytearray = field(default_factory=bytearray)
    hidden: bytearray = field(default_factory=bytearray)
    doubts: set[str] = field(default_factory=set)
    damaged: bool = False
    timed: bool = True
    turns: array[int] = field(default_factory=lambda: array("q"))
    differ: bool = False
    empty: int = 0
    _waiting: int = 0
    _shapes: set[bytes] = field(default_factory=set)

    def __len__(self) -> int:
        return len(self.ticks)

    def add(self, packet: Any, inspected: InspectedPacket) -> None:
        """Note one packet down."""
        if packet.pts is None:
            self.timed = False
        if packet.is_corrupt or not inspected.sound:
            self.note_damage("packets are damaged")
        if inspected.frames != 1:
            self.differ = True
            self.doubts.add("packets hold no frame, or two")
        if inspected.shape:
            self._shapes.add(inspected.shape)
        if len(self._shapes) > 1 or packet.has_sidedata("new_extradata"):
            self.doubts.add("the size of the frames may change")
        self.empty += inspected.frames == 0
        self._waiting += inspected.frames
        if self._waiting:
            self._waiting -= 1
            if not packet.is_discard:
                self.turns.append(-1 if packet.dts is None else packet.dts)
        self.ticks.append(packet.pts if packet.pts is not None else -1)
        self.keys.append(packet.is_keyframe)
        self.droppable.append(inspected.droppable)
        self.hidden.append(packet.is_discard)

    def note_damage(self, doubt: str) -> None:
        """Note down that packets cannot be counted because of damage."""
        self.doubts.add(doubt)
        self.damaged = True

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

    def times_by_turns(self, count: int, delay: int) -> Ints | None:
        """The times of `count` frames by the decoder's turns, for want of better; None where these tell nothing.

        Args:
            count: how many frames decode.
            delay: how many turns a frame waits for those that are shown before it.
        """
        turns = np.array(self.turns, np.int64)
        steps = np.diff(turns)
        if len(turns) != count or count < 2 or np.any(steps <= 0):
            return None
        steps = np.concatenate((steps[delay:], np.full(min(delay, len(steps)), round(float(np.median(steps))))))
        return np.concatenate((turns[:1], turns[0] + np.cumsum(steps)))


def clock_may_leap(container: Any) -> bool:
    """Whether a leap of the clock is a fault of the container rather than a frame that is held for long."""
    return bool(container.format.flags & _CLOCK_MAY_LEAP)


def read_packets(container: Any, stream: Any) -> PacketTable:
    """Read every packet of a stream."""
    packets = PacketTable()
    codec = stream.codec_context.codec.canonical_name
    vouched = codec in ONE_FRAME_PER_PACKET
    inspector = PacketInspector(codec, stream.codec_context.extradata)
    longest = LEAP_SECONDS / stream.time_base if clock_may_leap(container) else None
    last = None
    try:
        for packet in container.demux(stream):
            if packet.size:
                packets.add(packet, inspector.inspect(bytes(packet)) if vouched else InspectedPacket(sound=True))
                if packet.dts is not None:
                    step = 0 if last is None else packet.dts - last
                    if step < 0 or (longest is not None and step > longest):
                        packets.doubts.add("the clock leaps")
                    last = packet.dts
    except av.error.FFmpegError:
        packets.note_damage("the container ends in damage")
    return packets
