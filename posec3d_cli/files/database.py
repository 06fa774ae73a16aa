"""Open an SQLite file that is written as work goes on: what is committed is on the disk, and survives a crash."""

from __future__ import annotations

import sqlite3
from pathlib import Path

from posec3d_cli.errors import OutputError
from posec3d_cli.files.writing import printable


def open_database(
    file: Path, tables: str, version: int, *, hint: str, several_threads: bool = False
) -> sqlite3.Connection:
    """Open or make a database, without implicit transactions.

    Args:
        file: the file.
        tables: statements that make what is missing of it.
        version: of its form.
        hint: what to do with a file of another version.
        several_threads: whether threads other than this one use the connection, one at a time.

    Raises:
        OutputError: the file is of another version.
        sqlite3.Error: it cannot be read or written.
    """
    connection = sqlite3.connect(file, isolation_level=None, check_same_thread=not several_threads)
    try:
        connection.execute("PRAGMA journal_mode=WAL")
        connection.execute("PRAGMA synchronous=FULL")
        (found,) = connection.execute("PRAGMA user_version").fetchone()
        if found not in (0, version):
            raise OutputError(f"{printable(file)} is of another version of posec3d", hint=hint)
        connection.executescript(tables)
        connection.execute(f"PRAGMA user_version={version}")
    except (OutputError, sqlite3.Error):
        connection.close()
        raise
    return connection
