"""Read saved results back: a table of `posec3d label` with the state of its run, or the JSON of `posec3d predict`."""

from __future__ import annotations

import csv
import json
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from posec3d_cli.answers import person_text, read_person
from posec3d_cli.batch.lock import state_of
from posec3d_cli.batch.state import RunState
from posec3d_cli.errors import BadDataset, InputError, StageError
from posec3d_cli.files.input_paths import problem_of
from posec3d_cli.files.relative_paths import RelativePaths
from posec3d_cli.labels import clean_label
from posec3d_cli.output import tables
from posec3d_cli.output.json import SCHEMA
from posec3d_cli.results import FAILED, NO_PERSON, OK, TOP, ClipResult

_EDGES = ("start", "end")  # of a row of a segment, in frames; in seconds with `_seconds` behind
Best = tuple[tuple[str, float], ...]
"""Labels with their probabilities, best first."""


@dataclass(frozen=True)
class SavedAnswer:
    """What was answered for a stretch of a video, of everybody or of one person.

    Attributes:
        start: its first frame.
        stop: the frame after its last.
        label: the answer.
        score: the probability of the best label.
        person: the track id, or those of a pair, as 0+3; empty: everybody.
        corrected: what a person set right; empty if nobody did.
    """

    start: int
    stop: int
    label: str
    score: float
    person: str = ""
    corrected: str = ""


@dataclass(frozen=True)
class SavedResult:
    """What was saved about one clip.

    Attributes:
        name: as the table has it.
        path: its file; None if it cannot be found.
        status: "ok", "no_person" or "failed".
        label: the answer; empty without one.
        best: the best labels, also where the answer is `unknown`.
        corrected: what a person set right; empty if nobody did.
        error: why it failed, or what makes the answer less certain.
        answers: the segments of its timeline or, where there is none, the answers for its windows and for its people
            where each is read alone; empty if they were not saved.
        seconds: wall time; None if it was not saved.
        times: frames, in order, each with the seconds at which it is shown on the video's own clock: the edges of
            everything that was answered, and of the video if they were saved.
        entry: everything that was saved, as `predict --json` has it; empty if only a row of a table was.
    """

    name: str
    path: Path | None
    status: str
    label: str = ""
    best: Best = ()
    corrected: str = ""
    error: str = ""
    answers: tuple[SavedAnswer, ...] = ()
    seconds: float | None = None
    times: tuple[tuple[int, float], ...] = ()
    entry: Mapping[str, Any] = field(default_factory=dict)

    @property
    def score(self) -> float | None:
        """The probability of the best label; None without an answer."""
        return self.best[0][1] if self.best else None

    def shown_at(self, frame: int) -> float:
        """When a frame is shown, in seconds on the video's own clock; between two of `times`, interpolated."""
        frames, seconds = zip(*self.times, strict=True)
        return float(np.interp(frame, frames, seconds))


@dataclass(frozen=True)
class SavedResults:
    """The results of a run.

    Attributes:
        source: the file.
        results: one per clip, in the order of the file.
        pipelines: the models and settings, by fingerprint where there is one; empty if they were not saved.
        pose_files: those that the run made.
    """

    source: Path
    results: tuple[SavedResult, ...]
    pipelines: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    pose_files: tuple[Path, ...] = ()

    @property
    def labels(self) -> tuple[str, ...]:
        """Every label that occurs, in order."""
        found = {label for one in self.results for label, _ in one.best}
        found |= {text for one in self.results for text in (one.label, one.corrected) if text}
        found |= {answer.label for one in self.results for answer in one.answers}
        return tuple(sorted(found - {NO_PERSON}))


def read_results(source: Path, root: Path | None = None) -> SavedResults:
    """Read the results that a command saved.

    Args:
        source: a table of `label` (.csv, .jsonl, .parquet) or the JSON of `predict`.
        root: where the names of the videos begin; None: where the run found them, else the folder of the file.

    Raises:
        InputError: it is no such file.
    """
    if (problem := problem_of(source)) is not None:
        raise InputError(problem[0], hint=problem[1])
    paths = RelativePaths(source, root)
    if source.suffix.lower() == ".json":
        document = _document(source)
        found = [_of_entry(one, paths.find(one["video"])) for one in document["videos"]]
        return SavedResults(source, tuple(found), {"": document.get("pipeline") or {}})
    rows = _rows(source)
    known: dict[tuple[str, int], tuple[Path, dict[str, Any]]] = {}
    pipelines: dict[str, dict[str, Any]] = {}
    made: list[Path] = []
    if state_of(source).exists():
        with RunState(state_of(source)) as run_state:
            known, pipelines = _of_run(run_state), run_state.described()
            made = [path for path in run_state.outputs() if path.suffix == ".npz"]
    seen: Counter[str] = Counter()
    results = []
    for clip in _by_clip(rows):
        row = clip[0]
        name = tables.plain(row["video"])
        stored = known.get((name, seen[name]))
        seen[name] += 1
        file = str(row["video"]).partition(": ")[0]
        path = paths.find(file) if stored is None or root is not None else stored[0]
        entry = {} if stored is None else stored[1]
        is_timeline = tables.is_segment(row)
        results.append(_of_segments(clip, name, path, entry) if is_timeline else _of_row(row, name, path, entry))
    return SavedResults(source, tuple(results), pipelines, tuple(sorted(set(made))))


