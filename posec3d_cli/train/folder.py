"""A folder of labelled clips becomes examples: each clip's poses are estimated once and kept."""

from __future__ import annotations

import csv
import hashlib
import json
from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from posec3d_cli.errors import BadDataset, InputError
from posec3d_cli.extraction import PoseExtractor
from posec3d_cli.train.augment import at_times
from posec3d_cli.train.examples import ESTIMATED, Example, group_of
from posec3d_cli.types import Floats

SUFFIXES = frozenset({".avi", ".gif", ".m4v", ".mkv", ".mov", ".mp4", ".mpeg", ".mpg", ".webm", ".wmv"})
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
        missing = [video.name for video in found if not video.path.is_file()]
        if missing:
            raise BadDataset(f"{table} names {len(missing)} files that are not there, the first is {missing[0]!r}")
        return found
    found = [
        LabelledVideo(path, path.relative_to(folder).as_posix(), path.relative_to(folder).parts[0])
        for path in sorted(folder.glob("*/**/*"))
        if path.suffix.lower() in SUFFIXES and not path.name.startswith(".") and path.is_file()
    ]
    if not found:
        raise BadDataset(
            f"{folder} holds no labelled clips", hint="give it one sub-folder per action, or a labels.csv (video,label)"
        )
    return found


def read_table(table: Path, columns: Sequence[str]) -> list[dict[str, str]]:
    """The rows of a CSV table with a line of headers, in UTF-8 with or without a byte order mark.

    Raises:
        BadDataset: it cannot be read, is empty or lacks one of `columns`.
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
    return [{column: row[column] or "" for column in columns} for row in rows]


def read_folder(
    folder: Path,
    extractor: PoseExtractor,
    kept: Path,
    *,
    every: int = 1,
    group_by: str | None = None,
    only: Collection[str] | None = None,
    progress: Callable[[int, int, str], None] = lambda done, total, name: None,
) -> tuple[list[Example], dict[str, str]]:
    """The examples of a folder, and for each clip that gave none the reason.

    Args:
        folder: see `labelled_videos`.
        extractor: estimates the poses.
        kept: where poses are kept, one file per clip; a later call reads them instead.
        every: estimate poses of every N-th frame and interpolate between them.
        group_by: see `posec3d_cli.train.examples.group_of`.
        only: names of the examples to make; the other clips are not opened. None makes all.
        progress: called before each clip with (done, total, name).

    Raises:
        BadDataset: see `labelled_videos`.
    """
    videos = [video for video in labelled_videos(folder) if only is None or f"{folder.name}/{video.name}" in only]
    examples: list[Example] = []
    problems: dict[str, str] = {}
    for number, video in enumerate(videos):
        progress(number, len(videos), video.name)
        try:
            keypoints, scores, fps = _poses(video.path, extractor, kept, every)
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


def _poses(path: Path, extractor: PoseExtractor, kept: Path, every: int) -> tuple[Floats, Floats, float]:
    """The main people of every frame of a clip, from `kept` where they are there."""
    file = kept / f"{_fingerprint(path, extractor, every)}.npz"
    if file.is_file():
        with np.load(file, allow_pickle=False) as arrays:
            return arrays["keypoints"], arrays["scores"], float(arrays["fps"])
    with extractor.open(path) as video:
        count, fps = video.info.frame_count, float(video.info.fps)
        posed = extractor.poses_of(video, np.arange(0, count, every, dtype=np.int64))
    main = posed.tracks().main_people(MIN_SHARE, max_people=MAX_PEOPLE)
    times = np.interp(np.arange(count), posed.frame_indices, np.arange(len(posed)))  # some frames may be lost
    keypoints, scores = at_times(main.keypoints, main.scores, times)
    kept.mkdir(parents=True, exist_ok=True)
    part = file.with_suffix(".part.npz")
    np.savez_compressed(part, keypoints=keypoints, scores=scores, fps=fps)
    part.replace(file)
    return keypoints, scores, fps


def _fingerprint(path: Path, extractor: PoseExtractor, every: int) -> str:
    """Changes with the clip's bytes, the models and the step."""
    made_of = {kind: [used.name, sorted(used.sha256.values())] for kind, used in sorted(extractor.models.items())}
    digest = hashlib.sha256(json.dumps([made_of, every]).encode())
    with path.open("rb") as file:
        while block := file.read(1 << 20):
            digest.update(block)
    return digest.hexdigest()[:32]
