"""EventStore: the events of a review in an SQLite file. It survives a kill at any time; events are only ever added."""

from __future__ import annotations

import datetime
import json
import sqlite3
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from msgspec import convert, to_builtins

from posec3d_cli.errors import OutputError
from posec3d_cli.files.database import open_database
from posec3d_cli.files.writing import printable
from posec3d_cli.review.decisions import Event, Said

VERSION = 1
Key = tuple[str, int]
"""The name of a row, and its number among rows of that name."""
_TABLES = """
CREATE TABLE IF NOT EXISTS events (
    id INTEGER PRIMARY KEY AUTOINCREMENT, time TEXT NOT NULL, reviewer TEXT NOT NULL,
    video TEXT NOT NULL, number INTEGER NOT NULL, said TEXT NOT NULL, context TEXT NOT NULL
);
CREATE TABLE IF NOT EXISTS exports (path TEXT, sha256 TEXT, PRIMARY KEY (path, sha256)) WITHOUT ROWID;
CREATE TRIGGER IF NOT EXISTS events_stay BEFORE UPDATE ON events
    BEGIN SELECT RAISE(ABORT, 'events are only added'); END;
CREATE TRIGGER IF NOT EXISTS events_remain BEFORE DELETE ON events
    BEGIN SELECT RAISE(ABORT, 'events are only added'); END;
"""


class EventStore:
    """The events of a review; each is on the disk when `add` returns. For one thread at a time.

    Attributes:
        file: the SQLite file.

    Raises:
        OutputError: from every method, where the file cannot be read or written.
    """

    def __init__(self, file: Path) -> None:
        self.file = file
        with self._error_context():
            self._connection = open_database(
                file,
                _TABLES,
                VERSION,
                hint="review with that version, or move the file away to start over",
                several_threads=True,
            )

    def add(self, reviewer: str, key: Key, *some: tuple[Said, Mapping[str, Any]]) -> list[Event]:
        """Add events to a row, all or none, and return them with their numbers and time.

        Args:
            reviewer: who says it.
            key: the row.
            some: what is said, with its context.
        """
        now = datetime.datetime.now(datetime.UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
        added = []
        with self._error_context(), self._at_once():
            for said, context in some:
                cursor = self._connection.execute(
                    "INSERT INTO events (time, reviewer, video, number, said, context) VALUES (?, ?, ?, ?, ?, ?)",
                    (now, reviewer, *key, json.dumps(to_builtins(said)), json.dumps(context)),
                )
                assert cursor.lastrowid is not None
                added.append(Event(cursor.lastrowid, now, reviewer, *key, said, context))
        return added

    def events(self) -> list[Event]:
        """All events, in order."""
        with self._error_context():
            rows = self._connection.execute(
                "SELECT id, time, reviewer, video, number, said, context FROM events ORDER BY id"
            ).fetchall()
        return [
            Event(id_, time, reviewer, video, number, convert(json.loads(said), Said), json.loads(context))
            for id_, time, reviewer, video, number, said, context in rows
        ]

    def note_export(self, path: Path, sha256: str) -> None:
        """Record that a file with this content is an export of the review, before it has its name."""
        with self._error_context():
            self._connection.execute(
                "INSERT OR IGNORE INTO exports VALUES (?, ?)", (printable(path.absolute()), sha256)
            )

    def is_export(self, path: Path, sha256: str) -> bool:
        """Whether a file with this content is an export of the review."""
        with self._error_context():
            found = self._connection.execute(
                "SELECT 1 FROM exports WHERE path = ? AND sha256 = ?", (printable(path.absolute()), sha256)
            ).fetchone()
        return found is not None

    def close(self) -> None:
        """Close the file."""
        self._connection.close()

    @contextmanager
    def _at_once(self) -> Iterator[None]:
        self._connection.execute("BEGIN IMMEDIATE")
        try:
            yield
        except BaseException:
            self._connection.execute("ROLLBACK")
            raise
        self._connection.execute("COMMIT")

    @contextmanager
    def _error_context(self) -> Iterator[None]:
        try:
            yield
        except sqlite3.Error as error:
            raise OutputError(
                f"{printable(self.file)}, the decisions of the review, cannot be used: {error}",
                hint="free some space if the disk is full; a file that is damaged may be moved away to start over",
            ) from error
