"""What follows from the answers to labelled clips."""

from __future__ import annotations

import csv
import json
from collections import Counter

import cv2
import pytest
from hypothesis import given
from hypothesis import strategies as st

from posec3d_cli.datasets.labeled_dataset import UnreadableClip
from posec3d_cli.evaluation.predictions import ClipPrediction
from posec3d_cli.evaluation.report import ClassMetrics, ConfusedPair, EvaluationReport
from posec3d_cli.evaluation.write import write_confusion, write_predictions

LABELS = ("sit", "stand", "run")


def answer(clip, ground_truth, predicted="", sure=0.6):
    other = next(label for label in LABELS if label != predicted)
    return ClipPrediction(clip, ground_truth, ((predicted, sure), (other, 1 - sure)) if predicted else ())


@pytest.fixture
def report():
    """Seven clips of two of three actions: five right, one taken for another, one in which nobody was found."""
    rights = [
        answer(f"clip {number}", "sit" if number < 3 else "stand", "sit" if number < 3 else "stand")
        for number in range(5)
    ]
    return EvaluationReport(LABELS, (*rights, answer("clip 5", "sit", "stand", 0.61), answer("clip 6", "sit")))


def test_a_clip_without_anybody_counts_as_a_mistake(report):
    assert report.clips == 7
    assert report.top1 == pytest.approx(5 / 7)
    assert report.mean_class == pytest.approx((3 / 5 + 2 / 2) / 2)
    assert report.confusion.tolist() == [[3, 1, 0], [0, 2, 0], [0, 0, 0]]
    assert report.without_person.tolist() == [1, 0, 0]
    assert report.no_person == ("clip 6",)
    assert [one.clip for one in report.mistakes] == ["clip 5", "clip 6"]


def test_each_of_several_sources_has_its_own_calibration_error():
    sure = [answer(f"web/{number}", "sit", "sit" if number < 2 else "stand", 0.9) for number in range(4)]
    honest = [answer(f"lab/{number}", "sit", "sit", 0.95) for number in range(2)]
    report = EvaluationReport(LABELS, (*sure, *honest, answer("lab/2", "stand"), answer("empty/1", "run")))
    assert list(report.sources) == ["web", "lab", "empty"]
    web, lab, empty = report.sources.values()
    assert (web.clips, web.top1, web.calibration_error) == (4, 0.5, pytest.approx(0.4))
    assert (lab.clips, lab.top1, lab.calibration_error) == (3, pytest.approx(2 / 3), pytest.approx(0.05))
    assert (empty.clips, empty.top1, empty.calibration_error) == (1, 0, None)
    found = report.figures()["sources"]
    assert [(one["source"], one["clips"], one["calibration_error"]) for one in found] == [
        *(("web", 4, 0.4), ("lab", 3, 0.05), ("empty", 1, None)),
    ]
    assert found[0]["top1_interval"][0] < found[0]["top1"] < found[0]["top1_interval"][1]


def test_one_source_and_names_without_a_source_are_not_split(report):
    assert report.sources == {}
    assert report.figures()["sources"] == []


def test_a_clip_whose_label_is_unknown_has_no_label_at_any_threshold():
    own = ClipPrediction("a", "sit", (("unknown", 0.95), ("sit", 0.05)))
    named = ClipPrediction("b", "sit", (("sit", 0.75), ("unknown", 0.25)))
    report = EvaluationReport(("sit", "unknown"), (own, named), 0.6)
    assert report.thresholds == [(0.3, 0.5, 1.0), (0.5, 0.5, 1.0), (0.6, 0.5, 1.0), (0.7, 0.5, 1.0), (0.9, 0.0, None)]
    assert report.figures()["min_score"][2] == {"min_score": 0.6, "named": 0.5, "right": 1.0}


def test_a_second_best_label_counts_among_five(report):
    assert report.top5 == 6
    low, high = report.top5_interval
    assert low < 6 / 7 < high
    assert report.top1_interval[0] < low


def test_only_classes_that_occur_have_figures(report):
    assert report.classes == (ClassMetrics("sit", 5, 3, 3), ClassMetrics("stand", 2, 3, 2))
    sit, stand = report.classes
    assert (sit.precision, sit.recall) == (1, 0.6)
    assert (stand.precision, stand.recall, stand.f1) == (pytest.approx(2 / 3), 1, pytest.approx(0.8))


def test_of_a_class_without_clips_or_answers_some_figures_do_not_exist():
    taken, never = EvaluationReport(LABELS, (answer("a", "sit", "run"),)).classes
    assert (taken.label, taken.recall, taken.precision, taken.f1) == ("sit", 0, None, 0)
    assert (never.label, never.recall, never.precision, never.f1) == ("run", None, 0, 0)


