"""Display of decoded images: rotation, square pixels, deinterlacing, one size for all frames."""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction
from typing import Any

import numpy as np
from av import VideoFrame
from av.filter import Graph
from av.sidedata.sidedata import Type as SideData

from posec3d_cli.types import Pixels
from posec3d_cli.video.frame_memory import FrameMemory

SQUARE = Fraction(1)
MOST_STRETCHED = 5
"""Sample aspect ratios beyond this, either way, are mistakes of whoever wrote the file: real ones end at about 3."""
_NARROWEST = Fraction(3, 4)
"""Pixels narrower than this are made square by stretching the height: narrowing would lose too many columns."""
_LEAST_LINES = 3
"""Smaller images have nothing to fill a line in from."""
_ANY_CLOCK = Fraction(1, 1000)
_ASPECT_STEPS = 4000
_ASPECT_DENOMINATOR = 60
"""Up to here, steps of 1 / `_ASPECT_STEPS` tell fractions apart."""

Size = tuple[int, int]


@dataclass(frozen=True)
class Orientation:
    """How to turn a stored image upright: a rotation, then perhaps a mirror.

    Attributes:
        rotation: degrees clockwise: 0, 90, 180 or 270.
        mirrored: the turned image is then mirrored left to right.
    """

    rotation: int = 0
    mirrored: bool = False


