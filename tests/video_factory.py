"""Makes awkward videos whose every frame carries its own number.

The upper third of each upright picture is one colour, pure red unless told otherwise. Below it stand `BITS` bars from
left to right, white for 1 and black for 0, that spell the frame number in binary, most significant bit first.
`number_of` reads it back, so a test can tell from content alone which frame it got.
"""

from __future__ import annotations

import shutil
import struct
from collections.abc import Callable, Sequence
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
from numpy.typing import NDArray

BITS = 10
RED = (255, 0, 0)

Picture = NDArray[np.uint8]

MATRICES = {0: (1, 0, 0, 1), 90: (0, 1, -1, 0), 180: (-1, 0, 0, -1), 270: (0, -1, 1, 0)}
"""Of the display, by the clockwise turn that a player must apply; see `write`."""


def draw(number: int, size: tuple[int, int], colour: tuple[int, int, int] = RED) -> Picture:
    """The upright `(H, W, 3)` picture of frame `number`; `size` is (W, H)."""
    width, height = size
    image = np.zeros((height, width, 3), np.uint8)
    image[: height // 3] = colour
    edges = np.linspace(0, width, BITS + 1).astype(int)
    for bit in range(BITS):
        if number >> (BITS - 1 - bit) & 1:
            image[height // 3 :, edges[bit] : edges[bit + 1]] = 255
    return image


def number_of(image: Picture) -> int:
    """The frame number that an upright picture spells."""
    height, width = image.shape[:2]
    below = image[height // 3 + height // 8 :].mean(axis=(0, 2))
    edges = np.linspace(0, width, BITS + 1)
    centres = ((edges[:-1] + edges[1:]) / 2).astype(int)
    return int(sum(int(below[x] > 127) << (BITS - 1 - bit) for bit, x in enumerate(centres)))


def colour_of(image: Picture) -> tuple[float, float, float]:
    """The mean colour of the upper part of an upright picture, clear of its borders."""
    height, width = image.shape[:2]
    patch = image[1 : max(height // 4, 2), 2 : width - 2].reshape(-1, 3).mean(axis=0)
    return float(patch[0]), float(patch[1]), float(patch[2])


def write(
    path: Path,
    count: int,
    *,
    codec: str = "libx264",
    pix_fmt: str = "yuv420p",
    size: tuple[int, int] = (80, 48),
    rate: Fraction = Fraction(25),
    options: dict[str, str] | None = None,
    ticks: Sequence[int] | None = None,
    rotation: int = 0,
    matrix: tuple[int, int, int, int] | None = None,
    aspect: Fraction | None = None,
    draw: Callable[[int, tuple[int, int], tuple[int, int, int]], Picture] = draw,
    metadata: dict[str, str] | None = None,
    colour: tuple[int, int, int] = RED,
    colorspace: int | None = None,
    index_first: bool = False,
    container_format: str | None = None,
) -> Path:
    """Write `count` frames.

    Args:
        size: (W, H) of the upright picture.
        ticks: presentation time of each frame in milliseconds; evenly spaced at `rate` where not given.
        rotation: turn that a player must apply, in degrees clockwise; the stored picture is turned the other way.
        matrix: a, b, c, d of the display matrix, each -1, 0 or 1: a stored point x, y is shown at a x + c y, b x + d y.
        aspect: sample aspect ratio: width of a pixel over its height. `size` is that of the stored picture.
        draw: makes the upright picture of a frame.
        metadata: tags of the container.
        colorspace: the YUV matrix that the encoder is told to use and to note down, in FFmpeg's numbers.
        index_first: put an MP4's index before its pictures, so that a cut-off copy still opens.
        container_format: FFmpeg's name of it, where the name of the file does not tell.
    """
    matrix = matrix or MATRICES[rotation]
    a, b, c, d = matrix
    stored = size if a else size[::-1]
    flags = {"movflags": "faststart"} if index_first else {}
    with av.open(str(path), "w", format=container_format, options=flags) as container:
        stream = container.add_stream(codec, rate=rate, options=options or {})
        stream.width, stream.height, stream.pix_fmt = *stored, pix_fmt
        time_base = Fraction(1, 1000) if ticks else 1 / rate
        stream.codec_context.time_base = time_base
        if colorspace is not None:
            stream.codec_context.colorspace = colorspace
        if aspect is not None:
            stream.codec_context.sample_aspect_ratio = aspect
        if matrix != MATRICES[0]:
            one = 1 << 16
            stream.set_display_matrix([a * one, b * one, 0, c * one, d * one, 0, 0, 0, 1 << 30])
        container.metadata.update(metadata or {})
        for number in range(count):
            upright = draw(number, size, colour)
            frame = av.VideoFrame.from_ndarray(np.ascontiguousarray(_stored(upright, matrix)), format="rgb24")
            frame = frame.reformat(format=pix_fmt, dst_colorspace=colorspace)
            frame.pts = ticks[number] if ticks else number
            frame.time_base = time_base
            container.mux(stream.encode(frame))
        container.mux(stream.encode())
    return path


def _stored(upright: Picture, matrix: tuple[int, int, int, int]) -> Picture:
    """The picture that a display matrix makes upright."""
    a, b, c, d = matrix
    if a:
        return upright[::d, ::a]
    return upright[::b, ::c].transpose(1, 0, 2)


def with_beep(
    images: Path,
    target: Path,
    *,
    codec: str = "aac",
    rate: int = 16_000,
    at: float = 0.4,
    start: float = 0.0,
    picture_start: float = 0.0,
    seconds: float = 1.6,
) -> Path:
    """Copy a video and put sound beside it: silence, and one beep of a tenth of a second.

    Args:
        at: when the beep sounds, in seconds from the start of the sound.
        start: when the sound starts on the clock of the file.
        picture_start: when the first picture is shown on it.
        seconds: how long the sound is.
    """
    time = np.arange(int(seconds * rate)) / rate
    wave = np.where((time >= at) & (time < at + 0.1), 0.5 * np.sin(2 * np.pi * 1000 * time), 0)
    with av.open(str(images)) as old, av.open(str(target), "w") as new:
        stream = old.streams.video[0]
        copy = new.add_stream_from_template(stream)
        sound = new.add_stream(codec, rate=rate, layout="mono")
        sound.bit_rate = 96_000
        new.start_encoding()
        size = sound.codec_context.frame_size or 1024
        resampler = av.AudioResampler(sound.codec_context.format, "mono", rate, frame_size=size)
        packets = []
        for packet in old.demux(stream):
            if packet.size:
                shift = round(picture_start / stream.time_base)
                packet.pts, packet.dts, packet.stream = packet.pts + shift, packet.dts + shift, copy
                packets.append(packet)
        frame = av.AudioFrame.from_ndarray(wave.astype(np.float32)[None], format="fltp", layout="mono")
        frame.sample_rate, frame.pts, frame.time_base = rate, round(start * rate), Fraction(1, rate)
        for piece in (*resampler.resample(frame), *resampler.resample(None)):
            packets += sound.encode(piece)
        packets += sound.encode(None)
        for packet in sorted(packets, key=lambda one: one.dts * one.time_base):
            new.mux(packet)
    return target


def beep_at(path: Path) -> tuple[float, float]:
    """When the sound of a file becomes loud and when it is last loud, in seconds from its first picture."""
    with av.open(str(path)) as container:
        first = min(
            packet.pts * packet.time_base
            for packet in container.demux(video=0)
            if packet.size and not packet.is_discard
        )
    loud: list[float] = []
    end = 0.0
    with av.open(str(path)) as container:
        resampler = av.AudioResampler("fltp", "mono", 16_000)
        for frame in container.decode(audio=0):
            for piece in resampler.resample(frame):
                samples = np.abs(piece.to_ndarray()[0])
                start = end if piece.pts is None else float(piece.pts * piece.time_base)
                loud += (start + np.flatnonzero(samples > 0.1) / 16_000).tolist()
                end = start + piece.samples / 16_000
    return min(loud) - float(first), max(loud) - float(first)


def write_sound(path: Path, seconds: float = 0.5) -> Path:
    """Write a file that holds silence and no picture."""
    rate = 16_000
    with av.open(str(path), "w") as container:
        stream = container.add_stream("pcm_s16le" if path.suffix == ".wav" else "aac", rate=rate, layout="mono")
        for start in range(0, int(seconds * rate), 1000):
            frame = av.AudioFrame.from_ndarray(np.zeros((1, 1000), np.int16), format="s16", layout="mono")
            frame.sample_rate, frame.pts, frame.time_base = rate, start, Fraction(1, rate)
            container.mux(stream.encode(frame))
        container.mux(stream.encode())
    return path


def truncated(source: Path, target: Path, keep: float) -> Path:
    """Copy the first `keep` (a share in [0, 1]) of a file's bytes."""
    content = source.read_bytes()
    target.write_bytes(content[: int(len(content) * keep)])
    return target


def zeroed(source: Path, target: Path, frames: range) -> Path:
    """Copy a file and overwrite the packets `frames` (numbered in decoding order) of its video with zeros."""
    with av.open(str(source)) as container:
        places = [(packet.pos, packet.size) for packet in container.demux(video=0) if packet.size]
    shutil.copyfile(source, target)
    with target.open("r+b") as file:
        for position, size in (places[number] for number in frames):
            file.seek(position)
            file.write(bytes(size))
    return target


def scrambled(source: Path, target: Path, frames: range) -> Path:
    """Copy an H.264 MP4 and spoil the images of packets `frames` so that only decoding shows it.

    Lengths and headers of the NAL units stay; the slices claim to start at a macroblock that does not exist.
    """
    with av.open(str(source)) as container:
        places = [(packet.pos, packet.size) for packet in container.demux(video=0) if packet.size]
    shutil.copyfile(source, target)
    with target.open("r+b") as file:
        for position, size in (places[number] for number in frames):
            file.seek(position + 5)
            file.write(b"\x05" * (size - 5))
    return target


def trimmed(source: Path, target: Path, first: int, *, sound: bool = False) -> Path:
    """Copy an MP4 without decoding it and let an edit list hide the frames before `first`, and the sound up to it."""
    with av.open(str(source)) as old, av.open(str(target), "w") as new:
        streams = old.streams.get(video=0, audio=0) if sound else old.streams.get(video=0)
        copies = {stream: new.add_stream_from_template(stream) for stream in streams}
        cut = first / old.streams.video[0].average_rate
        for packet in old.demux(*streams):
            if packet.size:
                shift = round(cut / packet.time_base)
                packet.pts, packet.dts = packet.pts - shift, packet.dts - shift
                packet.stream = copies[packet.stream]
                new.mux(packet)
    return target


def with_wrong_count(source: Path, target: Path, claimed: int) -> Path:
    """Copy an AVI and let its headers claim another number of frames."""
    content = bytearray(source.read_bytes())
    main = content.index(b"avih") + 8 + 16
    stream = content.index(b"strh") + 8 + 32
    for offset in (main, stream):
        content[offset : offset + 4] = struct.pack("<I", claimed)
    target.write_bytes(content)
    return target
