"""Which clips an epoch shows, and what the network is given of each."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace

import numpy as np
import pytest
import synthetic_people as people
import torch
from hypothesis import given
from hypothesis import strategies as st

from posec3d_cli.datasets.clips import ANNOTATED, BACKGROUND, ESTIMATED, RECORDED
from posec3d_cli.skeletons import COCO_17
from posec3d_cli.training.augment import Augmentation
from posec3d_cli.training.config import TrainingConfig
from posec3d_cli.training.dataset import TrainingDataset, draw_volume, drawn, importance, network_input, whole_clip

CLASSES = ["arms", "legs"]
RECIPE = TrainingConfig(size=16, frames=8, batch_size=8)


def test_a_sample_is_a_function_of_seed_epoch_and_number():
    training = people.examples(4)
    one, same, later = (TrainingDataset(training, CLASSES, RECIPE, epoch) for epoch in (0, 0, 1))
    assert torch.equal(one[3][0], same[3][0])
    assert torch.equal(one[3][1], same[3][1])
    same[5]
    assert torch.equal(one[3][0], same[3][0])
    assert not torch.equal(one[3][0], later[3][0])
    assert one[0][0].shape == (13, 8, 16, 16)
    other = TrainingDataset(training, CLASSES, replace(RECIPE, seed=1), 0)
    assert other.order.tolist() != one.order.tolist()


def test_a_person_who_holds_still_is_labelled_as_every_action_alike():
    training = people.examples(4)
    for still, expected in ((0.0, [0.0, 1.0]), (1.0, [0.5, 0.5])):
        samples = TrainingDataset(training, CLASSES, replace(RECIPE, augmentation=Augmentation(still=still)), 0)
        assert all(sorted(samples[number][1].tolist()) == expected for number in range(len(samples)))


def test_a_clip_of_no_action_is_labelled_as_every_action_alike():
    other = replace(people.example("arms"), label=BACKGROUND)
    samples = TrainingDataset([other], CLASSES, replace(RECIPE, augmentation=Augmentation(still=0)), 0)
    assert [samples[number][1].tolist() for number in range(3)] == [[0.5, 0.5]] * 3


@pytest.mark.parametrize(("clips", "wanted"), [(1, 16), (90, 912), (395, 3952), (1000, 4000), (5001, 5008)])
def test_small_sets_are_repeated_ten_times_and_large_ones_less(clips, wanted):
    assert TrainingConfig().samples(clips) == wanted


def test_the_learning_rate_follows_the_batch():
    assert TrainingConfig(batch_size=128).peak_rate == pytest.approx(0.2)
    assert TrainingConfig(batch_size=16).peak_rate == pytest.approx(0.025)
    assert TrainingConfig(rate=0.5).peak_rate == 0.5


@given(st.lists(st.floats(0.01, 1), min_size=1, max_size=30), st.integers(1, 200), st.integers(0, 5))
def test_examples_are_drawn_as_often_as_their_parts_say(parts, count, seed):
    """Each as often as its part, rounded up or down, and that exactly `count` times in all."""
    shares = np.array(parts, np.float32) / np.float32(np.sum(parts))
    chosen = drawn(shares, count, (seed, 0))
    assert len(chosen) == count
    often = np.bincount(chosen, minlength=len(parts))
    expected = shares.astype(np.float64) / shares.astype(np.float64).sum() * count
    assert (np.abs(often - expected) < 1 + 1e-6).all()


def test_examples_are_drawn_by_origin():
    some = [*people.examples(10, origin=ESTIMATED, source="a"), *people.examples(10, origin=ANNOTATED, source="b")]
    recipe = replace(RECIPE, importance={ESTIMATED: 3.0, ANNOTATED: 0.5, RECORDED: 0.0})
    counts = Counter(some[number].origin for number in TrainingDataset(some, CLASSES, recipe, 0).order)
    assert counts[ESTIMATED] / counts[ANNOTATED] == pytest.approx(6, rel=0.1)


@pytest.mark.parametrize(("balance", "ratio"), [(0.0, 9.0), (0.5, 3.0), (1.0, 1.0)])
def test_rare_actions_are_drawn_more_often(balance, ratio):
    some = [people.example("arms", number) for number in range(18)] + [people.example("legs", n) for n in range(2)]
    parts = importance(some, replace(RECIPE, balance=balance))
    assert parts.sum() == pytest.approx(1, abs=1e-5)
    assert parts[:18].sum() / parts[18:].sum() == pytest.approx(ratio, rel=1e-4)


def test_where_nothing_is_important_all_are_drawn_alike():
    parts = importance(people.examples(2), replace(RECIPE, importance={ANNOTATED: 0.0}))
    assert parts.tolist() == [0.25] * 4


def test_a_volume_shows_the_people_in_the_middle_and_whole():
    one = people.example("arms")
    volume = draw_volume(one.keypoints, one.scores, replace(RECIPE, size=32))
    assert volume.shape == (13, 24, 32, 32)
    assert volume.max(axis=(2, 3)).min() > 0.45  # every joint, wherever it lies between pixels
    shown = volume.max(axis=(0, 1)) > 0.1
    rows, columns = np.flatnonzero(shown.any(axis=1)), np.flatnonzero(shown.any(axis=0))
    assert abs(rows[0] + rows[-1] - 32) <= 2
    assert abs(columns[0] + columns[-1] - 32) <= 2
    assert 24 <= np.ptp(rows) <= 29  # padding leaves an eighth of the longer side


def test_limbs_are_those_between_the_joints():
    one = people.example("legs")
    recipe = replace(RECIPE, input="limb", size=32)
    volume = draw_volume(one.keypoints, one.scores, recipe)
    assert volume.shape == (13, 24, 32, 32) == (recipe.in_channels, 24, 32, 32)
    names = [tuple(COCO_17.joints[joint] for joint in limb) for limb in recipe.limbs]
    thigh, neck = names.index(("left_hip", "left_knee")), names.index(("nose", "left_shoulder"))
    assert not any("eye" in joint or "ear" in joint for limb in names for joint in limb)
    rows = [np.flatnonzero(volume[limb].max(axis=(0, 2)) > 0.5) for limb in (thigh, neck)]
    assert rows[0].min() > rows[1].max()  # y points down
    assert len(rows[0]) >= 5  # a ridge, not a point


def test_joints_below_the_threshold_are_not_drawn():
    one = people.example("arms")
    scores = one.scores.copy()
    scores[:, :, 9] = 0.09
    drawn_there = draw_volume(one.keypoints, scores, RECIPE).any(axis=(1, 2, 3))
    assert [RECIPE.joints[number] for number in np.flatnonzero(~drawn_there)] == ["left_wrist"]
    assert not draw_volume(one.keypoints, np.zeros_like(scores), RECIPE).any()


def test_a_whole_clip_is_sampled_in_the_middle_of_equal_parts():
    one = people.example("legs", frames=40)
    columns = [2, 7, 12, 17, 22, 27, 32, 37]
    expected = draw_volume(one.keypoints[:, columns], one.scores[:, columns], RECIPE)
    assert np.array_equal(whole_clip(one, RECIPE), expected)


@pytest.mark.parametrize("stream", ["joint", "limb"])
def test_a_graph_network_reads_the_acting_person(stream):
    one = people.example("arms")
    both = np.concatenate([one.keypoints, one.keypoints + 500])
    recipe = replace(RECIPE, architecture="stgcn++", input=stream)
    values = network_input(both, np.concatenate([one.scores, one.scores]), recipe)
    assert values.shape == (1, 24, 17, 3)
    assert np.array_equal(values, network_input(one.keypoints, one.scores, recipe))
    assert recipe.in_channels == 3
