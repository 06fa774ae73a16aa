"""truth.csv: one row per segment, in frames, with the times of the file's own clock."""

from __future__ import annotations

import csv

import annotation_factory as factory
import pytest
from annotation_factory import videos
from hypothesis import given, settings

from posec3d_cli.annotations.segments import Segment
from posec3d_cli.annotations.truth import is_truth, read_truth, write_truth
from posec3d_cli.errors import BadDataset


def test_rows_have_frames_and_seconds_of_the_files_own_clock_and_none_for_the_whole_video(tmp_path):
    one = factory.video(
        Segment("run", 0, 50, "", None, True, "Ann", "2026-01-02"), Segment("jump", 5, 10, "3"), start=0.5
    )
    assert write_truth(tmp_path / "truth.csv", [one]) == 2
    with (tmp_path / "truth.csv").open(newline="") as file:
        rows = list(csv.reader(file))
    assert rows[0] == ["video", "label", "start", "end", "person", "reviewer", "time", "start_seconds", "end_seconds"]
    assert [row[1:] for row in rows[1:]] == [
        ["run", "", "", "", "Ann", "2026-01-02", "", ""],
        ["jump", "5", "10", "3", "", "", "0.700000", "0.900000"],
    ]
    assert is_truth(tmp_path / "truth.csv")


@settings(max_examples=60, deadline=None)
@given(data=videos())
def test_any_segments_come_back(tmp_path_factory, data):
    path = tmp_path_factory.mktemp("truth") / "truth.csv"
    write_truth(path, [data])
    if data.segments:
        back = [row.segment(len(data.times)) for row in read_truth(path)]
        assert factory.essence(back) == factory.essence(data.segments)


def test_paths_below_the_table_are_relative(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    one = factory.video(Segment("run", 0, 1))
    write_truth(tmp_path / "truth.csv", [one])
    (tmp_path / "deep").mkdir()
    write_truth(tmp_path / "deep" / "truth.csv", [one])
    assert read_truth(tmp_path / "truth.csv")[0].video == "clips/walk/a b.mp4"
    assert read_truth(tmp_path / "deep" / "truth.csv")[0].video == f"{tmp_path.as_posix()}/clips/walk/a b.mp4"


@pytest.mark.parametrize(
    ("row", "says"),
    [
        ("a.mp4,,,", "line 2 lacks a label"),
        (",x,,", "line 2 lacks a video"),
        ("a.mp4,x,0.5,", "start must be a frame number, 0 or more, got '0.5'"),
    ],
)
def test_a_row_that_says_no_segment_is_refused(tmp_path, row, says):
    path = tmp_path / "truth.csv"
    path.write_text(f"video,label,start,end\n{row}\n")
    with pytest.raises(BadDataset, match=says):
        read_truth(path)


def test_a_row_outside_the_video_is_refused(tmp_path):
    path = tmp_path / "truth.csv"
    path.write_text("video,label,start,end\na.mp4,x,50,60\n")
    with pytest.raises(BadDataset, match="'x' is at frames 50 to 60, and the video has 50"):
        read_truth(path)[0].segment(50)


def test_a_table_of_predictions_is_no_ground_truth(tmp_path):
    path = tmp_path / "labels.csv"
    path.write_text("video,status,label,score\na.mp4,ok,run,0.5\n")
    assert not is_truth(path)
