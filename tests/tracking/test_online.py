"""Tracking frame by frame gives the ids of tracking all frames at once, and never gives one twice."""

from __future__ import annotations

import live_fakes
import numpy as np
import pytest

from posec3d_cli.errors import StageMismatch
from posec3d_cli.tracking.online import OnlineTracker
from posec3d_cli.tracking.tracker import track_people


def test_ids_are_those_of_the_tracker_that_knows_all_frames():
    generator = np.random.default_rng(3)
    places = np.array([[30.0, 40.0], [90.0, 45.0], [150.0, 50.0]])
    frames = []
    for _ in range(40):
        places += generator.normal(0, 2, places.shape)
        there = [tuple(place) for place in places if generator.random() > 0.15]
        frames.append(live_fakes.people_at(*there))
    seconds = np.arange(40) / 15
    whole = track_people(*zip(*frames, strict=True), seconds=seconds)
    online = OnlineTracker()
    for (found, poses), when, ids in zip(frames, seconds, whole, strict=True):
        assert online.update(found, poses, float(when)).tolist() == ids.tolist()


def test_ids_are_never_given_twice():
    online = OnlineTracker(max_gap=1.0)
    one = live_fakes.people_at((30, 40))
    assert online.update(*one, 0.0).tolist() == [0]
    for number in range(4):
        assert online.update(*live_fakes.people_at(), 1.0 + number).tolist() == []
    assert online.update(*one, 9.0).tolist() == [1]
    online.cut()
    assert online.update(*one, 9.1).tolist() == [2]


def test_tracks_before_a_cut_can_be_resumed():
    online = OnlineTracker()
    one = live_fakes.people_at((30, 40))
    online.update(*one, 0.0)
    before = online.cut()
    assert online.update(*one, 0.1).tolist() == [1]
    online.resume(before)
    assert online.update(*one, 0.2).tolist() == [0]
    assert sorted(online.update(*live_fakes.people_at((30, 40), (90, 40)), 0.3).tolist()) == [0, 2]


def test_the_same_person_found_twice_is_one():
    found, poses = live_fakes.people_at((30, 40), (30, 40))
    assert sorted(OnlineTracker().update(found, poses, 0.0).tolist()) == [-1, 0]


def test_frames_out_of_order_and_poses_that_do_not_fit_are_refused():
    online = OnlineTracker()
    one = live_fakes.people_at((30, 40))
    online.update(*one, 1.0)
    with pytest.raises(StageMismatch, match="in order"):
        online.update(*one, 1.0)
    with pytest.raises(StageMismatch, match="1 boxes but 0 poses"):
        online.update(one[0], live_fakes.people_at()[1], 2.0)
