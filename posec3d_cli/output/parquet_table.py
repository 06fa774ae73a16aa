"""Tables as Parquet, with typed columns."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator
from itertools import islice
from pathlib import Path

from posec3d_cli.errors import StageUnavailable
from posec3d_cli.output.json import VERSION
from posec3d_cli.output.tables import COLUMNS, SCHEMA, SEGMENT_COLUMNS, SEGMENT_SCHEMA, Row, of_segments
from posec3d_cli.runtime.installation import how_to_add

try:
    import pyarrow as pa
    from pyarrow import compute as pc
    from pyarrow import parquet
except ModuleNotFoundError as error:
    raise StageUnavailable("Parquet needs pyarrow, which is not installed", hint=how_to_add("parquet")) from error

PERSON = "person"
ROWS = 10_000
"""Rows that are written at a time."""
TYPES = {str: pa.string(), float: pa.float64(), int: pa.int64(), bool: pa.bool_()}


class ParquetTable:
    """One row per clip or segment.

    The column `person` holds whole numbers or, where a segment is of a pair, as 0+3, texts.
    """

    columns = tuple(COLUMNS)

    def write(self, rows: Iterable[Row], path: Path) -> None:
        """Write the rows."""
        source, segments = of_segments(rows)
        schema = _schema(segments)
        if not segments:
            _write(path, schema, _batches(source, schema))
            return
        texts = _schema(segments, person=str)
        tables = list(_batches(({**row, PERSON: _text(row[PERSON])} for row in source), texts))
        if not any(pc.any(pc.match_substring(one[PERSON], "+")).as_py() for one in tables):
            tables = [one.cast(schema) for one in tables]
        _write(path, tables[0].schema if tables else schema, tables)

    def read(self, path: Path) -> list[Row]:
        """The rows.

        Raises:
            OSError: it cannot be read.
            ValueError: it is no Parquet file.
        """
        rows: list[Row] = parquet.read_table(path).to_pylist()
        return rows


def _schema(segments: bool, **others: type) -> pa.Schema:
    """The schema of a table, with other types of some columns."""
    columns = {**(SEGMENT_COLUMNS if segments else COLUMNS), **others}
    named = SEGMENT_SCHEMA if segments else SCHEMA
    typed = [(name, TYPES[kind]) for name, kind in columns.items()]
    return pa.schema(typed, metadata={"schema": named, "version": str(VERSION)})


def _text(person: object) -> str | None:
    return None if person is None else str(person)


def _batches(rows: Iterable[Row], schema: pa.Schema) -> Iterator[pa.Table]:
    source = iter(rows)
    while batch := list(islice(source, ROWS)):
        yield pa.Table.from_pylist(batch, schema=schema)


def _write(path: Path, schema: pa.Schema, tables: Iterable[pa.Table]) -> None:
    with parquet.ParquetWriter(os.fspath(path), schema) as writer:
        for one in tables:
            writer.write_table(one)


FORMAT = ParquetTable()
