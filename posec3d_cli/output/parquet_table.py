"""Tables as Parquet, with typed columns."""

from __future__ import annotations

import os
from collections.abc import Iterable
from itertools import islice
from pathlib import Path

from posec3d_cli.errors import StageUnavailable
from posec3d_cli.output.json import VERSION
from posec3d_cli.output.tables import COLUMNS, SCHEMA, SEGMENT_COLUMNS, SEGMENT_SCHEMA, Row, of_segments
from posec3d_cli.runtime.installation import how_to_add

try:
    import pyarrow as pa
    from pyarrow import parquet
except ModuleNotFoundError as error:
    raise StageUnavailable("Parquet needs pyarrow, which is not installed", hint=how_to_add("parquet")) from error

ROWS = 10_000
"""Rows that are written at a time."""
TYPES = {str: pa.string(), float: pa.float64(), int: pa.int64(), bool: pa.bool_()}


class ParquetTable:
    """One row per clip or segment."""

    columns = tuple(COLUMNS)

    def write(self, rows: Iterable[Row], path: Path) -> None:
        """Write the rows."""
        source, segments = of_segments(rows)
        columns = [(name, TYPES[kind]) for name, kind in (SEGMENT_COLUMNS if segments else COLUMNS).items()]
        named = SEGMENT_SCHEMA if segments else SCHEMA
        schema = pa.schema(columns, metadata={"schema": named, "version": str(VERSION)})
        with parquet.ParquetWriter(os.fspath(path), schema) as writer:
            while batch := list(islice(source, ROWS)):
                writer.write_table(pa.Table.from_pylist(batch, schema=schema))

    def read(self, path: Path) -> list[Row]:
        """The rows.

        Raises:
            OSError: it cannot be read.
            ValueError: it is no Parquet file.
        """
        rows: list[Row] = parquet.read_table(path).to_pylist()
        return rows


FORMAT = ParquetTable()
