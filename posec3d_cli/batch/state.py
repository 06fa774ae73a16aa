"""RunState: the results of a batch run so far, in an SQLite file beside the output. It survives a kill at any time."""

from __future__ import annotations

import datetime
import json
import os
import platform
import sqlite3
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from posec3d_cli.batch.file_result import FileResult
from posec3d_cli.errors import OutputError
from posec3d_cli.files.database import open_database
from posec3d_cli.files.digests import Stamp, digest, stamp
from posec3d_cli.files.writing import printable
from posec3d_cli.output.json import read_stored, stored
from posec3d_cli.output.tables import Corrections
from posec3d_cli.results import FAILED

VERSION = 3
_TABLES = """
CREATE TABLE IF NOT EXISTS owner (named TEXT NOT NULL);
CREATE TABLE IF NOT EXISTS videos (
    path BLOB PRIMARY KEY, size INTEGER, mtime_ns INTEGER, sha256 TEXT NOT NULL, pipeline TEXT NOT NULL,
    entries TEXT NOT NULL, seconds REAL NOT NULL
) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS outputs (path BLOB, sha256 TEXT, PRIMARY KEY (path, sha256)) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS rows (cells TEXT NOT NULL);
CREATE TABLE IF NOT EXISTS settings (pipeline TEXT PRIMARY KEY, described TEXT NOT NULL) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS corrections (
    video TEXT, number INTEGER, corrected TEXT NOT NULL, PRIMARY KEY (video, number)
) WITHOUT ROWID;
"""

# What `json.dumps` writes; in a text within it, quotes are escaped. Reading the JSON takes several times as long.
_FAILED = f"""instr({{}}, '{json.dumps({"status": FAILED})[1:-1]}') > 0"""
_TAKE_VIDEOS = f"""
INSERT OR REPLACE INTO main.videos SELECT theirs.* FROM shard.videos AS theirs
LEFT JOIN inputs ON inputs.path = theirs.path LEFT JOIN main.videos AS mine ON mine.path = theirs.path
WHERE (inputs.shard IS NULL OR inputs.shard = :shard) AND (
    mine.path IS NULL OR mine.pipeline <> :pipeline OR {_FAILED.format("mine.entries")}
    OR NOT is_now(mine.path, mine.size, mine.mtime_ns)
)
"""


@dataclass(frozen=True)
class Record:
    """The recorded result of one input file.

    Attributes:
        path: the input file.
        stamp: size and time of the file when it was processed; None where it did not exist.
        pipeline: the fingerprint of the task.
        result: its result.
    """

    path: Path
    stamp: Stamp | None
    pipeline: str
    result: FileResult[Any]


@dataclass(frozen=True)
class Summary:
    """A record without its results.

    Attributes:
        stamp: as in `Record`.
        sha256: of the file's content when it was processed; empty where it could not be read.
        pipeline: the fingerprint of the task.
        failed: whether a clip of the file failed.
    """

    stamp: Stamp | None
    sha256: str
    pipeline: str
    failed: bool


def owner_of(file: Path) -> str:
    """The process that has locked a run state; empty if unknown."""
    with suppress(sqlite3.Error):
        connection = sqlite3.connect(f"{file.absolute().as_uri()}?mode=ro", uri=True)
        try:
            return " and ".join(named for (named,) in connection.execute("SELECT named FROM owner"))
        finally:
            connection.close()
    return ""


