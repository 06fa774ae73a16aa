"""Count the coded frames in a packet of MPEG-4 part 2: none, one, or two.

Source: ISO/IEC 14496-2, 6.2.3 (video object layer) and 6.2.5 (video object plane, "VOP": one image).
"""

from __future__ import annotations

import re
from dataclasses import dataclass

_FRAME_START = b"\x00\x00\x01\xb6"
_LAYER = re.compile(rb"\x00\x00\x01[\x20-\x2f]")
_PREFIX = b"\x00\x00\x01"
_SKIPPED = b"\x7f"
"""What DivX writes as a packet where no frame is."""


@dataclass(frozen=True)
class Layer:
    """The fields of a video object layer header.

    Attributes:
        header: the bytes of the video object layer; empty where there is none.
        time_bits: bits of a frame's time; None where not known.
    """

    header: bytes = b""
    time_bits: int | None = None


def layer_of(payload: bytes) -> Layer:
    """The last layer header in some bytes."""
    found = list(_LAYER.finditer(payload))
    if not found:
        return Layer()
    start = found[-1].end()
    end = payload.find(_PREFIX, start)
    header = payload[start : end if end >= 0 else len(payload)]
    try:
        return Layer(header, _time_bits(_Bits(header)))
    except IndexError:
        return Layer(header)


def coded_frames(payload: bytes, layer: Layer) -> int | None:
    """The number of coded frames in a packet; None if it has no frame header."""
    if payload == _SKIPPED:
        return 0
    starts = [match.end() for match in re.finditer(re.escape(_FRAME_START), payload)]
    if not starts:
        return None
    return sum(_is_coded(payload[start : start + 32], layer.time_bits) for start in starts)


class _Bits:
    """Reads numbers of some bits, most significant first; an IndexError at the end."""

    def __init__(self, payload: bytes) -> None:
        self._payload = payload
        self._place = 0

    def take(self, bits: int) -> int:
        number = 0
        for place in range(self._place, self._place + bits):
            number = number << 1 | self._payload[place >> 3] >> (7 - place % 8) & 1
        self._place += bits
        return number


def _time_bits(bits: _Bits) -> int:
    bits.take(1 + 8)  # random_accessible_vol, video_object_type_indication
    version = 1
    if bits.take(1):
        version = bits.take(4)
        bits.take(3)
    if bits.take(4) == 15:  # extended aspect ratio
        bits.take(16)
    if bits.take(1):  # vol_control_parameters
        bits.take(2 + 1)
        if bits.take(1):  # vbv_parameters: seven numbers with marker bits
            bits.take(15 + 1 + 15 + 1 + 15 + 1 + 3 + 11 + 1 + 15 + 1)
    if bits.take(2) == 3 and version != 1:  # grayscale shape
        bits.take(4)
    bits.take(1)
    resolution = bits.take(16)
    return max(1, (resolution - 1).bit_length())


def _is_coded(header: bytes, time_bits: int | None) -> bool:
    """The flag vop_coded: without it, the frame before stays."""
    if time_bits is None:
        return True
    bits = _Bits(header)
    try:
        bits.take(2)
        while bits.take(1):
            pass
        bits.take(1 + time_bits + 1)
        return bool(bits.take(1))
    except IndexError:
        return True
