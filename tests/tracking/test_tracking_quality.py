"""How seldom people are taken for somebody else, on scenes whose identities are known."""

from __future__ import annotations

import numpy as np
import pytest
from benchmark_modules import imported

with imported("", ["tracking"]) as modules:
    benchmark = modules["tracking"]

SEEDS = 3
MOST = {
    "one person who jumps by a tenth of the frame": (0, 0),
    "two people pass, one hides the other": (0, 0),
    "the same, every sixth frame": (6, 3),
    "two people meet and turn back": (0, 0),
    "six people wander, some missed, some false": (12, 8),
    "three people, a third of the detections missed": (3, 2),
    "two people out of sight for 0.7 seconds": (0, 0),
    "a camera that pans and stops": (0, 0),
}
"""Switches and fragments of `SEEDS` scenes together; the table in benchmarks/README.md has more of them."""


@pytest.mark.parametrize("title", list(MOST))
def test_people_keep_their_identities(title):
    results = [(scene, benchmark.ours(scene)) for scene in map(benchmark.SCENES[title], range(SEEDS))]
    switches = sum(benchmark.switches(*result) for result in results)
    fragments = sum(benchmark.split(*result) for result in results)
    assert switches <= MOST[title][0]
    assert fragments <= MOST[title][1]


def test_every_scene_is_tested():
    assert set(MOST) == set(benchmark.SCENES)


@pytest.mark.parametrize("share", [0.05, 0.1, 0.15])
def test_a_lone_person_is_never_split_by_jumps(share):
    for seed in range(10):
        scene = benchmark.jumping(seed, share)
        assert {int(who[0]) for who in benchmark.ours(scene) if len(who)} == {0}


def scene_of(people):
    """A scene that only says who is there."""
    whose = tuple(np.array(who, np.int64) for who in people)
    return benchmark.Scene((), (), whose, np.arange(len(people)) / 25)


@pytest.mark.parametrize(
    ("people", "ids", "switches", "fragments"),
    [
        ([[0, 1]] * 4, [[5, 6]] * 4, 0, 0),
        ([[0, 1]] * 4, [[5, 6], [5, 6], [6, 5], [6, 5]], 2, 2),
        ([[0, 1]] * 4, [[5, 6], [6, 5], [5, 6], [5, 6]], 4, 2),
        ([[0]] * 4, [[5], [5], [7], [7]], 1, 1),
        ([[0], [], [0]], [[5], [], [7]], 1, 1),
        ([[0], [0], [0]], [[5], [-1], [5]], 0, 0),
        ([[0, -1], [0, -1]], [[5, 8], [5, 9]], 0, 0),
    ],
)
def test_switches_and_fragments_are_counted_as_by_hand(people, ids, switches, fragments):
    told = [np.array(who, np.int64) for who in ids]
    assert benchmark.switches(scene_of(people), told) == switches
    assert benchmark.split(scene_of(people), told) == fragments


def test_a_scene_says_what_is_in_it():
    scene = benchmark.crossing(0)
    assert len(scene.people) == 125
    counts = [len(who) for who in scene.people]
    assert [len(found) for found in scene.detections] == [len(one) for one in scene.poses] == counts
    assert min(counts) == 1, "one hides the other"
    assert scene.every(6).seconds[1] == pytest.approx(6 / 25)
