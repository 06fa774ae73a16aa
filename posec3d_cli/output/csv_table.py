"""Tables as CSV: written with commas in UTF-8, read as spreadsheets save them."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable, Sequence
from pathlib import Path

from posec3d_cli.files.csv_tables import without_separator_line
from posec3d_cli.labels import without_marks
from posec3d_cli.output.tables import COLUMNS, CORRECTED, SEGMENT_COLUMNS, Row, of_segments


class CsvTable:
    """A line of column names, and one per clip or segment."""

    columns = tuple(COLUMNS)

    def write(self, rows: Iterable[Row], path: Path) -> None:
        """Write the rows."""
        source, segments = of_segments(rows)
        columns = [*SEGMENT_COLUMNS] if segments else self.columns
        with path.open("w", encoding="utf-8", newline="") as file:
            writer = csv.writer(file, lineterminator="\n")
            writer.writerow(columns)
            for row in source:
                values = (row[name] for name in columns)
                writer.writerow([str(value).lower() if isinstance(value, bool) else value for value in values])

    def read(self, path: Path) -> list[Row]:
        """The rows under a line of headers, whichever of the usual characters parts the cells.

        Raises:
            OSError: it cannot be read.
            ValueError, csv.Error: it is no such table.
        """
        text = without_separator_line(spreadsheet_text(path)).lstrip("\r\n")
        head = text.partition("\n")[0]
        separator = max(",;\t", key=head.count)
        lines = csv.reader(io.StringIO(text, newline=""), delimiter=separator)
        names = [without_marks(name).lower() for name in next(lines, [])]
        if "video" not in names:
            raise ValueError("it lacks the column video")
        for name in ("video", CORRECTED):
            if names.count(name) > 1:
                raise ValueError(f"it has two columns {name}")
        filled = (cells for cells in lines if any(cell.strip() for cell in cells))
        return [dict(zip(_distinct(names, len(cells)), cells, strict=False)) for cells in filled]


def spreadsheet_text(path: Path) -> str:
    """The text of a file as spreadsheets write them.

    Raises:
        OSError: it cannot be read.
        UnicodeDecodeError: it is no text.
    """
    content = path.read_bytes()
    if content.startswith((b"\xff\xfe", b"\xfe\xff")):
        return content.decode("utf-16")
    try:
        return content.decode("utf-8-sig")
    except UnicodeDecodeError:
        return content.decode("cp1252")


def _distinct(names: Sequence[str], cells: int) -> list[str]:
    """The names of the columns; those without a name, and cells beyond the last, are told apart by their place."""
    count = max(len(names), cells)
    return [(names[place] if place < len(names) else "") or f"column {place + 1}" for place in range(count)]


FORMAT = CsvTable()
