"""Read CSV tables as spreadsheets write them: commas, semicolons or tabs, UTF-8 or UTF-16."""

from __future__ import annotations

import codecs
import csv
import io
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from posec3d_cli.errors import BadDataset
from posec3d_cli.labels import without_marks

CSV_SUFFIXES = (".csv", ".tsv")
_SEPARATORS = {",": "commas", ";": "semicolons", "\t": "tabs", "|": "bars"}
_SAVE = "spreadsheets save it as 'CSV UTF-8'"
_SHOWN = 8  # headings that a message lists


@dataclass(frozen=True)
class Row:
    """A row of a table.

    Attributes:
        line: of the file, counted from 1, in which it ends.
        cells: by heading, without blanks and invisible marks around them; empty where the row is shorter than the
            headings.
    """

    line: int
    cells: Mapping[str, str]

    def __getitem__(self, heading: str) -> str:
        return self.cells.get(heading, "")


@dataclass(frozen=True)
class CsvTable:
    """A table that was read.

    Attributes:
        path: the file.
        headings: in lower case, without blanks and invisible marks around them.
        rows: those that hold anything.
    """

    path: Path
    headings: tuple[str, ...]
    rows: tuple[Row, ...]

    def check_once(self, heading: str) -> None:
        """Refuse a heading that stands over several columns, whose cells may contradict each other.

        Raises:
            BadDataset: it does.
        """
        if self.headings.count(heading) > 1:
            raise BadDataset(f"{self.path} has two columns {heading}", hint="case and blanks in headings mean nothing")


def read_csv(path: Path, headings: Sequence[str]) -> CsvTable:
    """Read a table whose first line names its columns, in UTF-8 or in the UTF-16 that spreadsheets call Unicode text.

    Cells are parted by commas, semicolons, tabs or bars: by what parts the headings. Case and blanks around headings,
    and blanks around cells, mean nothing.

    Raises:
        BadDataset: it cannot be read, lacks one of `headings` or has it twice, has no rows or too many cells in one.
    """
    text = _text_of(path)
    heads = {separator: _headings(path, text, separator) for separator in _SEPARATORS}
    separator = max(heads, key=lambda one: (len(set(headings) & set(heads[one])), len(heads[one])))
    head = heads[separator]
    if not head:
        raise BadDataset(f"{path} is empty", hint=f"its first line names the columns {', '.join(headings)}")
    if not set(headings) <= set(head):
        raise BadDataset(
            f"{path} must have the columns {', '.join(headings)}, and its first line has {_listed(head)}",
            hint="the first line names the columns, with commas, semicolons or tabs between them",
        )
    rows = [_row(path, line, head, cells, separator) for line, cells in _rows(path, text, separator)[1:]]
    if not rows:
        raise BadDataset(f"{path} has no rows below its headings {_listed(head)}")
    table = CsvTable(path, tuple(head), tuple(rows))
    for heading in headings:
        table.check_once(heading)
    return table


def _text_of(path: Path) -> str:
    try:
        content = path.read_bytes()
    except OSError as error:
        raise BadDataset(f"{path} cannot be read: {error.strerror}") from error
    wide = content.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE))
    try:
        text = content.decode("utf-16" if wide else "utf-8-sig")
    except UnicodeDecodeError as error:
        raise BadDataset(f"{path} is no CSV table in UTF-8: {error}", hint=_SAVE) from error
    if "\0" in text:
        raise BadDataset(f"{path} is no CSV table in UTF-8: it holds null bytes", hint=_SAVE)
    return without_separator_line(text)


def without_separator_line(text: str) -> str:
    """A table without the line of its own in which spreadsheets say what parts the cells; it stays as an empty one."""
    return re.sub(r'\A("?)sep=.\1[,;\t]*\r?\n', "\n", text, flags=re.IGNORECASE)


def _headings(path: Path, text: str, separator: str) -> list[str]:
    """The cells of the first line that holds anything, as this separator parts them."""
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=separator, skipinitialspace=True)
    try:
        for cells in reader:
            head = [without_marks(cell).casefold() for cell in cells]
            while head and not head[-1]:
                head.pop()
            if head:
                return head
    except csv.Error as error:
        raise BadDataset(f"{path} is no CSV table: line {reader.line_num}: {error}") from error
    return []


def _rows(path: Path, text: str, separator: str) -> list[tuple[int, list[str]]]:
    """The rows that hold anything, with the lines in which they end."""
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=separator, skipinitialspace=True, strict=True)
    rows = []
    try:
        for cells in reader:
            stripped = [without_marks(cell) for cell in cells]
            if any(stripped):
                rows.append((reader.line_num, stripped))
    except csv.Error as error:
        raise BadDataset(
            f"{path} is no CSV table: line {reader.line_num}: {error}",
            hint="a cell that begins with a double quote ends with one; one inside it is written twice",
        ) from error
    return rows


def _row(path: Path, line: int, head: Sequence[str], cells: Sequence[str], separator: str) -> Row:
    if any(cells[len(head) :]):
        raise BadDataset(
            f"{path}: line {line} has {len(cells)} cells, and the headings are {len(head)}",
            hint=f"cells that hold {_SEPARATORS[separator]} stand in double quotes",
        )
    return Row(line, dict(zip(head, cells, strict=False)))


def _listed(head: Sequence[str]) -> str:
    more = len(head) - _SHOWN
    return ", ".join(map(repr, head[:_SHOWN])) + (f" and {more} more" if more > 0 else "")
