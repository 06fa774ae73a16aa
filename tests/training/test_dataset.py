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
from msgspec import structs

from posec3d_cli.datasets.clips import ANNOTATED, BACKGROUND, ESTIMATED, RECORDED
from posec3d_cli.sampling.clips import ClipSampling
from posec3d_cli.skeletons import COCO_17
from posec3d_cli.training.augment import Augmentation
from posec3d_cli.training.config import TrainingConfig, heatmap_spec, joint_spec
from posec3d_cli.training.dataset import TrainingDataset, draw_clips, sampling_weights

CLASSES = ["arms", "legs"]
CONFIG = TrainingConfig(spec=heatmap_spec(size=16), sampling=ClipSampling(frames=8, people="each"), batch_size=8)


def as_it_is(clip, config):
    """What the network reads of a clip that is not augmented."""
    config = replace(config, augmentation=Augmentation.none())
    return TrainingDataset([clip], [clip.label], config, 0)[0][0].numpy()


def test_a_sample_is_a_function_of_seed_epoch_and_number():
    training = people.labeled_clips(4)
    one, same, later = (TrainingDataset(training, CLASSES, CONFIG, epoch) for epoch in (0, 0, 1))
    assert torch.equal(one[3][0], same[3][0])
    assert torch.equal(one[3][1], same[3][1])
    same[5]
    assert torch.equal(one[3][0], same[3][0])
    assert not torch.equal(one[3][0], later[3][0])
    assert one[0][0].shape == (13, 8, 16, 16)
    other = TrainingDataset(training, CLASSES, replace(CONFIG, seed=1), 0)
    assert other.order.tolist() != one.order.tolist()


def test_a_person_who_holds_still_is_labelled_as_every_action_alike():
    training = people.labeled_clips(4)
    for still, expected in ((0.0, [0.0, 1.0]), (1.0, [0.5, 0.5])):
        samples = TrainingDataset(training, CLASSES, replace(CONFIG, augmentation=Augmentation(still=still)), 0)
        assert all(sorted(samples[number][1].tolist()) == expected for number in range(len(samples)))


def test_a_clip_of_no_action_is_labelled_as_every_action_alike():
    other = replace(people.labeled_clip("arms"), label=BACKGROUND)
    samples = TrainingDataset([other], CLASSES, replace(CONFIG, augmentation=Augmentation(still=0)), 0)
    assert [samples[number][1].tolist() for number in range(3)] == [[0.5, 0.5]] * 3


@pytest.mark.parametrize(("clips", "wanted"), [(1, 16), (90, 912), (395, 3952), (1000, 4000), (5001, 5008)])
def test_small_sets_are_repeated_ten_times_and_large_ones_less(clips, wanted):
    assert TrainingConfig().samples(clips) == wanted


def test_the_learning_rate_follows_the_batch():
    assert TrainingConfig(batch_size=128).peak_learning_rate == pytest.approx(0.2)
    assert TrainingConfig(batch_size=16).peak_learning_rate == pytest.approx(0.025)
    assert TrainingConfig(learning_rate=0.5).peak_learning_rate == 0.5


@given(st.lists(st.floats(0.01, 1), min_size=1, max_size=30), st.integers(1, 200), st.integers(0, 5))
def test_examples_are_drawn_as_often_as_their_parts_say(parts, count, seed):
    """Each as often as its part, rounded up or down, and that exactly `count` times in all."""
    shares = np.array(parts, np.float32) / np.float32(np.sum(parts))
    chosen = draw_clips(shares, count, (seed, 0))
    assert len(chosen) == count
    often = np.bincount(chosen, minlength=len(parts))
    expected = shares.astype(np.float64) / shares.astype(np.float64).sum() * count
    assert (np.abs(often - expected) < 1 + 1e-6).all()


def test_examples_are_drawn_by_origin():
    some = [
        *people.labeled_clips(10, origin=ESTIMATED, source="a"),
        *people.labeled_clips(10, origin=ANNOTATED, source="b"),
    ]
    config = replace(CONFIG, class_balance=0, origin_weights={ESTIMATED: 3.0, ANNOTATED: 0.5, RECORDED: 0.0})
    counts = Counter(some[number].origin for number in TrainingDataset(some, CLASSES, config, 0).order)
    assert counts[ESTIMATED] / counts[ANNOTATED] == pytest.approx(6, rel=0.1)


