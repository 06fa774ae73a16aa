"""95 % intervals."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from posec3d_cli.evaluation.metrics import mean_class_interval, wilson

COUNTS = st.integers(1, 10**6).flatmap(lambda clips: st.tuples(st.integers(0, clips), st.just(clips)))


@settings(deadline=None)  # the first example waits for the import of scipy
@given(COUNTS)
def test_wilsons_edges_are_where_the_part_is_two_standard_errors_away(counted):
    right, clips = counted
    part = right / clips
    low, high = wilson(right, clips)
    assert 0 <= low <= part <= high <= 1
    for edge in (low, high):
        error = 1.96**2 * edge * (1 - edge) / clips
        # At an end of [0, 1] one edge is the part itself.
        assert (part - edge) ** 2 == pytest.approx(error, rel=1e-4, abs=1e-12)


@settings(deadline=None)  # the first example waits for the import of scipy
@given(COUNTS)
def test_wilsons_interval_is_mirrored_with_the_mistakes(counted):
    right, clips = counted
    low, high = wilson(right, clips)
    assert wilson(clips - right, clips) == pytest.approx((1 - high, 1 - low), abs=1e-9)


@pytest.mark.parametrize(("right", "edges"), [(0, (0, 0.7935)), (1, (0.2065, 1))])
def test_wilsons_interval_of_one_clip_stays_between_0_and_1(right, edges):
    assert wilson(right, 1) == pytest.approx(edges, abs=1e-4)


@settings(max_examples=25)
@given(st.lists(st.integers(1, 40).flatmap(lambda n: st.tuples(st.integers(0, n), st.just(n))), min_size=1, max_size=5))
def test_the_bootstrap_is_the_same_every_time_and_lies_around_the_mean(counted):
    right, clips = np.array(counted).T
    found = mean_class_interval(right, clips)
    assert found == mean_class_interval(right, clips)
    if found is None:
        assert np.all((right == 0) | (right == clips))
        return
    low, high = found
    assert 0 <= low < high <= 1
    mean, spread = (right / clips).mean(), np.sqrt((right / clips * (1 - right / clips) / clips).sum()) / len(clips)
    assert low - 1e-9 <= mean + spread
    assert high + 1e-9 >= mean - spread


def test_the_bootstrap_draws_clips_within_their_classes():
    """As wide as the sum of binomial variances says, which drawing over all classes at once would exceed."""
    right, clips = np.array([50, 400]), np.array([100, 400])
    low, high = mean_class_interval(right, clips)
    spread = np.sqrt(0.5 * 0.5 / 100) / 2
    assert (low, high) == pytest.approx((0.75 - 1.96 * spread, 0.75 + 1.96 * spread), abs=0.006)


def test_where_no_class_varies_there_is_no_interval():
    assert mean_class_interval(np.array([3, 0]), np.array([3, 5])) is None
