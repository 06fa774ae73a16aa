"""People keep their identity over frames."""

from __future__ import annotations

from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from posec3d_cli.errors import StageMismatch
from posec3d_cli.skeletons import COCO_17
from posec3d_cli.tracking import tracker
from posec3d_cli.tracking.tracks import assemble
from posec3d_cli.types import Detections, JointHeatmaps, Poses

FIGURE = np.random.default_rng(3).uniform(0.1, 0.9, (17, 2))


def assembled(detections, poses, **options):
    return assemble(tracker.track_people(detections, poses, **options), detections, poses)


def people(*places, height=200.0, score=0.9):
    """One frame with a person of `height` at each centre; `None` is somebody who is not there."""
    boxes, joints = [], []
    for place in places:
        if place is None:
            continue
        size = np.array([height * 0.4, height])
        corner = np.asarray(place, np.float64) - size / 2
        boxes.append([*corner, *(corner + size)])
        joints.append(corner + FIGURE * size)
    count = len(boxes)
    found = Detections(np.array(boxes, np.float32).reshape(-1, 4), np.linspace(0.9, 0.8, count, dtype=np.float32))
    shape = Poses(np.array(joints, np.float32).reshape(-1, 17, 2), np.full((count, 17), score, np.float32))
    return found, shape


def tracks_of(frames, *, step=0.2, **options):
    detections, poses = zip(*frames, strict=True)
    return assembled(detections, poses, seconds=np.arange(len(frames)) * step, **options)


def centres(tracks, row):
    return (tracks.boxes[row, :, :2] + tracks.boxes[row, :, 2:]) / 2


def test_two_people_who_stand_apart_are_two_tracks_whatever_their_order_in_a_frame():
    frames = [people((100, 200), (400, 200)) if t % 2 else people((400, 200), (100, 200)) for t in range(6)]
    tracks = tracks_of(frames)
    assert len(tracks) == 2
    assert tracks.present.all()
    for row in range(2):
        assert np.ptp(centres(tracks, row)[:, 0]) == 0


@pytest.mark.parametrize("step", [1 / 15, 0.2, 0.3])
def test_people_who_walk_past_each_other_keep_their_identity(step):
    count = round(4 / step)
    frames = [people((100 + 150 * t * step, 200), (700 - 150 * t * step, 210)) for t in range(count)]
    tracks = tracks_of(frames, step=step)
    assert len(tracks) == 2
    for row in range(2):
        assert (np.diff(centres(tracks, row)[:, 0]) > 0).all() or (np.diff(centres(tracks, row)[:, 0]) < 0).all()


@pytest.mark.parametrize("pan", [100, 300, 600])
def test_a_panning_camera_loses_nobody(pan):
    frames = [people((200 + pan * t / 12, 200), (380 + pan * t / 12, 200)) for t in range(12)]
    tracks = tracks_of(frames, step=1 / 12)
    assert len(tracks) == 2
    assert tracks.present.all()


def test_a_camera_that_stops_at_once_loses_nobody():
    x = np.minimum(np.arange(14), 7) * 40
    tracks = tracks_of([people((200 + s, 200), (380 + s, 200)) for s in x], step=1 / 12)
    assert len(tracks) == 2
    assert tracks.present.all()


def test_somebody_out_of_sight_for_less_than_the_gap_is_the_same_person():
    frames = [people(None if 3 <= t < 7 else (200, 200)) for t in range(10)]
    tracks = tracks_of(frames, step=0.2, max_gap=1.0)
    assert len(tracks) == 1
    assert tracks.present[0].tolist() == [True] * 3 + [False] * 4 + [True] * 3
    assert not tracks.scores[0, 3:7].any()


def test_somebody_out_of_sight_for_longer_than_the_gap_is_somebody_new():
    frames = [people(None if 3 <= t < 7 else (200, 200)) for t in range(10)]
    assert len(tracks_of(frames, step=0.2, max_gap=0.5)) == 2


def test_two_missed_frames_are_allowed_however_far_apart_the_frames_are():
    frames = [people((200, 200)), people(), people(), people((200, 200))]
    assert len(tracks_of(frames, step=5.0)) == 1


