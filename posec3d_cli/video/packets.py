"""PacketInspector: check packets of a video stream without decoding them.

A frame count is needed before any frame is decoded, and decoding a whole video only to count is as dear as using it.
Where a codec puts one frame into one packet and the packets look right, counting packets is enough. The checks here
are those that a decoder makes before it starts on a frame: a packet that fails one gives no frame.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from posec3d_cli.video.mpeg4 import Layer, coded_frames, layer_of

ONE_FRAME_PER_PACKET = frozenset({"h264", "hevc", "av1", "vp9", "mpeg4", "mjpeg"})
"""Codecs for which `PacketInspector` vouches. VP8 is not one: its hidden frames have packets of their own."""
# Entropy-coded frames do not hold this many zero bytes in a row; blocks that were never written do.
_UNWRITTEN = bytes(32)
_START_CODE = re.compile(rb"\x00\x00\x01")
_VP9_SYNC = b"\x49\x83\x42"


@dataclass(frozen=True)
class InspectedPacket:
    """The facts that the bytes of one packet tell.

    Attributes:
        sound: it is built as its codec demands.
        droppable: no other frame is predicted from this one, so that leaving it out changes no other frame.
        frames: how many coded frames it holds. One, but in MPEG-4 files in which two frames share a packet
            ("packed B-frames"), and empty packets hold the places.
        shape: the bytes that state the size of this frame and those after it; empty where it has none. Where they
            change within a file, so may the size.
    """

    sound: bool
    droppable: bool = False
    frames: int = 1
    shape: bytes = b""


class PacketInspector:
    """Inspects the packets of one stream, in their order; of codecs in `ONE_FRAME_PER_PACKET` only."""

    def __init__(self, codec: str, extradata: bytes | None) -> None:
        self._codec = codec
        self._length_size = nal_length_size(codec, extradata)
        self._layer = layer_of(extradata or b"") if codec == "mpeg4" else Layer()

    def inspect(self, payload: bytes) -> InspectedPacket:
        """Inspect the next packet, which is not empty."""
        codec, first = self._codec, payload[0]
        if codec == "mpeg4":
            return self._look_at_mpeg4(payload)
        if _UNWRITTEN in payload:
            return InspectedPacket(sound=False)
        if codec in ("h264", "hevc"):
            units = list(_nal_units(payload, self._length_size))
            return _inspect_h264(units) if codec == "h264" else _inspect_hevc(units)
        if codec == "mjpeg":
            return InspectedPacket(payload.startswith(b"\xff\xd8"), shape=_jpeg_shape(payload))
        if codec == "vp9":  # frame_marker is 2
            return InspectedPacket(first >> 6 == 2, shape=_vp9_shape(payload))
        sound = first & 0x80 == 0 and (first >> 3 & 15) in (1, 2, 3, 4, 5, 6, 7, 8, 15)  # an AV1 OBU header
        return InspectedPacket(sound, shape=_av1_shape(payload))

    def _look_at_mpeg4(self, payload: bytes) -> InspectedPacket:
        layer = layer_of(payload)
        if layer.header:
            self._layer = layer
        frames = coded_frames(payload, self._layer)
        sound = frames == 0 or (_UNWRITTEN not in payload and payload.startswith(b"\x00\x00\x01"))
        return InspectedPacket(sound, frames=1 if frames is None else frames, shape=layer.header)


def nal_length_size(codec: str, extradata: bytes | None) -> int:
    """Bytes before each NAL unit that hold its length; 0 where start codes separate the units.

    Source: ISO/IEC 14496-15, AVCDecoderConfigurationRecord and HEVCDecoderConfigurationRecord.
    """
    place = {"h264": 4, "hevc": 21}.get(codec)
    if place is None or not extradata or extradata[0] != 1 or len(extradata) <= place:
        return 0
    return (extradata[place] & 3) + 1


def _nal_units(payload: bytes, length_size: int) -> Iterator[bytes]:
    """The NAL units; an empty one last where the units do not fill the packet exactly."""
    place = 0
    if not length_size:
        starts = [match.end() for match in _START_CODE.finditer(payload)]
        for start, after in zip(starts, [*(start - 3 for start in starts[1:]), len(payload)], strict=False):
            yield payload[start:after].rstrip(b"\x00")
        return
    while place < len(payload):
        length = int.from_bytes(payload[place : place + length_size], "big")
        place += length_size
        if length == 0 or place + length > len(payload):
            yield b""
            return
        yield payload[place : place + length]
        place += length


def _inspect_h264(units: list[bytes]) -> InspectedPacket:
    """Source: ITU-T H.264, 7.3.1: forbidden_zero_bit, nal_ref_idc (2 bits), nal_unit_type (5 bits)."""
    slices = [unit[0] for unit in units if unit and unit[0] & 0x1F in (1, 2, 5)]
    sound = bool(slices) and all(unit and unit[0] < 0x80 for unit in units)
    shape = next((unit for unit in units if unit and unit[0] & 0x1F == 7), b"")
    return InspectedPacket(sound, droppable=sound and all(header >> 5 == 0 for header in slices), shape=shape)


def _inspect_hevc(units: list[bytes]) -> InspectedPacket:
    """Source: ITU-T H.265, 7.3.1.2: forbidden_zero_bit, nal_unit_type (6 bits); types below 32 are slices."""
    has_slices = any(unit and unit[0] >> 1 & 0x3F < 32 for unit in units)
    shape = next((unit for unit in units if unit and unit[0] >> 1 & 0x3F == 33), b"")
    return InspectedPacket(has_slices and all(unit and unit[0] < 0x80 for unit in units), shape=shape)


def _vp9_shape(payload: bytes) -> bytes:
    """Colors and size in the header of a key frame, in whole bytes (VP9 bitstream specification, 6.2)."""
    return payload[4:8] + bytes((payload[8] & 0xF0,)) if payload[1:4] == _VP9_SYNC and len(payload) > 8 else b""


def _jpeg_shape(payload: bytes) -> bytes:
    """Height and width in the frame header (ITU-T T.81, B.2.2), which follows segments that state their lengths."""
    place = 2
    while place + 9 <= len(payload) and payload[place] == 0xFF:
        if 0xC0 <= payload[place + 1] <= 0xC3:
            return payload[place + 5 : place + 9]
        place += 2 + int.from_bytes(payload[place + 2 : place + 4], "big")
    return b""


def _av1_shape(payload: bytes) -> bytes:
    """The sequence header among the units (AV1 bitstream specification, 5.3) of a packet."""
    place = 0
    while place < len(payload):
        header = payload[place]
        if not header & 2:  # a unit without a size is the last one
            return b""
        place += 2 if header & 4 else 1
        size = shift = 0
        while place < len(payload):
            byte = payload[place]
            place += 1
            size |= (byte & 0x7F) << shift
            shift += 7
            if byte < 0x80:
                break
        if header >> 3 & 15 == 1:
            return payload[place : place + size]
        place += size
    return b""


_EBML = b"\x1a\x45\xdf\xa3"
_SEGMENT = b"\x18\x53\x80\x67"


def is_cut_short(path: Path) -> bool:
    """True where an AVI or a Matroska file ends before the end that its header states.

    Other containers, and live recordings that state no end, answer False.
    Sources: the RIFF chunk header; RFC 8794 (EBML), section 4, for element sizes.
    """
    with path.open("rb") as file:
        head = file.read(4096)
    end = _promised_end(head)
    return end is not None and path.stat().st_size < end


def _promised_end(head: bytes) -> int | None:
    if head[:4] == b"RIFF" and len(head) >= 8:
        return 8 + int.from_bytes(head[4:8], "little")
    if head[:4] != _EBML:
        return None
    body = _element_body(head, 4)
    if body is None:
        return None
    segment = body[0] + (body[1] or 0)
    if head[segment : segment + 4] != _SEGMENT:
        return None
    content = _element_body(head, segment + 4)
    return content[0] + content[1] if content and content[1] is not None else None


def _element_body(head: bytes, place: int) -> tuple[int, int | None] | None:
    """Where an element's content starts, and its size (None where unknown), from its size field at `place`."""
    if place >= len(head) or head[place] == 0:
        return None
    length = 9 - head[place].bit_length()
    field = int.from_bytes(head[place : place + length], "big")
    size = field & ~(1 << 7 * length)
    unknown = size == (1 << 7 * length) - 1
    return place + length, None if unknown else size
