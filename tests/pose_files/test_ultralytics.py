"""What Ultralytics YOLO writes: results as JSON, and label texts."""

from __future__ import annotations

import json
from fractions import Fraction

import numpy as np
import pose_file_factory as factory
import pytest
import video_factory
from pose_file_factory import rewritten

from posec3d_cli.errors import BadPoseFile
from posec3d_cli.pose_files import is_pose_file, read_pose_file


def test_ultralytics_frames_may_be_empty_or_texts_or_tracked(tmp_path):
    def change(frames):
        tracked = [[{**person, "track_id": 7} for person in frame] for frame in frames]
        return [[], None, json.dumps(tracked[2]), *tracked[3:]]

    [clip] = read_pose_file(rewritten(factory.ultralytics(tmp_path), change))
    assert [len(poses) for poses in clip.poses] == [0, 0, 1, 1, 1, 1]
    assert [who.tolist() for who in clip.track_ids[2:]] == [[7]] * 4


def test_ultralytics_joints_without_visibility_count_fully(tmp_path):
    def change(frames):
        return [
            [{**one, "keypoints": {key: one["keypoints"][key] for key in "xy"}} for one in frame] for frame in frames
        ]

    path = rewritten(factory.ultralytics(tmp_path), change)
    [clip] = read_pose_file(path)
    assert all((poses.scores == 1).all() for poses in clip.poses)


def test_ultralytics_classes_that_are_no_people_are_left_out_and_that_is_said(tmp_path):
    path = rewritten(
        factory.ultralytics(tmp_path),
        lambda frames: [[*frame, {**frame[0], "class": 16, "name": "dog"}] for frame in frames],
    )
    [clip] = read_pose_file(path)
    assert [len(poses) for poses in clip.poses] == [1] * 6
    assert clip.notes == ("6 of its 12 entries show no people (dog) and were left out",)


def test_people_of_ultralytics_without_frames_are_refused(tmp_path):
    path = rewritten(factory.ultralytics(tmp_path), lambda frames: [person for frame in frames for person in frame])
    with pytest.raises(BadPoseFile, match=r"\[0\] is a person and no frame") as caught:
        read_pose_file(path)
    assert "one entry per frame" in caught.value.hint


@pytest.mark.parametrize(
    ("more", "who", "score"), [((), 0, 0.75), ((0.5,), 0, 0.5), ((7,), 7, 0.75), ((0.5, 7), 7, 0.5)]
)
def test_label_texts_may_end_with_the_score_and_the_track(tmp_path, more, who, score):
    [clip] = read_pose_file(factory.ultralytics_labels(tmp_path, *more))
    assert {one.tolist()[0] for one in clip.track_ids} == {who}
    assert clip.detections[0].scores[0] == score


def test_label_texts_need_the_size_of_the_image(tmp_path):
    folder = factory.ultralytics_labels(tmp_path, size=None)
    assert is_pose_file(folder)
    with pytest.raises(BadPoseFile, match="relative to a frame size that it does not state") as caught:
        read_pose_file(folder)
    assert "frame-size.txt" in caught.value.hint
    (folder / "frame-size.txt").write_text("640x480\n")
    [clip] = read_pose_file(folder)
    assert (clip.video.width, clip.video.height) == (640, 480)
    assert np.allclose(clip.poses[0].keypoints[0], factory.keypoints()[0] * 2, atol=0.01)
    (folder / "frame-size.txt").write_text("0 480")
    with pytest.raises(BadPoseFile, match=r"frame-size\.txt must be a whole number from 1"):
        read_pose_file(folder)


def test_the_video_beside_label_texts_tells_size_and_rate(tmp_path):
    folder = factory.ultralytics_labels(tmp_path, size=None)
    video_factory.write(tmp_path / "walk.mp4", 3, size=(160, 120), rate=Fraction(20))
    video_factory.write(tmp_path / "run.mp4", 3)
    [clip] = read_pose_file(folder)
    assert (clip.video.width, clip.video.height, clip.video.fps) == (160, 120, 20)
    assert np.allclose(clip.poses[0].keypoints[0], factory.keypoints()[0] / 2, atol=0.01)
    (tmp_path / "walk.mp4").write_bytes(b"no video")
    with pytest.raises(BadPoseFile, match=r"labels: the size of its frames cannot be read .*walk\.mp4"):
        read_pose_file(folder)


def test_label_texts_count_missing_frames_and_leave_out_other_classes(tmp_path):
    folder = factory.ultralytics_labels(tmp_path)
    (folder / "walk_3.txt").unlink()
    (folder / "walk_5.txt").write_text("16" + (folder / "walk_5.txt").read_text()[1:])
    (folder / "classes.txt").write_text("person\n")
    [clip] = read_pose_file(folder)
    assert [len(poses) for poses in clip.poses] == [1, 1, 0, 1, 0, 1]
    assert clip.notes == ("1 of its 5 entries show no people (class 16) and were left out",)


def test_a_folder_of_other_texts_is_no_clip(tmp_path):
    (tmp_path / "notes_1.txt").write_text("to be done")
    (tmp_path / "boxes_1.txt").write_text("0 0.5 0.5 0.2 0.2\n")
    assert not is_pose_file(tmp_path)