def test_somebody_on_the_other_side_of_the_image_is_somebody_else():
    assert len(tracks_of([people((100, 200)), people((1500, 200))])) == 2


def test_two_boxes_around_the_same_person_count_once():
    found, shape = people((200, 200), (202, 200))
    tracks = tracks_of([(found, shape)] * 3)
    assert len(tracks) == 1
    assert np.array_equal(tracks.boxes[0, 0], found.boxes[0])
    assert len(tracks_of([(found, shape)] * 3, duplicate=1.1)) == 2


def test_the_largest_longest_seen_person_comes_first():
    small, large = people((100, 200), height=80), people((500, 200), height=300)
    both = (
        Detections(np.concatenate([small[0].boxes, large[0].boxes]), np.array([0.9, 0.6], np.float32)),
        Poses(*(np.concatenate([getattr(small[1], n), getattr(large[1], n)]) for n in ("keypoints", "scores"))),
    )
    tracks = tracks_of([both] * 4)
    assert tracks.boxes[0, 0, 0] > 300
    assert (np.diff(tracks.importance) <= 0).all()


def test_fragments_are_dropped_but_never_everybody():
    frames = [people((100, 200), (600, 200) if t == 4 else None) for t in range(20)]
    tracks = tracks_of(frames)
    assert len(tracks) == 2
    assert len(tracks.main_people(0.1)) == 1
    assert len(tracks.main_people(0.0, max_people=1)) == 1
    once = tracks_of([people((100, 200) if t == 4 else None) for t in range(20)])
    assert len(once.main_people(0.5)) == 1


def test_nobody_gives_no_tracks_and_an_empty_sequence():
    tracks = tracks_of([people()] * 5)
    assert len(tracks) == 0
    assert len(tracks.main_people()) == 0
    sequence = tracks.sequence(frame_size=(100, 100), frame_indices=np.arange(5), fps=Fraction(25), skeleton=COCO_17)
    assert (sequence.people, len(sequence)) == (0, 5)


def test_each_person_is_a_sequence_of_one_slot_over_all_frames():
    tracks = tracks_of([people((100, 200), (600, 200) if t > 2 else None) for t in range(6)])
    each = tracks.each(frame_size=(480, 720), frame_indices=np.arange(6), fps=Fraction(25), skeleton=COCO_17)
    assert [(one.people, len(one)) for one in each] == [(1, 6), (1, 6)]
    assert not each[1].scores[0, :3].any()


def test_heatmaps_go_with_their_person():
    frames = []
    for t in range(4):
        found, shape = people((100, 200), (600, 200)) if t % 2 else people((600, 200), (100, 200))
        value = shape.keypoints[:, 0, 0].round().reshape(2, 1, 1, 1)
        maps = JointHeatmaps(np.broadcast_to(value, (2, 17, 3, 3)).copy(), np.zeros((2, 2, 3), np.float32))
        frames.append((found, Poses(shape.keypoints, shape.scores, maps)))
    tracks = tracks_of([*frames, people()])
    assert tracks.heatmaps is not None
    for row in range(2):
        assert len(np.unique(tracks.heatmaps.values[row, :4])) == 1
        assert not tracks.heatmaps.values[row, 4].any()
    assert tracks.columns([1, 3]).heatmaps.values.shape[:2] == (2, 2)


def test_frames_that_do_not_fit_are_refused():
    found, shape = people((100, 200))
    with pytest.raises(StageMismatch, match="1 boxes but 0 poses"):
        assembled([found], [Poses.none(17)], seconds=[0])
    with pytest.raises(StageMismatch, match="strictly increasing"):
        assembled([found] * 2, [shape] * 2, seconds=[1, 1])
    with pytest.raises(StageMismatch, match="one value per frame"):
        assembled([found], [shape], seconds=[0, 1])


def identified(frames, *, step=1 / 30, **options):
    detections, poses = zip(*frames, strict=True)
    return [
        who.tolist()
        for who in tracker.track_people(detections, poses, seconds=np.arange(len(frames)) * step, **options)
    ]


