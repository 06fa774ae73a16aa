"""Sequences of pictures as videos: a list names the pictures, their digests and the rate, and is opened as a video.

The list is what caches and runs that resume know the sequence by: it changes with the content of any picture.
"""

from __future__ import annotations

import json
import math
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from fractions import Fraction
from itertools import pairwise
from pathlib import Path

import cv2
import numpy as np
from PIL import Image, UnidentifiedImageError

from posec3d_cli.errors import EmptyVideo, UnreadableVideo, counted, listed
from posec3d_cli.files.digests import sha256_of
from posec3d_cli.files.media import NUMBER, PICTURE_SUFFIXES, is_pattern
from posec3d_cli.types import Frame, Pixels, VideoInfo
from posec3d_cli.video.reader import VideoReader

MOST_GAPS = 0.5
"""Share of numbers without a picture beyond which the numbers count nothing, such as times of day."""
_SCHEMA = "posec3d/pictures/1"
_TURNED = frozenset({5, 6, 7, 8})  # Exif orientations whose width is the stored height
_ORIENTATION = 0x0112
_LAST_NUMBER = re.compile(r"(\d+)(?=\D*$)")


@dataclass(frozen=True)
class _Picture:
    """One picture: the frame that it is, its file, and its size as it is shown."""

    index: int
    path: Path
    sha256: str
    width: int
    height: int


def list_of(source: Path, fps: Fraction) -> bytes:
    """The content of the list of a pattern or a folder of pictures.

    Frames are numbered by the pictures' numbers, which may go up in steps: of `5.jpg`, `10.jpg`, `20.jpg` the frames
    are 0, 1 and 3, and frame 2 is lost, as a picture that cannot be read is. Where names hold no number, or more than
    `MOST_GAPS` of the frames would be lost, the pictures follow one another in order of their names.

    Args:
        source: a pattern such as `frames/%06d.jpg`, or a folder.
        fps: pictures per second.

    Raises:
        UnreadableVideo: there is none, or they cannot be listed.
        EmptyVideo: none of them can be read.
    """
    try:
        numbered = _of_pattern(source) if is_pattern(source) else _of_folder(source)
    except OSError as error:
        raise UnreadableVideo(f"{source} cannot be listed: {error.strerror}") from error
    indices, notes = _indices([number for number, _ in numbered])
    pictures, unread = [], []
    for index, (_, path) in zip(indices, numbered, strict=True):
        try:
            pictures.append(_look_at(index, path))
        except (OSError, UnidentifiedImageError, Image.DecompressionBombError, ValueError):
            unread.append(path.name)
    if not pictures:
        raise EmptyVideo(f"{source}: none of {counted(len(numbered), 'picture')} can be read")
    if unread:
        notes.append(f"{counted(len(unread), 'picture')} cannot be read: {listed(unread)}")
    sizes = list(dict.fromkeys((one.width, one.height) for one in pictures))
    if len(sizes) > 1:
        told = listed([f"{width}x{height}" for width, height in sizes])
        notes.append(f"the size of the pictures changes ({told}); all were fitted into the first, with black borders")
    document = {
        "schema": _SCHEMA,
        "source": str(source),
        "fps": str(fps),
        "count": indices[-1] + 1,
        "notes": notes,
        "pictures": [[one.index, str(one.path.absolute()), one.sha256, one.width, one.height] for one in pictures],
    }
    return json.dumps(document, indent=0).encode()


class PictureReader(VideoReader):
    """Reads the pictures of a list, turned as their Exif data say.

    Raises:
        UnreadableVideo: the list cannot be used.
    """

    def __init__(self, path: Path) -> None:
        super().__init__()
        try:
            document = json.loads(path.read_bytes())
            if document["schema"] != _SCHEMA:
                raise ValueError(f"its schema is {document['schema']!r}")
            rows = [_Picture(index, Path(file), *rest) for index, file, *rest in document["pictures"]]
            self._source, self._fps = document["source"], Fraction(document["fps"])
            count, notes = int(document["count"]), tuple(document["notes"])
        except OSError as error:
            raise UnreadableVideo(f"{path} cannot be read: {error.strerror}") from error
        except (KeyError, TypeError, ValueError) as error:
            raise UnreadableVideo(f"{path} is no list of pictures: {error}") from error
        self._pictures = {one.index: one for one in rows}
        self._size = (rows[0].width, rows[0].height)
        self._info = VideoInfo(
            path=path,
            width=self._size[0],
            height=self._size[1],
            fps=self._fps,
            frame_count=count,
            duration=float(count / self._fps),
            codec=rows[0].path.suffix[1:].lower(),
            rotation=0,
            lost_frames=0,
            variable_rate=False,
            notes=notes,
        )

    @property
    def info(self) -> VideoInfo:
        """Size, rate, number of frames and notes of the sequence."""
        return self._info

    def _decode(self, wanted: Sequence[int]) -> Iterator[Frame]:
        for index in wanted:
            pixels = self._pixels(index)
            if pixels is None:
                self._lost.add(index)
            else:
                yield Frame(pixels, index, float(index / self._fps))

    def _pixels(self, index: int) -> Pixels | None:
        """A picture as RGB in the size of the first; None where there is none, or it cannot be decoded."""
        picture = self._pictures.get(index)
        if picture is None:
            return None
        try:
            content = np.fromfile(picture.path, np.uint8)
        except OSError as error:
            raise UnreadableVideo(f"{picture.path} of {self._source} is gone: {error.strerror}") from error
        decoded = cv2.imdecode(content, cv2.IMREAD_COLOR) if len(content) else None
        return None if decoded is None else fitted(decoded[:, :, ::-1].astype(np.uint8), self._size)


