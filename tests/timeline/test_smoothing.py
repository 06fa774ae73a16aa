"""Viterbi smoothing against every sequence there is, and short runs."""

from __future__ import annotations

from itertools import pairwise, product

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from posec3d_cli.timeline.smoothing import ViterbiSmoother, evidence, merge_short
from posec3d_cli.types import ActionScores

SCORES = st.lists(st.lists(st.floats(-5, 0), min_size=3, max_size=3), min_size=1, max_size=5)


def smoother(windows, cost):
    made = ViterbiSmoother(cost)
    for window in windows:
        made.add(np.array(window))
    return made


def total(path, windows, cost):
    return sum(w[s] for w, s in zip(windows, path, strict=True)) - cost * sum(a != b for a, b in pairwise(path))


@given(SCORES, st.floats(0, 4))
@settings(max_examples=60, deadline=None)
def test_no_sequence_is_better_than_the_path(windows, cost):
    best = max(total(path, windows, cost) for path in product(range(3), repeat=len(windows)))
    made = smoother(windows, cost)
    assert total(made.path(), windows, cost) == pytest.approx(best)
    assert made.latest == made.path()[-1]


def test_a_window_that_prefers_another_action_by_little_changes_nothing():
    sure, doubt = [-0.1, -3.0], [-1.0, -0.5]
    assert smoother([sure, sure, doubt, sure, sure], 1.0).path() == [0] * 5
    assert smoother([sure, sure, doubt, sure, sure], 0.0).path() == [0, 0, 1, 0, 0]


def test_without_a_window_there_is_no_path():
    assert ViterbiSmoother().path() == []
    with pytest.raises(ValueError, match="no window"):
        _ = ViterbiSmoother().latest


@pytest.mark.parametrize(
    ("probabilities", "least", "state"),
    [((0.6, 0.4), 0.5, 0), ((0.4, 0.6), 0.5, 1), ((0.45, 0.55), 0.6, 2), ((0.55, 0.45), 0.0, 0)],
)
def test_of_one_window_an_action_is_named_where_it_reaches_the_least_score(probabilities, least, state):
    scores = ActionScores(np.array(probabilities, np.float32), ("a", "b"))
    assert int(evidence(scores, least).argmax()) == state


def test_the_label_unknown_of_a_classifier_is_the_state_unknown():
    scores = ActionScores(np.array([0.2, 0.5, 0.3], np.float32), ("a", "unknown", "b"))
    assert int(evidence(scores, 0.1).argmax()) == 3


@pytest.mark.parametrize(
    ("states", "merged"),
    [
        ([0, 0, 0, 1, 0, 0], [0] * 6),
        ([0, 0, 0, 1, 2, 2], [0, 0, 0, 0, 2, 2]),
        ([1], [1]),
        ([0, 1, 2, 2, 2], [1, 1, 2, 2, 2]),
        ([0, 0, 1, 1], [0, 0, 1, 1]),
    ],
)
def test_runs_that_are_too_short_go_to_the_longer_neighbour(states, merged):
    assert merge_short(states, [10] * len(states), 20) == merged
