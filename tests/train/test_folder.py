"""Labelled folders of videos: found and posed."""

from __future__ import annotations

import fakes
import numpy as np
import pose_file_factory as factory
import pytest
import synthetic_people as people
import video_factory

from posec3d_cli.errors import BadDataset, StageMismatch
from posec3d_cli.extraction import PoseExtractor
from posec3d_cli.train.examples import ESTIMATED
from posec3d_cli.train.folder import labelled_videos, needs_extractor, read_folder, read_table


def extractor(where=lambda index: [20 + index]):
    return PoseExtractor(fakes.Detector(where), fakes.Pose())


@pytest.fixture
def folder(tmp_path):
    folder = tmp_path / "clips"
    for label, count in (("walk", 12), ("run", 10)):
        (folder / label).mkdir(parents=True)
        video_factory.write(folder / label / "one.mp4", count)
    (folder / "walk" / "notes.txt").write_text("not a video")
    (folder / "walk" / ".hidden.mp4").write_text("not a video")
    return folder


def test_each_sub_folder_is_an_action(folder, tmp_path):
    examples, problems = read_folder(folder, extractor())
    assert not problems
    assert [(one.name, one.label, one.origin, len(one), one.fps) for one in examples] == [
        ("clips/run/one.mp4", "run", ESTIMATED, 10, 25.0),
        ("clips/walk/one.mp4", "walk", ESTIMATED, 12, 25.0),
    ]
    assert examples[0].group != examples[1].group
    assert np.allclose(examples[1].keypoints[0, :, 0, 0], 20 + np.arange(12))
    assert np.allclose(examples[1].scores, 0.8)


def test_clips_are_told_about_as_they_are_read(folder, tmp_path):
    told = []
    read_folder(folder, extractor(), progress=lambda *said: told.append(said))
    assert told == [(0, 2, "run/one.mp4"), (1, 2, "walk/one.mp4"), (2, 2, "")]


def test_clips_that_are_not_asked_for_are_not_posed(folder, tmp_path):
    some = extractor()
    examples, problems = read_folder(folder, some, only=["clips/run/one.mp4"])
    assert [one.name for one in examples] == ["clips/run/one.mp4"]
    assert not problems
    assert some.detector.seen == list(range(10))


def test_a_pattern_groups_clips(folder, tmp_path):
    examples, _ = read_folder(folder, extractor(), group_by="(one)")
    assert {one.group for one in examples} == {"clips/one"}


def test_between_posed_frames_poses_are_interpolated(folder, tmp_path):
    examples, _ = read_folder(folder, extractor(), every=3)
    walk = examples[1]
    assert len(walk) == 12
    assert np.allclose(walk.keypoints[0, :, 0, 0], 20 + np.minimum(np.arange(12), 9), atol=1e-4)


def test_frames_that_do_not_decode_leave_the_others_in_their_places(tmp_path):
    clip = video_factory.write(tmp_path / "whole.avi", 20, codec="mjpeg", pix_fmt="yuvj420p")
    folder = tmp_path / "clips"
    (folder / "walk").mkdir(parents=True)
    broken = video_factory.zeroed(clip, folder / "walk" / "broken.avi", range(5, 8))
    used = extractor()
    ((one,), problems) = read_folder(folder, used)
    assert not problems
    seen = sorted(used.detector.seen)
    assert len(seen) < 20, f"{broken} decodes as if it were whole"
    assert np.allclose(one.keypoints[0, seen, 0, 0], 20 + np.array(seen), atol=1e-4)


def test_an_unreadable_video_is_a_problem_and_the_others_are_read(folder, tmp_path):
    (folder / "walk" / "bad.mp4").write_text("not a video")
    examples, problems = read_folder(folder, extractor())
    assert [one.name for one in examples] == ["clips/run/one.mp4", "clips/walk/one.mp4"]
    assert list(problems) == ["walk/bad.mp4"]
    assert "bad.mp4" in problems["walk/bad.mp4"]


def test_a_clip_without_anybody_is_an_example_that_shows_nothing(folder, tmp_path):
    examples, problems = read_folder(folder, extractor(lambda index: []))
    assert not problems
    assert [one.keypoints.shape for one in examples] == [(1, 10, 17, 2), (1, 12, 17, 2)]
    assert not any(one.scores.any() for one in examples)


