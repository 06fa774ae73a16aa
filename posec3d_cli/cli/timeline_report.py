"""Measure timelines in `posec3d evaluate --timeline`, and print what was measured."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import typer

from posec3d_cli.cli.batch_run import saying_read
from posec3d_cli.cli.render import download_progress, note, print_json, print_table
from posec3d_cli.errors import BadDataset

if TYPE_CHECKING:
    from posec3d_cli.config import PipelineConfig
    from posec3d_cli.datasets.labeled_dataset import LabeledDataset
    from posec3d_cli.evaluation.segment_metrics import SegmentReport
    from posec3d_cli.evaluation.timelines import TimelineEvaluation
    from posec3d_cli.results import ClipResult
SCHEMA, VERSION = "posec3d/timeline-evaluation", 1


def refuse_without_effect(options: Mapping[str, object]) -> None:
    """Refuse options that mean nothing where timelines are measured.

    Raises:
        typer.BadParameter: one was given.
    """
    for flag, value in options.items():
        if value:
            raise typer.BadParameter(f"{flag} has no effect with --timeline")


def run_timelines(dataset: LabeledDataset, config: PipelineConfig, *, as_json: bool) -> bool:
    """Answer every video of a dataset, and print how its timeline fits; whether all could be answered.

    Raises:
        BadDataset: the dataset is of no segments of files, or none of its videos could be answered.
    """
    from posec3d_cli.evaluation.timelines import evaluate_timelines
    from posec3d_cli.pipeline import Pipeline
    from posec3d_cli.pose_files import is_pose_file, read_pose_file
    from posec3d_cli.recognition.recognizer import ActionRecognizer

    if all(segment is None for every in dataset.segments.values() for segment in every):
        raise BadDataset("no clip of the data has a start and an end", hint="give a table with video,label,start,end")
    pipeline = None
    with download_progress() as progress:
        if dataset.videos:
            pipeline = Pipeline.from_config(config, progress=progress)
            recognizer = pipeline.recognizer
        else:
            recognizer = ActionRecognizer.from_config(config, progress=progress)

    def answer(path: Path) -> ClipResult:
        if pipeline is None or is_pose_file(path):
            return recognizer.recognize_file(read_pose_file(path)[0])
        return pipeline.predict(path)

    with saying_read() as read:
        evaluation = evaluate_timelines(dataset, answer, lambda done: read(done, len(dataset.segments)))
    for one in evaluation.unreadable:
        note("error", f"{one.name}: {one.reason}")
    if evaluation.report is None:
        raise BadDataset("no video could be answered")
    if as_json:
        print_json(_document(evaluation))
    else:
        _print(evaluation.report)
    return not evaluation.unreadable


def figures(report: SegmentReport) -> dict[str, float | None]:
    """The figures by name."""
    return {
        **{f"F1@{round(100 * overlap)}": value for overlap, value in report.f1.items()},
        "edit": report.edit,
        "frame accuracy": report.accuracy,
        "frame accuracy without background": report.accuracy_without_background,
        "mAP@50": report.mean_ap[0.5],
        "mAP": report.average_map,
    }


def _document(evaluation: TimelineEvaluation) -> dict[str, Any]:
    report = evaluation.report
    assert report is not None
    return {
        "schema": SCHEMA,
        "version": VERSION,
        "sequences": report.videos,
        "true_segments": report.segments,
        "predicted_segments": report.predicted,
        **{name.replace(" ", "_"): value for name, value in figures(report).items()},
        "unreadable": [{"video": one.name, "reason": one.reason} for one in evaluation.unreadable],
    }


def _print(report: SegmentReport) -> None:
    rows = [["sequences", str(report.videos)], ["true segments", str(report.segments)]]
    rows.append(["predicted segments", str(report.predicted)])
    rows += [[name, "" if value is None else f"{100 * value:.1f} %"] for name, value in figures(report).items()]
    print_table(["figure", "value"], rows)