@dataclass(frozen=True)
class Display:
    """How to show the images of one video: upright, with square pixels, in one size.

    Attributes:
        stored: width and height in pixels of the first image as it is stored; the others are fitted to it.
        aspect: width of a pixel over its height, of the first image.
        orientation: what makes the images stand upright.
        inner_aspect: what the first image itself says of `aspect`, which the container may overrule.
        changes: the size or the aspect of the images changes.
    """

    stored: Size
    aspect: Fraction = SQUARE
    orientation: Orientation = Orientation()
    inner_aspect: Fraction = SQUARE
    changes: bool = False

    @property
    def squared(self) -> Size:
        """Width and height of the first image with square pixels, not turned yet."""
        return squared(self.stored, self.aspect)

    @property
    def size(self) -> Size:
        """Width and height of every image that is shown."""
        return self.turned(self.squared)

    def turned(self, size: Size) -> Size:
        """Width and height of an image once it stands upright."""
        return (size[1], size[0]) if self.orientation.rotation % 180 else size

    def show(self, av_frame: Any, memory: FrameMemory | None = None) -> Pixels:
        """A PyAV frame as `(H, W, 3)` RGB; with `memory`, in memory of earlier frames.

        A image of another size or aspect than the first keeps its proportions: it is scaled until it fits, and what
        stays free at two sides is black.
        """
        stored = (av_frame.width, av_frame.height)
        size = self.squared
        if self.changes or stored != self.stored:
            inner = inner_aspect_of(av_frame)
            size = squared(stored, self.aspect if inner == self.inner_aspect else plausible(inner))
        if av_frame.interlaced_frame and min(stored) >= _LEAST_LINES:
            av_frame = deinterlaced(av_frame)
        if size != self.squared:
            pixels = _fitted(av_frame, size, self.squared)
        elif memory is None or size != stored:
            pixels = _rgb(av_frame, size)
        else:
            pixels = memory.rgb(av_frame)
        pixels = np.rot90(pixels, -self.orientation.rotation // 90)
        pixels = pixels[:, ::-1] if self.orientation.mirrored else pixels
        return np.ascontiguousarray(pixels) if memory is None else memory.contiguous(pixels)


def orientation_of(av_frame: Any) -> Orientation:
    """The orientation in the display matrix of a PyAV frame, to the nearest quarter turn.

    Source: ISO/IEC 14496-12, 6.2.2: a stored point p, q is shown at a p + c q, b p + d q.
    """
    matrix = av_frame.side_data.get(SideData.DISPLAYMATRIX)
    if matrix is None:
        return Orientation()
    a, b, _, c, d = (int(value) for value in np.frombuffer(matrix, np.int32)[:5])
    transposed = abs(b) + abs(c) > abs(a) + abs(d)
    flipped_x, flipped_y = (c < 0, b < 0) if transposed else (a < 0, d < 0)
    mirrored = transposed ^ flipped_x ^ flipped_y
    if mirrored:
        flipped_x = not flipped_x
    if transposed:
        return Orientation(90 if flipped_x else 270, mirrored)
    return Orientation(180 if flipped_x else 0, mirrored)


def inner_aspect_of(av_frame: Any) -> Fraction:
    """The sample aspect ratio that a PyAV frame carries; square where it carries none.

    PyAV does not show it, and what the decoder says belongs to an image that may come out later. FFmpeg's scaler knows
    it: it is asked for an image whose width is the ratio.
    """
    graph = Graph()
    graph.threads = 1
    source = graph.add_buffer(
        width=av_frame.width, height=av_frame.height, format=av_frame.format, time_base=_ANY_CLOCK
    )
    widest = (MOST_STRETCHED + 1) * _ASPECT_STEPS
    width = f"clip(round({_ASPECT_STEPS}*sar)\\,1\\,{widest})"
    scaled, sink = graph.add("scale", f"w={width}:h=1:eval=frame:flags=neighbor"), graph.add("buffersink")
    source.link_to(scaled)
    scaled.link_to(sink)
    graph.configure()
    source.push(av_frame)
    measured: Any = sink.pull()
    return Fraction(measured.width, _ASPECT_STEPS).limit_denominator(_ASPECT_DENOMINATOR)


def plausible(aspect: Fraction | None) -> Fraction:
    """A stated sample aspect ratio; square where none is stated, or one that no camera and no disc has."""
    if aspect is None or not Fraction(1, MOST_STRETCHED) <= aspect <= MOST_STRETCHED:
        return SQUARE
    return Fraction(aspect)


def squared(stored: Size, aspect: Fraction) -> Size:
    """The size in square pixels of an image whose pixels have another `aspect`.

    The height stays, as players and FFmpeg's own rule have it, but for pixels so narrow that columns would be lost.
    """
    width, height = stored
    if aspect < _NARROWEST:
        return width, max(1, round(height / aspect))
    return max(1, round(width * aspect)), height


def stretched(pixels: Pixels, size: Size) -> Pixels:
    """An RGB image scaled to a width and a height."""
    if (pixels.shape[1], pixels.shape[0]) == size:
        return pixels
    return _rgb(VideoFrame.from_ndarray(pixels, format="rgb24"), size)


def deinterlaced(av_frame: Any) -> Any:
    """One of the two fields of an image, the missing lines filled in along edges.

    Only the image itself is looked at, so that it comes out the same however it was reached.
    """
    graph = Graph()
    graph.threads = 1
    source = graph.add_buffer(
        width=av_frame.width, height=av_frame.height, format=av_frame.format, time_base=_ANY_CLOCK
    )
    filled, sink = graph.add("estdif", "mode=frame:deint=all"), graph.add("buffersink")
    source.link_to(filled)
    filled.link_to(sink)
    graph.configure()
    source.push(av_frame)
    source.push(None)
    return sink.pull()


def _rgb(av_frame: Any, size: Size) -> Pixels:
    pixels: Pixels = av_frame.reformat(width=size[0], height=size[1], format="rgb24").to_ndarray()
    return pixels


def _fitted(av_frame: Any, size: Size, room: Size) -> Pixels:
    scale = min(Fraction(room[0], size[0]), Fraction(room[1], size[1]))
    width, height = (min(most, max(1, round(side * scale))) for side, most in zip(size, room, strict=True))
    left, top = (room[0] - width) // 2, (room[1] - height) // 2
    canvas = np.zeros((room[1], room[0], 3), np.uint8)
    canvas[top : top + height, left : left + width] = _rgb(av_frame, (width, height))
    return canvas