def fitted(pixels: Pixels, size: tuple[int, int]) -> Pixels:
    """An RGB image in another (width, height), in its own proportions, with black borders."""
    height, width = pixels.shape[:2]
    if (width, height) == size:
        return pixels
    scale = min(size[0] / width, size[1] / height)
    inner = (min(size[0], max(1, round(width * scale))), min(size[1], max(1, round(height * scale))))
    left, top = (size[0] - inner[0]) // 2, (size[1] - inner[1]) // 2
    canvas = np.zeros((size[1], size[0], 3), np.uint8)
    canvas[top : top + inner[1], left : left + inner[0]] = cv2.resize(pixels, inner, interpolation=cv2.INTER_AREA)
    return canvas


def _of_pattern(pattern: Path) -> list[tuple[int | None, Path]]:
    """The pictures of a pattern with their numbers, in order of these."""
    before, padded, after = NUMBER.split(pattern.name)
    digits = rf"\d{{{int(padded)},}}" if padded else r"(?:0|[1-9]\d*)"
    name = re.compile(f"{re.escape(before)}({digits}){re.escape(after)}")
    if not pattern.parent.is_dir():
        raise UnreadableVideo(f"there is no folder {pattern.parent}", hint="check the spelling of the path")
    found = [
        (int(match[1]), path) for path in pattern.parent.iterdir() if (match := name.fullmatch(path.name)) is not None
    ]
    if not found:
        raise UnreadableVideo(f"no picture matches {pattern}", hint="%06d stands for numbers of six digits")
    return sorted(found)


def _of_folder(folder: Path) -> list[tuple[int | None, Path]]:
    """The pictures of a folder, in natural order of their names: by numbers where all differ in the last one only."""
    paths = [
        path for path in folder.iterdir() if path.suffix.lower() in PICTURE_SUFFIXES and not path.name.startswith(".")
    ]
    if not paths:
        raise UnreadableVideo(f"{folder} holds no picture", hint="name a folder of .jpg or .png files")
    paths.sort(key=lambda path: [int(part) if part.isdigit() else part for part in re.split(r"(\d+)", path.name)])
    matches = [_LAST_NUMBER.search(path.stem) for path in paths]
    around = {
        None if match is None else (path.stem[: match.start()], path.stem[match.end() :])
        for path, match in zip(paths, matches, strict=True)
    }
    numbers = [None if match is None else int(match[1]) for match in matches]
    if len(around) > 1 or len(set(numbers)) < len(numbers):
        numbers = [None] * len(paths)
    return list(zip(numbers, paths, strict=True))


def _indices(numbers: Sequence[int | None]) -> tuple[list[int], list[str]]:
    """The frame that each picture is, and notes on it."""
    known = [number for number in numbers if number is not None]
    if len(known) < len(numbers) or len(set(known)) < 2:
        return list(range(len(numbers))), []
    step = math.gcd(*(after - before for before, after in pairwise(known)))
    if step == 0:  # one number in two spellings, such as 1 and 01
        return list(range(len(numbers))), []
    indices = [(number - known[0]) // step for number in known]
    missing = indices[-1] + 1 - len(indices)
    if missing <= MOST_GAPS * (indices[-1] + 1):
        return indices, []
    return list(range(len(numbers))), [
        f"the pictures are numbered {known[0]} to {known[-1]} and are only {len(known)}: "
        "they were taken to follow one another"
    ]


def _look_at(index: int, path: Path) -> _Picture:
    """The digest of a picture, and its size as it is shown."""
    with Image.open(path) as image:
        width, height = image.size
        if image.getexif().get(_ORIENTATION) in _TURNED:
            width, height = height, width
    return _Picture(index, path, sha256_of(path), width, height)
