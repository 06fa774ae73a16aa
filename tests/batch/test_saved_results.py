"""Saved results are read back: tables of every kind with and without the state of their run, and documents."""

from __future__ import annotations

import json

import pytest
import saved_run

from posec3d_cli.batch.saved_results import read_results
from posec3d_cli.errors import BadDataset, InputError


@pytest.mark.parametrize("output", ["labels.csv", "labels.jsonl", "labels.parquet"])
def test_a_table_knows_every_video_and_its_windows(tmp_path, output):
    saved = read_results(saved_run.write(tmp_path / output))
    found = {one.name: one for one in saved.results}
    assert {name: one.status for name, one in found.items()} == {
        "bug.mp4": "failed", "empty.mp4": "no_person", "walk/a b.avi": "ok", "walk/a b.mp4": "ok",
    }  # fmt: skip
    one = found["walk/a b.mp4"]
    assert (one.label, one.best[0]) == ("run", ("run", 0.75))
    assert [(answer.start, answer.stop, answer.label) for answer in one.answers] == [(0, 12, "run"), (8, 20, "run")]
    assert one.path == tmp_path / "clips" / "walk" / "a b.mp4"
    assert found["empty.mp4"].answers == ()
    assert "one by nothing" in found["bug.mp4"].error
    assert saved.labels == ("jump", "run")


def test_a_table_without_its_run_has_what_the_row_has_and_finds_videos_below_root(tmp_path):
    table = saved_run.write(tmp_path / "labels.csv")
    table.with_name("labels.csv.state.sqlite").unlink()
    assert read_results(table).results[2].path is None
    one = read_results(table, tmp_path / "clips").results[2]
    assert (one.name, one.answers, one.path) == ("walk/a b.avi", (), tmp_path / "clips/walk/a b.avi")
    assert one.best == (("run", 0.75), ("jump", 0.25))


def test_the_videos_of_a_run_that_moved_are_found_below_root_and_its_windows_stay(tmp_path):
    table = saved_run.write(tmp_path / "labels.csv")
    (tmp_path / "clips").rename(tmp_path / "moved")
    one = read_results(table, tmp_path / "moved").results[2]
    assert (one.path, len(one.answers)) == (tmp_path / "moved/walk/a b.avi", 2)


def test_a_correction_is_read(tmp_path):
    table = saved_run.write(tmp_path / "labels.csv", corrected={"walk/a b.mp4": "Läuft & springt"})
    assert [one.corrected for one in read_results(table).results] == ["", "", "", "Läuft & springt"]


def test_an_unknown_answer_keeps_its_guess(tmp_path):
    whole = ((0, 20, ("run", 0.75), ("jump", 0.25)),)
    one = read_results(saved_run.write(tmp_path / "labels.csv", min_score=0.9, windows=whole)).results[2]
    assert (one.label, one.best[0]) == ("unknown", ("run", 0.75))
    assert [answer.label for answer in one.answers] == ["unknown"]


def test_the_document_of_predict_is_read(tmp_path):
    windows = [{"start_frame": 0, "stop_frame": 9, "labels": [{"label": "run", "probability": 0.7}], "answer": "run",
                "people": [{"id": 4, "labels": [{"label": "run", "probability": 0.9}], "answer": "run"}]}]  # fmt: skip
    ok = {"video": "a.mp4", "status": "ok", "answer": "run", "labels": [{"label": "run", "probability": 0.7}],
          "windows": windows, "warnings": ["dark"], "seconds": {"pose": 1.5}}  # fmt: skip
    bad = {"video": "b.mp4", "status": "failed", "error": {"kind": "InputError", "what": "broken", "hint": ""}}
    path = tmp_path / "answers.json"
    path.write_text(json.dumps({"schema": "posec3d/prediction", "pipeline": {"name": "light"}, "videos": [ok, bad]}))
    saved = read_results(path)
    assert saved.pipelines == {"": {"name": "light"}}
    assert [(one.label, one.score, one.error) for one in saved.results] == [
        ("run", 0.7, "warning: dark"), ("", None, "broken"),
    ]  # fmt: skip
    (answer,) = saved.results[0].answers
    assert (answer.person, answer.score) == ("4", 0.9)


@pytest.mark.parametrize(
    ("name", "content", "error"),
    [
        ("x.json", "{}", InputError),
        ("x.json", "no", InputError),
        ("x.json", '{"schema": "posec3d/prediction", "videos": [{"video": "a"}]}', InputError),
        ("x.csv", "video,other\na.mp4,b\n", BadDataset),
        ("x.csv", "name\na.mp4\n", BadDataset),
        ("gone.csv", None, InputError),
    ],
)
def test_another_file_is_refused(tmp_path, name, content, error):
    path = tmp_path / name
    if content is not None:
        path.write_text(content)
    with pytest.raises(error) as raised:
        read_results(path)
    assert name in raised.value.what or "a" in raised.value.what
