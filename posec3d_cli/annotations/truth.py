"""truth.csv: labeled segments as people set them, one per row."""

from __future__ import annotations

import csv
import datetime
import os
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

from posec3d_cli.annotations.segments import AnnotatedVideo, Segment, segment_label
from posec3d_cli.errors import BadDataset
from posec3d_cli.files.csv_tables import read_csv
from posec3d_cli.files.writing import atomic_write, printable

COLUMNS = ("video", "label", "start", "end", "person", "reviewer", "time", "start_seconds", "end_seconds")
"""Of the table; a row without start and end is about the whole video, one without person about everybody.

Start and end are frames, from 0, the end being the frame after the last; the seconds are for people.
"""


@dataclass(frozen=True)
class TruthRow:
    """A row of the table.

    Attributes:
        line: of the file, from 1.
        video: path or name.
        label: the action.
        start: first frame; None: that of the video.
        end: the frame after the last; None: the end of the video.
        person: whose action it is; may be empty.
        reviewer: who set it; may be empty.
        time: when; may be empty.
    """

    line: int
    video: str
    label: str
    start: int | None
    end: int | None
    person: str
    reviewer: str
    time: str

    def segment(self, frames: int) -> Segment:
        """The segment in a video of so many frames.

        Raises:
            BadDataset: it is empty, or not in the video.
        """
        start, stop = self.start or 0, frames if self.end is None else self.end
        if not start < stop <= frames:
            raise BadDataset(
                f"line {self.line}: {self.label!r} is at frames {start} to {stop}, and the video has {frames}",
                hint="start is the first frame, counted from 0, end the frame after the last",
            )
        return Segment(self.label, start, stop, self.person, None, True, self.reviewer, self.time)


def is_truth(path: Path) -> bool:
    """Whether a file is a table of labeled segments, rather than of predictions."""
    if path.suffix.lower() != ".csv":
        return False
    headings = set(read_csv(path, ("video",)).headings)
    return "label" in headings and not {"status", "score"} & headings


def read_truth(path: Path) -> list[TruthRow]:
    """The rows of a table with the columns video,label and perhaps the others of `COLUMNS`.

    Raises:
        BadDataset: it cannot be used.
    """
    table = read_csv(path, ("video", "label"))
    rows = []
    for row in table.rows:
        label = segment_label(row["label"])
        if not row["video"] or not label:
            raise BadDataset(f"{path}: line {row.line} lacks a {'video' if label else 'label'}")
        start, end = (_frame(row[key], path, row.line, key) for key in ("start", "end"))
        rows.append(TruthRow(row.line, row["video"], label, start, end, row["person"], row["reviewer"], row["time"]))
    return rows


def _frame(cell: str, path: Path, line: int, key: str) -> int | None:
    if not cell:
        return None
    if not (cell.isascii() and cell.isdigit()):
        raise BadDataset(f"{path}: line {line}: {key} must be a frame number, 0 or more, got {cell!r}")
    return int(cell)


def write_truth(path: Path, videos: Iterable[AnnotatedVideo], *, overwrite: bool = False) -> int:
    """Write the segments of videos; returns how many rows it has.

    A video below the folder of the table is named by its path there, another one by its whole path.

    Raises:
        OutputExists, OutputError: see `posec3d_cli.files.writing.atomic_write`.
    """
    count = 0
    with atomic_write(path, overwrite=overwrite) as part, part.open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(COLUMNS)
        for video in videos:
            name = path_in_table(video.path, path)
            for one in video.segments:
                edges = () if (one.start, one.stop) == (0, len(video.times)) else (one.start, one.stop)
                frames, seconds = edges or ("", ""), [f"{video.times.seconds(edge):.6f}" for edge in edges] or ["", ""]
                writer.writerow([name, one.label, *frames, one.person, one.reviewer, one.time, *seconds])
                count += 1
    return count


def path_in_table(path: Path, table: Path) -> str:
    """How a table names a file: relative to the table's folder if it lies below it, else absolute."""
    absolute, folder = os.path.abspath(path), os.path.abspath(table.parent)
    if os.path.commonpath([absolute, folder]) == folder:
        absolute = os.path.relpath(absolute, folder)
    return printable(Path(absolute).as_posix())


def modified(path: Path) -> str:
    """When a file was written, as ISO 8601 in UTC."""
    return datetime.datetime.fromtimestamp(path.stat().st_mtime, datetime.UTC).isoformat(timespec="seconds")


def in_order(segments: Sequence[Segment]) -> tuple[Segment, ...]:
    """Segments by start, each once."""
    return tuple(sorted(dict.fromkeys(segments), key=lambda one: (one.start, one.stop, one.person, one.label)))
