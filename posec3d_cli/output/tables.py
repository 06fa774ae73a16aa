"""Results of a batch run as one table, in the format that the suffix of the file names.

A format is an object that an entry point in the group `posec3d.outputs` names; the name of the entry point is the
suffix without its dot. How to add one: docs/plugins.md.
"""

from __future__ import annotations

import unicodedata
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from itertools import chain, islice
from pathlib import Path
from typing import Any, Protocol

from posec3d_cli.answers import segment_values
from posec3d_cli.errors import OutputError, PoseC3DError, StageError
from posec3d_cli.files.writing import atomic_write, printable
from posec3d_cli.output.json import VERSION
from posec3d_cli.registry import OUTPUTS, Entry
from posec3d_cli.results import UNKNOWN, ClipResult, best_known

SCHEMA = "posec3d/label"
"""Of a line of JSON, with the version of `posec3d_cli.output.json`, and of a Parquet file."""
CORRECTED = "corrected"
"""The column in which people correct labels."""
COLUMNS = {
    "video": str, "status": str, "label": str, CORRECTED: str, "score": float, "margin": float, "doubtful": bool,
    "guess": str, "label_2": str, "score_2": float, "label_3": str, "score_3": float, "frames": int, "tracks": int,
    "main_people": int, "seconds": float, "error": str,
}  # fmt: skip
"""The type of each column; a cell may be empty."""
SEGMENT_COLUMNS = {
    "video": str, "status": str, "start": int, "end": int, "start_seconds": float, "end_seconds": float, "person": int,
    "label": str, CORRECTED: str, "score": float, "guess": str, "repetitions": int, "error": str,
}  # fmt: skip
"""The same of a table with a row per segment: `start` is a frame, counted from 0, `end` the frame after the last."""
SEGMENT_SCHEMA = "posec3d/segment"
"""Of a line of JSON and of a Parquet file with a row per segment."""
DOUBTFUL_SCORE = 0.5
"""An answer that scores less is doubtful."""
DOUBTFUL_MARGIN = 0.2
"""An answer that leads the next by less is doubtful."""
MAIN_SHARE = 0.1
"""The minimum weight, or share of the frames, of the main people."""
Row = dict[str, Any]
"""A row of a table: cells by column."""
TimedResult = tuple[ClipResult, float]
"""The result of a clip, and the seconds that its video took."""


class TableFormat(Protocol):
    """The interface of table formats: how result tables of one suffix are written.

    A method `read(path)`, which gives the rows as they were written, is optional. It lets people correct the table:
    without it a table that is there is replaced only with --overwrite. It raises ValueError if the file is no such
    table.
    """

    @property
    def columns(self) -> tuple[str, ...] | None:
        """The columns that it writes, some of `COLUMNS`; None: everything that `predict --json` says of a clip.

        A format that writes all of `COLUMNS`, or None, also writes tables of segments: rows with `SEGMENT_COLUMNS`.
        """

    def write(self, rows: Iterable[Row], path: Path) -> None:
        """Write the rows to `path`, whatever its suffix is, because files get their name when they are whole.

        Args:
            rows: per clip a value of each of `columns`; None where a cell is empty.
            path: a new file, whose content is replaced.

        Raises:
            OSError: it cannot be written.
        """


def suffixes() -> tuple[str, ...]:
    """The suffixes of tables that can be written."""
    return tuple(f".{name}" for name in OUTPUTS.names())


def format_of(path: Path) -> TableFormat:
    """The format of a table, by its suffix.

    Raises:
        OutputError: the suffix is unknown, or its package is not installed.
    """
    suffix = path.suffix.lower()
    if suffix not in suffixes():
        raise OutputError(f"{path} has no suffix of a table", hint=f"one of {', '.join(suffixes())}")
    try:
        found: TableFormat = OUTPUTS.load(suffix.removeprefix("."))
    except StageError as error:
        raise OutputError(f"{path} cannot be written: {error.what}", hint=error.hint) from error
    return found


