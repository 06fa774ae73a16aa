"""ReviewSession: rows, events and truth.csv together, for the threads of a server."""

from __future__ import annotations

import threading
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from functools import lru_cache
from pathlib import Path
from typing import Any, Self
from uuid import uuid4

import numpy as np
from filelock import FileLock, Timeout

from posec3d_cli.annotations.truth import path_in_table
from posec3d_cli.answers import people_of, read_person
from posec3d_cli.datasets.segments import BOX
from posec3d_cli.errors import InputError, OutputError, PoseC3DError
from posec3d_cli.evaluation.ground_truth import read_ground_truth
from posec3d_cli.files.digests import stamp
from posec3d_cli.results import UNKNOWN, VideoPoses
from posec3d_cli.review.decisions import (
    NOTHING,
    AddSegment,
    Decision,
    DropSegment,
    Event,
    RemoveSegment,
    Said,
    SetLabel,
    Span,
    Undo,
    decide,
    read_said,
)
from posec3d_cli.review.overlay import PoseFolder, box_of, misfit, read_poses
from posec3d_cli.review.rows import PredictedSegment, ReviewRow, inputs_of, load_rows, with_predictions
from posec3d_cli.review.store import EventStore
from posec3d_cli.review.truth import Decided, check_ours, write_truth
from posec3d_cli.video import FrameTimes, frame_times

STORE = "review.sqlite"
TRUTH = "truth.csv"
_BATCH = "batch"
"""In the context of events that were added at once, which these are."""


def truth_of(source: Path) -> Path:
    """Where the decisions of a review are written by default: beside the table, or in the folder."""
    return source / TRUTH if source.is_dir() else source.with_name(TRUTH)


def store_of(source: Path) -> Path:
    """The file of the events of a review: beside the table, or in the folder."""
    return source / STORE if source.is_dir() else source.with_name(f"{source.name}.{STORE}")


