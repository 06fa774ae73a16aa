"""Packs of pyskl and mmaction2 as clips."""

from __future__ import annotations

import pickle

import numpy as np
import pose_file_factory as factory
import pytest
from pose_file_factory import counts

from posec3d_cli.errors import BadPoseFile
from posec3d_cli.pose_files import read_pose_file


def annotation(path, **changes):
    (one,) = pickle.loads(path.read_bytes())["annotations"]
    return {**one, **changes}


@pytest.mark.parametrize("layout", ["a list", "one annotation"])
def test_dataset_pickles_of_other_layouts_are_read(tmp_path, layout):
    path = factory.pyskl_pickle(tmp_path)
    one = annotation(path)
    path.write_bytes(pickle.dumps([one] if layout == "a list" else one))
    assert counts(path) == [1] * factory.FRAMES


def test_the_clips_of_a_dataset_pickle_are_named_after_it(tmp_path):
    path = factory.pyskl_pickle(tmp_path)
    pyskl_pickle = {"annotations": [annotation(path, frame_dir=name) for name in ("a/b", "c\ud800")]}
    path.write_bytes(pickle.dumps(pyskl_pickle))
    assert [str(clip.video.path) for clip in read_pose_file(path)] == [f"{path}: a/b", f"{path}: c\\ud800"]


def test_people_of_a_dataset_pickle_keep_their_slots(tmp_path):
    keypoints = np.concatenate([factory.keypoints()[None]] * 2)
    scores = np.ones((2, factory.FRAMES, 17), np.float32)
    scores[0, :3] = 0
    [clip] = read_pose_file(factory.pyskl_pickle(tmp_path, keypoint=keypoints, keypoint_score=scores))
    assert [who.tolist() for who in clip.track_ids] == [[1]] * 3 + [[0, 1]] * 3


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"keypoint": np.ones((1, 6, 25, 3), np.float32)}, "3D recording"),
        ({"keypoint": np.ones((1, 6, 25, 2), np.float32)}, r"must have shape \(M, T, 17, 2\)"),
        ({"keypoint": [[[[1.0, 2.0]] * 17] * 6]}, "must be an array of numbers, got list"),
        ({"keypoint": np.ones((1, 0, 17, 2)), "keypoint_score": np.ones((1, 0, 17))}, "it has 0 frames"),
        ({"img_shape": (0, 5)}, "img_shape must be whole numbers"),
        ({"total_frames": 7}, r"total_frames is 7, but keypoint \(1, 6, 17, 2\) holds 6 frames$"),
        ({"total_frames": 0}, "total_frames must be a whole number from 1 to 2000000, got 0"),
        ({"total_frames": "6"}, "total_frames must be a whole number from 1 to 2000000, got '6'"),
        ({"fps": 0}, r"fps must lie between 0\.1 and 1000\.0, got 0"),
        ({"fps": "fast"}, "fps must be numbers, got 'fast'"),
        ({"keypoint": None}, "it lacks keypoint"),
        ({"keypoint": factory.keypoints()[None] / (factory.WIDTH, factory.HEIGHT)}, "joints are not in pixels"),
    ],
)
def test_an_unusable_clip_of_a_dataset_pickle_is_named(tmp_path, changes, message):
    path = factory.pyskl_pickle(tmp_path, **changes)
    with pytest.raises(BadPoseFile, match=message) as caught:
        read_pose_file(path)
    assert "annotation 0" in caught.value.what


def test_a_dataset_pickle_with_people_and_frames_exchanged_is_refused_and_both_numbers_named(tmp_path):
    keypoints = factory.keypoints()[:, None]
    path = factory.pyskl_pickle(tmp_path, keypoint=keypoints, keypoint_score=np.ones(keypoints.shape[:3]))
    with pytest.raises(BadPoseFile, match=r"total_frames is 6, but .* holds 1 frame; people and frames look exchanged"):
        read_pose_file(path)


def test_without_a_count_more_people_than_frames_are_refused(tmp_path):
    keypoints = factory.keypoints(24)[:, None]
    path = factory.pyskl_pickle(tmp_path, keypoint=keypoints, keypoint_score=None, total_frames=None)
    with pytest.raises(BadPoseFile, match=r"\(24, 1, 17, 2\) holds 24 people in 1 frame: .* look exchanged"):
        read_pose_file(path)
    factory.pyskl_pickle(tmp_path, keypoint=keypoints, keypoint_score=None, total_frames=1)
    assert counts(path) == [24]