def _document(source: Path) -> dict[str, Any]:
    try:
        document = json.loads(source.read_text(encoding="utf-8"))
    except (OSError, ValueError, RecursionError) as error:
        raise InputError(f"{source} is no JSON: {error}") from error
    if not isinstance(document, dict) or document.get("schema") != SCHEMA:
        raise InputError(f"{source} is not the JSON of `posec3d predict`", hint="`posec3d predict --json` prints it")
    return document


def _rows(source: Path) -> list[dict[str, Any]]:
    try:
        rows = tables.read_table(source)
    except (ValueError, KeyError, csv.Error, StageError) as error:
        raise BadDataset(f"{source} is no table of `posec3d label`: {error}") from error
    if rows and not {"status", "label"} & rows[0].keys():
        raise BadDataset(f"{source} is no table of `posec3d label`: it lacks the columns status and label")
    return rows


def _by_clip(rows: Sequence[dict[str, Any]]) -> Iterator[list[dict[str, Any]]]:
    """Each row alone; of a table of segments, the rows of one clip together."""
    group: list[dict[str, Any]] = []
    for row in rows:
        if group and not (tables.is_segment(row) and row["video"] == group[0]["video"]):
            yield group
            group = []
        if tables.is_segment(row):
            group.append(row)
        else:
            yield [row]
    if group:
        yield group


def _of_segments(
    rows: Sequence[Mapping[str, Any]], name: str, path: Path | None, known: Mapping[str, Any]
) -> SavedResult:
    """The rows of the segments of a clip; the best label is that of most frames, unless nobody was there."""
    answers = []
    for row in rows:
        label = _answer(clean_label(str(row.get("label") or "")))
        corrected = clean_label(str(row.get(tables.CORRECTED) or ""))
        start, stop = int(float(row["start"])), int(float(row["end"]))
        person = person_text(read_person(row.get("person")))
        if label or corrected:
            answers.append(SavedAnswer(start, stop, label, _number(row.get("score")) or 0.0, person, corrected))
    if known and known["status"] == OK:
        best = tuple((one["label"], float(one["probability"])) for one in known["labels"])[:TOP]
    else:
        best = _longest(answers)
    label = best[0][0] if best else ""
    error = str(rows[0].get("error") or "")
    status = str(rows[0].get("status") or "") or OK
    times = _times(known)
    if not known:
        seen = [(_number(row.get(edge)), _number(row.get(f"{edge}_seconds"))) for row in rows for edge in _EDGES]
        times = _in_order((int(frame), at) for frame, at in seen if frame is not None and at is not None)
    return SavedResult(name, path, status, label, best, "", error, tuple(answers), times=times, entry=known)


def _longest(answers: Sequence[SavedAnswer]) -> Best:
    """The label of most frames with its mean score."""
    frames: Counter[str] = Counter()
    for one in answers:
        frames[one.label] += one.stop - one.start
    if not frames:
        return ()
    [(label, total)] = frames.most_common(1)
    return ((label, sum(one.score * (one.stop - one.start) for one in answers if one.label == label) / total),)


def _of_run(run_state: RunState) -> dict[tuple[str, int], tuple[Path, dict[str, Any]]]:
    """What a run knows: the file and the entry of each row, by name and number among rows of its name."""
    found: dict[tuple[str, int], tuple[Path, dict[str, Any]]] = {}
    seen: Counter[str] = Counter()
    for path in sorted(run_state.paths()):
        record = run_state.get(path)
        for result in () if record is None else record.result.results:
            if isinstance(result, ClipResult):
                one = result.to_dict(min_score=0.0)
                name = tables.plain(one["video"])
                found[name, seen[name]] = path, one
                seen[name] += 1
    return found


