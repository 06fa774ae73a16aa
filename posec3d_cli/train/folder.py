"""A folder of labelled clips becomes examples: each video's poses are estimated once and kept, pose files are read."""

from __future__ import annotations

import csv
from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from posec3d_cli.errors import BadDataset, BadPoseFile, InputError, StageMismatch
from posec3d_cli.extraction import PoseExtractor
from posec3d_cli.pose_files import is_pose_file, read_pose_file
from posec3d_cli.prediction import PosedVideo
from posec3d_cli.train.augment import at_times
from posec3d_cli.train.examples import ESTIMATED, Example, group_of
from posec3d_cli.types import Floats
from posec3d_cli.video import SUFFIXES

MIN_SHARE = 0.2  # people seen in a smaller part of a clip are passers-by
MAX_PEOPLE = 4


@dataclass(frozen=True)
class LabelledVideo:
    """A clip and what happens in it; `name` is its path below the folder, with forward slashes."""

    path: Path
    name: str
    label: str


def labelled_videos(folder: Path) -> list[LabelledVideo]:
    """The clips of a folder: those of its `labels.csv` (columns video,label), else one sub-folder per label.

    A clip is a video or a pose file. A folder that OpenPose wrote is one clip.

    Raises:
        BadDataset: there are none, or the table names files that are not there.
    """
    table = folder / "labels.csv"
    if table.is_file():
        rows = read_table(table, ("video", "label"))
        blank = [number for number, row in enumerate(rows, start=2) if not (row["video"] and row["label"])]
        if blank:
            raise BadDataset(f"{table}: line {blank[0]} lacks a video or a label")
        found = [LabelledVideo(folder / row["video"], row["video"], row["label"]) for row in rows]
        missing = [video.name for video in found if not _is_there(video.path)]
        if missing:
            raise BadDataset(f"{table} names {len(missing)} files that are not there, the first is {missing[0]!r}")
        return found
    found = [
        LabelledVideo(path, path.relative_to(folder).as_posix(), path.relative_to(folder).parts[0])
        for path in _clips_below(folder)
    ]
    if not found:
        raise BadDataset(
            f"{folder} holds no labelled clips", hint="give it one sub-folder per action, or a labels.csv (video,label)"
        )
    return found


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
    try:
        with table.open(newline="", encoding="utf-8-sig") as file:
            rows = list(csv.DictReader(file))
    except OSError as error:
        raise BadDataset(f"{table} cannot be read: {error.strerror}") from error
    except (UnicodeDecodeError, csv.Error) as error:
        raise BadDataset(f"{table} is no CSV table in UTF-8: {error}") from error
    if not rows or not set(columns) <= rows[0].keys():
        raise BadDataset(f"{table} must have the columns {', '.join(columns)}, and rows")
    return [{column: row.get(column) or "" for column in (*columns, *optional)} for row in rows]


def read_folder(
    folder: Path,
    extractor: PoseExtractor | None,
    *,
    every: int = 1,
    group_by: str | None = None,
    only: Collection[str] | None = None,
    progress: Callable[[int, int, str], None] = lambda done, total, name: None,
) -> tuple[list[Example], dict[str, str]]:
    """The examples of a folder, and for each clip that gave none the reason.

    Args:
        folder: see `labelled_videos`.
        extractor: estimates the poses; None where `needs_extractor` says that there are none to estimate.
        every: estimate poses of every N-th frame and interpolate between them.
        group_by: see `posec3d_cli.train.examples.group_of`.
        only: names of the examples to make; the other clips are not opened. None makes all.
        progress: called before each clip with (done, total, name).

    Raises:
        BadDataset: see `labelled_videos`.
        StageMismatch: a clip is a video, and `extractor` is None.
    """
    videos = _wanted(folder, only)
    examples: list[Example] = []
    problems: dict[str, str] = {}
    for number, video in enumerate(videos):
        progress(number, len(videos), video.name)
        try:
            keypoints, scores, fps = _poses(video.path, extractor, every)
        except InputError as error:
            problems[video.name] = error.what
            continue
        if not len(keypoints):
            keypoints, scores = (np.zeros((1, *array.shape[1:]), np.float32) for array in (keypoints, scores))
        group = f"{folder.name}/{group_of(video.name, video.label, group_by)}"
        name = f"{folder.name}/{video.name}"
        examples.append(Example(name, video.label, group, ESTIMATED, keypoints, scores, fps))
    progress(len(videos), len(videos), "")
    return examples, problems


def needs_extractor(folder: Path, only: Collection[str] | None = None) -> bool:
    """Whether `read_folder` has poses to estimate: whether a clip is a video.

    Raises:
        BadDataset: see `labelled_videos`.
    """
    return not all(is_pose_file(video.path) for video in _wanted(folder, only))


def _wanted(folder: Path, only: Collection[str] | None) -> list[LabelledVideo]:
    return [video for video in labelled_videos(folder) if only is None or f"{folder.name}/{video.name}" in only]


def _poses(path: Path, extractor: PoseExtractor | None, every: int) -> tuple[Floats, Floats, float]:
    """The main people of every frame of a clip."""
    if is_pose_file(path):
        clips = read_pose_file(path)
        if len(clips) > 1:
            raise BadPoseFile(f"{path} holds {len(clips)} clips", hint="give a pack beside the folder, not inside")
        return (*_every_frame(clips[0]), float(clips[0].video.fps))
    if extractor is None:
        raise StageMismatch(f"{path} is a video, and there is no extractor to estimate its poses")
    with extractor.open(path) as video:
        fps = float(video.info.fps)
        posed = extractor.poses_of(video, np.arange(0, video.info.frame_count, every, dtype=np.int64))
    return (*_every_frame(posed), fps)


def _every_frame(posed: PosedVideo) -> tuple[Floats, Floats]:
    """The main people, `(M, T, 17, 2)` and `(M, T, 17)`, interpolated between the frames that were looked at."""
    main = posed.tracks().main_people(MIN_SHARE, max_people=MAX_PEOPLE)
    frames = np.arange(posed.video.frame_count)
    times = np.interp(frames, posed.frame_indices, np.arange(len(posed)))  # some frames may be lost
    return at_times(main.keypoints, main.scores, times)
