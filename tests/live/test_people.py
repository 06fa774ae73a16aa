"""People in a live source: detected in keyframes, followed in between, and known again after an absence."""

from __future__ import annotations

import live_fakes
import numpy as np
import pytest
import shot_factory
import video_factory

from posec3d_cli.errors import StageMismatch
from posec3d_cli.live.people import LivePeople, followed
from posec3d_cli.skeletons import COCO_17
from posec3d_cli.types import Frame, Poses


class World:
    """A detector and a pose estimator of people at these places."""

    skeleton = COCO_17

    def __init__(self, *places):
        self.places, self.detected, self.boxes = list(places), [], []

    def detect(self, frames):
        self.detected += [frame.index for frame in frames]
        return [live_fakes.people_at(*self.places)[0]]

    def estimate(self, frames, detections):
        self.boxes.append(detections[0].boxes)
        poses = live_fakes.people_at(*self.places)[1]
        rows = slice(0, len(detections[0]))
        return [Poses(poses.keypoints[rows], poses.scores[rows])]


def frame(number, seconds=None, grey=90, size=(200, 120)):
    pixels = np.full((size[1], size[0], 3), grey, np.uint8)
    pixels[: size[1] // 2, : grey // 2] = 255 - grey
    return Frame(pixels, number, number / 10 if seconds is None else seconds)


def test_people_are_detected_in_keyframes_and_their_boxes_follow_the_joints():
    world = World((50.0, 60.0))
    people = LivePeople(world, world, every=3)
    for number in range(7):
        world.places = [(50.0 + 4 * number, 60.0)]
        _, _, ids = people.find(frame(number))
        assert ids.tolist() == [0]
    assert world.detected == [0, 3, 6]
    # A box lags one frame behind the joints that move it.
    assert [boxes[0, 0] for boxes in world.boxes] == [40, 40, 44, 52, 52, 56, 64]


def test_slow_frames_are_all_keyframes_and_unsure_joints_ask_for_one():
    world = World((50.0, 60.0))
    people = LivePeople(world, world, every=10)
    for number in range(4):
        people.find(frame(number, number * 0.6))
    assert world.detected == [0, 1, 2, 3]
    people.find(frame(4, 1.9))
    sure = world.estimate

    def unsure(frames, detections):
        [poses] = sure(frames, detections)
        return [Poses(poses.keypoints, poses.scores / 4)]

    world.estimate = unsure
    people.find(frame(5, 2.0))
    people.find(frame(6, 2.1))
    assert world.detected == [0, 1, 2, 3, 6]


def test_a_box_stays_where_joints_are_unsure_or_it_has_left_the_frame():
    found, then = live_fakes.people_at((30, 40), (60, 40))
    unsure = live_fakes.people_at((35, 40), (75, 40), score=0.1)[1]
    assert followed(found, then, unsure, (200, 100)).boxes.tolist() == found.boxes.tolist()
    away = live_fakes.people_at((30, 140), (65, 40))[1]
    moved = followed(found, then, away, (200, 100)).boxes
    assert moved.tolist() == [found.boxes[0].tolist(), (found.boxes[1] + [5, 0, 5, 0]).tolist()]
    nobody = live_fakes.people_at()
    assert followed(*nobody, nobody[1], (200, 100)).boxes.shape == (0, 4)


def test_people_keep_their_ids_over_an_absence_of_the_source():
    world = World((50.0, 60.0), (120.0, 60.0))
    people = LivePeople(world, world, every=5)
    people.find(frame(0, 0.0))
    people.find(frame(1, 0.1))
    people.came_back()
    world.places = [(122.0, 60.0), (52.0, 60.0)]
    assert people.find(frame(2, 15.0))[2].tolist() == [1, 0]
    assert world.detected == [0, 2], "the first frame after it is a keyframe"
    assert people.find(frame(3, 15.1))[2].tolist() == [1, 0]


@pytest.mark.parametrize(("seconds", "grey"), [(60.0, 90), (5.0, 250)])
def test_after_a_long_absence_or_in_another_scene_nobody_is_known(seconds, grey):
    world = World((50.0, 60.0))
    people = LivePeople(world, world, every=5)
    people.find(frame(0, 0.0))
    people.came_back()
    assert people.find(frame(1, seconds, grey))[2].tolist() == [1]


def picture(number, seconds, pixels):
    return Frame(np.ascontiguousarray(pixels), number, seconds)


def test_a_scene_that_changes_by_itself_stays_the_same_over_an_absence():
    world = World((50.0, 60.0))
    people = LivePeople(world, world, every=1)
    for number in range(8):
        people.find(picture(number, number / 2, video_factory.draw(5 * number, (160, 96))))
    people.came_back()
    assert people.find(picture(8, 9.0, video_factory.draw(0, (160, 96))))[2].tolist() == [0]
    assert people.find(picture(9, 9.5, video_factory.draw(700, (160, 96))))[2].tolist() == [0]
    people.came_back()
    assert people.find(picture(10, 12.0, video_factory.draw(310, (160, 96))))[2].tolist() == [0]


@pytest.mark.parametrize("first", [0, 128])
def test_a_camera_that_comes_back_with_dark_or_gray_pictures_loses_nobody(first):
    world, room = World((50.0, 60.0), (120.0, 60.0)), shot_factory.scene(4, (200, 120))
    people = LivePeople(world, world, every=5)
    for number in range(4):
        assert people.find(picture(number, number / 10, room))[2].tolist() == [0, 1]
    blank = np.full_like(room, first)
    for number, seconds in ((4, 6.0), (6, 9.0)):  # it drops again before it shows the room
        people.came_back()
        world.places = []
        assert people.find(picture(number, seconds, blank))[2].tolist() == []
        assert people.find(picture(number + 1, seconds + 0.4, blank))[2].tolist() == []
    world.places = [(50.0, 60.0), (120.0, 60.0)]
    assert people.find(picture(8, 9.8, room))[2].tolist() == [0, 1]
    assert world.detected[-1] == 8, "a keyframe"
    assert people.find(picture(9, 9.9, room))[2].tolist() == [0, 1]


def test_who_is_seen_in_another_scene_is_somebody_else_and_stays_it():
    world = World((50.0, 60.0))
    people = LivePeople(world, world, every=5)
    people.find(picture(0, 0.0, shot_factory.scene(1)))
    people.came_back()
    times = (3.0, 3.5, 4.5, 5.0)
    shown = [people.find(picture(n + 1, at, shot_factory.scene(2)))[2].tolist() for n, at in enumerate(times)]
    assert shown == [[1]] * 4
    assert people.find(picture(9, 5.1, shot_factory.scene(1)))[2].tolist() == [1], "it is too late to return"


def test_another_size_of_the_picture_is_a_keyframe():
    world = World((50.0, 60.0))
    people = LivePeople(world, world, every=5)
    people.find(frame(0))
    people.find(frame(1, size=(100, 80)))
    assert world.detected == [0, 1]


def test_nobody_is_an_ordinary_answer_and_too_many_poses_are_refused():
    world = World()
    people = LivePeople(world, world, every=2)
    assert [people.find(frame(number))[2].tolist() for number in range(3)] == [[], [], []]
    world.places = [(50.0, 60.0)]
    world.estimate = lambda frames, detections: [live_fakes.people_at()[1]]
    people.find(frame(3))
    with pytest.raises(StageMismatch, match="1 boxes but 0 poses"):
        people.find(frame(4))
