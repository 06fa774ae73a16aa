"""What a packet's bytes tell without decoding it.

A frame count is needed before any frame is decoded, and decoding a whole video only to count is as dear as using it.
Where a codec puts one picture into one packet and the packets look right, counting packets is enough. The checks here
are those that a decoder makes before it starts on a picture: a packet that fails one gives no frame.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

ONE_PICTURE_PER_PACKET = frozenset({"h264", "hevc", "av1", "vp9", "mpeg4", "mjpeg"})
"""Codecs for which `inspect_packet` vouches. VP8 is not one: its hidden pictures have packets of their own."""

# Entropy-coded pictures do not hold this many zero bytes in a row; blocks that were never written do.
_UNWRITTEN = bytes(32)
_START_CODE = re.compile(rb"\x00\x00\x01")


@dataclass(frozen=True)
class PacketLook:
    """What one packet looks like.

    Attributes:
        sound: it is built as its codec demands.
        droppable: no other picture is predicted from this one, so that leaving it out changes no other frame.
    """

    sound: bool
    droppable: bool = False


def nal_length_size(codec: str, extradata: bytes | None) -> int:
    """Bytes before each NAL unit that hold its length; 0 where start codes separate the units.

    Source: ISO/IEC 14496-15, AVCDecoderConfigurationRecord and HEVCDecoderConfigurationRecord.
    """
    place = {"h264": 4, "hevc": 21}.get(codec)
    if place is None or not extradata or extradata[0] != 1 or len(extradata) <= place:
        return 0
    return (extradata[place] & 3) + 1


def inspect_packet(codec: str, payload: bytes, length_size: int) -> PacketLook:
    """Look at one packet of a codec in `ONE_PICTURE_PER_PACKET`; `length_size` is from `nal_length_size`."""
    if _UNWRITTEN in payload:
        return PacketLook(sound=False)
    first = payload[0]
    if codec in ("h264", "hevc"):
        headers = list(_nal_headers(payload, length_size))
        return _look_at_h264(headers) if codec == "h264" else _look_at_hevc(headers)
    if codec == "mpeg4":
        return PacketLook(payload.startswith(b"\x00\x00\x01"))
    if codec == "mjpeg":
        return PacketLook(payload.startswith(b"\xff\xd8"))
    if codec == "vp9":  # frame_marker is 2
        return PacketLook(first >> 6 == 2)
    return PacketLook(first & 0x80 == 0 and (first >> 3 & 15) in (1, 2, 3, 4, 5, 6, 7, 8, 15))  # an AV1 OBU header


def _nal_headers(payload: bytes, length_size: int) -> Iterator[int]:
    """The first byte of each NAL unit; -1 where the units do not fill the packet exactly."""
    if not length_size:
        for match in _START_CODE.finditer(payload):
            yield payload[match.end()] if match.end() < len(payload) else -1
        return
    place = 0
    while place < len(payload):
        length = int.from_bytes(payload[place : place + length_size], "big")
        place += length_size
        if length == 0 or place + length > len(payload):
            yield -1
            return
        yield payload[place]
        place += length


def _look_at_h264(headers: list[int]) -> PacketLook:
    """Source: ITU-T H.264, 7.3.1: forbidden_zero_bit, nal_ref_idc (2 bits), nal_unit_type (5 bits)."""
    slices = [header for header in headers if header & 0x1F in (1, 2, 5)]
    sound = bool(slices) and all(0 <= header < 0x80 for header in headers)
    return PacketLook(sound, droppable=sound and all(header >> 5 == 0 for header in slices))


def _look_at_hevc(headers: list[int]) -> PacketLook:
    """Source: ITU-T H.265, 7.3.1.2: forbidden_zero_bit, nal_unit_type (6 bits); types below 32 are slices."""
    slices = [header for header in headers if header >> 1 & 0x3F < 32]
    return PacketLook(bool(slices) and all(0 <= header < 0x80 for header in headers))