def test_a_table_of_labels_rules(folder, tmp_path):
    (folder / "labels.csv").write_text("\ufeffvideo,label,more\nwalk/one.mp4,stroll,x\n", encoding="utf-8")
    examples, _ = read_folder(folder, extractor())
    assert [(one.name, one.label) for one in examples] == [("clips/walk/one.mp4", "stroll")]


@pytest.mark.parametrize(
    ("table", "message"),
    [
        ("video,label\nwalk/one.mp4,walk\nwalk/none.mp4,walk\n", "names 1 files that are not there.*walk/none.mp4"),
        ("video,label\nwalk/none.npz,walk\nwalk,walk\n", "names 2 files that are not there.*walk/none.npz"),
        ("video,action\nwalk/one.mp4,walk\n", "must have the columns video, label"),
        ("video,label\n", "must have the columns"),
        ("video,label\nwalk/one.mp4,\n", "line 2 lacks"),
        ("video,label\nwalk/one.mp4\n", "line 2 lacks"),
        (b"video,label\nwalk/one.mp4,\xff\n", "no CSV table in UTF-8"),
    ],
)
def test_a_wrong_table_is_refused(folder, table, message):
    (folder / "labels.csv").write_bytes(table if isinstance(table, bytes) else table.encode())
    with pytest.raises(BadDataset, match=message):
        labelled_videos(folder)


def test_a_table_that_is_not_there_is_refused(tmp_path):
    with pytest.raises(BadDataset, match="cannot be read"):
        read_table(tmp_path / "none.csv", ("a",))


def test_a_folder_without_clips_is_refused(tmp_path):
    (tmp_path / "empty").mkdir()
    video_factory.write(tmp_path / "without label.mp4", 3)
    with pytest.raises(BadDataset, match="no labelled clips"):
        labelled_videos(tmp_path)


@pytest.fixture
def posed_folder(tmp_path):
    folder = tmp_path / "posed"
    for label in ("walk", "run"):
        (folder / label).mkdir(parents=True)
    factory.ours(folder / "walk", ".npz", frames=10)
    factory.openpose(folder / "run", frames=9)
    return folder


def test_pose_files_are_clips_and_nothing_is_estimated(posed_folder, tmp_path):
    assert not needs_extractor(posed_folder)
    examples, problems = read_folder(posed_folder, None)
    assert not problems
    assert [(one.name, one.label, one.origin, len(one), one.fps) for one in examples] == [
        ("posed/run/openpose_25", "run", ESTIMATED, 9, 30.0),
        ("posed/walk/ours.npz", "walk", ESTIMATED, 10, 25.0),
    ]
    assert np.allclose(examples[1].keypoints[0], factory.keypoints(10))


def test_pose_files_and_videos_share_a_folder(posed_folder, tmp_path):
    video_factory.write(posed_folder / "run" / "one.mp4", 8)
    assert needs_extractor(posed_folder)
    assert not needs_extractor(posed_folder, ["posed/walk/ours.npz"])
    examples, _ = read_folder(posed_folder, extractor())
    assert [one.name for one in examples] == ["posed/run/one.mp4", "posed/run/openpose_25", "posed/walk/ours.npz"]
    with pytest.raises(StageMismatch, match="is a video"):
        read_folder(posed_folder, None)


def test_a_table_of_labels_may_name_pose_files(posed_folder):
    (posed_folder / "labels.csv").write_text("video,label\nrun/openpose_25,jog\nwalk/ours.npz,stroll\n")
    assert [(one.name, one.label) for one in labelled_videos(posed_folder)] == [
        ("run/openpose_25", "jog"),
        ("walk/ours.npz", "stroll"),
    ]


def test_an_action_may_be_an_openpose_folder_itself(posed_folder):
    factory.openpose(posed_folder).rename(posed_folder / "jump")
    assert ("jump", "jump") in [(one.name, one.label) for one in labelled_videos(posed_folder)]


def test_pose_files_that_cannot_be_read_are_problems(posed_folder, tmp_path):
    (posed_folder / "walk" / "bad.json").write_text("{}")
    people.write_pack(posed_folder / "walk" / "pack.pkl", people.examples(1))
    examples, problems = read_folder(posed_folder, None)
    assert len(examples) == 2
    assert "no known pose format" in problems["walk/bad.json"]
    assert "holds 2 clips" in problems["walk/pack.pkl"]
