"""Results of a batch run as a table: CSV, JSON lines or Parquet, by the suffix of the file."""

from __future__ import annotations

import csv
import importlib.util
import json
import os
import unicodedata
from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import Any

from posec3d_cli.errors import OutputError
from posec3d_cli.files.writing import atomic_write
from posec3d_cli.output.json import VERSION
from posec3d_cli.runtime.installation import how_to_add

SCHEMA = "posec3d/label"
"""Of a line of JSON, with the version of `posec3d_cli.output.json`, and of a Parquet file."""
CORRECTED = "corrected"
"""The column that belongs to people."""
COLUMNS = {
    "video": str, "status": str, "label": str, CORRECTED: str, "score": float, "margin": float, "doubtful": bool,
    "guess": str, "label_2": str, "score_2": float, "label_3": str, "score_3": float, "frames": int, "tracks": int,
    "main_people": int, "seconds": float, "error": str,
}  # fmt: skip
"""Of each column what it holds; a cell may be empty."""
DOUBTFUL_SCORE = 0.5
"""An answer that scores less is doubtful."""
DOUBTFUL_MARGIN = 0.2
"""An answer that leads the next by less is doubtful."""
MAIN_SHARE = 0.1
"""The least part in the answer, or in the frames, of somebody who counts among the main people."""
SUFFIXES = (".csv", ".jsonl", ".parquet")
Outcome = tuple[dict[str, Any], float]
"""The entry of a clip, and the seconds that its video took."""


def check_table(path: Path) -> None:
    """Refuse a file that cannot be written in the end, before hours are spent.

    Raises:
        OutputError: its suffix is another, it is a folder, its folder is missing, or a package is.
    """
    suffix = path.suffix.lower()
    if suffix not in SUFFIXES:
        raise OutputError(f"{path} has no suffix of a table", hint=f"one of {', '.join(SUFFIXES)}")
    if path.is_dir():
        raise OutputError(f"{path} is a folder", hint="name a file in it")
    if not path.parent.is_dir():
        raise OutputError(f"{path}: there is no folder {path.parent}", hint="make it first")
    if suffix == ".parquet" and importlib.util.find_spec("pyarrow") is None:
        raise OutputError(f"{path} needs pyarrow, which is not installed", hint=how_to_add("parquet"))


def rows_of(path: Path, some: Iterable[Outcome], corrections: Corrections) -> list[dict[str, Any]]:
    """The rows of a table, as its suffix wants them: cells by column, or, for JSON lines, the entry of each clip.

    Args:
        path: the table.
        some: the outcomes.
        corrections: what people set right.
    """
    seen: Counter[str] = Counter()
    rows = []
    for entry, seconds in some:
        name = plain(entry["video"])
        key = (name, seen[name])
        seen[name] += 1
        cells = row((entry, seconds)) | {CORRECTED: corrections.get(key)}
        if path.suffix.lower() == ".jsonl":
            ours = {name: cells[name] for name in (CORRECTED, "margin", "doubtful", "tracks", "main_people")}
            cells = {"schema": SCHEMA, "version": VERSION, **entry, **ours}
        rows.append(cells)
    return rows


def write_table(path: Path, rows: Iterable[dict[str, Any]]) -> None:
    """Write a file whole or not at all; one that is there is replaced.

    Args:
        path: the table; its suffix says how.
        rows: of `rows_of`.

    Raises:
        OutputError: it cannot be written.
    """
    write: dict[str, Callable[[Path, Iterable[dict[str, Any]]], None]] = {
        ".csv": _write_csv,
        ".jsonl": _write_json_lines,
        ".parquet": _write_parquet,
    }
    with atomic_write(path, overwrite=True) as part:
        write[path.suffix.lower()](part, rows)


def row(outcome: Outcome) -> dict[str, Any]:
    """The cells of a clip, by column; None where it is empty."""
    entry, seconds = outcome
    cells: dict[str, Any] = dict.fromkeys(COLUMNS)
    cells |= {"video": entry["video"], "status": status_of(entry), "seconds": round(seconds, 3)}
    cells |= {"frames": entry.get("frames_used"), "tracks": entry.get("people_found"), "main_people": _main(entry)}
    cells["error"] = error_of(entry) or "; ".join(f"warning: {text}" for text in entry.get("warnings", ())) or None
    for place, best in zip(("", "_2", "_3"), entry.get("labels", ()), strict=False):
        cells |= {f"label{place}": best["label"], f"score{place}": best["probability"]}
    if entry.get("labels"):
        cells["margin"] = round(cells["score"] - (cells["score_2"] or 0.0), 6)
        cells["doubtful"] = cells["score"] < DOUBTFUL_SCORE or cells["margin"] < DOUBTFUL_MARGIN
    if is_unknown(entry):
        cells |= {"label": entry["answer"], "guess": cells["label"]}
    return cells


def plain(cell: Any) -> str:
    """The text of a cell in one of the ways in which it can be written: composed, and with single blanks."""
    return " ".join(unicodedata.normalize("NFC", str(cell)).split())


def is_unknown(entry: dict[str, Any]) -> bool:
    """Whether somebody was found, and what is done scores too little to be named."""
    return bool(entry.get("labels")) and entry["answer"] != entry["labels"][0]["label"]


def _main(entry: dict[str, Any]) -> int | None:
    """The people who decide the answer; where the classifier reads all together, those who are seen long enough."""
    if "people" not in entry:
        return None
    weights = [person["weight"] for person in entry["people"]]
    if not any(weights):
        weights = [person["frames"] / entry["frames_used"] for person in entry["people"]]
    return sum(1 for weight in weights if weight >= MAIN_SHARE)


def _write_csv(path: Path, rows: Iterable[dict[str, Any]]) -> None:
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(COLUMNS)
        for cells in rows:
            values = (cells[name] for name in COLUMNS)
            writer.writerow([str(value).lower() if isinstance(value, bool) else value for value in values])


def _write_json_lines(path: Path, rows: Iterable[dict[str, Any]]) -> None:
    with path.open("w", encoding="utf-8") as file:
        file.writelines(json.dumps(entry) + "\n" for entry in rows)


def _write_parquet(path: Path, rows: Iterable[dict[str, Any]]) -> None:
    import pyarrow as pa
    from pyarrow import parquet

    types = {str: pa.string(), float: pa.float64(), int: pa.int64(), bool: pa.bool_()}
    columns = [(name, types[kind]) for name, kind in COLUMNS.items()]
    schema = pa.schema(columns, metadata={"schema": SCHEMA, "version": str(VERSION)})
    parquet.write_table(pa.Table.from_pylist(list(rows), schema=schema), os.fspath(path))


Corrections = Mapping[tuple[str, int], str]
"""What people set right, by the name of the row and, where several rows have one name, its number among them."""


def status_of(entry: dict[str, Any]) -> str:
    """OK, NO_PERSON or FAILED."""
    return str(entry["status"])


def error_of(entry: dict[str, Any]) -> str:
    """Why a clip failed, or an empty text."""
    return str(entry["error"]["what"]) if "error" in entry else ""
