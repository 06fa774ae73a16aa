"""The rows to review: of a table with predictions or labels, or the videos of a folder."""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from itertools import groupby
from pathlib import Path
from typing import Any

from posec3d_cli.batch.find import InputFile, find
from posec3d_cli.batch.lock import state_of
from posec3d_cli.batch.own import without_own
from posec3d_cli.batch.state import RunState
from posec3d_cli.datasets.clips import BACKGROUND
from posec3d_cli.errors import BadDataset
from posec3d_cli.files.csv_tables import CSV_SUFFIXES, Row, read_csv
from posec3d_cli.files.input_paths import as_given, problem_of
from posec3d_cli.files.relative_paths import RelativePaths
from posec3d_cli.files.writing import printable
from posec3d_cli.labels import clean_label
from posec3d_cli.output.tables import CORRECTED, is_segment, plain
from posec3d_cli.results import FAILED, NO_PERSON, UNKNOWN, ClipResult
from posec3d_cli.review.decisions import PAIR, Span

_OTHER_TABLES = (".jsonl", ".parquet")


@dataclass(frozen=True)
class PredictedSegment:
    """A segment of a table of `label --timeline`.

    Attributes:
        span: see there.
        label: the correction that the table holds, else the prediction.
        score: of the prediction; None where there is none, or it was corrected.
        guess: where the prediction is `unknown`, what it would have been.
    """

    span: Span
    label: str
    score: float | None = None
    guess: str = ""


@dataclass(frozen=True)
class ReviewRow:
    """A clip to review.

    Attributes:
        id: its place in the table, from 0.
        name: of the clip, as the table has it.
        number: of the row among rows of that name, from 0.
        path: the video or pose file; None where it cannot be found.
        status: "ok", "no_person", "failed", or empty where nothing was predicted.
        label: the prediction, or the label of the table; empty where there is none.
        score: of the prediction; None where there is none.
        guess: where the prediction is `unknown`, what it would have been.
        others: the next best labels with their scores.
        corrected: the correction that the table holds; empty where it holds none.
        error: why it failed, or what speaks against the prediction.
        run: the table whose run made the prediction, and the row's name there; None: the table under review.
        segments: what was predicted from when to when; empty where the table has no rows per segment.
    """

    id: int
    name: str
    number: int
    path: Path | None
    status: str = ""
    label: str = ""
    score: float | None = None
    guess: str = ""
    others: tuple[tuple[str, float | None], ...] = ()
    corrected: str = ""
    error: str = ""
    run: tuple[Path, str] | None = None
    segments: tuple[PredictedSegment, ...] = ()

    @property
    def key(self) -> tuple[str, int]:
        """Name and number, which events know the row by."""
        return self.name, self.number

    @property
    def uncertainty(self) -> tuple[int, float]:
        """For sorting, the least certain first: failures, answers by their scores, rows without a prediction."""
        if self.status in (FAILED, NO_PERSON):
            return (0, 0.0) if self.status == FAILED else (1, 0.0)
        return (2, self.score) if self.score is not None else (3, 0.0)


def load_rows(source: Path, root: Path | None = None) -> list[ReviewRow]:
    """The rows of a CSV table with a column video, or the videos and pose files below a folder.

    Args:
        source: the table or folder. Where `posec3d label` wrote the table, its state says where the files lie.
        root: where the relative paths of the table begin.

    Raises:
        BadDataset: the table cannot be used.
        InputError: the folder holds no video.
    """
    if source.is_dir():
        files, _ = without_own(find([source], poses=True))
        return [ReviewRow(number, printable(file.name), 0, file.path) for number, file in enumerate(files)]
    if not source.exists():
        _, hint = problem_of(source) or ("", "")
        raise BadDataset(f"there is no table and no folder {as_given(source)}", hint=hint)
    if source.suffix.lower() not in CSV_SUFFIXES:
        what = "a table that cannot be read back" if source.suffix.lower() in _OTHER_TABLES else "no CSV table"
        raise BadDataset(f"{source} is {what}", hint="`posec3d label -o labels.csv` writes one; or name a folder")
    known = _paths_of_run(source)
    paths = RelativePaths(source, root)
    seen: Counter[str] = Counter()
    rows: list[ReviewRow] = []
    for name, group in groupby(read_csv(source, ("video",)).rows, key=lambda cells: plain(cells["video"])):
        same = list(group)
        if not name:
            raise BadDataset(f"{source}: line {same[0].line} lacks a video")
        has_segments = all(is_segment(one.cells) for one in same)
        segments = tuple(_segments(source, same)) if has_segments else ()
        for cells in [_of_clip(same)] if has_segments else same:
            row = _row(len(rows), name, seen[name], known.get(name) or paths.find(cells["video"]), cells)
            rows.append(replace(row, segments=segments))
            seen[name] += 1
    return rows


