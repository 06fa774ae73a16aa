"""The program that compares scores for `unknown`: what it measures of clips whose answer is known by hand."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import synthetic_people as people
from benchmark_modules import imported

KNOWN = np.array([True, True, False, False])
"""Of four outputs, two are of known actions."""


@pytest.fixture(scope="module")
def unknown():
    with imported("daily", ["ship", "objects", "unknown"]) as modules:
        yield modules["unknown"]


def reading(unknown, chances, *, features=(1.0, 0.0), weight=1.0):
    return unknown.Reading(weight, np.log(np.array(chances)), np.array(features))


@pytest.fixture
def learned(unknown):
    """Six clips: two known actions and one other, each around a direction of its own."""
    labels = ("arms", "arms", "legs", "legs", "other", "other")
    clips = [replace(people.labeled_clip("arms"), label=label) for label in labels]
    ways = [(1, 0.1), (1, -0.1), (0.1, 1), (-0.1, 1), (-1, 0.1), (-1, -0.1)]
    read = [[[reading(unknown, [0.25] * 4, features=way)]] for way in ways]
    return unknown.Learned.of(clips, read, ["arms", "legs"])


def test_scores_of_the_mean_over_people_windows_and_models(unknown, learned):
    first = [[reading(unknown, [0.6, 0.2, 0.1, 0.1]), reading(unknown, [0.1, 0.1, 0.4, 0.4], weight=0.0)]]
    second = [[reading(unknown, [0.2, 0.2, 0.3, 0.3]), reading(unknown, [0.9, 0.05, 0.02, 0.03], weight=0.0)]]
    best, scores = unknown.scores_of([first, second], [learned, learned], KNOWN)
    assert best == 0
    assert scores["best action"] == pytest.approx(0.4)
    assert scores["margin"] == pytest.approx(0.2)
    assert scores["known actions"] == pytest.approx(0.6)
    assert scores["best or unknown"] == pytest.approx(0.5)
    assert scores["product"] == pytest.approx(0.4 * 0.6 / 0.4)
    assert scores["energy"] == pytest.approx((np.log(0.8) + np.log(0.4)) / 2)
    assert scores["log odds"] == pytest.approx((np.log(0.8 / 0.2) + np.log(0.4 / 0.6)) / 2)
    assert scores["models agree"] < scores["windows agree"] == 0


def test_nobody_has_no_score(unknown, learned):
    assert unknown.scores_of([[]], [learned], KNOWN) is None


def test_features_near_known_clips_score_more(unknown, learned):
    near, far = np.array([1.0, 0.0]), np.array([-1.0, 0.0])
    assert learned.similarity(near) > learned.similarity(far)
    assert learned.distance(near) < learned.distance(far)
    assert learned.distance(learned.means[1]) == pytest.approx(0)


def test_separation_by_hand(unknown):
    known, right = [0.9, 0.8, 0.7, 0.2], [0.9, 0.8, 0.7]
    area, share = unknown.separation(known, right, [0.1, 0.3, 0.75, 0.05])
    assert area == pytest.approx((4 + 4 + 3 + 2) / 16)
    assert share == pytest.approx(0.75)  # below 0.725, an eighth of the way from 0.7 to 0.9 in rank


def test_a_watched_network_answers_as_the_classifier_does(unknown):
    model = unknown.Path(unknown.__file__).parents[2] / "models" / "posec3d-daily"
    recognizer = unknown.recognizer_of([model])
    watched = unknown.Watched(model)
    clip = people.labeled_clip("arms", frames=48)
    [windows] = unknown.readings(recognizer, watched, [clip])
    [result] = recognizer.recognize_many([unknown.as_video_poses(clip)])
    assert len(windows) == len(result.windows)
    for people_read, window in zip(windows, result.windows, strict=True):
        for one, same in zip(people_read, window.people, strict=True):
            chances = np.exp(one.logits) / np.exp(one.logits).sum()
            known = np.array(watched.outputs) == same.scores.top(1)[0][0]
            assert chances[known].sum() == pytest.approx(same.scores.top(1)[0][1], abs=2e-3)
            assert np.linalg.norm(one.features) == pytest.approx(1, abs=1e-5)
