"""Display of decoded images: rotation, square pixels, deinterlacing, one size for all frames."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
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
        aspects: the same as `aspect` of pictures of other sizes, by their stored width and height.
    """

    stored: Size
    aspect: Fraction = SQUARE
    orientation: Orientation = Orientation()
    aspects: Mapping[Size, Fraction] = field(default_factory=dict)

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

        A picture of another size than the first keeps its proportions: it is scaled until it fits, and what stays
        free at two sides is black.
        """
        if picture.interlaced_frame and min(picture.width, picture.height) >= _LEAST_LINES:
            picture = deinterlaced(picture)
        stored = (picture.width, picture.height)
        if stored == self.stored:
            pixels = _rgb(picture, self.squared)
        else:
            pixels = _fitted(picture, squared(stored, self.aspects.get(stored, self.aspect)), self.squared)
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
