"""Draw people, objects and labels on images, with OpenCV."""

from __future__ import annotations

import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass

import cv2
import numpy as np

from posec3d_cli.skeletons import Limbs
from posec3d_cli.types import Floats, Pixels

Color = tuple[int, int, int]
Rectangle = tuple[int, int, int, int]
"""x1, y1, x2, y2 in pixels; x2 and y2 are the first ones outside."""

# Eight colours that stay apart for most colour-blind readers (Okabe and Ito, 2008; black left out, grey put in). RGB.
COLORS: tuple[Color, ...] = (
    (230, 159, 0),
    (86, 180, 233),
    (0, 158, 115),
    (240, 228, 66),
    (0, 114, 178),
    (213, 94, 0),
    (204, 121, 167),
    (160, 160, 160),
)
SEEN = 0.2  # joints that score less are not drawn
FONT = cv2.FONT_HERSHEY_SIMPLEX
NARROW = 12  # pixels; the blanks of smaller letters are too narrow to part words
INK: Color = (255, 255, 255)
PAPER: Color = (24, 24, 24)


@dataclass(frozen=True, eq=False)
class Figure:
    """One person to draw.

    Attributes:
        track_id: decides the colour.
        box: `(4,)` x1, y1, x2, y2 in pixels.
        keypoints: `(K, 2)` x, y in pixels.
        scores: `(K,)`.
        label: written at the box; may be empty.
        faint: drawn with thin lines, below the others.
    """

    track_id: int
    box: Floats
    keypoints: Floats
    scores: Floats
    label: str = ""
    faint: bool = False


@dataclass(frozen=True, eq=False)
class DrawnObject:
    """One object to draw.

    Attributes:
        box: `(4,)` x1, y1, x2, y2 in pixels.
        label: written at the box; may be empty.
        faint: drawn with a thin line.
    """

    box: Floats
    label: str = ""
    faint: bool = False