def check_table(path: Path, *, timeline: bool = False) -> None:
    """Refuse a file that cannot be written in the end, before hours are spent.

    Args:
        path: the table.
        timeline: it shall have a row per segment.

    Raises:
        OutputError: its suffix is another, it is a folder, its folder is missing, or a package is.
    """
    columns = format_of(path).columns
    if path.is_dir():
        raise OutputError(f"{path} is a folder", hint="name a file in it")
    if not path.parent.is_dir():
        raise OutputError(f"{path}: there is no folder {path.parent}", hint="make it first")
    if unknown := [name for name in columns or () if name not in COLUMNS]:
        raise OutputError(
            f"{path} cannot be written: its format wants a column {unknown[0]!r}", hint=f"one of {', '.join(COLUMNS)}"
        )
    if timeline and columns is not None and set(columns) != set(COLUMNS):
        raise OutputError(f"{path}: this format has no rows per segment", hint="name a .csv, .jsonl or .parquet file")


def segment_rows(
    path: Path, some: Iterable[TimedResult], corrections: Corrections, *, min_score: float = 0.0
) -> Iterator[Row]:
    """As `rows_of`, a row per segment; a clip that failed is one row."""
    extra = {} if format_of(path).columns is not None else {"schema": SEGMENT_SCHEMA, "version": VERSION}
    for result, _ in some:
        whole = row((result, 0.0), min_score=min_score)
        shared = {name: whole[name] for name in ("video", "status", "error")}
        found: list[Row] = [shared]
        if result.error is None:
            values = (segment_values(one, result.video, 1, min_score) for one in result.segments)
            found = [shared | _segment_cells(one) for one in values]
        for cells in found:
            full: Row = dict.fromkeys(SEGMENT_COLUMNS) | cells
            full[CORRECTED] = corrections.get((row_name(full), 0))
            yield extra | full


def of_segments(rows: Iterable[Row]) -> tuple[Iterator[Row], bool]:
    """The rows, and whether they are those of `segment_rows`, which the first one tells."""
    source = iter(rows)
    first = list(islice(source, 1))
    return chain(first, source), bool(first) and "start" in first[0]


def _segment_cells(values: Mapping[str, Any]) -> Row:
    return {
        "start": values["start_frame"],
        "end": values["stop_frame"],
        "start_seconds": values["start_seconds"],
        "end_seconds": values["stop_seconds"],
        "person": values["person"],
        "label": values["label"],
        "score": values["probability"],
        "guess": values["guess"]["label"] if values["guess"] else None,
        "repetitions": values["repetitions"],
    }


def is_segment(cells: Mapping[str, Any]) -> bool:
    """Whether a row is one of a table of segments, and has a segment."""
    return "status" in cells and all(cells.get(name) not in (None, "") for name in ("start", "end"))


def row_name(cells: Mapping[str, Any]) -> str:
    """What a row is known by: the name of the clip, and of a segment also its frames and its person."""
    name = plain(cells["video"])
    if not is_segment(cells):
        return name
    person = cells.get("person")
    whose = "" if person in (None, "") else f", person {_whole(person)}"
    return f"{name} [{_whole(cells['start'])}:{_whole(cells['end'])}{whose}]"


def _whole(cell: Any) -> str:
    """A whole number as text; spreadsheets may write 3 as 3.0."""
    return plain(cell).removesuffix(".0")


def rows_of(
    path: Path, some: Iterable[TimedResult], corrections: Corrections, *, min_score: float = 0.0
) -> Iterator[Row]:
    """The rows of a table, as its format wants them: cells by column, or the entry of each clip.

    Args:
        path: the table.
        some: the results.
        corrections: what people set right.
        min_score: where the best action scores less, the label is `unknown`.
    """
    columns = format_of(path).columns
    seen: Counter[str] = Counter()
    for result, seconds in some:
        cells = row((result, seconds), min_score=min_score)
        name = row_name(cells)
        cells[CORRECTED] = corrections.get((name, seen[name]))
        seen[name] += 1
        if columns is not None:
            cells = {name: cells[name] for name in columns}
        else:
            ours = {name: cells[name] for name in (CORRECTED, "margin", "doubtful", "tracks", "main_people")}
            cells = {"schema": SCHEMA, "version": VERSION, **result.to_dict(min_score=min_score), **ours}
        yield cells


