"""Makes videos as odd programs and devices write them, out of those of `video_factory`."""

from __future__ import annotations

from collections.abc import Iterable
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
import video_factory as factory

# An image without content, as DivX and XviD write it in place of one that came with the packet before: P, no time.
_START = b"\0\0\1\xb6"
PLACEHOLDER = _START + bytes((0b01_0_1_0000, 0b0_1_0_1_1111)) + b"\x7f"
"""For a rate of 25, whose times take five bits."""
SKIPPED = b"\x7f"


def packed_b_frames(path: Path, count: int, *, skipped: Iterable[int] = (), size: tuple[int, int] = (80, 48)) -> Path:
    """Write an AVI of `count` frames, an odd number, in which a P and a B picture share a packet.

    After each such packet comes one without content, and after the first picture another one.

    Args:
        skipped: numbers of P and B pairs before which a packet says that nothing changed.
    """
    raw = factory.write(
        path.with_suffix(".m4v"),
        count,
        codec="mpeg4",
        options={"b": "4000000", "bf": "1", "g": "300", "sc_threshold": "1000000000"},
        size=size,
        container_format="m4v",
    )
    content = raw.read_bytes()
    raw.unlink()
    header, *images = content.split(_START)
    images = [_START + image for image in images]
    kinds = "".join("IPBS"[image[4] >> 6] for image in images)
    assert kinds == "I" + "PB" * (count // 2), kinds
    packets = [header + b"\0\0\1\xb2DivX503b1393p\0" + images[0], PLACEHOLDER]
    for pair in range(count // 2):
        if pair in skipped:
            packets.append(SKIPPED)
        packets += [images[1 + 2 * pair] + images[2 + 2 * pair], PLACEHOLDER]
    return write_avi(path, packets, size)


def write_avi(path: Path, packets: list[bytes], size: tuple[int, int]) -> Path:
    """Write packets of MPEG-4 part 2 into an AVI of 25 frames per second."""
    with av.open(str(path), "w") as container:
        stream = container.add_stream("mpeg4", rate=25)
        stream.width, stream.height, stream.pix_fmt = *size, "yuv420p"
        stream.codec_context.codec_tag = "XVID"
        for place, payload in enumerate(packets):
            packet = av.Packet(payload)
            packet.pts = packet.dts = place
            packet.time_base, packet.stream, packet.is_keyframe = Fraction(1, 25), stream, place == 0
            container.mux(packet)
    return path


def joined(path: Path, parts: Iterable[Path]) -> Path:
    """Put transport streams one behind the other."""
    path.write_bytes(b"".join(part.read_bytes() for part in parts))
    return path


def not_utf8(path: Path, where: str = "title") -> Path:
    """Write 12 frames with a tag that is Latin-1."""
    factory.write(path, 12, metadata={where: "CafQQ"})
    content = path.read_bytes()
    assert content.count(b"CafQQ") >= 1
    path.write_bytes(content.replace(b"CafQQ", b"Caf\xe9s"))
    return path


def combed(number: int, size: tuple[int, int], colour: tuple[int, int, int]) -> factory.Picture:
    """An image whose lower field, every second line, was taken when the upper part was white."""
    image = factory.draw(number, size, colour)
    image[1 : size[1] // 3 : 2] = 255
    return image


def lines_differ(image: factory.Picture) -> float:
    """How much each line of the upper part differs from the next."""
    upper = image[1 : image.shape[0] // 4].astype(int)
    return float(np.abs(np.diff(upper, axis=0)).mean())


def packets_of(path: Path) -> list[bytes]:
    """What the packets of a video hold."""
    with av.open(str(path)) as container:
        return [bytes(packet) for packet in container.demux(video=0) if packet.size]


def remuxed(source: Path, target: Path, *, every: int) -> Path:
    """Copy an AVI so that its clock ticks `every` times per frame."""
    with av.open(str(source)) as old, av.open(str(target), "w") as new:
        stream = old.streams.video[0]
        copy = new.add_stream_from_template(stream)
        copy.time_base = stream.time_base / every
        for packet in old.demux(stream):
            if packet.size:
                packet.stream = copy
                new.mux(packet)
    return target


def spoil_sound(path: Path, *, share: float) -> None:
    """Overwrite the first `share` of the packets of a file's sound."""
    with av.open(str(path)) as container:
        packets = [bytes(packet) for packet in container.demux(audio=0) if packet.size]
    content = bytearray(path.read_bytes())
    place = 0
    for payload in packets[: int(len(packets) * share)]:
        place = content.index(payload, place)
        content[place : place + len(payload)] = b"\xff" * len(payload)
        place += len(payload)
    path.write_bytes(content)
