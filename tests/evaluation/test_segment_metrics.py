"""Metrics of segments: values by hand from the definitions, and plainer implementations on random sequences."""

from __future__ import annotations

import json
from functools import cache
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from posec3d_cli.errors import StageMismatch
from posec3d_cli.evaluation.segment_metrics import (
    Detection,
    average_precision,
    edit_distance,
    edit_score,
    f1_score,
    frame_accuracy,
    matches,
    mean_average_precision,
    measure_segments,
    runs,
)

BG = ("none",)
GOLDEN = json.loads((Path(__file__).parents[1] / "golden" / "segment_metrics.json").read_text())
"""Random sequences and what actseg and ActivityNet's code say of them, see `golden/make_segment_metrics.py`."""
SEQUENCE = st.lists(st.sampled_from(["a", "b", "none"]), min_size=1, max_size=30)


def test_runs_are_half_open_and_leave_the_background_out():
    assert runs(["a", "a", "none", "b"], BG) == [("a", 0, 2), ("b", 3, 4)]
    assert runs([]) == []


def test_a_second_segment_on_the_same_truth_is_wrong():
    true = ["a"] * 10
    predicted = ["a"] * 4 + ["b"] * 2 + ["a"] * 4
    assert matches((predicted, true), 0.1) == (1, 2, 0)  # the second a finds its truth taken, b has none
    assert f1_score([(predicted, true)], 0.1) == pytest.approx(2 / (2 + 2))


def test_overlap_is_intersection_over_hull():
    pair = (["a"] * 5 + ["none"] * 5, ["none"] * 2 + ["a"] * 8)  # 3 common frames of 10
    assert [matches(pair, overlap, BG)[0] for overlap in (0.1, 0.25, 0.3, 0.31)] == [1, 1, 1, 0]


def test_counts_are_summed_over_videos_and_nothing_found_is_nought():
    good, bad = (["a"] * 4, ["a"] * 4), (["none"] * 4, ["a"] * 4)
    assert f1_score([good, bad], 0.5, BG) == pytest.approx(2 / 3)
    assert f1_score([bad], 0.5, BG) == 0
    assert f1_score([], 0.5, BG) == 0


def test_the_edit_score_knows_order_only_and_is_a_mean_over_videos():
    assert edit_score([(list("aabbcc"), list("abbbbc"))]) == 1
    assert edit_score([(list("ab"), list("ba")), (list("a"), list("a"))]) == pytest.approx((0 + 1) / 2)
    assert edit_score([(["none"], ["none"])], BG) == 1
    assert edit_score([(["none"], ["a"])], BG) == 0


def test_frames_are_pooled_and_background_counts_unless_it_is_left_out():
    pairs = [(["a", "none", "none"], ["a", "a", "none"]), (["b"], ["a"])]
    assert frame_accuracy(pairs) == pytest.approx(2 / 4)
    assert frame_accuracy(pairs, BG) == pytest.approx(1 / 3)
    assert frame_accuracy([(["a"], ["none"])], BG) is None
    with pytest.raises(StageMismatch, match="3 predicted frames and 2"):
        frame_accuracy([(["a"] * 3, ["a"] * 2)])


def test_average_precision_by_hand():
    true = [Detection("v", "a", 0, 10), Detection("v", "a", 20, 30)]
    predicted = [
        Detection("v", "a", 0, 10, 0.9),
        Detection("v", "a", 1, 10, 0.8),  # a duplicate
        Detection("v", "a", 20, 30, 0.7),
        Detection("w", "a", 0, 10, 0.95),  # another video
    ]
    # Precision 0, 1/2, 1/3, 2/4, from the right at least 1/2 everywhere; recall steps at ranks 2 and 4.
    assert average_precision(predicted, true, 0.5) == pytest.approx(0.5)
    assert average_precision([], true, 0.5) == 0
    both = [*true, Detection("v", "b", 0, 5)]
    assert mean_average_precision([*predicted, Detection("v", "c", 0, 5, 1)], both, 0.5) == pytest.approx(0.25)


