from __future__ import annotations

import sys

import numpy as np
import pytest
from scipy.optimize import linear_sum_assignment

from posec3d_cli.tracking.similarity import best_pairs


@pytest.mark.parametrize("likely", [0.2, 0.5, 1.0])
def test_the_pairs_are_those_with_the_largest_sum(likely):
    generator = np.random.default_rng(0)
    for _ in range(200):
        shape = generator.integers(1, 6, 2)
        similarity = np.where(generator.random(shape) < likely, generator.random(shape), 0)
        counted = np.where(similarity < 0.1, 0, similarity)
        rows, columns = linear_sum_assignment(-counted)
        expected = [pair for pair in zip(rows.tolist(), columns.tolist(), strict=True) if counted[pair] > 0]
        assert best_pairs(similarity, 0.1) == expected


def test_values_alike_still_pair_as_many_as_can_be():
    assert sorted(column for _, column in best_pairs(np.full((3, 3), 0.5), 0.1)) == [0, 1, 2]
    assert len(best_pairs(np.array([[0.5, 0.5, 0.0], [0.5, 0.0, 0.0]]), 0.1)) == 2


@pytest.mark.parametrize(
    ("similarity", "pairs"),
    [
        ([[0.9, 0.1], [0.2, 0.8]], [(0, 0), (1, 1)]),
        ([[0.2, 0.8], [0.9, 0.1]], [(0, 1), (1, 0)]),
        ([[0.0, 0.0, 0.7], [0.6, 0.0, 0.0]], [(0, 2), (1, 0)]),
        ([[0.0, 0.7], [0.6, 0.65], [0.9, 0.0]], [(0, 1), (2, 0)]),
        ([[0.05, 0.0], [0.0, 0.5]], [(1, 1)]),
        ([[0.05, 0.0], [0.0, 0.05]], []),
    ],
)
def test_people_who_are_apart_are_paired_without_an_optimizer(monkeypatch, similarity, pairs):
    monkeypatch.setitem(sys.modules, "scipy.optimize", None)
    assert best_pairs(np.array(similarity), 0.1) == pairs
