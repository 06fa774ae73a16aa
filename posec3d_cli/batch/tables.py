"""The outcomes of a run as one file: CSV, JSON lines or Parquet, by its suffix."""

from __future__ import annotations

import csv
import importlib.util
import json
import os
from collections.abc import Callable, Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any

from posec3d_cli.batch.files import settle
from posec3d_cli.batch.find import Found
from posec3d_cli.batch.ledger import Ledger, error_of, status_of
from posec3d_cli.batch.run import Todo
from posec3d_cli.errors import OutputError
from posec3d_cli.output import with_answers

COLUMNS = {
    "video": str, "status": str, "label": str, "score": float, "guess": str, "label_2": str, "score_2": float,
    "label_3": str, "score_3": float, "frames": int, "people": int, "seconds": float, "error": str,
}  # fmt: skip
"""Of each column what it holds; a cell may be empty."""
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
        raise OutputError(f"{path} needs pyarrow, which is not installed", hint="pip install 'posec3d-cli[parquet]'")


def outcomes(
    found: Sequence[Found], todo: Iterable[Todo], ledger: Ledger, *, min_score: float = 0.0
) -> Iterator[Outcome]:
    """The outcomes of the videos that are not to be done any more, in the order of `found`, one per clip.

    The ledger holds the scores, and the answers are made of them here: another `min_score` holds for every row.
    """
    waiting = {one.found.path for one in todo}
    for video in found:
        record = None if video.path in waiting else ledger.get(video.path)
        if record is not None:
            yield from ((with_answers(entry, min_score), record.seconds) for entry in record.entries)


def write_table(path: Path, some: Iterable[Outcome]) -> None:
    """Write a file whole or not at all; one that is there is replaced.

    Raises:
        OutputError: it cannot be written.
    """
    write: dict[str, Callable[[Path, Iterable[Outcome]], None]] = {
        ".csv": _write_csv,
        ".jsonl": _write_json_lines,
        ".parquet": _write_parquet,
    }
    part = path.with_name(f".{path.name}.unfinished")
    try:
        write[path.suffix.lower()](part, some)
    except OSError as error:
        raise OutputError(f"{path} cannot be written: {error.strerror or error}", hint="free some space") from error
    settle(part, path)


def row(outcome: Outcome) -> dict[str, Any]:
    """The cells of a clip, by column; None where it is empty."""
    entry, seconds = outcome
    cells: dict[str, Any] = dict.fromkeys(COLUMNS)
    cells |= {"video": entry["video"], "status": status_of(entry), "seconds": round(seconds, 3)}
    cells |= {"frames": entry.get("frames_used"), "people": entry.get("people_found")}
    cells["error"] = error_of(entry) or "; ".join(f"warning: {text}" for text in entry.get("warnings", ())) or None
    for place, best in zip(("", "_2", "_3"), entry.get("labels", ()), strict=False):
        cells |= {f"label{place}": best["label"], f"score{place}": best["probability"]}
    if is_unknown(entry):
        cells |= {"label": entry["answer"], "guess": cells["label"]}
    return cells


def is_unknown(entry: dict[str, Any]) -> bool:
    """Whether somebody was found, and what is done scores too little to be named."""
    return bool(entry.get("labels")) and entry["answer"] != entry["labels"][0]["label"]


def _write_csv(path: Path, some: Iterable[Outcome]) -> None:
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.DictWriter(file, COLUMNS, lineterminator="\n")
        writer.writeheader()
        writer.writerows(map(row, some))


def _write_json_lines(path: Path, some: Iterable[Outcome]) -> None:
    with path.open("w", encoding="utf-8") as file:
        file.writelines(json.dumps(entry) + "\n" for entry, _ in some)


def _write_parquet(path: Path, some: Iterable[Outcome]) -> None:
    import pyarrow as pa
    from pyarrow import parquet

    types = {str: pa.string(), float: pa.float64(), int: pa.int64()}
    schema = pa.schema([(name, types[kind]) for name, kind in COLUMNS.items()])
    parquet.write_table(pa.Table.from_pylist([row(one) for one in some], schema=schema), os.fspath(path))