def annotate(
    pixels: Pixels, figures: Sequence[Figure], limbs: Limbs, headline: str = "", objects: Sequence[DrawnObject] = ()
) -> Pixels:
    """A copy of the image with everybody's box, skeleton and label, and a text in its top left corner.

    Sizes follow the image's. No text lies on another, and none leaves the image: a label stands as near to the top
    left corner of its box as it can, and is left out where there is no room for it. Earlier figures choose first, then
    earlier objects. Objects are drawn in white, below the people.

    Args:
        pixels: `(H, W, 3)` uint8 RGB.
        figures: who is there.
        limbs: pairs of joint numbers.
        headline: may be empty.
        objects: what is there.
    """
    canvas = pixels.copy()
    width = line_width(canvas)
    for one in objects:
        x1, y1, x2, y2 = (round(float(edge)) for edge in one.box)
        line = 1 if one.faint else width
        cv2.rectangle(canvas, (x1, y1), (x2, y2), PAPER, line + 2, cv2.LINE_AA)  # so that white shows on white
        cv2.rectangle(canvas, (x1, y1), (x2, y2), INK, line, cv2.LINE_AA)
    for figure in sorted(figures, key=lambda one: not one.faint):
        color = COLORS[figure.track_id % len(COLORS)]
        x1, y1, x2, y2 = (round(float(edge)) for edge in figure.box)
        cv2.rectangle(canvas, (x1, y1), (x2, y2), color, max(1, width // 2) if figure.faint else width, cv2.LINE_AA)
        _draw_skeleton(canvas, figure, limbs, color, width)
    taken: list[Rectangle] = []
    if headline:
        margin = text_height(canvas) // 3
        tag = _measure(canvas, headline, text_height(canvas))
        _write(canvas, tag, (margin, margin), PAPER, taken)
    for figure in figures:  # labels last, so that nobody's limbs cross them
        if figure.label:
            tag = _measure(canvas, figure.label, text_height(canvas) * 3 // 4)
            color = COLORS[figure.track_id % len(COLORS)]
            left, top = (round(float(edge)) for edge in figure.box[:2])
            _write(canvas, tag, (left, top - tag.size[1]), color, taken)
    for one in objects:
        if one.label:
            tag = _measure(canvas, one.label, text_height(canvas) // 2)
            left, top = (round(float(edge)) for edge in one.box[:2])
            _write(canvas, tag, (left, top - tag.size[1]), PAPER, taken)
    return canvas


@dataclass(frozen=True)
class _Tag:
    """A line of text and how large it is drawn.

    Attributes:
        line: as OpenCV can draw it.
        scale: of the font.
        thickness: of the strokes, in pixels.
        pad: between the text and the edge of its background, in pixels.
        size: W, H of the background.
        rise: from the background's top to the line that the letters stand on.
    """

    line: str
    scale: float
    thickness: int
    pad: int
    size: tuple[int, int]
    rise: int


def _measure(canvas: Pixels, text: str, height: int) -> _Tag:
    """A text with capitals of `height` pixels, or smaller where it would be wider than the image.

    OpenCV draws ASCII only: accents are dropped, and any other letter becomes a question mark.
    """
    line = plain(text)
    if height < NARROW:
        line = line.replace(" ", "  ")
    thickness = max(1, height // 9)
    scale = cv2.getFontScaleFromHeight(FONT, height, thickness)
    (wide, tall), below = cv2.getTextSize(line, FONT, scale, thickness)
    pad = max(2, height // 3)
    room = int(canvas.shape[1]) - 2 * pad
    if wide > room:
        scale *= max(room, 1) / wide
        (wide, tall), below = cv2.getTextSize(line, FONT, scale, thickness)
    size = (min(wide + 2 * pad, int(canvas.shape[1])), tall + below + 2 * pad)  # a pixel more by rounding
    return _Tag(line, scale, thickness, pad, size, pad + tall)


def _write(canvas: Pixels, tag: _Tag, wanted: tuple[int, int], paper: Color, taken: list[Rectangle]) -> None:
    """Write on a filled background as near as can be to the place wanted, and add it to what is taken."""
    place = free_place(tag.size, wanted, (int(canvas.shape[1]), int(canvas.shape[0])), taken)
    if place is None:
        return
    x, y = place
    corner = (x + tag.size[0], y + tag.size[1])
    taken.append((x, y, *corner))
    cv2.rectangle(canvas, (x, y), (corner[0] - 1, corner[1] - 1), paper, cv2.FILLED)
    bright = 0.299 * paper[0] + 0.587 * paper[1] + 0.114 * paper[2] > 140
    ink = (0, 0, 0) if bright else INK  # black or white, whichever can be read on it
    cv2.putText(canvas, tag.line, (x + tag.pad, y + tag.rise), FONT, tag.scale, ink, tag.thickness, cv2.LINE_AA)


def free_place(
    size: tuple[int, int], wanted: tuple[int, int], room: tuple[int, int], taken: Sequence[Rectangle]
) -> tuple[int, int] | None:
    """The free position of a rectangle that is nearest to a wanted one; None if there is none.

    Args:
        size: W, H of the rectangle.
        wanted: x, y of its top left corner.
        room: W, H.
        taken: x1, y1, x2, y2 of each that is there; x2 and y2 are the first pixels outside.

    Returns:
        x, y of the top left corner, or None where there is no such place.
    """
    most_x, most_y = room[0] - size[0], room[1] - size[1]
    if min(most_x, most_y) < 0:
        return None
    near = min(max(wanted[0], 0), most_x), min(max(wanted[1], 0), most_y)
    # The nearest place is the one wanted, or touches an edge of the room or of what is there.
    xs = {near[0], 0, most_x, *(x for one in taken for x in (one[0] - size[0], one[2]) if 0 <= x <= most_x)}
    ys = {near[1], 0, most_y, *(y for one in taken for y in (one[1] - size[1], one[3]) if 0 <= y <= most_y)}
    places = sorted(((x, y) for x in xs for y in ys), key=lambda at: abs(at[0] - near[0]) + abs(at[1] - near[1]))
    for x, y in places:
        if all(x + size[0] <= x1 or x2 <= x or y + size[1] <= y1 or y2 <= y for x1, y1, x2, y2 in taken):
            return x, y
    return None


def plain(text: str) -> str:
    """The text as OpenCV can draw it: ASCII, without accents and with "?" for every other letter."""
    bare = "".join(c for c in unicodedata.normalize("NFKD", text) if not unicodedata.combining(c))
    return "".join(c if " " <= c <= "~" else "?" for c in bare)


def line_width(pixels: Pixels) -> int:
    """The line width of boxes and limbs in pixels: a 240th of the shorter side, at least 1."""
    return max(1, round(int(min(pixels.shape[:2])) / 240))


def text_height(pixels: Pixels) -> int:
    """The height of capital letters in pixels: a 24th of the shorter side, at least 8."""
    return max(8, round(int(min(pixels.shape[:2])) / 24))


def _draw_skeleton(canvas: Pixels, figure: Figure, limbs: Limbs, color: Color, width: int) -> None:
    seen = (figure.scores >= SEEN) & np.isfinite(figure.keypoints).all(axis=1)
    points = [
        (round(float(x)), round(float(y))) if ok else None for ok, (x, y) in zip(seen, figure.keypoints, strict=True)
    ]
    for a, b in limbs:
        start, end = points[a], points[b]
        if start is not None and end is not None:
            cv2.line(canvas, start, end, color, width if figure.faint else 2 * width, cv2.LINE_AA)
    for point in () if figure.faint else points:
        if point is not None:
            cv2.circle(canvas, point, 2 * width, INK, cv2.FILLED, cv2.LINE_AA)
            cv2.circle(canvas, point, 2 * width, color, 1, cv2.LINE_AA)
