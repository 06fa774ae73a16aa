"""Measure a trained model on its validation clips, and what it kept of the model that it extends."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from posec3d_cli.config import PipelineConfig
from posec3d_cli.datasets.clips import LabeledClip, source_name_of
from posec3d_cli.evaluation.evaluate import evaluate, predict_clips
from posec3d_cli.evaluation.perturb import perturb
from posec3d_cli.evaluation.predictions import ClipPrediction
from posec3d_cli.evaluation.report import EvaluationReport
from posec3d_cli.output.plots import plot_confusion
from posec3d_cli.recognition.ensemble import Member
from posec3d_cli.recognition.recognizer import ActionRecognizer
from posec3d_cli.registry import load_stage
from posec3d_cli.training.finetune import Pretrained
from posec3d_cli.training.loop import EVERY


def measure(
    model: Path, validation_clips: Sequence[LabeledClip], plot: Path | None = None, *, device: str, precision: str
) -> dict[str, Any]:
    """Evaluate a model on validation clips, by source and with perturbed copies; plot the confusion matrix."""
    recognizer = ActionRecognizer.from_config(PipelineConfig(classifiers=(model,), device=device, precision=precision))
    full_report = evaluate(recognizer, validation_clips)
    predictions: dict[str, list[ClipPrediction]] = {}
    for clip, prediction in zip(validation_clips, full_report.predictions, strict=True):
        predictions.setdefault(source_name_of(clip), []).append(prediction)
    reports = {
        EVERY: full_report,
        **{name: EvaluationReport(full_report.labels, tuple(part)) for name, part in predictions.items()},
    }
    if not recognizer.needs_frames:  # there is no video of perturbed poses
        reports["all, harder"] = evaluate(recognizer, perturb(validation_clips))
    if plot is not None:
        plot_confusion(full_report.labels, full_report.confusion, plot)
    return {name: report.figures() for name, report in reports.items()}


def compare_labels(
    model: Path, pretrained: Pretrained, validation_clips: Sequence[LabeledClip], *, device: str, precision: str
) -> dict[str, dict[str, int | None]]:
    """How many validation clips of each label an extended model answers rightly, and the pretrained model did.

    Returns:
        By label: "clips", "correct", and "correct_before", None for a label that the pretrained model lacks. Labels of
        the pretrained model without a clip have 0 clips.
    """
    card = pretrained.card
    classifier = load_stage("classifier", card.stage).from_card(card, pretrained.files, device=device)
    config = pretrained.config
    member = Member(
        config.builder, classifier, config.sampling, objects=pretrained.objects, interactions=config.interactions
    )
    before = ActionRecognizer([member])
    after = ActionRecognizer.from_config(PipelineConfig(classifiers=(model,), device=device, precision=precision))
    answers = zip(
        validation_clips, predict_clips(before, validation_clips), predict_clips(after, validation_clips), strict=True
    )
    counts: dict[str, dict[str, int | None]] = {
        label: {"clips": 0, "correct": 0, "correct_before": 0 if label in card.labels else None}
        for label in (*pretrained.actions, *sorted({clip.label for clip in validation_clips} - {*pretrained.actions}))
    }
    for clip, first, now in answers:
        count = counts[clip.label]
        count["clips"] = (count["clips"] or 0) + 1
        count["correct"] = (count["correct"] or 0) + now.correct
        if count["correct_before"] is not None:
            count["correct_before"] += first.correct
    return counts
