"""What there is to learn from, printed before it is learnt from."""

from __future__ import annotations

from typing import TYPE_CHECKING

from posec3d_cli.cli.progress import one_line
from posec3d_cli.cli.render import note, print_table

if TYPE_CHECKING:
    from posec3d_cli.train.survey import Survey

_COLUMNS = {
    "given": "clips",
    "usable": "usable",
    "nobody": "nobody found",
    "unreadable": "unreadable",
    "short": "too short",
    "duplicates": "duplicates",
    "contradicting": "contradicting",
    "unlearnt": "validation only",
}


def print_survey(survey: Survey) -> None:
    """A table of the classes, the clips that are left out and what else was found, on stderr."""
    rows = [[one_line(one.label), *(str(getattr(one, name)) for name in _COLUMNS)] for one in survey.classes]
    print_table(["action", *_COLUMNS.values()], rows, err=True)
    for name, reason in survey.left_out.items():
        note("left out", one_line(f"{name}: {reason}"))
    for finding in survey.findings:
        note("note", one_line(finding))
