"""Several classifiers in one evaluation: make them, measure them on the same clips, and print one table."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from posec3d_cli.cli.batch_run import saying_read
from posec3d_cli.cli.help_texts import MODELS
from posec3d_cli.cli.progress import one_line
from posec3d_cli.cli.render import note, print_table
from posec3d_cli.cli.report import with_interval
from posec3d_cli.errors import BadDataset

if TYPE_CHECKING:
    from posec3d_cli.config import PipelineConfig
    from posec3d_cli.datasets.clips import LabeledClip
    from posec3d_cli.evaluation.comparison import ComparedClassifier
    from posec3d_cli.evaluation.report import EvaluationReport
    from posec3d_cli.recognition.recognizer import ActionRecognizer

CompareOption = Annotated[
    list[str] | None,
    typer.Option(
        "--compare",
        metavar="MODEL[+MODEL]",
        help="Also measure this classifier, and test it against the first; may be repeated.",
        rich_help_panel=MODELS,
    ),
]


@dataclass(frozen=True)
class OtherClassifier:
    """A classifier that is compared with the first.

    Attributes:
        name: as the user called it.
        recognizer: of it.
        folders: of its cards.
    """

    name: str
    recognizer: ActionRecognizer
    folders: Sequence[Path]


def make_others(names: Sequence[str], config_of: Callable[[str], PipelineConfig]) -> list[OtherClassifier]:
    """Load the classifiers to compare with."""
    from posec3d_cli.hub.resolve import resolve
    from posec3d_cli.recognition.recognizer import ActionRecognizer

    others = []
    for name in names:
        resolved = resolve(config_of(name))
        folders = [card.folder for card in resolved.classifiers]
        others.append(OtherClassifier(name, ActionRecognizer.from_resolved(resolved), folders))
    return others


def check_others(others: Sequence[OtherClassifier], labels: dict[str, int]) -> None:
    """Refuse labels that one of the classifiers does not have.

    Raises:
        BadDataset: it does not; the message names the classifier and all of the labels.
    """
    from posec3d_cli.evaluation.evaluate import check_labels

    for other in others:
        try:
            check_labels(labels, other.recognizer.labels)
        except BadDataset as error:
            raise BadDataset(f"{other.name}: {error.what}", hint=error.hint) from error


def measure_others(
    first: str, report: EvaluationReport, others: Sequence[OtherClassifier], clips: Sequence[LabeledClip]
) -> list[ComparedClassifier]:
    """Measure the other classifiers on the clips of the first, which stands first in the answer."""
    from posec3d_cli.evaluation.comparison import ComparedClassifier, PairedTest
    from posec3d_cli.evaluation.evaluate import evaluate
    from posec3d_cli.training.seen import learned_from, seen

    compared = [ComparedClassifier(first, report)]
    for other in others:
        if known := seen(clips, learned_from(other.folders)):
            text = f"{len(known)} of {len(clips)} clips are training clips of {other.name}"
            note("warning", one_line(f"{text}, so that its accuracy is too high; the first is {known[0]}"))
        with saying_read() as read:
            theirs = evaluate(other.recognizer, clips, other.recognizer.sampling, read)
        compared.append(ComparedClassifier(other.name, theirs, PairedTest.of(report, theirs)))
    return compared


def print_comparison(compared: Sequence[ComparedClassifier]) -> None:
    """The accuracy of each classifier with intervals, and its test against the first."""
    typer.echo()
    rows = []
    for number, one in enumerate(compared, start=1):
        report, test = one.report, one.test
        paired = ["", "", ""] if test is None else [str(test.only_first), str(test.only_other), f"{test.p:.3g}"]
        rows.append(
            [
                str(number),
                one_line(one.name),
                with_interval(report.top1, report.top1_interval),
                with_interval(report.top5 / report.clips, report.top5_interval),
                with_interval(report.mean_class, report.mean_class_interval),
                *paired,
            ]
        )
    headers = ("", "classifier", "top-1", "top-5", "mean class", "only 1 correct", "only this correct", "McNemar p")
    print_table(headers, rows)


def numbered(path: Path, number: int) -> Path:
    """The file of a classifier: that of the first as the user called it, of others with their number in the table."""
    return path if number == 1 else path.with_name(f"{path.stem}.{number}{path.suffix}")
