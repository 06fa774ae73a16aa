"""Sports2D: a folder with a table of markers per person, `<name>_px_person00.trc`, in pixels of the video.

A table holds two lines about the recording, with `DataRate` among them, a line with the names of the markers, one with
their axes, and a line per frame: its number, the time, and x, y, z of every marker, apart by tabs. Tables in metres lie
beside those in pixels and are left alone.
"""

from __future__ import annotations

import re
from fractions import Fraction
from pathlib import Path

import numpy as np

from posec3d_cli.errors import BadPoseFile
from posec3d_cli.pose_files.checks import check_pixels, rate, shown
from posec3d_cli.pose_files.clip import JOINTS, MAX_IDENTITY, People, Person, consecutive, make_video_poses, places_of
from posec3d_cli.pose_files.formats import FolderFormat, PoseSource
from posec3d_cli.results import VideoPoses
from posec3d_cli.skeletons import COCO_17
from posec3d_cli.tracking.similarity import Doubles

_TABLE = re.compile(r".*_px_person(\d{1,8})\.trc", re.ASCII | re.DOTALL)
_RATES, _VALUES, _NAMES, _FIRST = 1, 2, 3, 5  # lines of a table
_MARKERS = {
    joint: "".join(part.capitalize() for part in joint.replace("left", "l").replace("right", "r").split("_"))
    for joint in COCO_17.joints
}
"""What Sports2D calls a joint: `LShoulder`."""
_HEAD = ("nose", "eye", "ear")  # most of its models leave eyes and ears out


def fits(source: PoseSource) -> bool:
    """Whether a folder holds such a table."""
    return any(map(_TABLE.fullmatch, source.names))


def read_folder(source: PoseSource) -> VideoPoses:
    """The clip of a folder: everybody of whom there is a table, by the number in its name.

    Raises:
        BadPoseFile: a table is unusable, or the tables differ in their rate.
    """
    frames: dict[int, list[Person]] = {}
    rates: dict[Fraction | None, str] = {}
    for name in source.names:
        match = _TABLE.fullmatch(name)
        if match is None:
            continue
        try:
            fps, joints = _read(source.path / name)
        except BadPoseFile as error:
            raise BadPoseFile(f"{name}: {error.what}", hint=error.hint) from error
        rates.setdefault(fps, name)
        for frame, found in joints.items():
            frames.setdefault(frame, []).append(Person(found, track_id=min(int(match[1]), MAX_IDENTITY)))
    if len(rates) > 1:
        raise BadPoseFile(f"its tables differ in DataRate: {', '.join(rates.values())}", hint="one video per folder")
    people = {frame: People.of(persons) for frame, persons in frames.items()}
    check_pixels(places_of(people.values()), "keep the tables that Sports2D wrote in pixels")
    return make_video_poses(source.path, consecutive(people), fps=next(iter(rates)))


FORMAT = FolderFormat("Sports2D folders", fits, read_folder, priority=70)


def _read(path: Path) -> tuple[Fraction | None, dict[int, Doubles]]:
    """The rate and, by frame, the `(17, 3)` joints of a table."""
    try:
        lines = [line.split("\t") for line in path.read_text(encoding="utf-8-sig").splitlines()]
    except OSError as error:
        raise BadPoseFile(f"it cannot be read: {error.strerror}") from error
    except UnicodeDecodeError as error:
        raise BadPoseFile("it is no text in UTF-8") from error
    if len(lines) < _FIRST:
        raise BadPoseFile(f"it has {len(lines)} lines, a table begins with {_FIRST}", hint="write it again")
    told = dict(zip(lines[_RATES], lines[_VALUES], strict=False)).get("DataRate")
    columns = {name.strip(): place for place, name in enumerate(lines[_NAMES]) if name.strip()}
    held = [(slot, columns[marker]) for slot, marker in enumerate(_MARKERS.values()) if marker in columns]
    lacking = [marker for joint, marker in _MARKERS.items() if marker not in columns and not joint.endswith(_HEAD)]
    if lacking:
        raise BadPoseFile(f"it lacks the markers {', '.join(lacking)}", hint="they are named as Sports2D names them")
    frames = {}
    for place, line in enumerate(lines[_FIRST:], start=_FIRST + 1):
        if any(cell.strip() for cell in line):
            frames[int(_number(line, 0, place))] = _joints(line, held, place)
    return None if told is None else rate(_number([told], 0, _VALUES + 1), "DataRate"), frames


def _joints(line: list[str], held: list[tuple[int, int]], place: int) -> Doubles:
    joints = np.full((JOINTS, 3), np.nan)
    for slot, column in held:
        joints[slot] = _number(line, column, place), _number(line, column + 1, place), 1
    return joints


def _number(line: list[str], column: int, place: int) -> float:
    """The number in a cell; NaN where it is empty, except for the frame's."""
    cell = line[column].strip() if column < len(line) else ""
    if not cell and column:
        return float("nan")
    try:
        value = float(cell)
        if column or (np.isfinite(value) and value >= 0 and value < 10**15):
            return value
    except ValueError:
        pass
    raise BadPoseFile(f"line {place} holds {shown(cell)} where a number belongs", hint="write it again")
