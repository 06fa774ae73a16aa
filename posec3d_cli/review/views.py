"""Views of a review: lists of rows, the labels that are known, the confusion matrix, progress."""

from __future__ import annotations

from collections import Counter
from typing import Any

from posec3d_cli.datasets.clips import BACKGROUND
from posec3d_cli.errors import InputError
from posec3d_cli.labels import near_labels
from posec3d_cli.results import FAILED, NO_PERSON, UNKNOWN
from posec3d_cli.review.decisions import AddSegment, SetLabel
from posec3d_cli.review.rows import ReviewRow, labels_of
from posec3d_cli.review.session import ReviewSession

SHOWS = ("all", "todo", "decided", "disagree", UNKNOWN, FAILED, NO_PERSON)
"""Which rows a list shows."""
ORDERS = ("uncertain", "name", "label")
"""In which order: the least certain first, by name, by label."""


def listing(session: ReviewSession, order: str, show: str, label: str = "", query: str = "") -> list[int]:
    """The ids of rows.

    Args:
        session: of the review.
        order: one of `ORDERS`.
        show: one of `SHOWS`.
        label: only rows that were predicted as, or decided to be, this action; empty: all.
        query: only rows whose name holds this text; upper and lower case are alike.

    Raises:
        InputError: there is no such order or choice.
    """
    if order not in ORDERS or show not in SHOWS:
        raise InputError(f"there is no list {show!r} in the order {order!r}")
    wanted = query.casefold()
    rows = [
        row
        for row in session.rows
        if wanted in row.name.casefold()
        and (not label or label in (row.label, session.label_of(row)))
        and _shows(session, row, show)
    ]
    keys = {
        "uncertain": lambda row: (row.uncertainty, row.name),
        "name": lambda row: row.name,
        "label": lambda row: (session.label_of(row) or row.label, row.uncertainty, row.name),
    }
    return [row.id for row in sorted(rows, key=keys[order])]


def _shows(session: ReviewSession, row: ReviewRow, show: str) -> bool:
    match show:
        case "all":
            return True
        case "todo" | "decided":
            return session.is_decided(row) == (show == "decided")
        case "disagree":
            truth = session.ground_truth.get(row.name) or session.label_of(row)
            return truth is not None and truth != row.label
        case _ if show == UNKNOWN:
            return row.label == UNKNOWN
        case _:
            return row.status == show


def known_labels(session: ReviewSession) -> list[str]:
    """Every action that is named anywhere, in order."""
    known = {label for row in session.rows for label in labels_of(row)} | set(session.ground_truth.values())
    for decision in session.decisions():
        for event in (*decision.labels.values(), *decision.segments):
            if isinstance(event.said, SetLabel | AddSegment):
                known.add(event.said.label)
    return sorted(known - {BACKGROUND, NO_PERSON})


def confusion(session: ReviewSession) -> Counter[tuple[str, str]]:
    """The number of rows by what a person says, or else the ground truth, and by what was predicted."""
    counts: Counter[tuple[str, str]] = Counter()
    for row in session.rows:
        truth = session.label_of(row) or session.ground_truth.get(row.name)
        if truth is not None and (row.label or row.status):
            counts[truth, row.label or row.status] += 1
    return counts


def overview(session: ReviewSession) -> dict[str, Any]:
    """What the page shows of the whole review."""
    labels = known_labels(session)
    counts = confusion(session)
    decided = sum(session.is_decided(row) for row in session.rows)
    return {
        "rows": len(session.rows),
        "decided": decided,
        "compared": sum(counts.values()),
        "agreed": sum(count for (truth, predicted), count in counts.items() if truth == predicted),
        "labels": labels,
        "near": [list(group) for group in near_labels(labels)],
        "truth_file": str(session.truth_file),
        "export_problem": session.export_problem,
        "last": session.changed_since(0)[0],
    }


def summary(session: ReviewSession, row: ReviewRow) -> dict[str, Any]:
    """A row as the list shows it."""
    decision = session.decision(row)
    return {
        "id": row.id,
        "name": row.name,
        "status": row.status,
        "label": row.label,
        "score": row.score,
        "truth": session.ground_truth.get(row.name),
        "decided": session.is_decided(row),
        "said": session.label_of(row),
        "segments": len(decision.segments),
        "people": sum(person is not None for person in decision.labels),
    }


def said(session: ReviewSession, row: ReviewRow) -> dict[str, Any]:
    """What was decided of a row, with who and when."""
    decision = session.decision(row)
    labels, segments = [], []
    for event in decision.labels.values():
        if isinstance(event.said, SetLabel):
            labels.append(
                {"person": event.said.person, "label": event.said.label, "accepted": event.said.accepted}
                | {"reviewer": event.reviewer, "time": event.time}
            )
    for event in decision.segments:
        if isinstance(event.said, AddSegment):
            segments.append(
                {"id": event.id, "label": event.said.label, "start": event.said.start, "stop": event.said.stop}
                | {"person": event.said.person, "reviewer": event.reviewer, "time": event.time}
            )
    predicted = [
        {"predicted": one.span, "label": one.label, "score": one.score, "guess": one.guess}
        | dict(zip(("start", "stop", "person"), one.span, strict=True))
        for one in session.waiting(row)
    ]
    return {"labels": labels, "segments": segments, "predicted": predicted, "corrected": row.corrected}
