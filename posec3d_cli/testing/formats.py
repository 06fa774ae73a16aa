"""The checks of pose formats and outputs."""

from __future__ import annotations

import re
import tempfile
from collections.abc import Iterable, Sequence
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np

from posec3d_cli.errors import BadPoseFile
from posec3d_cli.output.tables import COLUMNS, CORRECTED, Row, TableFormat, plain
from posec3d_cli.pose_files.formats import DEFAULT_PRIORITY, PoseFormat, PoseSource
from posec3d_cli.results import VideoPoses
from posec3d_cli.skeletons import COCO_17
from posec3d_cli.testing.inputs import sample_sequence
from posec3d_cli.testing.rules import require, same
from posec3d_cli.types import Detections, Poses, VideoInfo

_SUFFIX = re.compile(r"\.[a-z0-9]+")


def check_pose_format(form: PoseFormat, examples: Sequence[Path] = (), *, tolerance: float = 1e-3) -> None:
    """Check a format of pose files.

    Args:
        form: the format.
        examples: files or folders of this format; one that only reads needs at least one.
        tolerance: largest difference, in pixels and in scores, between poses that were written and what is read.

    Raises:
        StageMismatch: it breaks the contract.
    """
    require(isinstance(form.name, str) and bool(form.name), f"name must be a text, got {form.name!r}")
    suffixes = form.suffixes
    fit = isinstance(suffixes, frozenset) and all(_SUFFIX.fullmatch(suffix) for suffix in suffixes)
    require(fit, f"suffixes must be a frozenset of texts as '.json', got {suffixes!r}")
    priority = getattr(form, "priority", DEFAULT_PRIORITY)
    require(isinstance(priority, int), f"priority must be a whole number, got {priority!r}")
    writes = getattr(form, "write", None) is not None
    require(writes or bool(examples), "a format that only reads is checked with an example")
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        other = folder / "of nobody.unknown"
        other.write_bytes(b"\x00")
        require(not form.matches(PoseSource(other)), f"matches must be False for a file of no format, {other.name}")
        require(not form.matches(PoseSource(folder)), "matches must be False for a folder that holds another file")
        for example in examples:
            _check_reading(form, example, folder)
        if writes:
            _check_writing(form, folder, tolerance)


