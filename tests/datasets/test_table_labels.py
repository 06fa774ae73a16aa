"""Labels that people wrote are told apart from predictions."""

from __future__ import annotations

import pytest
from clip_results import answered

from posec3d_cli.datasets.table_labels import read_labels
from posec3d_cli.errors import BadDataset

PREDICTIONS = """\
video,status,label,score,guess,corrected
a.mp4,ok,walk,0.9,,
b.mp4,ok,walk,0.4,, run\x20
c.mp4,ok,unknown,0.2,walk,
d.mp4,failed,,,,
e.mp4,no_person,,,,wave
"""


def labels(path, content, **options):
    path.write_text(content)
    return [(row.video, row.label, row.predicted) for row in read_labels(path, **options)[1]]


def test_a_correction_takes_the_place_of_a_label(tmp_path):
    content = "video,label,Corrected\na.mp4,walk,\nb.mp4,walk,run\nc.mp4,,wave\n"
    assert labels(tmp_path / "t.csv", content) == [
        ("a.mp4", "walk", False),
        ("b.mp4", "run", False),
        ("c.mp4", "wave", False),
    ]


def test_of_a_table_of_predictions_only_corrected_rows_are_truth(tmp_path):
    said = []
    assert labels(tmp_path / "t.csv", PREDICTIONS, say=said.append) == [
        ("b.mp4", "run", False),
        ("e.mp4", "wave", False),
    ]
    assert said == [f"{tmp_path / 't.csv'} is a table of predictions: only its corrected rows are used, 2 of 5"]


def test_predictions_count_only_when_asked_for_and_neither_unknown_nor_failed_ones(tmp_path):
    said = []
    assert labels(tmp_path / "t.csv", PREDICTIONS, pseudo_labels=True, say=said.append) == [
        ("a.mp4", "walk", True),
        ("b.mp4", "run", False),
        ("e.mp4", "wave", False),
    ]
    assert "1 row is taken as predicted, 2 as corrected" in said[0]


@pytest.mark.parametrize(
    "content", [PREDICTIONS.replace("run ", "").replace("wave", ""), PREDICTIONS.replace(",", ";")]
)
def test_a_table_of_nothing_but_predictions_is_no_truth(tmp_path, content):
    content = content.replace(" run ", "").replace("wave", "")
    with pytest.raises(BadDataset, match="none of its 5 rows is corrected") as caught:
        labels(tmp_path / "t.csv", content)
    assert "--pseudo-labels" in caught.value.hint


def test_the_tables_that_label_writes_are_recognized(tmp_path):
    from posec3d_cli.output.tables import rows_of, write_table

    result = answered("a.mp4", ("walk", 0.9))
    write_table(tmp_path / "t.csv", rows_of(tmp_path / "t.csv", [(result, 1.0)], {}))
    with pytest.raises(BadDataset, match="is a table of predictions"):
        read_labels(tmp_path / "t.csv")
    [row] = read_labels(tmp_path / "t.csv", pseudo_labels=True)[1]
    assert (row.video, row.label, row.predicted) == ("a.mp4", "walk", True)


def test_labels_are_cleaned(tmp_path):
    assert labels(tmp_path / "t.csv", "video,label\na,squat \nb,de\u0301\n") == [
        ("a", "squat", False),
        ("b", "dé", False),
    ]


@pytest.mark.parametrize("head", ["score,margin", "guess,tracks", "status,main_people", "label_2,score_2"])
def test_a_table_of_predictions_is_known_by_any_two_of_its_columns(tmp_path, head):
    with pytest.raises(BadDataset, match="is a table of predictions, and none of its 1 row is corrected"):
        labels(tmp_path / "t.csv", f"video,label,{head}\na.mp4,walk,,\n")


def test_a_score_alone_makes_no_table_of_predictions(tmp_path):
    assert labels(tmp_path / "t.csv", "video,label,score\na.mp4,walk,9.5\n") == [("a.mp4", "walk", False)]


def test_without_a_status_answers_that_are_no_label_are_none(tmp_path):
    content = "video,label,score,margin\na.mp4,walk,,\nb.mp4,unknown,,\nc.mp4,no person,,\nd.mp4,,,\n"
    assert labels(tmp_path / "t.csv", content, pseudo_labels=True) == [("a.mp4", "walk", True)]


def test_two_columns_of_corrections_are_refused(tmp_path):
    with pytest.raises(BadDataset, match="has two columns corrected"):
        labels(tmp_path / "t.csv", "video,label,corrected,Corrected\na.mp4,walk,run,\n")
