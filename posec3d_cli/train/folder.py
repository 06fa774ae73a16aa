"""Which labelled clips there are in a folder or a table; none of them is opened."""

from __future__ import annotations

import csv
import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from posec3d_cli.errors import BadDataset
from posec3d_cli.pose_files import is_pose_file
from posec3d_cli.train.examples import group_of
from posec3d_cli.video import SUFFIXES

TABLE = "labels.csv"
_COLUMNS = ("video", "label")
_HINT = "one sub-folder per action, or a table with the columns video,label"


@dataclass(frozen=True)
class LabelledVideo:
    """A clip and what happens in it.

    Attributes:
        path: a video or a pose file.
        name: what it is called in reports: the name of the source, a slash and its place there.
        label: the action.
        group: clips of one source video share a group.
    """

    path: Path
    name: str
    label: str
    group: str

    @property
    def posed(self) -> bool:
        """Whether it is a pose file: nothing is to be estimated."""
        return is_pose_file(self.path)


def source_name(source: Path) -> str:
    """What a source is called: a folder by its own name, also where its `labels.csv` is named, a file by its stem."""
    place = Path(os.path.abspath(source))
    if place.name == TABLE:
        place = place.parent
    return place.stem if place.is_file() else place.name


def labelled_videos(source: Path, group_by: str | None = None) -> list[LabelledVideo]:
    """The clips of a table with the columns video,label or of a folder: of its `labels.csv`, else of its sub-folders.

    A clip is a video or a pose file. A folder that OpenPose wrote is one clip. The paths of a table begin in its
    folder. A video that a table names again is a clip of its own, called by the line as well.

    Args:
        source: the folder or table.
        group_by: the column of the table that names the source video; where the table has none of this name, and for
            sub-folders, a regular expression, see `posec3d_cli.train.examples.group_of`.

    Raises:
        BadDataset: there are none, the table cannot be used or names files that are not there, or a clip has no group.
    """
    table = source if source.is_file() else source / TABLE
    name = source_name(source)
    if table.is_file():
        return _of_table(table, name, group_by)
    found = [(path, path.relative_to(source).as_posix()) for path in _clips_below(source)]
    if not found:
        raise BadDataset(f"{source} holds no labelled clips", hint=f"give it {_HINT}")
    return [_labelled(path, name, place, place.partition("/")[0], group_by) for path, place in found]


def _labelled(
    path: Path, source: str, place: str, label: str, group_by: str | None, *, group: str | None = None
) -> LabelledVideo:
    group = group_of(place, label, group_by) if group is None else group
    return LabelledVideo(path, f"{source}/{place}", label, f"{source}/{group}")


def _of_table(table: Path, source: str, group_by: str | None) -> list[LabelledVideo]:
    rows = _rows(table)
    _check_columns(table, rows, _COLUMNS)
    by_column = group_by in rows[0] and group_by not in _COLUMNS
    needed = (*_COLUMNS, group_by) if group_by is not None and by_column else _COLUMNS
    clips: dict[str, LabelledVideo] = {}
    for line, row in enumerate(rows, start=2):
        blank = [column for column in needed if not row.get(column)]
        if blank:
            raise BadDataset(f"{table}: line {line} lacks a {blank[0]}")
        place, label = row["video"], row["label"]
        group = row[group_by] if group_by is not None and by_column else None
        clip = _labelled(table.parent / place, source, place.lstrip("/"), label, group_by, group=group)
        if clip.name in clips:
            clip = LabelledVideo(clip.path, f"{clip.name} (line {line})", label, clip.group)
        clips[clip.name] = clip
    missing = [clip for clip in clips.values() if not _is_there(clip.path)]
    if missing:
        raise BadDataset(
            f"{table} names {len(missing)} files that are not there, the first is {os.fspath(missing[0].path)!r}",
            hint=f"paths that are not absolute begin in {table.parent}",
        )
    return list(clips.values())


def _is_there(clip: Path) -> bool:
    return clip.is_file() or (clip.is_dir() and is_pose_file(clip))


def _clips_below(folder: Path) -> list[Path]:
    """Videos and pose files in the sub-folders of a folder, in order of name; nothing inside a clip is one."""
    clips = []
    for path in sorted(folder.glob("*")):
        if path.name.startswith(".") or not path.is_dir():
            continue
        inner = [path] if is_pose_file(path) else sorted(path.glob("**/*"))
        folders = {one for one in inner if one.is_dir() and is_pose_file(one)}
        clips += [
            one
            for one in inner
            if one in folders
            or (
                (one.suffix.lower() in SUFFIXES or is_pose_file(one))
                and not one.name.startswith(".")
                and one.is_file()
                and not folders.intersection(one.parents)
            )
        ]
    return clips


def read_table(table: Path, columns: Sequence[str], optional: Sequence[str] = ()) -> list[dict[str, str]]:
    """The rows of a CSV table with a line of headers, in UTF-8 with or without a byte order mark.

    Raises:
        BadDataset: it cannot be read, is empty or lacks one of `columns`; those of `optional` may be missing.
    """
    rows = _rows(table)
    _check_columns(table, rows, columns)
    return [{column: row.get(column) or "" for column in (*columns, *optional)} for row in rows]


def _rows(table: Path) -> list[dict[str, str]]:
    try:
        with table.open(newline="", encoding="utf-8-sig") as file:
            return list(csv.DictReader(file))
    except OSError as error:
        raise BadDataset(f"{table} cannot be read: {error.strerror}") from error
    except (UnicodeDecodeError, csv.Error) as error:
        raise BadDataset(f"{table} is no CSV table in UTF-8: {error}") from error


def _check_columns(table: Path, rows: Sequence[dict[str, str]], columns: Sequence[str]) -> None:
    if not rows or not set(columns) <= rows[0].keys():
        raise BadDataset(f"{table} must have the columns {', '.join(columns)}, and rows")
