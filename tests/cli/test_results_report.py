"""`posec3d report`: a run as one HTML file."""

from __future__ import annotations

from pathlib import Path

import pytest
import saved_run

from posec3d_cli.batch.state import RunState


@pytest.fixture
def table(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    return saved_run.write(tmp_path / "labels.csv")


def test_a_report_is_written_and_its_path_printed(posec3d, table):
    ran = posec3d("report", table, "-o", "report.html")
    assert (ran.code, ran.out) == (0, "report.html\n")
    assert Path("report.html").read_text().count("data:image/jpeg") == 3
    assert posec3d("report", table, "-o", "report.html").code == 1
    assert posec3d("report", table, "-o", "report.html", "--overwrite", "--thumbnails", 0).code == 0
    assert "data:image/jpeg" not in Path("report.html").read_text()


def test_clips_that_cannot_be_shown_are_told(posec3d, table):
    Path("clips/walk/a b.mp4").unlink()
    ran = posec3d("report", table, "-o", "report.html")
    assert ran.code == 0
    assert "note:  1 clip cannot be shown, the first is walk/a b.mp4" in ran.err


def test_the_input_is_never_replaced(posec3d, table):
    before = table.read_bytes()
    ran = posec3d("report", table, "-o", table, "--overwrite")
    assert ran.code == 1
    assert "is the input itself" in ran.err
    assert table.read_bytes() == before


def test_label_stores_what_its_fingerprint_stands_for(label):
    label("clips", copies=("a.mp4",))
    with RunState(Path("labels.csv.state.sqlite")) as run_state:
        (described,) = run_state.described().values()
    assert described["pipeline"] == "light"
    assert [model["kind"] for model in described["models"]][:2] == ["detector", "pose"]
    assert all(len(digest) == 64 for model in described["models"] for digest in model["sha256"].values())
    assert "min_score" in described["settings"]