def result_of(source: Path, row: ReviewRow, min_score: float = 0.0) -> Mapping[str, Any] | None:
    """What the run that wrote the table knows of a row, as `predict --json` says it; None where there is no run."""
    table, name = (source, row.name) if row.run is None else row.run
    state = state_of(table)
    if row.path is None or not state.exists():
        return None
    with RunState(state) as run_state:
        record = run_state.get(row.path)
    results = [] if record is None else record.result.results
    same = [one for one in results if isinstance(one, ClipResult) and plain(printable(one.name)) == name]
    return same[row.number].to_dict(min_score=min_score) if row.number < len(same) else None


def with_predictions(rows: Iterable[ReviewRow], table: Path) -> list[ReviewRow]:
    """The rows with the predictions of another table, where it has one of their file.

    Raises:
        BadDataset: the table cannot be used.
    """
    newer = {os.path.abspath(one.path): one for one in load_rows(table) if one.path is not None}
    replaced = []
    for row in rows:
        new = None if row.path is None else newer.get(os.path.abspath(row.path))
        if new is not None and row.number == 0:
            own = {name: getattr(row, name) for name in ("id", "name", "number", "path", "corrected")}
            row = replace(new, **own, run=(table, new.name))  # noqa: PLW2901
        replaced.append(row)
    return replaced


def inputs_of(rows: Collection[ReviewRow]) -> list[InputFile]:
    """The rows as input files, which the rows of another table may name."""
    return [InputFile(row.path or Path(row.name), row.name) for row in rows]


def labels_of(row: ReviewRow) -> Iterator[str]:
    """Every action that a row names."""
    parts = (label for one in row.segments for label in (one.label, one.guess))
    for label in (row.label, row.guess, row.corrected, *(label for label, _ in row.others), *parts):
        if label not in ("", UNKNOWN, NO_PERSON, BACKGROUND):
            yield label


def _paths_of_run(source: Path) -> dict[str, Path]:
    """The files by the names of their rows, as the run that wrote the table knows them."""
    state = state_of(source)
    if not state.exists():
        return {}
    with RunState(state) as run_state:
        return {plain(name): path for name, path in run_state.names()}


def _row(place: int, name: str, number: int, path: Path | None, cells: Row) -> ReviewRow:
    others = [(clean_label(cells[f"label_{rank}"]), _score(cells[f"score_{rank}"])) for rank in (2, 3)]
    status = cells["status"]
    return ReviewRow(
        place,
        name,
        number,
        path,
        status,
        clean_label(cells["label"]),
        _score(cells["score"]),
        clean_label(cells["guess"]),
        tuple(one for one in others if one[0]),
        clean_label(cells[CORRECTED]),
        cells["error"],
    )


def _segments(source: Path, rows: Sequence[Row]) -> Iterator[PredictedSegment]:
    """The segments of a clip; stretches without a person are none."""
    known = set()
    for one in rows:
        label = clean_label(one[CORRECTED]) or clean_label(one["label"])
        if label in ("", NO_PERSON):
            continue
        start, stop = (_whole(source, one, name) for name in ("start", "end"))
        pair = one["person"].strip()
        person = pair if PAIR.fullmatch(pair) else _whole(source, one, "person")
        if start is None or stop is None or not 0 <= start < stop or (start, stop, person) in known:
            raise BadDataset(f"{source}: line {one.line} is no segment: frames {one['start']} to {one['end']}")
        known.add((start, stop, person))
        score = None if clean_label(one[CORRECTED]) else _score(one["score"])
        yield PredictedSegment(
            (start, stop, person), label, score, clean_label(one["guess"]) if score is not None else ""
        )


def _whole(source: Path, row: Row, name: str) -> int | None:
    """A whole number of a row, which a spreadsheet may have made 3.0 of; None for an empty cell."""
    if not row[name].strip():
        return None
    with suppress(ValueError):
        if (value := float(row[name].replace(",", "."))).is_integer():
            return int(value)
    raise BadDataset(f"{source}: line {row.line}: {name} is no whole number: {row[name]!r}")


def _of_clip(segments: Sequence[Row]) -> Row:
    """A row about a whole clip, of those of its segments: the label is that of most frames, unless nobody was there."""
    frames: Counter[str] = Counter()
    for one in segments:
        if one["label"] != NO_PERSON:
            frames[one["label"]] += int(float(one["end"])) - int(float(one["start"]))
    first = segments[0]
    if not frames:
        return Row(first.line, {**first.cells, "label": "", CORRECTED: ""})
    labels = [label for label, _ in frames.most_common(3)]
    scores = {one["label"]: one["score"] for one in reversed(segments)}
    others = {f"label_{rank}": label for rank, label in enumerate(labels[1:], 2)}
    others |= {f"score_{rank}": scores[label] for rank, label in enumerate(labels[1:], 2)}
    cells = {**first.cells, "label": labels[0], "score": scores[labels[0]], "guess": "", CORRECTED: "", **others}
    return Row(first.line, cells)


def _score(cell: str) -> float | None:
    with suppress(ValueError):
        return float(cell.replace(",", "."))
    return None