def test_confidences_are_those_of_answers(report):
    assert report.confidences == pytest.approx([0.6] * 5 + [0.61])
    assert report.correct.tolist() == [True] * 5 + [False]


def test_pairs_come_in_order_of_number_and_their_clips_in_order_of_confidence():
    some = (
        answer("a", "sit", "run", 0.7),
        answer("b", "sit", "stand", 0.5),
        answer("c", "sit", "stand", 0.9),
        answer("d", "run", "stand"),
        answer("e", "run"),
    )
    both, *single = EvaluationReport(LABELS, some).pairs(9)
    assert both == ConfusedPair("sit", "stand", ("c", "b"))
    assert single == [ConfusedPair("run", "stand", ("d",)), ConfusedPair("sit", "run", ("a",))]
    assert EvaluationReport(LABELS, some).pairs(1) == [both]
    assert EvaluationReport(LABELS, some).pairs(0) == []


def test_the_figures_are_plain_json(report):
    figures = json.loads(json.dumps(report.figures()))
    assert (figures["clips"], figures["top1"], figures["top5"]) == (7, 0.7143, 0.8571)
    assert figures["nobody"] == ["clip 6"]
    assert figures["confusion"] == {
        "labels": ["sit", "stand", "run"],
        "rows_are_truth": [[3, 1, 0], [0, 2, 0], [0, 0, 0]],
    }
    assert figures["mistakes"][1] == {"clip": "clip 6", "truth": "sit", "named": None, "probability": 0.0}
    assert figures["classes"][1] == {
        "label": "stand", "clips": 2, "named": 3, "right": 2, "precision": 0.6667, "recall": 1.0, "f1": 0.8,
    }  # fmt: skip
    assert figures["mean_class_interval"][0] < figures["mean_class"] < figures["mean_class_interval"][1]


@given(st.lists(st.tuples(st.sampled_from(LABELS), st.sampled_from(["", *LABELS])), min_size=1, max_size=30))
def test_the_figures_agree_with_counting(clips):
    report = EvaluationReport(
        LABELS, tuple(answer(str(n), ground_truth, predicted) for n, (ground_truth, predicted) in enumerate(clips))
    )
    counts = Counter(clips)
    assert report.confusion.sum() + report.without_person.sum() == len(clips)
    for row, ground_truth in enumerate(LABELS):
        assert [counts[ground_truth, predicted] for predicted in LABELS] == report.confusion[row].tolist()
    for one in report.classes:
        assert one.clips == sum(ground_truth == one.label for ground_truth, _ in clips)
        assert one.predicted == sum(predicted == one.label for _, predicted in clips)
        if one.precision and one.recall:
            assert one.f1 == pytest.approx(2 * one.precision * one.recall / (one.precision + one.recall))
    assert report.top1 <= report.top5 / report.clips
    assert sum(len(pair.clips) for pair in report.pairs(99)) == len(report.mistakes) - len(report.no_person)
    low, high = report.mean_class_interval or (0, 1)
    assert 0 <= low < high <= 1


def test_a_mean_that_does_not_vary_has_no_interval():
    report = EvaluationReport(LABELS, tuple(answer(str(n), label, label) for n, label in enumerate(LABELS)))
    assert report.mean_class == 1
    assert report.mean_class_interval is None
    assert report.figures()["mean_class_interval"] is None


def test_the_matrix_of_confusion_is_written_as_a_table_and_a_image(report, tmp_path):
    for name in ("a.csv", "a.PNG"):
        (tmp_path / name).write_text("old")
        write_confusion(report, tmp_path / name)
    assert (tmp_path / "a.csv").read_text() == (
        "label,sit,stand,run,no_person\nsit,3,1,0,1\nstand,0,2,0,0\nrun,0,0,0,0\n"
    )
    high, wide, _ = cv2.imread(str(tmp_path / "a.PNG")).shape
    assert high > 100
    assert wide > 100


def test_the_answers_are_written_as_a_table(report, tmp_path):
    write_predictions(
        report, [UnreadableClip("bad\udcff.mp4", "run", "it is no video, of no kind")], tmp_path / "a.csv"
    )
    with (tmp_path / "a.csv").open(newline="", encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    assert len(rows) == 8
    mistakes, empty, failed = ({key: cell for key, cell in row.items() if cell} for row in rows[5:])
    assert mistakes == {
        "clip": "clip 5", "truth": "sit", "status": "ok", "label": "stand", "score": "0.61", "label_2": "sit",
        "score_2": "0.39",
    }  # fmt: skip
    assert empty == {"clip": "clip 6", "truth": "sit", "status": "no_person"}
    assert failed == {
        "clip": "bad\\xff.mp4", "truth": "run", "status": "failed", "error": "it is no video, of no kind",
    }  # fmt: skip
    assert list(rows[0])[-3:] == ["label_5", "score_5", "error"]