def _of_entry(one: Mapping[str, Any], path: Path | None) -> SavedResult:
    try:
        return _read_entry(one, path)
    except (KeyError, TypeError, ValueError) as error:
        raise InputError(f"the entry of {one.get('video')!r} is none of `predict --json`: {error!r}") from error


def _read_entry(one: Mapping[str, Any], path: Path | None) -> SavedResult:
    if one["status"] == FAILED:
        return SavedResult(one["video"], path, FAILED, error=one["error"]["what"], entry=one)
    return SavedResult(
        one["video"],
        path,
        one["status"],
        label=_answer(one["answer"]),
        best=tuple((best["label"], float(best["probability"])) for best in one["labels"]),
        error="; ".join(f"warning: {text}" for text in one["warnings"]),
        answers=tuple(_answers(one)),
        seconds=sum(one["seconds"].values()),
        times=_times(one),
        entry=one,
    )


def _of_row(row: Mapping[str, Any], name: str, path: Path | None, known: Mapping[str, Any]) -> SavedResult:
    """A row of a table; a line of JSON is an entry itself, of other rows the run knows it."""
    corrected = clean_label(str(row.get(tables.CORRECTED) or ""))
    whole = row if isinstance(row.get("labels"), list) or isinstance(row.get("error"), Mapping) else known
    status = str(row.get("status") or "") or OK
    spent = _number(row.get("seconds"))
    if whole is row:
        found = _of_entry(row, path)
        return SavedResult(**{**vars(found), "name": name, "corrected": corrected})
    best = tuple(_best_of(row)) if status == OK else ()
    answers: tuple[SavedAnswer, ...] = ()
    if known and known["status"] == OK == status:
        best = tuple((one["label"], float(one["probability"])) for one in known["labels"])[:TOP]
        answers = tuple(_answers(known))
    label = _answer(clean_label(str(row.get("label") or ""))) if status == OK else ""
    if len({(one.start, one.stop) for one in answers}) == 1:  # the row says whether one that is read whole is `unknown`
        answers = tuple(one if one.person else SavedAnswer(one.start, one.stop, label, one.score) for one in answers)
    error = str(row.get("error") or "")
    return SavedResult(name, path, status, label, best, corrected, error, answers, spent, _times(known), known)


def _times(entry: Mapping[str, Any]) -> tuple[tuple[int, float], ...]:
    """The times of the edges in an entry; empty without a video."""
    if "source" not in entry:
        return ()
    source = entry["source"]
    start, count = float(source.get("start_seconds", 0.0)), int(source["frame_count"])
    ends = [(0, start), (count, start + float(source["duration_seconds"]))]
    known = [(int(cut["frame"]), float(cut["seconds"])) for cut in entry["cuts"]]
    for one in (*entry["windows"], *(entry.get("timeline") or ())):
        known += [(int(one[f"{edge}_frame"]), float(one[f"{edge}_seconds"])) for edge in ("start", "stop")]
    return _in_order([*ends, *known])


def _in_order(times: Iterable[tuple[int, float]]) -> tuple[tuple[int, float], ...]:
    return tuple(sorted(dict(times).items()))


def _answer(label: str | None) -> str:
    return "" if label is None or label == NO_PERSON else label


def _answers(entry: Mapping[str, Any]) -> Iterator[SavedAnswer]:
    """The segments of a clip, or else the answers for its windows."""
    timeline = entry.get("timeline") or ()
    for one in timeline:
        if one["labels"]:
            person = "" if one["person"] is None else str(one["person"])
            best = float(one["labels"][0]["probability"])
            yield SavedAnswer(int(one["start_frame"]), int(one["stop_frame"]), one["label"], best, person)
    if timeline:
        return
    for window in entry["windows"]:
        start, stop = int(window["start_frame"]), int(window["stop_frame"])
        for person in window["people"]:
            if person["labels"]:
                best = float(person["labels"][0]["probability"])
                yield SavedAnswer(start, stop, person["answer"], best, str(person["id"]))
        if window["labels"] and not window["people"]:
            yield SavedAnswer(start, stop, window["answer"], float(window["labels"][0]["probability"]))


def _best_of(row: Mapping[str, Any]) -> Iterator[tuple[str, float]]:
    for place in ("", "_2", "_3"):
        label = row.get("guess") if not place and row.get("guess") else row.get(f"label{place}")
        score = _number(row.get(f"score{place}"))
        if label and score is not None:
            yield clean_label(str(label)), score


def _number(cell: Any) -> float | None:
    try:
        return None if cell in (None, "") else float(str(cell).replace(",", "."))
    except ValueError:
        return None
