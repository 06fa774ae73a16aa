"""The page of a report: HTML that holds everything it shows and asks for nothing, everything in it escaped."""

from __future__ import annotations

import datetime
import json
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from importlib import resources
from pathlib import Path
from typing import Any

import numpy as np

from posec3d_cli import __version__
from posec3d_cli.batch.saved_results import SavedResult
from posec3d_cli.errors import PoseC3DError
from posec3d_cli.evaluation.report import EvaluationReport
from posec3d_cli.files.digests import sha256_of
from posec3d_cli.files.writing import atomic_write, printable
from posec3d_cli.reports.content import BINS, ReportContent
from posec3d_cli.reports.thumbnails import PoseFolder, thumbnail
from posec3d_cli.results import NO_PERSON_IN_WORDS

NAMED = 20
"""The clips that are named beside a reason."""


@dataclass(frozen=True)
class Tile:
    """A clip in the report.

    Attributes:
        result: what was answered.
        image: a data URI; empty where there is none.
        reason: why there is none.
        mistake: whether the answer is not the ground truth.
        truth: the ground truth; empty if it is not known.
    """

    result: SavedResult
    image: str
    reason: str
    mistake: bool
    truth: str


def tiles_of(
    content: ReportContent,
    most: int,
    poses: Path | None = None,
    progress: Callable[[int, int], None] = lambda done, total: None,
) -> list[Tile]:
    """The clips to show, with their thumbnails; a clip that cannot be shown says why.

    Args:
        content: of the report.
        most: at most so many.
        poses: a folder of pose files; None: those that the run made.
        progress: called with the numbers of thumbnails made and of all.
    """
    folder = PoseFolder(content.saved.pose_files, poses)
    chosen = content.worth_seeing(most)
    tiles = []
    for number, one in enumerate(chosen):
        progress(number, len(chosen))
        image = reason = ""
        try:
            image = thumbnail(one, folder.find(one))
        except PoseC3DError as error:
            reason = error.what
        tiles.append(Tile(one, image, reason, content.is_mistake(one), content.truth.get(one.name, "")))
    progress(len(chosen), len(chosen))
    return tiles


def render(content: ReportContent, tiles: list[Tile]) -> str:
    """The page."""
    from jinja2 import Environment, StrictUndefined

    environment = Environment(autoescape=True, undefined=StrictUndefined, trim_blocks=True)
    template = environment.from_string(resources.files(__package__).joinpath("page.html").read_text(encoding="utf-8"))
    text = template.render(
        title=f"posec3d: {content.saved.source.name}",
        made=datetime.datetime.now().astimezone().strftime("%Y-%m-%d %H:%M %Z"),
        version=__version__,
        content=content,
        evaluation=content.evaluation,
        confusion=None if content.evaluation is None else _confusion(content.evaluation),
        most=max((one.clips for one in content.labels), default=1),
        highest=max(*content.confidence, 1),
        bins=BINS,
        named=NAMED,
        tiles=tiles,
        settings=list(_settings(content)),
        percent=lambda part: f"{100 * part:.1f}\u00a0%",
    )
    return printable(text)


def write_report(content: ReportContent, tiles: list[Tile], path: Path, *, overwrite: bool = False) -> None:
    """Write the page.

    Raises:
        OutputExists, OutputError: see `posec3d_cli.files.writing.atomic_write`.
    """
    text = render(content, tiles)
    with atomic_write(path, overwrite=overwrite) as part:
        part.write_text(text, encoding="utf-8")


def _confusion(report: EvaluationReport) -> dict[str, Any]:
    """The classes that have clips or were answered; a last column has clips without a person, if there are any."""
    shown = {one.label for one in report.classes}
    kept = [number for number, label in enumerate(report.labels) if label in shown]
    names = [report.labels[number] for number in kept]
    counts, heads = report.confusion[np.ix_(kept, kept)], names
    if report.without_person.any():
        counts = np.concatenate([counts, report.without_person[kept, None]], axis=1)
        heads = [*names, NO_PERSON_IN_WORDS]
    rows = []
    for label, line in zip(names, counts.tolist(), strict=True):
        total = max(1, sum(line))
        rows.append((label, [{"count": count, "share": count / total} for count in line]))
    return {"heads": heads, "rows": rows}


def _settings(content: ReportContent) -> Iterator[tuple[str, str]]:
    """What the results were made with, a line each."""
    yield "table", str(content.saved.source)
    yield "sha256 of the table", sha256_of(content.saved.source)
    if not content.saved.pipelines:
        yield "models", "not recorded: the state of the run is not beside the table"
    for fingerprint, described in content.saved.pipelines.items():
        if fingerprint:
            yield "fingerprint", fingerprint
        yield from _flat(described)


def _flat(value: Mapping[str, Any], before: str = "") -> Iterator[tuple[str, str]]:
    for key, inner in value.items():
        name = f"{before}{key}"
        if key == "models" and isinstance(inner, list):
            for model in inner:
                yield from _flat({model["kind"]: {name: one for name, one in model.items() if name != "kind"}})
        elif isinstance(inner, Mapping):
            yield from _flat(inner, f"{name} ")
        elif inner is not None and inner not in ("", [], ()):
            yield name, inner if isinstance(inner, str) else json.dumps(inner, default=str)