class RunState:
    """The records of all videos, by path; every change is on the disk when its call returns. A context manager.

    Attributes:
        file: the SQLite file.

    Raises:
        OutputError: from every method, where the file cannot be read or written.
    """

    def __init__(self, file: Path) -> None:
        self.file = file
        with self._error_context():
            self._connection = open_database(
                file, _TABLES, VERSION, hint="to start over, move it away together with its output"
            )

    def own(self) -> str:
        """Record this process as the owner; returns the process of an interrupted run, or an empty text."""
        with self._error_context(), self._connection:
            before = [named for (named,) in self._connection.execute("SELECT named FROM owner")]
            self._connection.execute("BEGIN")
            self._connection.execute("DELETE FROM owner")
            since = datetime.datetime.now().astimezone().isoformat(sep=" ", timespec="seconds")
            named = f"process {os.getpid()} on {platform.node()} since {since}"
            self._connection.execute("INSERT INTO owner VALUES (?)", (named,))
        return " and ".join(before)

    def disown(self) -> None:
        """Record that no process owns the run state."""
        with self._error_context():
            self._connection.execute("DELETE FROM owner")

    def get(self, path: Path) -> Record | None:
        """The record of a video, if there is one."""
        with self._error_context():
            row = self._connection.execute(
                "SELECT size, mtime_ns, sha256, pipeline, entries, seconds FROM videos WHERE path = ?", (_key(path),)
            ).fetchone()
        if row is None:
            return None
        size, mtime_ns, sha256, pipeline, entries, seconds = row
        taken = None if size is None else Stamp(size, mtime_ns)
        results = tuple(read_stored(entry, path) for entry in json.loads(entries))
        return Record(path, taken, pipeline, FileResult(results, sha256, seconds))

    def summary(self, path: Path) -> Summary | None:
        """What a record says without its results, which takes a fraction of the time of reading it whole."""
        with self._error_context():
            row = self._connection.execute(
                f"SELECT size, mtime_ns, sha256, pipeline, {_FAILED.format('entries')} FROM videos WHERE path = ?",
                (_key(path),),
            ).fetchone()
        if row is None:
            return None
        size, mtime_ns, sha256, pipeline, failed = row
        return Summary(None if size is None else Stamp(size, mtime_ns), sha256, pipeline, bool(failed))

    def touch(self, path: Path, now: Stamp | None) -> None:
        """Store the stamp of a file whose content is as it was."""
        values = (None, None) if now is None else (now.size, now.mtime_ns)
        with self._error_context():
            self._connection.execute("UPDATE videos SET size = ?, mtime_ns = ? WHERE path = ?", (*values, _key(path)))

    def put(self, record: Record) -> None:
        """Store a record in place of an older one."""
        size, mtime_ns = (None, None) if record.stamp is None else (record.stamp.size, record.stamp.mtime_ns)
        result = record.result
        entries = json.dumps([stored(one) for one in result.results])
        values = (_key(record.path), size, mtime_ns, result.sha256, record.pipeline, entries, result.seconds)
        with self._error_context():
            self._connection.execute(f"INSERT OR REPLACE INTO videos VALUES ({', '.join('?' * len(values))})", values)

    def merge(self, states: Mapping[int, Path], shards: Mapping[Path, int], pipeline: str) -> None:
        """Take over what the run states of shards hold.

        The record of an input file is taken from its own shard only, unless one here is valid: it did not fail, was
        made with `pipeline`, and the file did not change since.

        Args:
            states: the file of each shard's state, by its number.
            shards: the number of each input file's shard.
            pipeline: the fingerprint of the task.
        """
        with self._error_context():
            self._connection.create_function("is_now", 3, _is_now)
            self._connection.execute("CREATE TEMP TABLE inputs (path BLOB PRIMARY KEY, shard INTEGER) WITHOUT ROWID")
            self._connection.executemany(
                "INSERT OR REPLACE INTO inputs VALUES (?, ?)", ((_key(path), shard) for path, shard in shards.items())
            )
            for number, state in states.items():
                self._connection.execute("ATTACH ? AS shard", (os.fspath(state),))
                try:
                    with self._transaction():
                        self._connection.execute(_TAKE_VIDEOS, {"shard": number, "pipeline": pipeline})
                        self._connection.execute("INSERT OR IGNORE INTO main.outputs SELECT * FROM shard.outputs")
                finally:
                    self._connection.execute("DETACH shard")
            self._connection.execute("DROP TABLE inputs")

    def paths(self) -> list[Path]:
        """The files that have records, also deleted files."""
        with self._error_context():
            return [Path(os.fsdecode(path)) for (path,) in self._connection.execute("SELECT path FROM videos")]

    def names(self) -> list[tuple[str, Path]]:
        """The name of every recorded result, with its input file."""
        with self._error_context():
            rows = self._connection.execute(
                "SELECT json_extract(entry.value, '$.video'), videos.path FROM videos, json_each(entries) AS entry"
            ).fetchall()
        return [(name, Path(os.fsdecode(path))) for name, path in rows]

    def outputs(self) -> list[Path]:
        """The files that runs made, also those that are gone."""
        with self._error_context():
            return [Path(os.fsdecode(path)) for (path,) in self._connection.execute("SELECT path FROM outputs")]

    def describe(self, pipeline: str, described: Mapping[str, Any]) -> None:
        """Store what a fingerprint stands for: models, hashes and settings, as plain values."""
        with self._error_context():
            values = (pipeline, json.dumps(described, default=str))
            self._connection.execute("INSERT OR REPLACE INTO settings VALUES (?, ?)", values)

    def described(self) -> dict[str, dict[str, Any]]:
        """What the fingerprints of the recorded results stand for, as far as it is stored."""
        with self._error_context():
            rows = self._connection.execute(
                "SELECT pipeline, described FROM settings WHERE pipeline IN (SELECT pipeline FROM videos)"
            ).fetchall()
        return {pipeline: json.loads(described) for pipeline, described in rows}

    def claim(self, path: Path, sha256: str = "") -> None:
        """Record that this run makes a file, before the file gets its name.

        Args:
            path: the file.
            sha256: of its content; empty: any content there counts as made by this run.
        """
        with self._error_context():
            self._connection.execute("INSERT OR IGNORE INTO outputs VALUES (?, ?)", (_key(path), sha256))

    def disclaim(self, path: Path) -> None:
        """Record that this run did not make a file, unless the file has a recorded content."""
        with self._error_context():
            self._connection.execute("DELETE FROM outputs WHERE path = ? AND sha256 = ''", (_key(path),))

    def wrote(self, path: Path) -> None:
        """Record that a file is what this run has just written, whatever it wrote before."""
        with self._error_context(), self._transaction():
            self._connection.execute("DELETE FROM outputs WHERE path = ?", (_key(path),))
            self._connection.execute("INSERT INTO outputs VALUES (?, ?)", (_key(path), digest(path)))

    def made(self, path: Path) -> bool:
        """Whether a run on this output made a file, and its content is unchanged."""
        with self._error_context():
            known = self._connection.execute("SELECT sha256 FROM outputs WHERE path = ?", (_key(path),)).fetchall()
        return ("",) in known or (bool(known) and (digest(path),) in known)

    def rows(self, *, after: int = 0) -> Iterator[dict[str, Any]]:
        """The rows of the table as written last; if a run was interrupted while writing, also those before.

        Args:
            after: only the rows that were stored since `keep_rows` gave this number.
        """
        with self._error_context():
            for (cells,) in self._connection.execute("SELECT cells FROM rows WHERE rowid > ? ORDER BY rowid", (after,)):
                yield json.loads(cells)

    def row_names(self) -> set[str]:
        """The column `video` of the rows."""
        with self._error_context():
            return {name for (name,) in self._connection.execute("SELECT json_extract(cells, '$.video') FROM rows")}

    def keep_rows(self, rows: Iterable[Mapping[str, Any]]) -> int:
        """Store rows of the table beside the stored rows; returns a number that tells `rows` which are new."""
        with self._error_context(), self._transaction():
            (last,) = self._connection.execute("SELECT COALESCE(MAX(rowid), 0) FROM rows").fetchone()
            self._connection.executemany("INSERT INTO rows VALUES (?)", ((json.dumps(row),) for row in rows))
        return int(last)

    def drop_rows(self, until: int) -> None:
        """Remove the rows that were stored before `keep_rows` gave this number."""
        with self._error_context():
            self._connection.execute("DELETE FROM rows WHERE rowid <= ?", (until,))

    def corrections(self) -> dict[tuple[str, int], str]:
        """The corrections of users, also for rows that the table lacks at present."""
        with self._error_context():
            rows = self._connection.execute("SELECT video, number, corrected FROM corrections").fetchall()
        return {(video, number): corrected for video, number, corrected in rows}

    def keep_corrections(self, corrections: Corrections) -> None:
        """Store corrections in place of the stored ones."""
        with self._error_context(), self._transaction():
            self._connection.execute("DELETE FROM corrections")
            values = [(*key, corrected) for key, corrected in corrections.items()]
            self._connection.executemany("INSERT INTO corrections VALUES (?, ?, ?)", values)

    @contextmanager
    def _transaction(self) -> Iterator[None]:
        """All changes in this block are made, or none."""
        with self._connection:
            self._connection.execute("BEGIN")
            yield

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._connection.close()

    @contextmanager
    def _error_context(self) -> Iterator[None]:
        try:
            yield
        except sqlite3.Error as error:
            raise OutputError(
                f"{printable(self.file)}, the state of the run, cannot be used: {error}",
                hint="free some space if the disk is full; move the file away to start over",
            ) from error


def _is_now(path: bytes, size: int | None, mtime_ns: int | None) -> bool:
    """Whether a file has this stamp."""
    now = stamp(Path(os.fsdecode(path)))
    return (now is None and size is None) or now == Stamp(size or 0, mtime_ns or 0)


def _key(path: Path) -> bytes:
    return os.fsencode(os.path.abspath(path))