def write_table(path: Path, rows: Iterable[Row]) -> None:
    """Write a file whole or not at all; one that is there is replaced.

    Args:
        path: the table; its suffix says how.
        rows: of `rows_of`.

    Raises:
        OutputError: it cannot be written.
    """
    table = format_of(path)
    with atomic_write(path, overwrite=True) as part:
        try:
            table.write(rows, part)
        except (OSError, PoseC3DError):
            raise
        except Exception as error:
            if _entry(path).built_in:
                raise
            hint = "name a table with another suffix; what is answered is not done again"
            raise OutputError(f"{path} cannot be written: {_failure(path, error)}", hint=hint) from error


def can_be_read(path: Path) -> bool:
    """Whether the format of a table reads it back."""
    return hasattr(format_of(path), "read")


def read_table(path: Path) -> list[Row]:
    """The rows of a table whose format `can_be_read`, as a person or a spreadsheet left them.

    Raises:
        ValueError, csv.Error: it is no table of this format.
        OutputError: it cannot be read.
    """
    table: Any = format_of(path)
    try:
        rows: list[Row] = table.read(path)
    except OSError as error:
        raise OutputError(f"{path} cannot be read: {error.strerror or error}") from error
    except Exception as error:
        if _entry(path).built_in:
            raise
        raise ValueError(_failure(path, error)) from error
    if any(not isinstance(row, dict) or "video" not in row for row in rows):
        raise ValueError("it lacks the column video")
    return rows


def row(timed: TimedResult, *, min_score: float = 0.0) -> Row:
    """The cells of a clip, by column; None where it is empty."""
    result, seconds = timed
    cells: Row = dict.fromkeys(COLUMNS)
    cells |= {"video": printable(result.name or result.path), "status": result.status, "seconds": round(seconds, 3)}
    if result.error is not None:
        return cells | {"error": printable(result.error.what) or None}
    cells |= {"frames": result.frames_used, "tracks": len(result.people), "main_people": _main(result)}
    cells["error"] = "; ".join(f"warning: {text}" for text in result.warnings) or None
    if result.scores is None:
        return cells
    for place, (label, probability) in zip(("", "_2", "_3"), result.scores.top(3), strict=False):
        cells |= {f"label{place}": label, f"score{place}": round(probability, 6)}
    cells["margin"] = round(cells["score"] - (cells["score_2"] or 0.0), 6)
    cells["doubtful"] = cells["score"] < DOUBTFUL_SCORE or cells["margin"] < DOUBTFUL_MARGIN
    if is_unknown(result, min_score):
        cells |= {"label": UNKNOWN, "guess": best_known(result.scores)[0]}
    return cells


def plain(cell: Any) -> str:
    """Normalize the text of a cell: composed Unicode (NFC), single blanks."""
    return " ".join(unicodedata.normalize("NFC", str(cell)).split())


def is_unknown(result: ClipResult, min_score: float) -> bool:
    """Whether a person was found, and the action is not named."""
    return result.answer(min_score) == UNKNOWN


def _main(result: ClipResult) -> int:
    """The people who decide the answer; where the classifier reads all together, those who are seen long enough."""
    weights = [person.weight for person in result.people]
    if not any(weights):
        weights = [person.frames / result.frames_used for person in result.people]
    return sum(1 for weight in weights if weight >= MAIN_SHARE)


def _entry(path: Path) -> Entry:
    return OUTPUTS.entry(path.suffix.lower().removeprefix("."))


def _failure(path: Path, error: Exception) -> str:
    """The error of a table format of another package, in words."""
    entry = _entry(path)
    return f"the output {entry.name!r} of {entry.package} failed: {type(error).__name__}: {error}"


Corrections = Mapping[tuple[str, int], str]
"""What people set right, by the name of the row and, where several rows have one name, its number among them."""
