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

SQUARE = Fraction(1)
MOST_STRETCHED = 5
"""Sample aspect ratios beyond this, either way, are mistakes of whoever wrote the file: real ones end at about 3."""
_NARROWEST = Fraction(3, 4)
"""Pixels narrower than this are made square by stretching the height: narrowing would lose too many columns."""
_LEAST_LINES = 3
"""Smaller pictures have nothing to fill a line in from."""
_ANY_CLOCK = Fraction(1, 1000)
_ASPECT_STEPS = 4000
_ASPECT_DENOMINATOR = 60
"""Up to here, steps of 1 / `_ASPECT_STEPS` tell fractions apart."""

Size = tuple[int, int]


@dataclass(frozen=True)
class Orientation:
    """What makes a stored picture stand upright: a turn, then perhaps a mirror.

    Attributes:
        rotation: degrees clockwise: 0, 90, 180 or 270.
        mirrored: the turned picture is then mirrored left to right.
    """

    rotation: int = 0
    mirrored: bool = False


@dataclass(frozen=True)
class Display:
    """How the pictures of one video are shown.

    Attributes:
        stored: width and height in pixels of the first picture as it is stored; the others are fitted to it.
        aspect: width of a pixel over its height, of the first picture.
        orientation: what makes the pictures stand upright.
        inner_aspect: what the first picture itself says of `aspect`, which the container may overrule.
        changes: the size or the aspect of the pictures changes.
    """

    stored: Size
    aspect: Fraction = SQUARE
    orientation: Orientation = Orientation()
    inner_aspect: Fraction = SQUARE
    changes: bool = False

    @property
    def squared(self) -> Size:
        """Width and height of the first picture with square pixels, not turned yet."""
        return squared(self.stored, self.aspect)

    @property
    def size(self) -> Size:
        """Width and height of every picture that is shown."""
        return self.turned(self.squared)

    def turned(self, size: Size) -> Size:
        """Width and height of a picture once it stands upright."""
        return (size[1], size[0]) if self.orientation.rotation % 180 else size

    def show(self, picture: Any) -> Pixels:
        """A PyAV frame as `(H, W, 3)` RGB.

        A picture of another size or aspect than the first keeps its proportions: it is scaled until it fits, and what
        stays free at two sides is black.
        """
        stored = (picture.width, picture.height)
        size = self.squared
        if self.changes or stored != self.stored:
            inner = inner_aspect_of(picture)
            size = squared(stored, self.aspect if inner == self.inner_aspect else plausible(inner))
        if picture.interlaced_frame and min(stored) >= _LEAST_LINES:
            picture = deinterlaced(picture)
        pixels = _rgb(picture, size) if size == self.squared else _fitted(picture, size, self.squared)
        pixels = np.rot90(pixels, -self.orientation.rotation // 90)
        return np.ascontiguousarray(pixels[:, ::-1] if self.orientation.mirrored else pixels)


def orientation_of(picture: Any) -> Orientation:
    """What the display matrix of a PyAV frame asks for, to the nearest quarter turn.

    Source: ISO/IEC 14496-12, 6.2.2: a stored point p, q is shown at a p + c q, b p + d q.
    """
    matrix = picture.side_data.get(SideData.DISPLAYMATRIX)
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


def inner_aspect_of(picture: Any) -> Fraction:
    """The sample aspect ratio that a PyAV frame carries; square where it carries none.

    PyAV does not show it, and what the decoder says belongs to a picture that may come out later. FFmpeg's scaler knows
    it: it is asked for a picture whose width is the ratio.
    """
    graph = Graph()
    graph.threads = 1
    source = graph.add_buffer(width=picture.width, height=picture.height, format=picture.format, time_base=_ANY_CLOCK)
    widest = (MOST_STRETCHED + 1) * _ASPECT_STEPS
    width = f"clip(round({_ASPECT_STEPS}*sar)\\,1\\,{widest})"
    scaled, sink = graph.add("scale", f"w={width}:h=1:eval=frame:flags=neighbor"), graph.add("buffersink")
    source.link_to(scaled)
    scaled.link_to(sink)
    graph.configure()
    source.push(picture)
    measured: Any = sink.pull()
    return Fraction(measured.width, _ASPECT_STEPS).limit_denominator(_ASPECT_DENOMINATOR)


def plausible(aspect: Fraction | None) -> Fraction:
    """A stated sample aspect ratio; square where none is stated, or one that no camera and no disc has."""
    if aspect is None or not Fraction(1, MOST_STRETCHED) <= aspect <= MOST_STRETCHED:
        return SQUARE
    return Fraction(aspect)


def squared(stored: Size, aspect: Fraction) -> Size:
    """The size in square pixels of a picture whose pixels have another `aspect`.

    The height stays, as players and FFmpeg's own rule have it, but for pixels so narrow that columns would be lost.
    """
    width, height = stored
    if aspect < _NARROWEST:
        return width, max(1, round(height / aspect))
    return max(1, round(width * aspect)), height


def stretched(pixels: Pixels, size: Size) -> Pixels:
    """An RGB picture scaled to a width and a height."""
    if (pixels.shape[1], pixels.shape[0]) == size:
        return pixels
    return _rgb(VideoFrame.from_ndarray(pixels, format="rgb24"), size)


def deinterlaced(picture: Any) -> Any:
    """One of the two fields of a picture, the missing lines filled in along edges.

    Only the picture itself is looked at, so that it comes out the same however it was reached.
    """
    graph = Graph()
    graph.threads = 1
    source = graph.add_buffer(width=picture.width, height=picture.height, format=picture.format, time_base=_ANY_CLOCK)
    filled, sink = graph.add("estdif", "mode=frame:deint=all"), graph.add("buffersink")
    source.link_to(filled)
    filled.link_to(sink)
    graph.configure()
    source.push(picture)
    source.push(None)
    return sink.pull()


def _rgb(picture: Any, size: Size) -> Pixels:
    pixels: Pixels = picture.reformat(width=size[0], height=size[1], format="rgb24").to_ndarray()
    return pixels


def _fitted(picture: Any, size: Size, room: Size) -> Pixels:
    scale = min(Fraction(room[0], size[0]), Fraction(room[1], size[1]))
    width, height = (min(most, max(1, round(side * scale))) for side, most in zip(size, room, strict=True))
    left, top = (room[0] - width) // 2, (room[1] - height) // 2
    canvas = np.zeros((room[1], room[0], 3), np.uint8)
    canvas[top : top + height, left : left + width] = _rgb(picture, (width, height))
    return canvas
