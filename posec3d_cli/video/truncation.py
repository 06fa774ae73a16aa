"""Whether a file is shorter than its own header says."""

from __future__ import annotations

from pathlib import Path

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
