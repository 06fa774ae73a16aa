"""Segments of pairs: when an interaction replaces what two people do alone, and whose it is."""

from __future__ import annotations

from fractions import Fraction
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from posec3d_cli.answers import PairInWindow, PersonInWindow, WindowScores
from posec3d_cli.recognition.pairs import joined_readings
from posec3d_cli.timeline.build import action_segments, clip_scores
from posec3d_cli.timeline.pairs import free
from posec3d_cli.types import ActionScores

LABELS = ("sit", "walk", "hug", "push")
TOGETHER = ("hug", "push")
FPS = Fraction(10)


def scores(**probabilities):
    left = (1 - sum(probabilities.values())) / (len(LABELS) - len(probabilities))
    return ActionScores(np.array([probabilities.get(label, left) for label in LABELS], np.float32), LABELS)


ALONE = {"s": scores(sit=0.8), "w": scores(walk=0.8), "h": scores(hug=0.8, sit=0.1)}
PAIR = {
    "h": scores(hug=0.8),
    "p": scores(push=0.8),
    "a": scores(walk=0.5, sit=0.4),
    "m": scores(hug=0.45, sit=0.3),
    "n": scores(hug=0.35, sit=0.5),
}


def windows(people, pairs, stride=10, length=20):
    """Windows of 2 s every second: of each person a letter per window, and of each pair; - where it was not read."""
    made = []
    for number in range(len(people[0])):
        here = [
            PersonInWindow(person, 1 / len(people), ALONE[letters[number]])
            for person, letters in enumerate(people)
            if letters[number] != "-"
        ]
        read = [PairInWindow(ids, PAIR[letters[number]]) for ids, letters in pairs.items() if letters[number] != "-"]
        start = number * stride
        made.append(joined_readings(WindowScores(start, start + length, None, tuple(here), tuple(read)), TOGETHER))
    return made


def timeline(some, spans=None, count=90, min_score=0.3, **options):
    people = {one.id for window in some for one in window.people}
    spans = spans or {one: [(0, count)] for one in (*people, None)}
    found = action_segments(
        some, spans, frame_count=count, fps=FPS, min_score=min_score, interactions=TOGETHER, **options
    )
    return [(one.person, one.start, one.stop, one.answer(min_score)) for one in found]


def test_an_interaction_replaces_what_both_do_alone_and_names_both():
    assert timeline(windows(["wwwwwwww", "ssssssss"], {(0, 1): "aaahhhaa"})) == [
        (0, 0, 35, "walk"),
        (1, 0, 35, "sit"),
        ((0, 1), 35, 65, "hug"),
        (0, 65, 90, "walk"),
        (1, 65, 90, "sit"),
    ]


def test_people_near_each_other_who_do_something_alone_are_no_pair():
    assert timeline(windows(["wwwwwwww", "ssssssss"], {(0, 1): "aaaaaaaa"})) == [
        (0, 0, 90, "walk"),
        (1, 0, 90, "sit"),
    ]


def test_an_interaction_that_is_less_probable_than_what_both_do_alone_replaces_nothing():
    # What is left of "n" for both alone, 0.58 times 0.92, is more than hug's 0.35, and of "m", 0.43 times 0.92, less.
    assert [one[0] for one in timeline(windows(["wwwwwwww", "ssssssss"], {(0, 1): "nnnnnnnn"}))] == [0, 1]
    some = windows(["wwwwwwww", "ssssssss"], {(0, 1): "mmmmmmmm"})
    assert [one.scores.top(1)[0][0] for one in some[0].people] == ["hug", "hug"]
    assert timeline(some)[0][0] == (0, 1)
    assert [one[0] for one in timeline(some, min_score=0.46)] == [0, 1]


def test_nobody_does_an_interaction_alone_however_sure_the_classifier_is():
    assert timeline(windows(["hhhhhhhh"], {})) == [(0, 0, 90, "sit")]
    assert [one[3] for one in timeline(windows(["hhhhhhhh", "wwwwwwww"], {(0, 1): "aaaaaaaa"}))] == ["sit", "walk"]


def test_of_three_the_surest_pair_is_named_and_the_third_is_alone():
    some = windows(["wwwwwwww", "ssssssss", "wwwwwwww"], {(0, 1): "hhhhhhhh", (1, 2): "mmmmmmmm"})
    assert timeline(some) == [((0, 1), 0, 90, "hug"), (2, 0, 90, "walk")]
    assert [pair.people for pair in some[0].pairs] == [(0, 1)]


