"""Labeled files from a folder of classes or a table with the columns video,label. No file is opened."""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

from posec3d_cli.batch.find import InputFile
from posec3d_cli.batch.own import own_among
from posec3d_cli.datasets.clips import TRAINING, LabeledVideo
from posec3d_cli.datasets.segments import Segment
from posec3d_cli.datasets.splits import group_of, is_split
from posec3d_cli.datasets.table_labels import LabeledRow, read_labels
from posec3d_cli.errors import BadDataset, are, counted, listed
from posec3d_cli.files.media import VIDEO_SUFFIXES
from posec3d_cli.files.relative_paths import RelativePaths
from posec3d_cli.labels import clean_label
from posec3d_cli.output.tables import CORRECTED
from posec3d_cli.pose_files import is_pose_file

TABLE = "labels.csv"
_NO_GROUPS = ("video", "label", CORRECTED)
_HINT = "one sub-folder per action, or a table with the columns video,label"


def source_name(source: Path) -> str:
    """The name of a source: that of the folder, also of the folder with a `labels.csv`, or the stem of a file."""
    path = Path(os.path.abspath(source))
    if path.name == TABLE:
        path = path.parent
    return path.stem if path.is_file() else path.name


def labeled_videos(
    source: Path,
    group_by: str | None = None,
    *,
    root: Path | None = None,
    pseudo_labels: bool = False,
    say: Callable[[str], None] = lambda text: None,
) -> list[LabeledVideo]:
    """List the clips of a table with the columns video,label, or of a folder: by its `labels.csv`, else by sub-folders.

    A clip is a video or a pose file; a folder that OpenPose wrote is one clip. Files that posec3d made of other clips
    in the sub-folders are left out, see `posec3d_cli.batch.own`. Relative paths in a table follow
    `posec3d_cli.files.relative_paths`. A video in a second row of a table is a second clip; its name has the line.
    A row may label a part of a video, see `posec3d_cli.datasets.table_labels`; clips of one video share its group.

    Args:
        source: the folder or table.
        group_by: the column of the table that names the source video, else a regular expression, see
            `posec3d_cli.datasets.splits.group_of`.
        root: where the relative paths of a table begin.
        pseudo_labels: whether predictions count as labels, see `posec3d_cli.datasets.table_labels.read_labels`.
        say: called with a sentence about clips that are left out.

    Raises:
        BadDataset: no clip was found, the table cannot be used or names missing files, or a clip has no group.
    """
    table = source if source.is_file() else source / TABLE
    name = source_name(source)
    if table.is_file():
        columns, rows = read_labels(table, pseudo_labels=pseudo_labels, say=say)
        column = (group_by or "").strip().casefold()
        by_column = column in columns.headings and column not in _NO_GROUPS
        if by_column:
            columns.check_once(column)
        return _of_rows(RelativePaths(table, root), rows, name, group_by, column if by_column else None)
    inputs = _without_own(
        source, [InputFile(path, path.relative_to(source).as_posix()) for path in _clips_below(source)], say
    )
    labels = [clean_label(one.name.partition("/")[0]) for one in inputs]
    if is_split(labels):
        raise BadDataset(
            f"the sub-folders of {source} are called {', '.join(sorted(set(labels)))}: these are splits, not actions",
            hint="give one of them; --val-list names the clips to validate on, a table may join them all",
        )
    return [
        _labeled_video(one.path, name, one.name, label, group_of(one.name, label, group_by))
        for one, label in zip(inputs, labels, strict=True)
    ]


def _without_own(source: Path, inputs: list[InputFile], say: Callable[[str], None]) -> list[InputFile]:
    """Leave out the files that posec3d made of other clips, and say which.

    Raises:
        BadDataset: no clip is left.
    """
    own = own_among(inputs)
    made = (
        f"{counted(len(own), 'file')} that posec3d made {are(len(own))} left out: {listed([one.name for one in own])}"
    )
    left_out = {one.path for one in own}
    clips = [one for one in inputs if one.path not in left_out]
    if not clips:
        why = f"; {made}" if own else ""
        raise BadDataset(f"{source} holds no labelled clips{why}", hint=f"give it {_HINT}")
    if own:
        say(f"{source}: {made}; a table may name them")
    return clips


def _labeled_video(
    path: Path, source: str, path_name: str, label: str, group: str, part: str = "", segment: Segment | None = None
) -> LabeledVideo:
    name = f"{source}/{path_name}" + ("" if segment is None else f" {segment}")
    return LabeledVideo(path, name, label, f"{source}/{group}", part, segment)


def _of_rows(
    paths: RelativePaths, rows: list[LabeledRow], source: str, group_by: str | None, column: str | None
) -> list[LabeledVideo]:
    found_paths = [paths.find(one.video, _is_there) for one in rows]
    missing = [one.video for one, path in zip(rows, found_paths, strict=True) if path is None]
    if missing:
        raise BadDataset(
            f"{paths.file} names {counted(len(missing), 'file')} of {len(rows)} that cannot be found, the first is "
            f"{missing[0]!r}",
            hint=paths.hint(missing),
        )
    clips: dict[str, LabeledVideo] = {}
    groups = _groups_of_videos(rows, group_by) if column is None else {}
    for one, path in zip(rows, found_paths, strict=True):
        if path is None:
            continue
        if column is not None and not one.row[column]:
            raise BadDataset(f"{paths.file}: line {one.row.line} lacks a {column}")
        path_name = _name_in_source(one.video)
        group = groups[path_name] if column is None else one.row[column]
        part = TRAINING if one.predicted else ""
        clip = _labeled_video(path, source, path_name, one.label, group, part, one.segment)
        if clip.name in clips:
            clip = replace(clip, name=f"{clip.name} (line {one.row.line})")
        clips[clip.name] = clip
    return list(clips.values())


def _groups_of_videos(rows: list[LabeledRow], group_by: str | None) -> dict[str, str]:
    """The group of each video by its name: one group, whatever the labels of its rows are."""
    groups: dict[str, str] = {}
    for one in rows:
        name = _name_in_source(one.video)
        if groups.get(name, name) == name:
            groups[name] = group_of(name, one.label, group_by)
    return groups


def _name_in_source(video: str) -> str:
    return video.replace("\\", "/").lstrip("/")


def _is_there(clip: Path) -> bool:
    return os.path.isfile(clip) or (os.path.isdir(clip) and is_pose_file(clip))


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
                (one.suffix.lower() in VIDEO_SUFFIXES or is_pose_file(one))
                and not one.name.startswith(".")
                and one.is_file()
                and not folders.intersection(one.parents)
            )
        ]
    return clips
