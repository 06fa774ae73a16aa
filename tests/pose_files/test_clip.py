"""What a file does not say is decided in one place."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from posec3d_cli.errors import BadPoseFile
from posec3d_cli.pose_files.clip import NOBODY, People, Person, consecutive, make_video_poses

PATH = Path("clip")


def someone(x=100.0, y=100.0, *, score=0.5, size=40, **more):
    """A person whose joints lie on a diagonal from (x, y)."""
    joints = np.column_stack([np.linspace(x, x + size, 17), np.linspace(y, y + size, 17), np.full(17, score)])
    return Person(joints, **more)


def clip(*frames, **options):
    return make_video_poses(PATH, [People.of(people) for people in frames], **options)


def test_joints_without_a_place_or_a_score_are_missing():
    person = someone()
    person.joints[3, 0], person.joints[4, 2], person.joints[5, 1] = np.nan, np.nan, np.inf
    [poses] = clip([person]).poses
    assert np.flatnonzero(poses.scores[0] == 0).tolist() == [3, 4, 5]
    assert (poses.keypoints[0, 3:6] == 0).all()


def test_a_joint_at_exactly_0_0_was_not_found_whatever_it_scores():
    person = someone()
    person.joints[15:] = (0, 0, 0.4), (0, 140, 0.4)
    [poses] = clip([person]).poses
    assert poses.scores[0, 14:].tolist() == pytest.approx([0.5, 0, 0.4])


def test_scores_are_cut_to_their_range():
    person = someone()
    person.joints[:3, 2] = 1.7, -2, 0.25
    [poses] = clip([person]).poses
    assert poses.scores[0, :3].tolist() == [1, 0, 0.25]


def test_somebody_without_a_joint_is_nobody():
    assert len(clip([someone(score=0, box=np.array([1.0, 2, 3, 4]))]).poses[0]) == 0


def test_frames_that_are_left_out_are_empty_and_the_first_named_is_the_first():
    one = People.of([someone()])
    frames = consecutive({7: one, 10: one})
    assert [len(people) for people in frames] == [1, 0, 0, 1]
    video_poses = make_video_poses(PATH, frames)
    assert video_poses.video.frame_count == 4
    assert video_poses.frame_indices.tolist() == [0, 1, 2, 3]
    assert [len(poses) for poses in video_poses.poses] == [1, 0, 0, 1]


def test_a_clip_needs_a_frame_and_must_not_be_endless():
    with pytest.raises(BadPoseFile, match="holds no frame"):
        consecutive({})
    with pytest.raises(BadPoseFile, match="holds no frame"):
        clip()
    with pytest.raises(BadPoseFile, match="reach from 0 to 2000000"):
        consecutive({0: NOBODY, 2_000_000: NOBODY})


def test_a_frame_is_as_large_as_the_joints_reach_and_begins_where_they_do():
    video_poses = clip([someone(-30, 50)])
    assert (video_poses.video.width, video_poses.video.height) == (41, 91)
    assert video_poses.poses[0].keypoints[0, 0].tolist() == [0, 50]
    told = clip([someone(-30, 50)], frame_size=(90, 160))
    assert (told.video.width, told.video.height) == (160, 90)
    assert told.poses[0].keypoints[0, 0].tolist() == [-30, 50]


def test_boxes_lie_around_the_joints_unless_the_file_has_them():
    video_poses = clip([someone(), someone(300, 0, box=np.array([290.0, -5, 350, 45]), box_score=3.2)])
    assert video_poses.detections[0].boxes.tolist() == [[95, 95, 145, 145], [290, -5, 350, 45]]
    assert video_poses.detections[0].scores.tolist() == [0.5, 1]


def test_track_numbers_are_kept_where_they_tell_people_apart():
    crossing = [[someone(100, track_id=4), someone(300, track_id=2)], [someone(300, track_id=4)]]
    assert [who.tolist() for who in clip(*crossing).track_ids] == [[4, 2], [4]]


@pytest.mark.parametrize("numbers", [(0, 0), (-1, 3), (-1, -1)])
def test_people_are_linked_where_track_numbers_are_missing_or_shared(numbers):
    first, second = numbers
    frames = [
        [someone(100 + t, track_id=first), someone(300 - t, track_id=second)][:: 1 if t % 2 else -1] for t in range(6)
    ]
    assert [who.tolist() for who in clip(*frames).track_ids] == [[0, 1], [1, 0]] * 3


@pytest.mark.parametrize("place", [2e5, -1e30])
def test_joints_that_no_image_can_hold_are_refused(place):
    with pytest.raises(BadPoseFile, match="frame 1: a joint lies more than"):
        clip([someone()], [someone(), someone(place)])


@pytest.mark.parametrize("box", [(10.0, 10, 5, 20), (0, 0, 1e6, 5)])
def test_boxes_that_cannot_be_are_refused(box):
    with pytest.raises(BadPoseFile, match="frame 0: the box"):
        clip([someone(box=np.array(box))])