def test_only_the_frames_that_a_dataset_pickle_counts_are_read_and_that_is_said(tmp_path):
    [clip] = read_pose_file(factory.pyskl_pickle(tmp_path, total_frames=4))
    assert (len(clip), clip.video.frame_count) == (4, 4)
    assert clip.notes == ("only the first 4 of its 6 frames count: total_frames says so",)
    [clip] = read_pose_file(factory.pyskl_pickle(tmp_path, total_frames=None))
    assert (len(clip), clip.notes) == (6, ())


def test_a_dataset_pickle_of_ours_counts_the_frames_that_it_holds(tmp_path):
    path = factory.ours(tmp_path, ".pkl")
    path.write_bytes(pickle.dumps({"annotations": [annotation(path, total_frames=4)]}))
    with pytest.raises(BadPoseFile, match=r"total_frames is 4, but keypoint \(1, 6, 17, 2\) holds 6 frames"):
        read_pose_file(path)


@pytest.mark.parametrize("fps", [15, 15.0, (15, 1), [15, 1], np.float32(15), np.array([15, 1])])
def test_a_dataset_pickle_may_say_its_rate(tmp_path, fps):
    [clip] = read_pose_file(factory.pyskl_pickle(tmp_path, fps=fps))
    assert clip.video.fps == 15
    path = tmp_path / "whole.pkl"
    path.write_bytes(pickle.dumps({"annotations": [annotation(factory.pyskl_pickle(tmp_path))], "fps": fps}))
    assert read_pose_file(path)[0].video.fps == 15


def test_a_dataset_pickle_needs_neither_names_nor_scores(tmp_path):
    path = factory.pyskl_pickle(tmp_path)
    one = annotation(path)
    del one["frame_dir"], one["keypoint_score"]
    path.write_bytes(pickle.dumps({"annotations": [one, one]}))
    clips = read_pose_file(path)
    assert [str(clip.video.path) for clip in clips] == [f"{path}: annotation 0", f"{path}: annotation 1"]
    assert all((poses.scores == 1).all() for clip in clips for poses in clip.poses)


def test_a_dataset_pickle_without_scores_shows_nobody_in_empty_slots(tmp_path):
    keypoints = np.concatenate([factory.keypoints()[None], np.zeros((1, factory.FRAMES, 17, 2))])
    assert counts(factory.pyskl_pickle(tmp_path, keypoint=keypoints, keypoint_score=None)) == [1] * factory.FRAMES


def test_a_dataset_pickle_without_clips_is_refused(tmp_path):
    (tmp_path / "pack.pkl").write_bytes(pickle.dumps({"annotations": []}))
    with pytest.raises(BadPoseFile, match="holds no clip"):
        read_pose_file(tmp_path / "pack.pkl")


def test_a_clip_that_leaves_its_rate_empty_has_that_of_the_dataset_pickle(tmp_path):
    path = factory.pyskl_pickle(tmp_path)
    path.write_bytes(pickle.dumps({"annotations": [annotation(path, fps=None)], "fps": 15}))
    assert read_pose_file(path)[0].video.fps == 15


@pytest.mark.parametrize("told", [6.0, np.float64(6)])
def test_a_whole_number_of_frames_may_be_a_float(tmp_path, told):
    assert counts(factory.pyskl_pickle(tmp_path, total_frames=told)) == [1] * 6
    with pytest.raises(BadPoseFile, match=r"whole number from 1 to 2000000, got 5\.5"):
        read_pose_file(factory.pyskl_pickle(tmp_path, total_frames=5.5))


def test_a_score_in_the_place_of_depth_is_explained(tmp_path):
    places = np.concatenate([factory.keypoints()[None], np.ones((1, factory.FRAMES, 17, 1))], axis=-1)
    with pytest.raises(BadPoseFile, match="3D recording") as caught:
        read_pose_file(factory.pyskl_pickle(tmp_path, keypoint=places.astype(np.float32)))
    assert "keypoint_score the scores" in caught.value.hint
