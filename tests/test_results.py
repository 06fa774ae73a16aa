"""ClipResult as plain values and as rows."""

from __future__ import annotations

import json

import saved_run
from clip_results import failed

from posec3d_cli.results import ROW

WINDOWS = ((0, 12, ("run", 0.75), ("jump", 0.25)), (8, 20, ("jump", 0.5), ("run", 0.5)))


def test_a_result_is_plain_values_for_json(tmp_path):
    result = saved_run.result(tmp_path, "a.mp4", *WINDOWS)
    found = json.loads(json.dumps(result.to_dict()))
    assert (found["video"], found["status"], found["answer"]) == ("a.mp4", "ok", "run")
    assert found["labels"] == [{"label": "run", "probability": 0.75}, {"label": "jump", "probability": 0.25}]
    assert result.to_dict(top=1)["labels"] == found["labels"][:1]
    assert result.to_dict(min_score=0.8)["answer"] == "unknown"


def test_there_is_a_row_per_window(tmp_path):
    rows = saved_run.result(tmp_path, "a.mp4", *WINDOWS).to_rows()
    assert [tuple(row) for row in rows] == [ROW, ROW]
    assert rows[0] == {
        "video": "a.mp4", "status": "ok", "start_frame": 0, "stop_frame": 12, "start_seconds": 0.0,
        "stop_seconds": 0.48, "person": None, "weight": None, "label": "run", "score": 0.75, "error": None,
    }  # fmt: skip
    assert (rows[1]["start_frame"], rows[1]["label"], rows[1]["score"]) == (8, "jump", 0.5)


def test_there_is_a_row_per_person_where_each_is_read_alone(tmp_path):
    rows = saved_run.result(tmp_path, "a.mp4", *WINDOWS, person=7).to_rows()
    assert [(row["person"], row["weight"], row["label"]) for row in rows] == [(7, 1.0, "run"), (7, 1.0, "jump")]


def test_what_scores_too_little_is_unknown_and_keeps_its_score(tmp_path):
    rows = saved_run.result(tmp_path, "a.mp4", *WINDOWS).to_rows(min_score=0.6)
    assert [(row["label"], row["score"]) for row in rows] == [("run", 0.75), ("unknown", 0.5)]


def test_a_window_without_a_person_has_no_score(tmp_path):
    (row,) = saved_run.result(tmp_path, "a.mp4", (0, 20)).to_rows()
    assert (row["label"], row["score"], row["stop_frame"]) == ("no_person", None, 20)


def test_a_failure_is_one_row():
    (row,) = failed("a.mp4").to_rows()
    assert {name: value for name, value in row.items() if value is not None} == {
        "video": "a.mp4", "status": "failed", "error": "broken",
    }  # fmt: skip