def test_a_person_changes_partners():
    some = windows(["wwwwwwww", "ssssssss", "wwwwwwww"], {(0, 1): "hhhh----", (1, 2): "----pppp"})
    assert timeline(some) == [
        ((0, 1), 0, 45, "hug"),
        (2, 0, 45, "walk"),
        (0, 45, 90, "walk"),
        ((1, 2), 45, 90, "push"),
    ]


def test_one_window_is_too_short_for_a_segment_and_a_gap_of_one_is_closed():
    some = windows(["wwwwwwww", "ssssssss"], {(0, 1): "aaahaaaa"})
    assert [one[0] for one in timeline(some)] == [0, 1]
    some = windows(["wwwwwwww", "ssssssss"], {(0, 1): "hhhh-hhh"})
    assert timeline(some) == [((0, 1), 0, 90, "hug")]


def test_less_than_a_segment_beside_a_pair_counts_to_it():
    spans = {0: [(0, 90)], 1: [(10, 80)], None: [(0, 90)]}
    some = windows(["wwwwwwww", "ssssssss"], {(0, 1): "hhhhhhhh"})
    assert timeline(some, spans) == [((0, 1), 10, 80, "hug")]


def test_a_pair_ends_where_one_of_them_is_gone():
    spans = {0: [(0, 90)], 1: [(0, 50)], None: [(0, 90)]}
    some = windows(["wwwwwwww", "sssss---"], {(0, 1): "hhhhh---"})
    assert timeline(some, spans) == [((0, 1), 0, 50, "hug"), (0, 50, 90, "walk")]


def test_the_scores_of_people_and_windows_sum_to_one_and_hold_both_readings():
    [window] = windows(["w", "s"], {(0, 1): "h"})
    first, second = window.people
    together = PAIR["h"].probabilities
    for one in (first, second, window):
        assert one.scores.probabilities.sum() == pytest.approx(1)
        assert one.scores.probabilities[2:] == pytest.approx(together[2:])
    left = together[:2].sum()
    assert first.scores.probabilities[:2] == pytest.approx(left * ALONE["w"].ruling_out(TOGETHER).probabilities[:2])
    assert window.pairs[0].together
    [window] = windows(["w", "s"], {(0, 1): "a"})
    assert not window.pairs[0].together
    assert window.people[0].scores.probabilities == pytest.approx(ALONE["w"].ruling_out(TOGETHER).probabilities)


def test_what_is_left_of_a_person_alone_is_certain_even_where_nothing_is_left():
    nothing = ActionScores(np.array([0, 0, 1, 0], np.float32), LABELS)
    assert nothing.ruling_out(TOGETHER).probabilities == pytest.approx([0.5, 0.5, 0, 0])


def test_a_long_clip_is_answered_by_what_takes_most_time_of_people():
    some = windows(["wwwwwwww", "ssssssss"], {(0, 1): "aaahhhha"})
    spans = {one: [(0, 90)] for one in (0, 1, None)}
    found = action_segments(some, spans, frame_count=90, fps=FPS, interactions=TOGETHER)
    assert clip_scores(some, found, 0.0).top(1)[0][0] == "hug"  # 2 times 4 s, walk and sit 5 s


@given(
    st.lists(st.tuples(*[st.sampled_from("swh")] * 3, *[st.sampled_from("hpam-")] * 3), min_size=1, max_size=12),
    st.lists(st.integers(0, 130), min_size=6, max_size=6),
)
@settings(max_examples=80, deadline=None)
def test_segments_of_a_person_never_overlap_and_stay_where_the_person_is(letters, edges):
    columns = list(map("".join, zip(*letters, strict=True)))
    some = windows(columns[:3], {(0, 1): columns[3], (1, 2): columns[4], (0, 2): columns[5]})
    count = 10 * len(letters) + 10
    spans = {}
    for person in range(3):
        start, stop = sorted(min(edge, count) for edge in edges[2 * person : 2 * person + 2])
        spans[person] = [(start, stop)] if start < stop else []
    spans[None] = [(0, count)]
    found = action_segments(some, spans, frame_count=count, fps=FPS, min_score=0.3, interactions=TOGETHER)
    for person in range(3):
        own = [one for one in found if person in (one.person if isinstance(one.person, tuple) else (one.person,))]
        assert all(before.stop <= after.start for before, after in pairwise(own))
        assert all(spans[person][0][0] <= one.start < one.stop <= spans[person][0][1] for one in own)
    for one in found:
        assert (one.answer(0) in TOGETHER) == isinstance(one.person, tuple)


def test_what_is_left_of_a_span():
    assert free((0, 10), [(2, 4), (7, 12)]) == [(0, 2), (4, 7)]
    assert free((0, 10), []) == [(0, 10)]
    assert free((0, 10), [(0, 10)]) == []
