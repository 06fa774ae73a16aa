"""People and labels drawn on pictures, with OpenCV."""

from __future__ import annotations

import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass

import cv2
import numpy as np

from posec3d_cli.skeletons import Limbs
from posec3d_cli.types import Floats, Pixels

Color = tuple[int, int, int]

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
INK: Color = (255, 255, 255)
PAPER: Color = (24, 24, 24)


@dataclass(frozen=True, eq=False)
class Figure:
    """One person to draw.

    Attributes:
        identity: decides the colour.
        box: `(4,)` x1, y1, x2, y2 in pixels.
        keypoints: `(K, 2)` x, y in pixels.
        scores: `(K,)`.
        label: written above the box; may be empty.
    """

    identity: int
    box: Floats
    keypoints: Floats
    scores: Floats
    label: str = ""


def draw_people(pixels: Pixels, figures: Sequence[Figure], limbs: Limbs) -> Pixels:
    """A copy of the picture with everybody's box, skeleton and label; sizes follow the picture's size.

    Args:
        pixels: `(H, W, 3)` uint8 RGB.
        figures: who is there.
        limbs: pairs of joint numbers.
    """
    canvas = pixels.copy()
    width = line_width(canvas)
    for figure in figures:
        color = COLORS[figure.identity % len(COLORS)]
        x1, y1, x2, y2 = (round(float(edge)) for edge in figure.box)
        cv2.rectangle(canvas, (x1, y1), (x2, y2), color, width, cv2.LINE_AA)
        _draw_skeleton(canvas, figure, limbs, color, width)
    for figure in figures:  # labels last, so that nobody's limbs cross them
        if figure.label:
            color = COLORS[figure.identity % len(COLORS)]
            left, top = float(figure.box[0]), float(figure.box[1])
            write(canvas, figure.label, (left, top), height=text_height(canvas) * 3 // 4, above=True, paper=color)
    return canvas


def draw_headline(pixels: Pixels, text: str) -> Pixels:
    """A copy of the picture with a text in its top left corner."""
    canvas = pixels.copy()
    margin = text_height(canvas) / 3
    write(canvas, text, (margin, margin), height=text_height(canvas))
    return canvas


def write(
    canvas: Pixels, text: str, place: tuple[float, float], *, height: int, above: bool = False, paper: Color = PAPER
) -> None:
    """Write one line on a filled background into `canvas`, shrunk and shifted until it lies inside.

    OpenCV draws ASCII only: accents are dropped, and any other letter becomes a question mark.

    Args:
        canvas: `(H, W, 3)` uint8 RGB, changed.
        text: what to write.
        place: x, y of the background's top left corner, in pixels.
        height: of a capital letter, in pixels.
        above: `place` is the bottom left corner instead.
        paper: colour of the background; the ink is black or white, whichever can be read on it.
    """
    line = plain(text)
    room_y, room_x = canvas.shape[:2]
    thickness = max(1, height // 9)
    scale = cv2.getFontScaleFromHeight(FONT, height, thickness)
    (wide, tall), below = cv2.getTextSize(line, FONT, scale, thickness)
    pad = max(2, height // 3)
    if wide + 2 * pad > room_x:
        scale *= max(room_x - 2 * pad, 1) / wide
        (wide, tall), below = cv2.getTextSize(line, FONT, scale, thickness)
    size = (wide + 2 * pad, tall + below + 2 * pad)
    x = round(min(max(place[0], 0), max(room_x - size[0], 0)))
    y = round(min(max(place[1] - (size[1] if above else 0), 0), max(room_y - size[1], 0)))
    cv2.rectangle(canvas, (x, y), (x + size[0], y + size[1]), paper, cv2.FILLED)
    bright = 0.299 * paper[0] + 0.587 * paper[1] + 0.114 * paper[2] > 140
    ink = (0, 0, 0) if bright else INK
    cv2.putText(canvas, line, (x + pad, y + pad + tall), FONT, scale, ink, thickness, cv2.LINE_AA)


def plain(text: str) -> str:
    """The text as OpenCV can draw it: ASCII, without accents and with "?" for every other letter."""
    bare = "".join(c for c in unicodedata.normalize("NFKD", text) if not unicodedata.combining(c))
    return "".join(c if " " <= c <= "~" else "?" for c in bare)


def line_width(pixels: Pixels) -> int:
    """Of boxes and limbs, in pixels: a 240th of the shorter side, at least 1."""
    return max(1, round(int(min(pixels.shape[:2])) / 240))


def text_height(pixels: Pixels) -> int:
    """Of a capital letter, in pixels: a 24th of the shorter side, at least 8, so that it can be read."""
    return max(8, round(int(min(pixels.shape[:2])) / 24))


def _draw_skeleton(canvas: Pixels, figure: Figure, limbs: Limbs, color: Color, width: int) -> None:
    seen = (figure.scores >= SEEN) & np.isfinite(figure.keypoints).all(axis=1)
    points = [
        (round(float(x)), round(float(y))) if ok else None for ok, (x, y) in zip(seen, figure.keypoints, strict=True)
    ]
    for a, b in limbs:
        start, end = points[a], points[b]
        if start is not None and end is not None:
            cv2.line(canvas, start, end, color, 2 * width, cv2.LINE_AA)
    for point in points:
        if point is not None:
            cv2.circle(canvas, point, 2 * width, INK, cv2.FILLED, cv2.LINE_AA)
            cv2.circle(canvas, point, 2 * width, color, 1, cv2.LINE_AA)
