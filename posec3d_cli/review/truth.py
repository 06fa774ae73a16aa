"""The decisions of a review as truth.csv, which `train`, `evaluate` and `label --truth` read."""

from __future__ import annotations

import csv
import hashlib
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

from posec3d_cli.annotations import truth
from posec3d_cli.datasets.segments import BOX, END, PERSON, START
from posec3d_cli.errors import OutputExists
from posec3d_cli.files.digests import digest
from posec3d_cli.files.writing import atomic_write, check_free
from posec3d_cli.review.decisions import AddSegment, Decision, Event, SetLabel
from posec3d_cli.review.store import EventStore

COLUMNS = (*truth.COLUMNS, BOX)
_HINT = "move it away, or name another file with --output"


@dataclass(frozen=True)
class Decided:
    """What the table says of one row.

    Attributes:
        video: the path, as the table shall name it.
        decision: of the review.
        corrected: the correction in the reviewed table; it counts where the review says nothing of the whole clip.
    """

    video: str
    decision: Decision
    corrected: str = ""


def truth_rows(decided: Iterable[Decided]) -> Iterator[dict[str, object]]:
    """The rows of the table: one per label of a clip, of a person and of a segment."""
    for one in decided:
        if one.corrected and one.decision.label is None:
            yield {"video": one.video, "label": one.corrected}
        for event in (*one.decision.labels.values(), *one.decision.segments):
            yield {"video": one.video, "reviewer": event.reviewer, "time": event.time, **_cells(event)}


def _cells(event: Event) -> dict[str, object]:
    said = event.said
    assert isinstance(said, SetLabel | AddSegment)
    cells: dict[str, object] = {"label": said.label, PERSON: said.person}
    if isinstance(said, AddSegment):
        cells |= {START: said.start, END: said.stop}
    return cells | {name: event.context.get(name) for name in ("start_seconds", "end_seconds", BOX)}


def check_ours(table: Path, store: EventStore) -> None:
    """Refuse a file that somebody else wrote or changed.

    Raises:
        OutputExists: it is there, and is not as the review wrote it.
        OutputError: it cannot be written.
    """
    check_free(table, overwrite=True)
    if table.exists() and not store.is_export(table, digest(table)):
        raise OutputExists(f"{table} is there, and this review did not write it as it is", hint=_HINT)


def write_truth(table: Path, decided: Iterable[Decided], store: EventStore) -> None:
    """Write the table whole or not at all, in place of the one that the review wrote last.

    Raises:
        OutputExists, OutputError: see `check_ours`.
    """
    check_ours(table, store)
    with atomic_write(table, overwrite=True) as part:
        with part.open("w", encoding="utf-8", newline="") as file:
            writer = csv.DictWriter(file, COLUMNS, lineterminator="\n")
            writer.writeheader()
            writer.writerows(truth_rows(decided))
        store.note_export(table, hashlib.sha256(part.read_bytes()).hexdigest())
