"""Segments of windows: borders, people, occlusions, nobody and unknown."""

from __future__ import annotations

from fractions import Fraction
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from posec3d_cli.answers import PersonInWindow, WindowScores, weighted_mean
from posec3d_cli.timeline.build import action_segments, clip_scores
from posec3d_cli.timeline.presence import Presence
from posec3d_cli.types import ActionScores

LABELS = ("sit", "walk", "jump")
FPS = Fraction(10)


def scores(label, probability=0.9):
    values = np.full(len(LABELS), (1 - probability) / 2, np.float32)
    values[LABELS.index(label)] = probability
    return ActionScores(values, LABELS)


BY_LETTER = {"s": scores("sit"), "w": scores("walk"), "j": scores("jump"), "?": scores("jump", 0.4)}


def windows(*people, stride=10, length=20):
    """Windows of 2 s every second; of each person one letter per window: s, w, j, unsure (?) or away (-)."""
    made = []
    for number in range(len(people[0])):
        here = []
        for person, letters in enumerate(people):
            if letters[number] != "-":
                here.append(PersonInWindow(person, 1 / len(people), BY_LETTER[letters[number]]))
        mean = weighted_mean([one.scores for one in here], [1.0] * len(here)) if here else None
        made.append(WindowScores(number * stride, number * stride + length, mean, tuple(here)))
    return made


DEFAULTS = {"min_score": 0.5, "switch_cost": 1.0, "shortest": 1.0}


def timeline(some, spans, count, **options):
    found = action_segments(some, spans, frame_count=count, fps=FPS, **DEFAULTS | options)
    return [(one.person, one.start, one.stop, one.answer(0.5)) for one in found]


def test_borders_lie_between_the_middles_of_windows():
    assert timeline(windows("sssswwww"), {0: [(0, 90)], None: [(0, 90)]}, 90) == [
        (0, 0, 45, "sit"),
        (0, 45, 90, "walk"),
    ]


def test_what_no_action_is_sure_of_is_unknown_and_says_what_it_would_be():
    some = windows("ss????ss")
    spans = {0: [(0, 90)], None: [(0, 90)]}
    assert [one[3] for one in timeline(some, spans, 90)] == ["sit", "unknown", "sit"]
    unknown = action_segments(some, spans, frame_count=90, fps=FPS, min_score=0.5, switch_cost=1.0)[1]
    assert unknown.scores.top(1)[0][0] == "jump"
    assert unknown.scores.top(1)[0][1] == pytest.approx(0.4)


def test_a_stretch_without_anybody_is_a_segment_and_people_keep_theirs():
    some = windows("sss---ww", "ww------")
    spans = {0: [(0, 40), (60, 90)], 1: [(0, 25)], None: [(0, 40), (60, 90)]}
    assert timeline(some, spans, 90) == [
        (0, 0, 40, "sit"),
        (1, 0, 25, "walk"),
        (None, 40, 60, "no_person"),
        (0, 60, 90, "walk"),
    ]


def test_a_video_without_anybody_is_one_segment():
    assert timeline(windows("---"), {}, 40) == [(None, 0, 40, "no_person")]


def test_people_who_are_read_together_have_one_row():
    some = [WindowScores(one.start, one.stop, one.scores) for one in windows("ssssjjjj")]
    assert timeline(some, {None: [(0, 90)]}, 90) == [(None, 0, 45, "sit"), (None, 45, 90, "jump")]


def test_a_short_occlusion_does_not_end_a_segment():
    presence = Presence(20)
    ids = [np.array([0] if not 30 <= frame < 45 else [], np.int64) for frame in range(90)]
    presence.add(np.arange(90), ids)
    assert presence.spans(90)[0] == [(0, 90)]
    assert timeline(windows("ssss-sss"), presence.spans(90), 90) == [(0, 0, 90, "sit")]


def test_a_long_absence_ends_a_presence_which_then_lasts_to_the_next_known_frame():
    presence = Presence(20)
    presence.add(np.array([0, 3, 6]), [np.array([4])] * 3)
    presence.add(np.array([9, 40]), [np.array([], np.int64), np.array([4, -1])])
    assert presence.spans(50) == {4: [(0, 9), (40, 50)], None: [(0, 9), (40, 50)]}


def test_who_is_hardly_seen_has_no_segment():
    assert timeline(windows("ssss", "---w"), {0: [(0, 50)], 1: [(45, 50)], None: [(0, 50)]}, 50) == [(0, 0, 50, "sit")]


@given(st.lists(st.tuples(st.integers(0, 4), st.integers(0, 3)), min_size=1, max_size=12), st.sampled_from([0.5, 1, 2]))
@settings(max_examples=60, deadline=None)
def test_segments_of_a_person_cover_each_presence_once(letters, shortest):
    people = ["".join("swj?-"[number] for number in pick) for pick in zip(*letters, strict=True)]
    some = windows(*people)
    count = some[-1].stop
    found = timeline(some, {0: [(0, count)], 1: [(0, count)], None: [(0, count)]}, count, shortest=shortest)
    for person, row in enumerate(people):
        own = [one for one in found if one[0] == person]
        if set(row) == {"-"}:
            assert own == []
            continue
        assert (own[0][1], own[-1][2]) == (0, count)
        for before, after in pairwise(own):
            assert before[2] == after[1]
            assert before[3] != after[3]


def test_a_long_clip_of_several_actions_is_called_by_the_one_that_takes_most_time():
    some = windows("sssswwwwww")
    made = action_segments(some, {0: [(0, 110)], None: [(0, 110)]}, frame_count=110, fps=FPS, min_score=0.5)
    assert clip_scores(some, made, 0.5).top(1) == [("walk", pytest.approx(0.9))]
    few = windows("sswww")
    made = action_segments(few, {0: [(0, 60)], None: [(0, 60)]}, frame_count=60, fps=FPS, min_score=0.5)
    assert clip_scores(few, made, 0.5).top(1)[0][1] == pytest.approx((0.05 * 2 + 0.9 * 3) / 5)