class ReviewSession:
    """What is reviewed, and what people said of it. Every method may be called by any thread.

    Attributes:
        source: the table or folder.
        truth_file: where the decisions are written as a table.
        reviewer: the name that new events have.
        rows: the rows, by their id.
        ground_truth: the labels of a table of ground truth, by name of the row.
        export_problem: why truth.csv could not be written after the last event; empty if it was.
    """

    def __init__(
        self,
        source: Path,
        store: EventStore,
        rows: Sequence[ReviewRow],
        *,
        truth_file: Path,
        reviewer: str,
        root: Path | None = None,
        poses: Path | None = None,
        ground_truth: Path | None = None,
    ) -> None:
        self.source, self.truth_file, self.reviewer, self.root = source, truth_file, reviewer, root
        self.rows: Sequence[ReviewRow] = rows
        self.ground_truth: Mapping[str, str] = {}
        self.export_problem = ""
        self._store = store
        self._lock = threading.RLock()
        self._events: list[Event] = []
        self._by_key: dict[tuple[str, int], list[Event]] = {}
        self._undone: set[int] = set()
        self._decisions: dict[tuple[str, int], Decision] = {}
        self._place = {row.key: row.id for row in rows}
        self._pose_files = PoseFolder(source, poses)
        self.times = lru_cache(maxsize=64)(self._times)
        self.poses = lru_cache(maxsize=4)(self._poses)
        self._path_in_table = lru_cache(maxsize=None)(path_in_table)
        if ground_truth is not None:
            self.ground_truth = read_ground_truth(ground_truth, inputs_of(rows), root=root).labels
        check_ours(truth_file, store)
        self._take(*store.events())
        if self._events:
            self._write()

    @classmethod
    @contextmanager
    def open(cls, source: Path, *, reviewer: str, truth_file: Path | None = None, **settings: Any) -> Iterator[Self]:
        """The session of a table or folder, which no other process may review meanwhile.

        Args:
            source: the table or folder.
            reviewer: the name of whoever decides.
            truth_file: by default truth.csv, beside the table or in the folder.
            settings: root, poses and ground_truth.

        Raises:
            BadDataset, InputError: the table or folder cannot be reviewed.
            OutputExists, OutputError: truth.csv is of somebody else, or nothing can be written there.
        """
        rows = load_rows(source, settings.get("root"))
        file = store_of(source)
        lock = FileLock(f"{file}.lock", blocking=False)
        try:
            lock.acquire()
        except Timeout as error:
            hint = "use its page, or end it first"
            raise OutputError(f"{source} is being reviewed by another process", hint=hint) from error
        except OSError as error:
            raise OutputError(f"nothing can be written beside {source}: {error.strerror}") from error
        try:
            store = EventStore(file)
            try:
                truth_file = truth_of(source) if truth_file is None else truth_file
                yield cls(source, store, rows, truth_file=truth_file, reviewer=reviewer, **settings)
            finally:
                store.close()
        finally:
            lock.release()

    def use_predictions(self, table: Path) -> None:
        """Show the predictions of another table for the rows whose files it has; decisions stay.

        Raises:
            BadDataset: the table cannot be used.
        """
        rows = with_predictions(self.rows, table)
        with self._lock:
            self.rows = rows

    def row(self, number: int) -> ReviewRow:
        """A row by its id.

        Raises:
            InputError: there is none.
        """
        if not 0 <= number < len(self.rows):
            raise InputError(f"there is no row {number}")
        return self.rows[number]

    def say(self, row: ReviewRow, content: Any) -> Event:
        """Add an event to a row; it is on the disk when this returns.

        Raises:
            InputError: the event means nothing in this row.
            OutputError: it cannot be written; then nothing is changed.
        """
        said = read_said(content)
        if isinstance(said, Undo):
            raise InputError("undo is asked for by itself")
        context = self._context(row, said)
        with self._lock:
            standing = {event.id for event in self.decision(row).segments}
            meant = said.replaces if isinstance(said, AddSegment) else None
            meant = said.segment if isinstance(said, RemoveSegment) else meant
            predicted = said.predicted if isinstance(said, AddSegment | DropSegment) else None
            waiting = {one.span for one in self.waiting(row)}
            if (meant is not None and meant not in standing) or (predicted is not None and predicted not in waiting):
                raise InputError("this segment is no longer there", hint="it was changed in another tab")
            [event] = self._add(row, (said, context))
        return event

    def accept_all(self, row: ReviewRow) -> tuple[list[Event], int]:
        """Accept the predicted segments of a row as they are; one `undo` takes all of them back.

        Segments that are `unknown` are left to wait, and so are those that overlap one which a person set for the same
        people.

        Returns:
            The events, and how many predicted segments wait.

        Raises:
            OutputError: they cannot be written; then nothing is changed.
        """
        with self._lock:
            waiting = self.waiting(row)
            own = [one.said for one in self.decision(row).segments if isinstance(one.said, AddSegment)]
            taken = [
                one for one in waiting if one.label != UNKNOWN and not any(_overlap(one.span, said) for said in own)
            ]
            said = [AddSegment(one.label, *one.span, predicted=one.span) for one in taken]
            batch = {_BATCH: uuid4().hex}
            events = self._add(row, *((one, self._context(row, one) | batch) for one in said)) if said else []
        return events, len(waiting) - len(events)

    def waiting(self, row: ReviewRow) -> list[PredictedSegment]:
        """The predicted segments of a row of which nobody said anything yet."""
        handled = self.decision(row).handled
        return [one for one in row.segments if one.span not in handled]

    def _add(self, row: ReviewRow, *some: tuple[Said, Mapping[str, Any]]) -> list[Event]:
        events = self._store.add(self.reviewer, row.key, *some)
        self._take(*events)
        self._export()
        return events

    def undo(self) -> Event | None:
        """Take back the newest event that stands, with an event of its own; None where there is none.

        Events that were added at once are taken back at once.

        Returns:
            The event that was taken back, the newest of several.
        """
        with self._lock:
            standing = (one for one in reversed(self._events) if one.id not in self._undone)
            last = next((one for one in standing if not isinstance(one.said, Undo)), None)
            if last is not None:
                batch = last.context.get(_BATCH)
                along = [last] if batch is None else self._by_key[last.key]
                meant = [one.id for one in along if one.context.get(_BATCH) == batch and one.id not in self._undone]
                self._take(*self._store.add(self.reviewer, last.key, *((Undo(number), {}) for number in meant)))
                self._export()
        return last

    def decision(self, row: ReviewRow) -> Decision:
        """What is decided of a row."""
        with self._lock:
            return self._decisions.get(row.key, NOTHING)

    def decisions(self) -> list[Decision]:
        """What is decided of all rows, also of those that the table no longer has."""
        with self._lock:
            return list(self._decisions.values())

    def is_decided(self, row: ReviewRow) -> bool:
        """Whether somebody decided something of a row, here or in the table's column `corrected`.

        Of a row with predicted segments, each of them that names an action, or the whole clip.
        """
        decision = self.decision(row)
        done = decision.label is not None or all(one.label == UNKNOWN for one in self.waiting(row))
        return bool(row.corrected) or (decision.anything and done)

    def label_of(self, row: ReviewRow) -> str | None:
        """The action that somebody said the whole clip shows, here or in the table's column `corrected`."""
        return self.decision(row).label or row.corrected or None

    def row_of(self, event: Event) -> int | None:
        """The id of the row that an event is about; None where the table no longer has it."""
        return self._place.get(event.key)

    def changed_since(self, event: int) -> tuple[int, set[int]]:
        """The number of the newest event, and the ids of the rows that newer events than `event` are about."""
        with self._lock:
            newest = self._events[-1].id if self._events else 0
            newer = []
            for one in reversed(self._events):
                if one.id <= event:
                    break
                newer.append(one)
        return newest, {place for one in newer if (place := self.row_of(one)) is not None}

    def pose_file(self, row: ReviewRow) -> Path | None:
        """The pose file of a row; None where there is none."""
        return self._pose_files.find(row)

    def poses_misfit(self, row: ReviewRow) -> str:
        """Why the poses of a row must not be drawn over its video; empty if nothing speaks against it."""
        file = self.pose_file(row)
        return "" if file is None else misfit(row, file, self.poses(row), self.times(row))

    def _times(self, row: ReviewRow) -> FrameTimes:
        """The frames of a row.

        Raises:
            InputError: its file is missing or cannot be read.
        """
        if row.path is None:
            raise InputError(f"{row.name} cannot be found", hint="--root DIR names the folder where the paths begin")
        return _times_of_poses(self.poses(row)) if self.pose_file(row) == row.path else frame_times(row.path)

    def _poses(self, row: ReviewRow) -> VideoPoses:
        file = self.pose_file(row)
        if file is None:
            raise InputError(f"{row.name} has no pose file", hint="--poses DIR names the folder of pose files")
        return read_poses(row, file)

    def _context(self, row: ReviewRow, said: Said) -> dict[str, Any]:
        """What is stored beside an event: the prediction, the file, and of a segment its times and the person's box."""
        context: dict[str, Any] = {"predicted": row.label, "score": row.score}
        if row.path is not None:
            context["path"] = self._path_in_table(row.path, self.truth_file)
            if (known := stamp(row.path)) is not None:
                context["bytes"] = known.size
        start, stop = 0, None
        if isinstance(said, AddSegment):
            times = self.times(row)
            if said.stop > len(times):
                raise InputError(f"{row.name} has {len(times)} frames, so no segment ends at {said.stop}")
            start, stop = said.start, said.stop
            context |= {"start_seconds": round(times.at(start), 6), "end_seconds": round(times.at(stop), 6)}
        if isinstance(said, SetLabel | AddSegment) and said.person is not None:
            with suppress(PoseC3DError):
                poses = self.poses(row)
                people = people_of(read_person(said.person))
                context[BOX] = box_of(poses, people, start, poses.video.frame_count if stop is None else stop)
        return context

    def _take(self, *events: Event) -> None:
        """Let events count."""
        for event in events:
            self._events.append(event)
            if isinstance(event.said, Undo):
                self._undone.add(event.said.event)
            else:
                self._by_key.setdefault(event.key, []).append(event)
        for key in {event.key for event in events}:
            self._decisions[key] = decide(self._by_key.get(key, ()), self._undone)

    def _export(self) -> None:
        try:
            self._write()
            self.export_problem = ""
        except OutputError as error:  # the event itself is kept, and the next export has it
            self.export_problem = error.what

    def _write(self) -> None:
        """Write truth.csv: the rows in their order, then what was decided of rows that the table no longer has."""
        decided = []
        for row in self.rows:
            decision = self._decisions.get(row.key, NOTHING)
            if decision.anything or row.corrected:
                path = row.name if row.path is None else self._path_in_table(row.path, self.truth_file)
                decided.append(Decided(path, decision, row.corrected))
        for key, decision in self._decisions.items():
            if key not in self._place and (decision.labels or decision.segments):
                event = next(iter((*decision.labels.values(), *decision.segments)))
                decided.append(Decided(str(event.context.get("path", event.video)), decision))
        write_truth(self.truth_file, decided, self._store)


def _overlap(span: Span, said: AddSegment) -> bool:
    start, stop, person = span
    return said.start < stop and start < said.stop and (person is None or said.person in (None, person))


def _times_of_poses(poses: VideoPoses) -> FrameTimes:
    video = poses.video
    *seconds, end = video.elapsed(range(video.frame_count + 1)).tolist()
    return FrameTimes(
        video.path,
        video.width,
        video.height,
        np.array(seconds),
        video.start,
        end,
        "",
        "it is a pose file, without images",
    )