@pytest.mark.parametrize("seed", range(12))
@pytest.mark.parametrize("height", [80.0, 150.0, 230.0, 350.0])
def test_a_lone_person_who_jumps_by_a_tenth_of_the_image_stays_one(seed, height):
    noise = np.random.default_rng(seed).normal(0, 0.1 * 320, (60, 2))
    frames = [people((240 + dx, 160 + dy), height=height) for dx, dy in noise]
    assert len(tracks_of(frames, step=1 / 30)) == 1


def test_two_people_who_jump_apart_from_each_other_stay_two():
    noise = np.random.default_rng(2).normal(0, 32, (2, 60, 2))
    frames = [people((200 + a, 200 + b), (800 + c, 200 + d)) for (a, b), (c, d) in zip(*noise, strict=True)]
    assert identified(frames) == [[0, 1]] * 60


def test_where_two_may_have_jumped_neither_is_taken_for_the_other():
    # Each of the two new ones is near enough to each of the two who are gone.
    frames = [people((200, 200), (420, 200)), people((310, 60), (310, 340))]
    assert identified(frames) == [[0, 1], [2, 3]]


def test_somebody_who_stands_otherwise_a_little_further_away_is_somebody_else():
    found, shape = people((360, 200))
    bent = Poses(np.ascontiguousarray(shape.keypoints[:, ::-1]), shape.scores)
    assert identified([people((200, 200)), (found, bent)]) == [[0], [1]]
    assert identified([people((200, 200)), (found, shape)]) == [[0], [0]]


def test_nobody_is_followed_over_a_cut():
    frames = [people((100, 200), (400, 200))] * 6
    assert identified(frames, cuts=[2, 5]) == [[0, 1]] * 2 + [[2, 3]] * 3 + [[4, 5]]


def extended(track_ids, frames, **options):
    detections, poses = zip(*frames, strict=True)
    seconds = np.arange(len(frames)) / 25
    given = [None if who is None else np.array(who, np.int64) for who in track_ids]
    return [who.tolist() for who in tracker.extend(given, detections, poses, seconds=seconds, **options)]


def test_frames_between_get_the_identities_around_them():
    frames = [people((100 + 5 * t, 200), (700 - 5 * t, 200)) for t in range(9)]
    frames[3] = people((685, 200), (115, 200))  # in another order
    given = [None, [4, 2], None, None, None, [4, 2], None, None, None]
    assert extended(given, frames) == [[4, 2]] * 3 + [[2, 4]] + [[4, 2]] * 5


def test_who_comes_into_sight_between_two_frames_has_the_identity_of_the_later_one():
    frames = [people((100, 200), (700, 200) if t > 1 else None) for t in range(5)]
    assert extended([[0], None, None, None, [0, 1]], frames) == [[0]] * 2 + [[0, 1]] * 3


def test_who_is_seen_in_frames_between_only_gets_a_new_identity():
    frames = [people((100, 200), (700, 200) if 0 < t < 4 else None) for t in range(5)]
    assert extended([[3], None, None, None, [3]], frames) == [[3]] + [[3, 4]] * 3 + [[3]]


def test_given_identities_stay_even_where_they_look_wrong():
    frames = [people((100, 200), (400, 200))] * 5
    assert extended([[0, 1], None, [1, 0], None, [-1, 5]], frames) == [[0, 1], [0, 1], [1, 0], [1, 0], [-1, 5]]


def test_frames_between_are_cut_as_the_others_are():
    frames = [people((100, 200))] * 6
    assert extended([[0], None, None, None, None, [1]], frames, cuts=[3]) == [[0]] * 3 + [[1]] * 3


@settings(max_examples=30, deadline=None)
@given(st.lists(st.lists(st.tuples(st.integers(0, 900), st.integers(0, 500)), max_size=4), min_size=1, max_size=6))
def test_everybody_found_is_in_exactly_one_track(places):
    frames = [people(*frame) for frame in places]
    tracks = tracks_of(frames, duplicate=1.1)
    for column, (found, shape) in enumerate(frames):
        here = tracks.present[:, column]
        assert here.sum() == len(found)
        assert sorted(map(tuple, tracks.boxes[here, column])) == sorted(map(tuple, found.boxes))
        assert np.isclose(tracks.keypoints[here, column].sum(), shape.keypoints.sum(), rtol=1e-4)
    assert sorted(tracks.ids) == list(range(len(tracks)))
