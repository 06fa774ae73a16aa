"""A pickle of `evaluate --scores`, measured by mmaction2's own functions as its `report_accuracy.py` does."""

from __future__ import annotations

import numpy as np
import pytest

from posec3d_cli.evaluation.predictions import ClipPrediction
from posec3d_cli.evaluation.report import EvaluationReport
from posec3d_cli.evaluation.score_files import write_scores

LABELS = tuple(f"action {number}" for number in range(9))


@pytest.fixture
def report():
    random = np.random.default_rng(0)
    answers = []
    for number in range(60):
        scores = random.dirichlet(np.ones(len(LABELS))).astype(np.float32)
        order = np.argsort(-scores)
        best = tuple((LABELS[place], float(scores[place])) for place in order[:5])
        answers.append(ClipPrediction(f"clip{number}", LABELS[order[random.integers(0, 7)]], best, scores))
    return EvaluationReport(LABELS, tuple(answers))


def test_the_published_accuracies_of_the_pickle_are_those_of_the_report(published, report, tmp_path):
    write_scores(report, tmp_path / "scores.pkl")
    samples = published("mmengine").load(str(tmp_path / "scores.pkl"))
    functional = published("mmaction.evaluation.functional")
    scores = functional.get_weighted_score([[sample["pred_score"].numpy() for sample in samples]], [1.0])
    labels = [sample["gt_label"].item() for sample in samples]
    assert functional.top_k_accuracy(scores, labels, (1, 5)) == pytest.approx([report.top1, report.top5 / report.clips])
    assert functional.mean_class_accuracy(scores, labels) == pytest.approx(report.mean_class)


def test_the_published_metric_reads_the_pickle(published, report, tmp_path):
    write_scores(report, tmp_path / "scores.pkl")
    samples = published("mmengine").load(str(tmp_path / "scores.pkl"))
    metric = published("mmaction.evaluation").AccMetric()
    metric.process(None, samples)
    assert metric.compute_metrics(metric.results)["top1"] == pytest.approx(report.top1)
