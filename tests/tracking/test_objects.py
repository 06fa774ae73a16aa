"""Objects of single frames become paths."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from posec3d_cli.tracking.object_rows import ObjectRows
from posec3d_cli.tracking.objects import MAX_GAP, MISSES, link_objects
from posec3d_cli.types import Objects

NAMES = ("ball", "cup")
SIZE = (240, 320)


def seen(*things, size=20):
    """One frame: (x, name, score) of squares around y = 100."""
    boxes = [[x - size / 2, 100 - size / 2, x + size / 2, 100 + size / 2] for x, *_ in things]
    classes = [NAMES.index(name) for _, name, _ in things]
    return Objects(
        np.array(boxes, np.float32).reshape(-1, 4),
        np.array([score for *_, score in things], np.float32),
        np.array(classes, np.int64),
        NAMES,
    )


def balls(*places, score=0.5):
    """Frames that each show a ball at x, or none."""
    return [seen() if x is None else seen((x, "ball", score)) for x in places]


def linked(frames, *, fps=25.0, **options):
    return link_objects(frames, seconds=np.arange(len(frames)) / fps, frame_size=SIZE, **options)


def paths(tracks):
    """By track: x of the middle in each of its frames."""
    middle = tracks.boxes[:, [0, 2]].mean(axis=1)
    return [
        dict(zip(tracks.columns[tracks.tracks == n].tolist(), middle[tracks.tracks == n].tolist(), strict=True))
        for n in range(tracks.tracks.max(initial=-1) + 1)
    ]


def test_a_ball_seen_in_two_of_five_frames_has_a_path_between():
    frames = balls(100, None, None, None, 140)
    frames[4] = seen((140, "ball", 0.9))
    tracks = linked(frames)
    assert paths(tracks) == [{0: 100, 1: 110, 2: 120, 3: 130, 4: 140}]
    assert tracks.scores.tolist() == pytest.approx([0.5, 0.6, 0.7, 0.8, 0.9])
    assert tracks.found.tolist() == [True, False, False, False, True]
    assert [tracks.names[number] for number in tracks.classes] == ["ball"] * 5


def test_frames_between_are_interpolated_by_their_time():
    tracks = link_objects(balls(100, None, 140), seconds=[0, 0.1, 0.4], frame_size=SIZE)
    assert paths(tracks) == [{0: 100, 1: pytest.approx(110), 2: 140}]


def test_an_object_is_missed_for_so_long_and_no_longer():
    long = round(MAX_GAP * 25)
    for gap, count in ((long - 1, 1), (long, 2)):
        assert len(paths(linked(balls(100, *[None] * gap, 100)))) == count
    for gap, count in ((MISSES, 1), (MISSES + 1, 2)):  # frames far apart
        assert len(paths(linked(balls(100, *[None] * gap, 100), fps=0.5))) == count


def test_classes_are_never_linked():
    tracks = linked([seen((100, "ball", 0.5)), seen((100, "cup", 0.5)), seen((100, "ball", 0.5))])
    assert paths(tracks) == [{0: 100, 1: 100, 2: 100}, {1: 100}]
    assert tracks.classes.tolist() == [0, 0, 1, 0]


def test_two_balls_that_fly_side_by_side_stay_two():
    frames = [seen((50 + 9 * t, "ball", 0.9), (85 + 9 * t, "ball", 0.8)) for t in range(8)]
    frames[3] = seen((85 + 27, "ball", 0.8))
    first, second = paths(linked(frames))
    assert list(first.values()) == pytest.approx([50 + 9 * t for t in range(8)])
    assert list(second.values()) == pytest.approx([85 + 9 * t for t in range(8)])


def test_a_fast_ball_is_followed_and_nothing_jumps_across_the_frame():
    assert len(paths(linked(balls(*range(20, 300, 30))))) == 1  # three diameters in two frames
    assert len(paths(linked(balls(20, 300)))) == 2
    assert len(paths(linked(balls(20, None, None, None, 300)))) == 2
    assert len(paths(linked([*balls(100), seen((100, "ball", 0.5), size=50)]))) == 2, "six times as large"


def test_every_track_ends_at_a_cut():
    frames = balls(100, 100, None, 100)
    assert paths(linked(frames, cuts=[2])) == [{0: 100, 1: 100}, {3: 100}]
    assert len(paths(linked(frames, cuts=[]))) == 1
    assert len(paths(linked(frames, cuts=[1, 2]))) == 3
    assert len(paths(linked(frames, cuts=[0, 4]))) == 1


def test_frames_that_were_not_searched_are_no_misses_and_are_interpolated():
    tracks = linked([*balls(100), *[None] * 8, *balls(140)], fps=2.0)
    assert paths(tracks) == [{column: pytest.approx(100 + 40 / 9 * column) for column in range(10)}]
    assert tracks.found.tolist() == [True, *[False] * 8, True]


def test_nobody_looked_is_not_nothing_there():
    assert linked([None, None]) is None
    nothing = linked([None, *balls(None)])
    assert (len(nothing), nothing.names) == (0, NAMES)
    assert linked([]) is None


@st.composite
def clips(draw):
    """Frames of any objects; some were not searched."""
    generator = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    frames = []
    for _ in range(draw(st.integers(0, 12))):
        count = draw(st.integers(-1, 4))
        corner = generator.uniform(0, 200, (max(count, 0), 2))
        boxes = np.concatenate([corner, corner + generator.uniform(1, 60, corner.shape)], axis=1).astype(np.float32)
        classes, scores = generator.integers(0, 2, len(boxes)), generator.uniform(0, 1, len(boxes))
        frames.append(None if count < 0 else Objects(boxes, scores.astype(np.float32), classes, NAMES))
    return frames


@settings(deadline=None)
@given(clips(), st.floats(1, 60))
def test_whatever_is_found_stays_as_it_was_and_paths_have_no_holes(frames, fps):
    tracks = linked(frames, fps=fps)
    if all(objects is None for objects in frames):
        assert tracks is None
        return
    for column, objects in enumerate(frames):
        here = tracks.in_frame(column)
        kept = here.take(here.found)
        rows = (
            [] if objects is None else list(zip(objects.classes, objects.boxes.tolist(), objects.scores, strict=True))
        )
        assert sorted(map(str, zip(kept.classes, kept.boxes.tolist(), kept.scores, strict=True))) == sorted(
            map(str, rows)
        )
        assert len(set(here.tracks.tolist())) == len(here)
    for number in np.unique(tracks.tracks):
        own = tracks.take(tracks.tracks == number)
        assert np.array_equal(own.columns, np.arange(own.columns[0], own.columns[-1] + 1))
        assert own.found[[0, -1]].all()
        assert len(set(own.classes.tolist())) == 1
        assert own.boxes.min() >= 0
        assert ((own.scores >= 0) & (own.scores <= 1)).all()


@given(clips())
def test_rows_become_the_frames_that_they_were_made_of(frames):
    rows = ObjectRows.of(frames)
    again = rows.frames()
    assert rows.any_searched == any(objects is not None for objects in frames)
    assert len(again) == len(frames)
    for one, other in zip(frames, again, strict=True):
        assert (one is None) == (other is None)
        if one is not None:
            assert np.array_equal(one.boxes, other.boxes)
            assert np.array_equal(one.scores, other.scores)
            assert one.class_names == other.class_names
            assert other.names == NAMES


def test_frames_that_know_different_classes_share_one_list_of_names():
    one = Objects(np.ones((1, 4), np.float32), np.ones(1, np.float32), np.zeros(1, np.int64), ("cup",))
    rows = ObjectRows.of([one, *balls(100)])
    assert rows.names == ("cup", "ball")
    assert [objects.class_names for objects in rows.frames()] == [["cup"], ["ball"]]