def _check_reading(form: PoseFormat, example: Path, folder: Path) -> None:
    require(form.matches(PoseSource(example)), f"matches must be True for {example.name}")
    before = example.read_bytes() if example.is_file() else b""
    clips = _read(form, example)
    for one, other in zip(clips, _read(form, example), strict=True):
        _same_poses(one, other, 0, f"{example.name} a second time")
    if not example.is_file():
        return
    require(example.read_bytes() == before, f"read must not change {example.name}")
    for name, content in (("nothing", b""), ("half", before[: len(before) // 2]), ("bytes", bytes(range(256)))):
        damaged = folder / f"{name}{example.suffix}"
        damaged.write_bytes(content)
        try:
            if form.matches(PoseSource(damaged)):
                form.read(PoseSource(damaged))
        except BadPoseFile:
            continue
        except Exception as error:
            require(False, f"a damaged file ({name}) must be a BadPoseFile, got {type(error).__name__}: {error}")


def _check_writing(form: Any, folder: Path, tolerance: float) -> None:
    suffix = getattr(form, "suffix", None)
    fits = isinstance(suffix, str) and _SUFFIX.fullmatch(suffix) and suffix in form.suffixes
    require(bool(fits), f"suffix must be one of suffixes, in which written files end, got {suffix!r}")
    for number, people in enumerate((2, 1, 0)):
        video_poses = _sample_poses(people)
        part, target = folder / f"{number}.part", folder / f"{number}{suffix}"
        form.write(video_poses, part)
        require(part.is_file(), "write must write to the path that it is given, whatever its suffix is")
        part.rename(target)
        require(form.matches(PoseSource(target)), f"matches must be True for what write wrote ({people} people)")
        clips = _read(form, target)
        require(len(clips) == 1, f"one clip was written, {len(clips)} were read")
        _same_poses(clips[0], video_poses, tolerance, f"poses of {people} people that were written and read")


def _read(form: PoseFormat, path: Path) -> list[VideoPoses]:
    clips = form.read(PoseSource(path))
    fit = isinstance(clips, list) and bool(clips) and all(isinstance(clip, VideoPoses) for clip in clips)
    require(fit, f"read must give a list of VideoPoses that is not empty, got {clips!r}")
    names = [clip.skeleton.name for clip in clips]
    require(all(name == COCO_17.name for name in names), f"joints must be those of {COCO_17.name}, got {names}")
    return clips


def _same_poses(one: VideoPoses, other: VideoPoses, tolerance: float, name: str) -> None:
    require(len(one) == len(other), f"{name}: {len(other)} frames must stay as many, got {len(one)}")
    numbers = one.frame_indices.tolist(), other.frame_indices.tolist()
    require(numbers[0] == numbers[1], f"{name}: frame numbers {numbers[1]} must stay, got {numbers[0]}")
    for mine, yours in zip(one.poses, other.poses, strict=True):
        require(len(mine) == len(yours), f"{name}: {len(yours)} people in a frame must stay as many, got {len(mine)}")
        same(mine.scores, yours.scores, tolerance, f"{name}: scores")
        seen = yours.scores > 0
        same(mine.keypoints[seen], yours.keypoints[seen], tolerance, f"{name}: keypoints")


def _sample_poses(people: int) -> VideoPoses:
    """Some people in every frame of a clip."""
    sequence = sample_sequence(COCO_17, people=people)
    frames = len(sequence)
    low, high = sequence.keypoints.min(axis=2), sequence.keypoints.max(axis=2)
    boxes = np.concatenate([low, high], axis=-1)  # (M, T, 4)
    sure = np.linspace(0.9, 0.8, people, dtype=np.float32)
    video = VideoInfo(Path("sample.mp4"), 480, 360, Fraction(25), frames, frames / 25, "", 0, 0, False)
    return VideoPoses(
        video,
        np.arange(frames, dtype=np.int64),
        tuple(Detections(boxes[:, t], sure) for t in range(frames)),
        tuple(Poses(sequence.keypoints[:, t], sequence.scores[:, t]) for t in range(frames)),
        tuple(np.arange(people, dtype=np.int64) for _ in range(frames)),
        COCO_17,
    )


def check_output(table: TableFormat) -> None:
    """Check a format of result tables.

    Args:
        table: the format.

    Raises:
        StageMismatch: it breaks the contract.
    """
    columns = table.columns
    fit = columns is None or (isinstance(columns, tuple) and bool(columns) and set(columns) <= set(COLUMNS))
    require(fit, f"columns must be None or a tuple of some of {', '.join(COLUMNS)}, got {columns!r}")
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        for number, rows in enumerate((_sample_rows(columns), [])):
            before = [dict(row) for row in rows]
            path = folder / f"{number}.unfinished"
            table.write((row for row in rows), path)
            require(path.is_file(), "write must write to the path that it is given, whatever its suffix is")
            require(rows == before, "write must not change the rows")
            if rows and hasattr(table, "read"):
                _check_read_back(table.read(path), rows)
        try:
            table.write([], folder / "missing" / "table")
        except OSError:
            return
        except Exception as error:
            require(False, f"what cannot be written must be an OSError, got {type(error).__name__}: {error}")
        require(False, "what cannot be written must be an OSError")


def _check_read_back(found: Any, rows: Sequence[Row]) -> None:
    fit = isinstance(found, list) and all(isinstance(row, dict) for row in found)
    require(fit, f"read must give a list of dicts, got {type(found).__name__}")
    require(len(found) == len(rows), f"{len(rows)} rows were written, {len(found)} were read")
    for column in ("video", CORRECTED):
        there, wanted = _texts(found, column), _texts(rows, column)
        require(there == wanted, f"read must give back the column {column}, {wanted}, got {there}")


def _texts(rows: Iterable[Row], column: str) -> list[str]:
    return [plain(row.get(column) or "") for row in rows]


def _sample_rows(columns: tuple[str, ...] | None) -> list[Row]:
    """An answer with names that need care, and a failure."""
    found = {name: {str: 'wave, "twice"', float: 0.25, int: 3, bool: True}[kind] for name, kind in COLUMNS.items()}
    good: Row = found | {"video": "walk/é, 1.mp4", "status": "ok", CORRECTED: None}
    bad: Row = dict.fromkeys(COLUMNS) | {"video": "b.mp4", "status": "failed", "error": "no\nframe", CORRECTED: "sit"}
    if columns is None:
        return [good | {"labels": [{"label": "walk", "probability": 0.25}]}, bad | {"labels": []}]
    return [{name: row[name] for name in columns} for row in (good, bad)]
