"""Labelled folders and tables of clips, none of which is opened."""

from __future__ import annotations

import pose_file_factory as factory
import pytest
import video_factory

from posec3d_cli.datasets.folders import labeled_videos, source_name
from posec3d_cli.errors import BadDataset


@pytest.fixture
def folder(tmp_path):
    folder = tmp_path / "clips"
    for label in ("walk", "run"):
        (folder / label).mkdir(parents=True)
        (folder / label / "one.mp4").write_text("nobody opens it")
    (folder / "walk" / "notes.txt").write_text("not a video")
    (folder / "walk" / ".hidden.mp4").write_text("not a video")
    return folder


def names_and_labels(source, **options):
    return [(clip.name, clip.label) for clip in labeled_videos(source, **options)]


def test_each_sub_folder_is_an_action(folder):
    clips = labeled_videos(folder)
    assert [(clip.name, clip.label) for clip in clips] == [("clips/run/one.mp4", "run"), ("clips/walk/one.mp4", "walk")]
    assert clips[0].group != clips[1].group
    assert clips[0].path == folder / "run" / "one.mp4"


def test_a_pattern_groups_clips(folder):
    assert {clip.group for clip in labeled_videos(folder, group_by="(one)")} == {"clips/one"}


def test_a_table_of_labels_rules_in_its_folder(folder):
    (folder / "labels.csv").write_text("\ufeffvideo,label,more\nwalk/one.mp4,stroll,x\n", encoding="utf-8")
    assert names_and_labels(folder) == [("clips/walk/one.mp4", "stroll")]


def test_a_table_may_be_named_itself_and_lie_elsewhere(folder, tmp_path):
    table = tmp_path / "mine.csv"
    table.write_text(f"video,label\nclips/walk/one.mp4,stroll\n{folder / 'run' / 'one.mp4'},jog\n")
    clips = labeled_videos(table)
    assert [clip.path for clip in clips] == [folder / "walk" / "one.mp4", folder / "run" / "one.mp4"]
    assert [clip.name for clip in clips] == ["mine/clips/walk/one.mp4", f"mine{folder / 'run' / 'one.mp4'}"]


def test_the_table_of_a_folder_is_the_folder(folder):
    (folder / "labels.csv").write_text("video,label\nwalk/one.mp4,stroll\n")
    assert labeled_videos(folder / "labels.csv") == labeled_videos(folder)


def test_a_column_groups_clips_before_a_pattern_does(folder):
    (folder / "labels.csv").write_text("video,label,one\nwalk/one.mp4,walk,anna\nrun/one.mp4,run,anna\n")
    assert {clip.group for clip in labeled_videos(folder, "one")} == {"clips/anna"}
    assert {clip.group for clip in labeled_videos(folder, "on")} == {"clips/on"}


def test_a_column_that_is_there_twice_groups_nothing(folder):
    (folder / "labels.csv").write_text("video,label,who,Who\nwalk/one.mp4,walk,1,2\n")
    with pytest.raises(BadDataset, match="two columns who"):
        labeled_videos(folder, "who")


@pytest.mark.parametrize("column", ["video", "label"])
def test_the_first_two_columns_are_no_groups(folder, column):
    (folder / "labels.csv").write_text("video,label\nwalk/one.mp4,walk\n")
    with pytest.raises(BadDataset, match="does not match the clip") as caught:
        labeled_videos(folder, column)
    assert "name of a column" in caught.value.hint


def test_a_clip_without_a_group_is_an_error(folder):
    (folder / "labels.csv").write_text("video,label,who\nwalk/one.mp4,walk,anna\nrun/one.mp4,run,\n")
    with pytest.raises(BadDataset, match="line 3 lacks a who"):
        labeled_videos(folder, "who")


def test_a_video_that_is_named_twice_is_two_clips(folder):
    (folder / "labels.csv").write_text("video,label\nwalk/one.mp4,walk\nwalk/one.mp4,run\nwalk/one.mp4,run\n")
    assert [clip.name for clip in labeled_videos(folder)] == [
        "clips/walk/one.mp4",
        "clips/walk/one.mp4 (line 3)",
        "clips/walk/one.mp4 (line 4)",
    ]


@pytest.mark.parametrize(
    ("table", "message"),
    [
        ("video,label\nwalk/one.mp4,walk\nwalk/none.mp4,walk\n", "names 1 file of 2 that cannot be found.*walk/none"),
        ("video,label\nwalk/none.npz,walk\nwalk,walk\n", "names 2 files of 2 that cannot be found.*walk/none.npz"),
        ("video,action\nwalk/one.mp4,walk\n", "must have the columns video, label"),
        ("video,label\n", "no rows below its headings"),
        ("video,label\nwalk/one.mp4,\n", "line 2 lacks a label"),
        ("video,label\nwalk/one.mp4\n", "line 2 lacks a label"),
        ("video,label\n,walk\n", "line 2 lacks a video"),
        (b"video,label\nwalk/one.mp4,\xff\n", "no CSV table in UTF-8"),
    ],
)
def test_a_wrong_table_is_refused(folder, table, message):
    (folder / "labels.csv").write_bytes(table if isinstance(table, bytes) else table.encode())
    with pytest.raises(BadDataset, match=message):
        labeled_videos(folder)


def test_a_folder_without_clips_is_refused(tmp_path):
    (tmp_path / "empty").mkdir()
    video_factory.write(tmp_path / "without label.mp4", 3)
    with pytest.raises(BadDataset, match="no labelled clips"):
        labeled_videos(tmp_path)


def test_a_source_is_called_by_its_name_wherever_one_stands(folder, monkeypatch):
    monkeypatch.chdir(folder)
    table = folder.parent / "clips.table.csv"
    table.write_text("video,label\n")
    (folder.parent / "of.people").mkdir()
    assert [source_name(folder / place) for place in (".", "walk/..", "../of.people")] == [
        "clips",
        "clips",
        "of.people",
    ]
    assert source_name(table) == "clips.table"


def test_pose_files_are_clips(posed_folder):
    assert names_and_labels(posed_folder) == [("posed/run/openpose_25", "run"), ("posed/walk/ours.npz", "walk")]
    assert all(clip.is_pose_file for clip in labeled_videos(posed_folder))


def test_a_table_of_labels_may_name_pose_files(posed_folder):
    (posed_folder / "labels.csv").write_text("video,label\nrun/openpose_25,jog\nwalk/ours.npz,stroll\n")
    assert names_and_labels(posed_folder) == [("posed/run/openpose_25", "jog"), ("posed/walk/ours.npz", "stroll")]


def test_an_action_may_be_an_openpose_folder_itself(posed_folder):
    factory.openpose(posed_folder).rename(posed_folder / "jump")
    assert ("posed/jump", "jump") in names_and_labels(posed_folder)
