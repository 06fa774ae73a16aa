"""Read ground-truth labels from a table; predicted labels count only where somebody corrected them."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

from posec3d_cli.datasets.segments import Segment, read_segment
from posec3d_cli.errors import BadDataset, are, counted
from posec3d_cli.files.csv_tables import CsvTable, Row, read_csv
from posec3d_cli.labels import clean_label
from posec3d_cli.output.tables import COLUMNS, CORRECTED
from posec3d_cli.results import NO_PERSON, NO_PERSON_IN_WORDS, UNKNOWN

_COLUMNS = ("video", "label")
_OF_PREDICTIONS = frozenset(COLUMNS) - {*_COLUMNS, CORRECTED, "seconds", "error", "frames"}
_NO_LABELS = {"", UNKNOWN, NO_PERSON, NO_PERSON_IN_WORDS}
_ENOUGH = 2  # of these headings, which `posec3d label` writes: some may have been taken away


@dataclass(frozen=True)
class LabeledRow:
    """A row of a table with its label.

    Attributes:
        row: of the table.
        label: of the video, cleaned; empty if the row has none.
        predicted: whether the label is a prediction of a model.
        segment: what is labeled; None: the whole video.
    """

    row: Row
    label: str
    predicted: bool = False
    segment: Segment | None = None

    @property
    def video(self) -> str:
        """The path of the video as the table has it."""
        return self.row["video"]


def read_labels(
    table: Path, *, pseudo_labels: bool = False, say: Callable[[str], None] = lambda text: None
) -> tuple[CsvTable, list[LabeledRow]]:
    """Read a table with the columns video,label, and return the table and its labeled rows.

    In a table that also has the columns start and end, a row with these labels a part of its video, and one with
    `person` one of its people, see `posec3d_cli.datasets.segments`.

    A cell in the column `corrected` replaces the label. In a table of predictions, which also has columns such as
    status and score, only corrected rows count, and with `pseudo_labels` also rows with a predicted label: not those
    that are unknown, without a person, or failed.

    Args:
        table: the file.
        pseudo_labels: whether predictions count as labels.
        say: called with a sentence about rows that are left out.

    Raises:
        BadDataset: the table cannot be used, or is a table of predictions without a row that counts.
    """
    read = read_csv(table, _COLUMNS)
    read.check_once(CORRECTED)
    if len(_OF_PREDICTIONS & set(read.headings)) < _ENOUGH:
        return read, [
            _checked(read, LabeledRow(row, _corrected(row) or clean_label(row["label"]), segment=_segment(read, row)))
            for row in read.rows
        ]
    corrected = [LabeledRow(row, label, segment=_segment(read, row)) for row in read.rows if (label := _corrected(row))]
    if pseudo_labels:
        rows = list(_predicted(read))
        told = sum(one.predicted for one in rows)
        say(
            f"{table} is a table of predictions: {counted(told, 'row')} {are(told)} taken as predicted, "
            f"{len(rows) - told} as corrected"
        )
        return read, [_checked(read, one) for one in rows]
    if not corrected:
        raise BadDataset(
            f"{table} is a table of predictions, and none of its {counted(len(read.rows), 'row')} is corrected",
            hint="write the right labels into a column 'corrected', also where the prediction is right; "
            "`posec3d train --pseudo-labels` trains on the predictions",
        )
    say(f"{table} is a table of predictions: only its corrected rows are used, {len(corrected)} of {len(read.rows)}")
    return read, [_checked(read, one) for one in corrected]


def _segment(table: CsvTable, row: Row) -> Segment | None:
    return read_segment(table.path, row, table.headings)


def _corrected(row: Row) -> str:
    return clean_label(row[CORRECTED])


def _predicted(table: CsvTable) -> Iterator[LabeledRow]:
    """The rows with a correction or a predicted label."""
    for row in table.rows:
        if label := _corrected(row):
            yield LabeledRow(row, label, segment=_segment(table, row))
            continue
        label = clean_label(row["label"])
        if row["status"] in ("ok", "") and not row["guess"] and label not in _NO_LABELS:
            yield LabeledRow(row, label, predicted=True, segment=_segment(table, row))


def _checked(table: CsvTable, one: LabeledRow) -> LabeledRow:
    for column, cell in zip(_COLUMNS, (one.video, one.label), strict=True):
        if not cell:
            raise BadDataset(f"{table.path}: line {one.row.line} lacks a {column}")
    return one
