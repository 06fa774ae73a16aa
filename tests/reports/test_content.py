"""What a report counts."""

from __future__ import annotations

from pathlib import Path

import pytest

from posec3d_cli.batch.saved_results import SavedResult, SavedResults
from posec3d_cli.errors import BadDataset
from posec3d_cli.reports.content import ReportContent, is_doubtful


def result(name, *best, status="ok", label=None, **more):
    label = (best[0][0] if best else "") if label is None else label
    return SavedResult(name, None, status, label, tuple(best), **more)


SAVED = SavedResults(
    Path("labels.csv"),
    (
        result("a.mp4", ("run", 0.9), ("jump", 0.1)),
        result("b.mp4", ("run", 0.55), ("jump", 0.45)),
        result("c.mp4", ("jump", 0.3), ("run", 0.25), label="unknown"),
        result("d.mp4", status="no_person"),
        result("e.mp4", status="failed", error="/x/e.mp4 is broken"),
        result("f.mp4", status="failed", error="/y/f.mp4 is broken"),
        result("g.mp4", ("run", 1.0), error="warning: dark", corrected="jump"),
    ),
)


def test_clips_are_counted_by_what_became_of_them():
    assert dict(ReportContent(SAVED).counts) == {
        "clips": 7, "with an answer": 4, "of these unknown": 1, "of these doubtful": 2, "without a person": 1,
        "failed": 2, "corrected by a person": 1,
    }  # fmt: skip


def test_labels_are_in_order_of_their_number():
    found = [(one.label, one.clips, round(one.mean, 3), one.doubtful) for one in ReportContent(SAVED).labels]
    assert found == [("run", 3, 0.817, 1), ("unknown", 1, 0.3, 1)]


def test_scores_are_distributed_over_ten_bins_and_one_is_in_the_last():
    assert ReportContent(SAVED).confidence == [0, 0, 0, 1, 0, 1, 0, 0, 0, 2]


def test_equal_reasons_are_one_whatever_the_file_is_called():
    assert ReportContent(SAVED).reasons == [("… is broken", ["e.mp4", "f.mp4"]), ("warning: dark", ["g.mp4"])]


def test_mistakes_come_first_then_the_least_certain_and_failures_never(tmp_path):
    truth = tmp_path / "truth.csv"
    truth.write_text("video,label\na.mp4,jump\nb.mp4,run\ng.mp4,run\nd.mp4,run\n")
    content = ReportContent.of(SAVED, truth)
    assert [one.name for one in content.worth_seeing(9)] == ["a.mp4", "d.mp4", "c.mp4", "b.mp4", "g.mp4"]
    assert [one.name for one in content.worth_seeing(2)] == ["a.mp4", "d.mp4"]
    assert (content.evaluation.clips, content.evaluation.top1) == (4, 0.5)


def test_an_unknown_answer_is_a_mistake_unless_that_is_true(tmp_path):
    truth = tmp_path / "truth.csv"
    truth.write_text("video,label\nc.mp4,jump\n")
    assert ReportContent.of(SAVED, truth).evaluation.top1 == 0
    truth.write_text("video,label\nc.mp4,unknown\n")
    assert ReportContent.of(SAVED, truth).evaluation.top1 == 1


def test_ground_truth_of_failed_clips_only_is_refused(tmp_path):
    truth = tmp_path / "truth.csv"
    truth.write_text("video,label\ne.mp4,jump\n")
    with pytest.raises(BadDataset, match="has a label for no whole clip that has a result"):
        ReportContent.of(SAVED, truth)


def test_ground_truth_about_parts_of_clips_is_counted_and_not_compared(tmp_path):
    truth = tmp_path / "truth.csv"
    truth.write_text("video,label,start,end\na.mp4,run,,\nb.mp4,jump,0,9\n")
    content = ReportContent.of(SAVED, truth)
    assert (content.evaluation.clips, content.parts) == (1, 1)


def test_a_single_label_of_a_low_score_is_doubtful():
    assert is_doubtful(result("a", ("run", 0.4)))
    assert not is_doubtful(result("a", ("run", 0.5)))
    assert not is_doubtful(result("a"))
