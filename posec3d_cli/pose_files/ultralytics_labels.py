"""Ultralytics YOLO: a folder of label texts, one per frame that shows somebody, `<name>_<frame>.txt`.

A line is a person: the class, the box (middle, width, height), x, y and visibility of 17 joints, then the box's score
and the track number where these were asked for. Positions are relative to the width and height of the frame, which
the texts do not say: `frame-size.txt` in the folder holds them, as in `1280 720`; or the video `<name>.mp4` lies
beside the folder, where Ultralytics puts its annotated copy, and tells its size and rate.
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from fractions import Fraction
from pathlib import Path

import numpy as np

from posec3d_cli.errors import BadPoseFile, InputError
from posec3d_cli.files.media import VIDEO_SUFFIXES
from posec3d_cli.pose_files.checks import shown, whole
from posec3d_cli.pose_files.clip import (
    JOINTS,
    MAX_IDENTITY,
    MAX_PIXELS,
    People,
    Person,
    consecutive,
    left_out_note,
    make_video_poses,
)
from posec3d_cli.pose_files.formats import LOOKED_AT, FolderFormat, PoseSource
from posec3d_cli.pose_files.frame_names import frame_numbers, in_natural_order
from posec3d_cli.pose_files.ultralytics import PERSON
from posec3d_cli.results import VideoPoses
from posec3d_cli.tracking.similarity import Doubles

SIZE_FILE = "frame-size.txt"
_OTHERS = (SIZE_FILE, "classes.txt")
_BOX = 5  # the class and the box
_LENGTHS = {_BOX + JOINTS * each + more: (each, more) for each in (2, 3) for more in (0, 1, 2)}
"""The numbers of a line: how many there are of each joint, and how many follow."""


def fits(source: PoseSource) -> bool:
    """Whether a folder holds nothing but texts, one of the first of which begins with such a line."""
    names = _texts(source)
    if len(names) + sum(other in source.names for other in _OTHERS) != len(source.names):
        return False
    return any(_begins(source.head(name)) for name in names[:LOOKED_AT])


def _begins(head: bytes) -> bool:
    try:
        values = [float(value) for value in head.strip().partition(b"\n")[0].split()]
    except ValueError:
        return False
    return len(values) in _LENGTHS and values[0].is_integer() and all(-1 <= value <= 2 for value in values[1:_BOX])


def read_folder(source: PoseSource) -> VideoPoses:
    """The clip of a folder.

    Raises:
        BadPoseFile: a text is unusable, a frame is there twice, or the size of the frames is not stated.
    """
    (width, height), fps = _size(source)
    names = _texts(source)
    numbers = frame_numbers(in_natural_order(names))
    lines = {name: _lines(source.path / name) for name in names}
    numbered = any(row[-1] > 1 for rows in lines.values() for row in rows if _LENGTHS[len(row)][1] == 1)
    others = [f"class {row[0]:g}" for rows in lines.values() for row in rows if row[0] != PERSON]
    frames = {
        numbers.of[name]: People.of([_person(row, (width, height), numbered) for row in rows if row[0] == PERSON])
        for name, rows in lines.items()
    }
    notes = (*numbers.notes, *left_out_note(others, sum(map(len, lines.values()))))
    return make_video_poses(source.path, consecutive(frames), fps=fps, frame_size=(height, width), notes=notes)


FORMAT = FolderFormat("Ultralytics label texts", fits, read_folder, priority=75)


def _texts(source: PoseSource) -> list[str]:
    return [name for name in source.names if name.endswith(".txt") and name not in _OTHERS]


def _read(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8-sig")
    except OSError as error:
        raise BadPoseFile(f"{path.name} cannot be read: {error.strerror}") from error
    except UnicodeDecodeError as error:
        raise BadPoseFile(f"{path.name} is no text in UTF-8") from error


def _lines(path: Path) -> list[Doubles]:
    """The numbers of every line that is not empty."""
    rows = []
    for place, line in enumerate(_read(path).splitlines(), start=1):
        values = line.split()
        if not values:
            continue
        if len(values) not in _LENGTHS:
            expected = ", ".join(str(length) for length in sorted(_LENGTHS))
            raise BadPoseFile(f"{path.name}: line {place} holds {len(values)} numbers, expected {expected}")
        try:
            rows.append(np.array([float(value) for value in values]))
        except ValueError as error:
            raise BadPoseFile(f"{path.name}: line {place} holds something that is no number") from error
    return rows


def _person(row: Doubles, size: tuple[int, int], numbered: bool) -> Person:
    """The person of a line; `numbered` says that a single number after the joints is the track's."""
    each, more = _LENGTHS[len(row)]
    joints = row[_BOX : _BOX + JOINTS * each].reshape(JOINTS, each)
    if each == 2:
        joints = np.column_stack([joints, np.ones(JOINTS)])
    joints = np.column_stack([joints[:, :2] * size, joints[:, 2]])
    middle, extent = row[1:3] * size, np.abs(row[3:5] * size)
    box = np.concatenate([middle - extent / 2, middle + extent / 2])
    score = row[_BOX + JOINTS * each] if more == 2 or (more == 1 and not numbered) else np.nan
    track = row[-1] if more == 2 or (more == 1 and numbered) else -1.0
    known = 0 <= track <= MAX_IDENTITY and track == np.floor(track)
    return Person(joints, box if np.isfinite(box).all() else None, float(score), int(track) if known else -1)


def _size(source: PoseSource) -> tuple[tuple[int, int], Fraction | None]:
    """Width and height of the frames, and the rate if a video states it."""
    if SIZE_FILE in source.names:
        return _size_told(source), None
    beside = _video_beside(source)
    if beside is None:
        raise BadPoseFile(
            f"its positions are relative to a frame size that it does not state: it needs a {SIZE_FILE}",
            hint=f"put a text {SIZE_FILE} with the width and the height of the video into the folder, as in 1280 720",
        )
    from posec3d_cli.video import open_video

    try:
        with open_video(beside) as video:
            return (video.info.width, video.info.height), video.info.fps
    except InputError as error:
        raise BadPoseFile(
            f"the size of its frames cannot be read from the video beside it: {error.what}",
            hint=f"put a text {SIZE_FILE} into the folder, as in 1280 720",
        ) from error


def _video_beside(source: PoseSource) -> Path | None:
    """The only video beside the folder whose name all texts begin with."""
    folder = Path(os.path.abspath(source.path)).parent
    names = _texts(source)
    found = [
        folder / name
        for name in PoseSource(folder).names
        if Path(name).suffix.lower() in VIDEO_SUFFIXES and all(text.startswith(f"{Path(name).stem}_") for text in names)
    ]
    return found[0] if len(found) == 1 else None


def _size_told(source: PoseSource) -> tuple[int, int]:
    """Width and height that `frame-size.txt` says."""
    values: Sequence[str] = _read(source.path / SIZE_FILE).replace(",", " ").replace("x", " ").split()
    if len(values) != 2 or not all(value.isascii() and value.isdigit() and len(value) < 10 for value in values):
        got = shown(" ".join(values))
        raise BadPoseFile(f"{SIZE_FILE} must hold the width and the height of the video, as in 1280 720, got {got}")
    width, height = (whole(int(value), SIZE_FILE, 1, MAX_PIXELS) for value in values)
    return width, height
