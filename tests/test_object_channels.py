"""The program that compares the ways of reading objects: what its tables say."""

from __future__ import annotations

import numpy as np
import pytest
from benchmark_modules import imported


@pytest.fixture(scope="module")
def program():
    with imported("daily", ["ship", "objects", "object_channels"]) as modules:
        yield modules["object_channels"]


def test_the_same_answers_do_not_differ(program):
    right = np.array([[1.0, 0, 1, 1], [1, 0, 0, 1]])
    assert program.difference(right, right, list("abcd")) == (0, 0, 0)


def test_a_difference_has_an_interval_over_source_videos(program):
    joints = np.zeros((2, 8))
    better = np.repeat([[1.0, 0, 1, 1]], 2, axis=1).repeat(2, axis=0)
    mean, low, high = program.difference(better, joints, list("aabbccdd"))
    assert mean == 0.75
    assert 0 <= low < 0.75 < high <= 1
    [first, second] = program.rows({"joints": joints, "channels": better}, list("aabbccdd"))
    assert first == ["joints", "0.0%", "0.0% to 0.0%", ""]
    assert second[:3] == ["channels", "75.0%", "75.0% to 75.0%"]
    assert second[3].startswith("+75.0 (")
