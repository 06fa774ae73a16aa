"""What the labels of a run are worth, with and without answers that are unknown."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from clip_results import answered, failed
from review_factory import scores

from posec3d_cli.batch.find import InputFile
from posec3d_cli.datasets.segments import Segment
from posec3d_cli.errors import BadDataset
from posec3d_cli.evaluation.ground_truth import GroundTruth, TrueSegment, compare, count_unlabeled, read_ground_truth
from posec3d_cli.results import PersonInWindow, WindowScores

ANSWERS = [
    (answered("a", ("run", 0.9), ("walk", 0.1)), 1.0),
    (answered("b", ("run", 0.6), ("walk", 0.4)), 1.0),
    (answered("c", ("run", 0.4), ("walk", 0.3)), 1.0),
    (answered("d", ("walk", 0.45), ("run", 0.3)), 1.0),
    (answered("e"), 1.0),
    (failed("f"), 1.0),
]
TRUTH = GroundTruth({"a": "run", "b": "walk", "c": "run", "d": "run", "e": "walk", "f": "run"})


def test_an_unknown_is_wrong_even_if_its_best_guess_is_right():
    compared = compare(ANSWERS, TRUTH, ("run", "walk"), min_score=0.5)
    report = compared.report
    assert (compared.failed, compared.unknown, compared.named, compared.correct) == (1, 2, 2, 1)
    assert report.labels == ("run", "walk", "unknown")
    assert report.confusion.tolist() == [[1, 0, 2], [1, 0, 0], [0, 0, 0]]
    assert (report.clips, report.top1, report.top5) == (5, 0.2, 4)
    assert report.mean_class == pytest.approx((1 / 3 + 0) / 2)
    assert [(one.clip, one.ground_truth, one.label) for one in report.mistakes][1:] == [
        ("c", "run", "unknown"),
        ("d", "run", "unknown"),
        ("e", "walk", ""),
    ]


def test_without_unknown_answers_there_is_no_such_column():
    compared = compare(ANSWERS[:2], TRUTH, ("run", "walk"))
    assert compared.report.labels == ("run", "walk")
    assert (compared.unknown, compared.named, compared.correct) == (0, 2, 1)


def test_unknown_is_right_where_the_table_says_so():
    compared = compare(ANSWERS[2:4], GroundTruth({"c": "unknown", "d": "walk"}), ("run", "walk"), min_score=0.5)
    assert compared.report.top1 == 0.5
    assert compared.report.top5 == 2
    assert (compared.unknown, compared.named, compared.correct) == (2, 0, 0)


def test_a_classifiers_own_label_unknown_is_the_answer_unknown():
    predictions = [
        (answered("a", ("unknown", 0.9), ("run", 0.1)), 1.0),
        (answered("b", ("run", 0.4), ("unknown", 0.3)), 1.0),
    ]
    compared = compare(predictions, GroundTruth({"a": "unknown", "b": "run"}), ("run", "unknown"), min_score=0.5)
    assert np.array_equal(compared.report.confusion, [[0, 1], [0, 1]])
    assert (compared.unknown, compared.named, compared.correct) == (2, 0, 0)
    assert [one.best for one in compared.report.predictions] == [
        (("unknown", 0.9), ("run", 0.1)),
        (("unknown", 0.4), ("run", 0.4)),
    ]


@pytest.fixture
def inputs(tmp_path):
    return [InputFile(tmp_path / "clips" / name, name) for name in ("walk/a.mp4", "b.mp4", "pack.pkl")]


def ground_truth(tmp_path, inputs, rows, **options):
    table = tmp_path / "truth.csv"
    table.write_text("video,label\n" + "".join(f"{row}\n" for row in rows))
    return read_ground_truth(table, inputs, **options).labels


@pytest.mark.parametrize("row", ["walk/a.mp4", "clips/walk/a.mp4", "walk\\a.mp4", "clips\\walk\\a.mp4"])
def test_a_row_names_a_file_as_the_output_does_or_by_its_path(tmp_path, inputs, row):
    assert ground_truth(tmp_path, inputs, [f"{row},run ", "other.mp4,walk"]) == {"walk/a.mp4": "run"}
    assert ground_truth(tmp_path, inputs, [f"{tmp_path}/clips/walk/a.mp4,run"]) == {"walk/a.mp4": "run"}
    assert ground_truth(tmp_path, inputs, ["a.mp4,run"], root=tmp_path / "clips" / "walk") == {"walk/a.mp4": "run"}


def test_a_row_may_name_a_clip_of_a_dataset_pickle(tmp_path, inputs):
    known = ground_truth(tmp_path, inputs, ["pack.pkl: one,run", "clips/pack.pkl: two: b,walk"])
    assert known == {"pack.pkl: one": "run", "pack.pkl: two: b": "walk"}
    assert count_unlabeled(GroundTruth(known), inputs) == 2


def test_truth_that_is_about_no_file_or_contradicts_itself_is_refused(tmp_path, inputs):
    with pytest.raises(
        BadDataset, match=r"has a label for none of the 3 files, its first row is of 'a\.mp4'"
    ) as caught:
        ground_truth(tmp_path, inputs, ["a.mp4,run"])
    assert "--root" in caught.value.hint
    assert ground_truth(tmp_path, inputs, ["b.mp4,run", "clips/b.mp4,run "]) == {"b.mp4": "run"}
    with pytest.raises(BadDataset, match=r"line 3 gives 'clips/b.mp4' a second label: run, walk"):
        ground_truth(tmp_path, inputs, ["b.mp4,run", "clips/b.mp4,walk"])


def test_predictions_are_no_truth_but_their_corrections_are(tmp_path, inputs, caplog):
    table = tmp_path / "labels.csv"
    table.write_text("video,status,label,score,corrected\nb.mp4,ok,run,0.9,\nwalk/a.mp4,ok,run,0.5,walk\n")
    assert read_ground_truth(table, inputs).labels == {"walk/a.mp4": "walk"}
    assert "only its corrected rows are used, 1 of 2" in caplog.text


def test_a_part_of_a_clip_is_answered_by_the_windows_in_it(tmp_path):
    walk, run = (scores(walk=0.8, run=0.2), scores(run=0.6, walk=0.4))
    windows = (
        WindowScores(0, 10, walk, (PersonInWindow(3, 1.0, run),)),
        WindowScores(10, 20, run),
        WindowScores(20, 30, None),
    )
    result = replace(answered("a.mp4", ("walk", 0.9)), windows=windows)
    truth = [
        TrueSegment("a.mp4", Segment(0, 12), "walk"),
        TrueSegment("a.mp4", Segment(2, 20), "run"),
        TrueSegment("a.mp4", Segment(0, 10, person=3), "run"),
        TrueSegment("a.mp4", Segment(0, 10, person=4), "run"),
        TrueSegment("a.mp4", Segment(20, 30), "run"),
        TrueSegment("other.mp4", Segment(0, 10), "run"),
    ]
    report = compare([(result, 1.0)], GroundTruth({"a.mp4": "walk"}, tuple(truth)), ("run", "walk")).report
    best = {one.clip: one.best[:1] for one in report.predictions}
    assert best.pop("a.mp4") == (("walk", 0.9),)
    assert best["a.mp4 [0:12]"] == (("walk", pytest.approx((10 * 0.8 + 2 * 0.4) / 12, abs=1e-6)),)
    assert best["a.mp4 [2:20]"] == (("walk", pytest.approx((8 * 0.8 + 10 * 0.4) / 18, abs=1e-6)),)
    assert best["a.mp4 [0:10, person 3]"] == (("run", pytest.approx(0.6)),)
    assert best["a.mp4 [0:10, person 4]"] == ()
    assert best["a.mp4 [20:30]"] == ()


def test_a_table_may_hold_segments_only_and_two_labels_of_one_are_refused(tmp_path, inputs):
    table = tmp_path / "truth.csv"
    table.write_text("video,label,start,end,person\nb.mp4,run,0,5,\nb.mp4,walk,5,9,1\nb.mp4,run,0,5,\n")
    truth = read_ground_truth(table, inputs)
    assert (truth.labels, [str(one.segment) for one in truth.segments]) == ({}, ["[0:5]", "[5:9, person 1]"])
    assert count_unlabeled(truth, inputs) == 2
    table.write_text("video,label,start,end,person\nb.mp4,run,0,5,\nb.mp4,walk,0,5,\n")
    with pytest.raises(BadDataset, match=r"line 3 gives \[0:5\] of 'b.mp4' a second label: run, walk"):
        read_ground_truth(table, inputs)
