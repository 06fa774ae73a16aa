"""Clips of other actions in an evaluation: choose them, and print how well scores tell them apart, as text or JSON."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

import typer

from posec3d_cli.cli.render import note, print_table
from posec3d_cli.cli.report import predictions_document, with_interval
from posec3d_cli.errors import BadDataset, counted

if TYPE_CHECKING:
    from posec3d_cli.cli.labeled_clips import ClipsToEvaluate
    from posec3d_cli.datasets.labeled_dataset import LabeledDataset
    from posec3d_cli.evaluation.open_set import OpenSetReport, Threshold


def of_other_actions(dataset: LabeledDataset, known: Sequence[str]) -> LabeledDataset:
    """The clips whose labels the classifier does not have.

    Raises:
        BadDataset: there is none.
    """
    from posec3d_cli.evaluation.evaluate import clips_per_label
    from posec3d_cli.results import UNKNOWN

    labels = dataset.labels
    here = {label: labels[label] for label in sorted(labels) if label in known and label != UNKNOWN}
    others = dataset.of(labels.keys() - here.keys())
    if not others.clips:
        raise BadDataset(
            f"--open-set has no clip of another action, all have labels of the classifier: {clips_per_label(here)}",
            hint="name data with other labels",
        )
    if here:
        note("note", f"left out of the open set, with labels that the classifier has: {clips_per_label(here)}")
    return others


def open_set_document(report: OpenSetReport, clips: ClipsToEvaluate) -> dict[str, Any]:
    """The figures as plain values, with the predictions for the clips of other actions and the clips left out."""
    return {
        **report.figures(),
        "answers": predictions_document(report.others),
        "unreadable": [asdict(one) for one in clips.unreadable],
        "left_out": dict(clips.left_out),
        "learned_from": list(clips.training_clips),
    }


def print_open_set(report: OpenSetReport, unreadable: int) -> None:
    """The area under the ROC curve, and the effect of `--min-score`, that of the classifier among the values.

    Args:
        report: what was measured.
        unreadable: the number of clips of other actions that were not.
    """
    from posec3d_cli.evaluation.report import MIN_SCORES

    parts = [
        f"open set: AUROC {'none' if report.auroc is None else f'{report.auroc:.3f}'}",
        f"{counted(len(report.others), 'clip')} of other actions",
        f"no person in {len(report.no_person)}",
    ]
    if unreadable:
        parts.append(f"{unreadable} failed and not counted")
    typer.echo(f"\n{', '.join(parts)}")
    steps = sorted({*MIN_SCORES, report.min_score})
    rows = [_row(report.at(least), own=least == report.min_score) for least in steps]
    print_table(("min score", "other actions unknown", "correct answers lost"), rows)


def _row(step: Threshold, *, own: bool) -> list[str]:
    lost = "" if step.lost_share is None else with_interval(*step.lost_share)
    return [f"{step.min_score:g}{' (in use)' if own else ''}", with_interval(*step.unknown_share), lost]