@pytest.mark.parametrize(("balance", "ratio"), [(0.0, 9.0), (0.5, 3.0), (1.0, 1.0)])
def test_rare_actions_are_drawn_more_often(balance, ratio):
    some = [people.labeled_clip("arms", number) for number in range(18)] + [
        people.labeled_clip("legs", n) for n in range(2)
    ]
    parts = sampling_weights(some, replace(CONFIG, class_balance=balance))
    assert parts.sum() == pytest.approx(1, abs=1e-5)
    assert parts[:18].sum() / parts[18:].sum() == pytest.approx(ratio, rel=1e-4)


def test_a_large_source_does_not_rule_an_action():
    clips = [
        *(people.labeled_clip("arms", number, source="large") for number in range(16)),
        *(people.labeled_clip("arms", number, source="small") for number in range(4)),
        *(people.labeled_clip("legs", number, source="large") for number in range(4)),
    ]
    parts = sampling_weights(clips, replace(CONFIG, class_balance=0.5))
    assert parts[:16].sum() / parts[16:20].sum() == pytest.approx(2, rel=1e-4)
    assert parts[16:20].sum() == pytest.approx(parts[20:].sum(), rel=1e-4)


def test_where_nothing_is_important_all_are_drawn_alike():
    parts = sampling_weights(people.labeled_clips(2), replace(CONFIG, origin_weights={ANNOTATED: 0.0}))
    assert parts.tolist() == [0.25] * 4


def test_a_volume_shows_the_person_in_the_middle_and_whole():
    volume = as_it_is(people.labeled_clip("arms", origin=ESTIMATED), replace(CONFIG, spec=heatmap_spec(size=32)))
    assert volume.shape == (13, 8, 32, 32)
    assert volume.max(axis=(2, 3)).min() > 0.45  # every joint, wherever it lies between pixels
    shown = volume.max(axis=(0, 1)) > 0.1
    rows, columns = np.flatnonzero(shown.any(axis=1)), np.flatnonzero(shown.any(axis=0))
    assert abs(rows[0] + rows[-1] - 32) <= 2
    assert abs(columns[0] + columns[-1] - 32) <= 2
    assert 24 <= np.ptp(rows) <= 29  # padding leaves an eighth of the longer side


def test_limbs_are_those_between_the_joints():
    config = replace(CONFIG, spec=heatmap_spec("limb", 32))
    volume = as_it_is(people.labeled_clip("legs", origin=ESTIMATED), config)
    assert volume.shape == (13, 8, 32, 32) == (config.in_channels, 8, 32, 32)
    names = [tuple(COCO_17.joints[joint] for joint in limb) for limb in config.spec.limbs]
    thigh, neck = names.index(("left_hip", "left_knee")), names.index(("nose", "left_shoulder"))
    assert not any("eye" in joint or "ear" in joint for limb in names for joint in limb)
    rows = [np.flatnonzero(volume[limb].max(axis=(0, 2)) > 0.5) for limb in (thigh, neck)]
    assert rows[0].min() > rows[1].max()  # y points down
    assert len(rows[0]) >= 5  # a ridge, not a point


def test_joints_below_the_threshold_are_not_drawn():
    one = people.labeled_clip("arms", origin=ESTIMATED)
    scores = one.scores.copy()
    scores[:, :, 9] = 0.09
    drawn_there = as_it_is(replace(one, scores=scores), CONFIG).any(axis=(1, 2, 3))
    assert [CONFIG.spec.joints[number] for number in np.flatnonzero(~drawn_there)] == ["left_wrist"]
    assert not as_it_is(replace(one, scores=np.zeros_like(scores)), CONFIG).any()


@pytest.mark.parametrize("stream", ["joint", "limb"])
def test_a_graph_network_reads_the_acting_person(stream):
    one = people.labeled_clip("arms", origin=ESTIMATED)
    both = replace(
        one,
        keypoints=np.concatenate([one.keypoints, one.keypoints + 500]),
        scores=np.concatenate([one.scores, one.scores]),
    )
    config = replace(CONFIG, architecture="stgcn++", spec=joint_spec(stream))
    assert as_it_is(both, config).shape == (1, 8, 17, 3)
    assert np.array_equal(as_it_is(both, config), as_it_is(one, config))
    assert config.in_channels == 3


def test_each_person_alone_or_everybody_together_as_in_a_prediction():
    one, beside = (people.labeled_clip("arms", number, origin=ESTIMATED) for number in (0, 1))
    both = replace(
        one,
        keypoints=np.concatenate([one.keypoints, beside.keypoints + 900]),
        scores=np.concatenate([one.scores, beside.scores]),
    )
    each = CONFIG.sampling
    together = replace(CONFIG, sampling=structs.replace(each, people="together"))
    assert np.array_equal(as_it_is(both, CONFIG), as_it_is(one, CONFIG))
    assert not np.array_equal(as_it_is(both, together), as_it_is(one, together))