def test_a_detection_takes_the_next_truth_where_the_best_is_taken():
    true = [Detection("v", "a", 0, 10), Detection("v", "a", 5, 15)]
    predicted = [Detection("v", "a", 0, 10, 0.9), Detection("v", "a", 1, 11, 0.8)]
    assert average_precision(predicted, true, 0.3) == 1


@cache
def recursive_distance(before, after):
    if not before or not after:
        return len(before) + len(after)
    return min(
        recursive_distance(before[1:], after) + 1,
        recursive_distance(before, after[1:]) + 1,
        recursive_distance(before[1:], after[1:]) + (before[0] != after[0]),
    )


@given(st.text("abc", max_size=6), st.text("abc", max_size=6))
@settings(max_examples=80, deadline=None)
def test_the_edit_distance_is_that_of_its_definition(before, after):
    assert edit_distance(before, after) == recursive_distance(before, after)


def reference_matches(predicted, true, overlap):
    """MS-TCN's f_score, with segments as arrays."""
    p, t = runs(predicted, BG), runs(true, BG)
    used, hits = np.zeros(len(t), bool), 0
    for label, start, stop in p:
        if not t:
            continue
        names = np.array([one[0] for one in t])
        begins, ends = (np.array([one[n] for one in t]) for n in (1, 2))
        common = np.minimum(stop, ends) - np.maximum(start, begins)
        ratio = common / (np.maximum(stop, ends) - np.minimum(start, begins)) * (names == label)
        best = int(ratio.argmax())
        if ratio[best] >= overlap and not used[best]:
            hits += 1
            used[best] = True
    return hits, len(p) - hits, len(t) - int(used.sum())


@given(SEQUENCE, SEQUENCE, st.sampled_from([0.1, 0.25, 0.5]))
@settings(max_examples=120, deadline=None)
def test_matches_are_those_of_the_reference(predicted, true, overlap):
    assert matches((predicted, true), overlap, BG) == reference_matches(predicted, true, overlap)


@given(SEQUENCE)
@settings(max_examples=40, deadline=None)
def test_the_truth_itself_is_perfect(true):
    detections = [Detection("v", label, start, stop, 0.5) for label, start, stop in runs(true, BG)]
    report = measure_segments({"v": (true, true)}, detections, BG)
    assert (report.edit, report.accuracy) == (1, 1)
    found = bool(detections)
    assert [*report.f1.values()] == [float(found)] * 3
    assert report.average_map == float(found)


@pytest.mark.parametrize(("name", "background"), [("all", ()), ("without_background", ("n",))])
def test_f1_edit_and_accuracy_are_those_of_actseg_on_random_sequences(name, background):
    pairs, expected = GOLDEN["pairs"], GOLDEN[name]
    assert [100 * f1_score(pairs, one, background) for one in (0.1, 0.25, 0.5)] == pytest.approx(expected["f1"])
    assert 100 * edit_score(pairs, background) == pytest.approx(expected["edit"])
    assert 100 * frame_accuracy(pairs, background) == pytest.approx(expected["accuracy"])
    for pair, video in zip(pairs, expected["videos"], strict=True):
        assert [100 * f1_score([pair], one, background) for one in (0.1, 0.25, 0.5)] == pytest.approx(video["f1"])
        assert 100 * edit_score([pair], background) == pytest.approx(video["edit"])


def test_average_precision_is_that_of_activitynet_on_random_sequences():
    for label, expected in GOLDEN["detections"].items():
        each = [(str(video), *pair) for video, pair in enumerate(GOLDEN["pairs"])]
        true = [Detection(v, *run) for v, _, labels in each for run in runs(labels) if run[0] == label]
        found = [(v, *run) for v, labels, _ in each for run in runs(labels) if run[0] == label]
        predicted = [Detection(*one, score) for one, score in zip(found, expected["scores"], strict=True)]
        for overlap, value in expected["ap"].items():
            assert average_precision(predicted, true, float(overlap)) == pytest.approx(value)
