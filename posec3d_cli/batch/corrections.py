"""Corrections in the table of an earlier run are kept; other changes are overwritten only on request.

A table may have gone through a spreadsheet meanwhile: cells are compared as values, not as bytes.
"""

from __future__ import annotations

import csv
import math
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

from posec3d_cli.batch.state import RunState
from posec3d_cli.errors import OutputExists, counted
from posec3d_cli.output.tables import (
    CORRECTED,
    Corrections,
    TimedResult,
    can_be_read,
    plain,
    read_table,
    row_name,
    rows_of,
    segment_rows,
    write_table,
)

_MAX_ROWS_NAMED = 5  # rows that a message names
_TOLERANCE = 0.006  # spreadsheets save what they show: two digits, or whole per cent
_TRUTH = {"true": True, "yes": True, "1": True, "1.0": True, "false": False, "no": False, "0": False, "0.0": False}
Row = Mapping[str, Any]


def write_results(
    path: Path,
    results: Iterable[TimedResult],
    run_state: RunState,
    *,
    timeline: bool = False,
    min_score: float = 0.0,
    overwrite: bool = False,
) -> None:
    """Write the results table of a run with the corrections of the table that is there.

    The run state holds the scores, and the labels are made of them here: another `min_score` holds for every row.
    With `timeline` there is a row per segment.

    Raises:
        OutputExists, OutputError: as `kept_corrections`, or the table cannot be written.
    """
    corrections = kept_corrections(path, run_state, overwrite=overwrite)
    rows = (segment_rows if timeline else rows_of)(path, results, corrections, min_score=min_score)
    run_state.keep_corrections(corrections)
    before = run_state.keep_rows(rows)
    write_table(path, run_state.rows(after=before))
    run_state.drop_rows(before)
    run_state.wrote(path)


def kept_corrections(path: Path, run_state: RunState, *, overwrite: bool = False) -> Corrections:
    """The corrections of the table that is there, and those of rows that it lacks at present.

    Args:
        path: the table; there may be none.
        run_state: of the run that wrote it.
        overwrite: other changes may be overwritten.

    Raises:
        OutputExists: the table holds other changes; they are named.
        OutputError: the table cannot be read.
    """
    corrections = run_state.corrections()
    if not path.exists():
        return corrections
    if not can_be_read(path):
        if overwrite:
            return corrections
        raise OutputExists(
            f"{path} is already there, and corrections in {path.suffix} files cannot be read back",
            hint="move it away; or say --overwrite to replace it",
        )
    if run_state.made(path):  # as it was written: its corrections are in the state
        return corrections
    try:
        rows = read_table(path)
    except (ValueError, KeyError, csv.Error) as error:
        if overwrite:
            return corrections
        raise OutputExists(
            f"{path} is no longer the table that the last run wrote: {error}",
            hint="move it away; or say --overwrite to replace it",
        ) from error
    changed = [] if overwrite else _changes(rows, run_state)
    if changed:
        more = f" and {len(changed) - _MAX_ROWS_NAMED} more" if len(changed) > _MAX_ROWS_NAMED else ""
        where = f"{counted(len(changed), 'row')}: {'; '.join(changed[:_MAX_ROWS_NAMED])}{more}"
        raise OutputExists(
            f"{path} was changed since it was written, in {where}",
            hint=f"put right labels into the column {CORRECTED}, which is kept, and take the other changes back; "
            "or say --overwrite to lose them",
        )
    seen: Counter[str] = Counter()
    for row in rows:
        name = row_name(row)
        key = (name, seen[name])
        seen[name] += 1
        if CORRECTED in row:
            corrections.pop(key, None)
            if not _is_blank(row[CORRECTED]):
                corrections[key] = plain(row[CORRECTED])
    return corrections


def _changes(rows: Sequence[Row], run_state: RunState) -> list[str]:
    """The differences from the rows that were written, a few words per row."""
    written: dict[str, list[Row]] = {}
    for earlier in run_state.rows():
        written.setdefault(row_name(earlier), []).append(earlier)
    changed = []
    times: Counter[str] = Counter()
    for row in rows:
        times[row_name(row)] += 1
        versions = written.get(row_name(row))
        if versions is None or times[row_name(row)] > len(versions):
            changed.append(f"{row_name(row)!r} was added")
        elif all(_differing(version, row) for version in versions):
            changed.append(f"{row_name(row)} ({', '.join(_differing(versions[-1], row))})")
    return changed


def _differing(written: Row, row: Row) -> list[str]:
    """The columns in which a row holds something else than was written; a column that was removed holds nothing."""
    return [
        name
        for name, cell in row.items()
        if name != CORRECTED and not (_same(written[name], cell) if name in written else _is_blank(cell))
    ]


def _same(ours: Any, theirs: Any) -> bool:
    if _is_blank(ours):
        return _is_blank(theirs)
    if isinstance(ours, bool):
        # Spreadsheets spell truth in the language of their owner.
        return _TRUTH.get(plain(theirs).lower(), ours) == ours
    if isinstance(ours, int | float):
        return _same_number(ours, theirs)
    if isinstance(ours, dict):
        return isinstance(theirs, dict) and not _differing(ours, theirs)
    if isinstance(ours, list):
        return isinstance(theirs, list) and len(ours) == len(theirs) and all(map(_same, ours, theirs))
    return plain(ours) == plain(theirs)


def _same_number(ours: float, theirs: Any) -> bool:
    text = plain(theirs)
    share = text.endswith("%")
    try:
        number = float(text.removesuffix("%").replace(",", ".")) / (100 if share else 1)
    except ValueError:
        return False
    return math.isclose(ours, number, rel_tol=_TOLERANCE, abs_tol=_TOLERANCE)


def _is_blank(cell: Any) -> bool:
    return cell is None or cell in ([], {}) or (isinstance(cell, str) and not cell.strip())
