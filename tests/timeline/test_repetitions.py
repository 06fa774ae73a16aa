"""Repetitions of movements that are computed."""

from __future__ import annotations

import numpy as np
import pytest

from posec3d_cli.answers import ActionSegment
from posec3d_cli.skeletons import COCO_17
from posec3d_cli.timeline.repetitions import Movements, count_repetitions
from posec3d_cli.types import ActionScores, Poses

STANDING = np.array(
    [[0, 0], [2, -2], [-2, -2], [4, 0], [-4, 0], [15, 20], [-15, 20], [20, 45], [-20, 45], [22, 70], [-22, 70],
     [10, 80], [-10, 80], [10, 120], [-10, 120], [10, 160], [-10, 160]], float,
)  # fmt: skip


def squats(number, *, fps=25.0, seconds_each=2.0, drift=0.0, noise=0.0, missing=0.0, seed=1):
    """A body that goes down and up so often: `(T, 17, 3)`, and the times."""
    rng = np.random.default_rng(seed)
    times = np.arange(0, number * seconds_each + 1, 1 / fps)
    depth = 0.5 - 0.5 * np.cos(2 * np.pi * np.clip(times - 0.5, 0, number * seconds_each) / seconds_each)
    joints = np.repeat(STANDING[None], len(times), axis=0)
    joints[:, :13, 1] += 55 * depth[:, None]
    joints[:, 13:15, 0] += 25 * depth[:, None]
    joints += np.stack([drift * times, np.zeros_like(times)], -1)[:, None] + rng.normal(0, noise, joints.shape)
    scores = (rng.random(joints.shape[:2]) >= missing).astype(float)
    return np.concatenate([joints + 200, scores[..., None]], -1).astype(np.float32), times


@pytest.mark.parametrize("number", [1, 3, 10])
@pytest.mark.parametrize(
    "faults", [{}, {"fps": 12.0}, {"seconds_each": 1.0}, {"drift": 20.0}, {"noise": 3.0}, {"missing": 0.3}]
)
def test_every_repetition_counts(number, faults):
    assert count_repetitions(*squats(number, **faults)) == number


def test_jitter_is_no_movement():
    assert count_repetitions(*squats(0, noise=3.0)) == 0


def test_where_too_little_is_seen_nothing_is_counted():
    joints, times = squats(3)
    joints[:, 2:, 2] = 0
    assert count_repetitions(joints, times) is None
    assert count_repetitions(joints[:1], times[:1]) is None


def test_exercises_only_are_counted_each_in_its_own_segment():
    joints, times = squats(5)
    movements = Movements(COCO_17, 25.0)
    poses = [Poses(one[None, :, :2], one[None, :, 2]) for one in joints]
    movements.add(np.arange(len(times)), [np.array([3])] * len(times), poses)

    def segment(label, start, stop, person=3):
        return ActionSegment(start, stop, person, ActionScores(np.array([1], np.float32), (label,)))

    segments = [segment("squat", 0, len(times)), segment("squat", 0, 113), segment("walk", 0, 90)]
    segments += [segment("squat", 0, 90, None), ActionSegment(0, 9, None, None)]
    assert [one.repetitions for one in movements.counted(segments, 0.5)] == [5, 2, None, None, None]
    assert [one.repetitions for one in movements.counted([segment("squat", 0, 90, 8)], 0.5)] == [None]
