"""A new head on a frozen backbone, and one that is extended."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import synthetic_people as people
import torch
from torch.nn import functional

from posec3d_cli.nets import build_network
from posec3d_cli.sampling.clips import ClipSampling
from posec3d_cli.training.config import TrainingConfig, heatmap_spec
from posec3d_cli.training.extend import IMAGINED, extend_head, extended_outputs, imagine, spread_targets
from posec3d_cli.training.head import (
    Features,
    LinearHead,
    feature_samples,
    features_of,
    fit_head,
    head_loss,
    samples_per_clip,
)

pytestmark = pytest.mark.usefixtures("one_thread")
CONFIG = TrainingConfig(
    "slowonly", heatmap_spec(size=16), ClipSampling(frames=8, people="each"), epochs=2, batch_size=8
)


def network():
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        return build_network("slowonly", 2, {"in_channels": 13, "base_channels": 4, "stage_blocks": (1, 1, 1)}).eval()


def clouds(centers, count=40, *, spread=0.3, seed=0):
    """Features around centers, one class each."""
    generator = np.random.default_rng(seed)
    values = np.concatenate([generator.normal(center, spread, (count, len(center))) for center in centers])
    targets = np.repeat(np.eye(len(centers)), count, axis=0)
    return Features(
        torch.from_numpy(values), torch.from_numpy(targets), torch.full((len(values),), 1 / len(values)).double()
    )


def answers(head, values):
    return functional.linear(values, head.weight.double(), head.bias.double())


def test_few_clips_have_several_samples_each_and_many_have_one():
    assert [samples_per_clip(clips) for clips in (0, 1, 500, 1000, 5000)] == [8, 8, 8, 4, 1]


def test_the_features_are_what_the_head_is_shown_of_augmented_samples():
    net, some = network(), people.labeled_clips(3)
    samples = feature_samples(some, ["arms", "legs"], CONFIG)
    told = []
    found = features_of(net, samples, progress=lambda *said: told.append(said))
    assert samples.order.tolist() == [number for number in range(6) for _ in range(8)]
    assert told[-1] == (48, 48)
    with torch.inference_mode():
        batch = torch.stack([samples[number][0] for number in range(48)])
        shown = net.cls_head.fc_cls(found.values.float())
        assert torch.allclose(net(batch), shown, atol=1e-5)
    assert torch.equal(features_of(net, samples).values, found.values)
    assert float(found.weights.sum()) == pytest.approx(1)
    assert samples.epoch >= CONFIG.epochs, "no epoch draws the same samples"


def test_a_rare_action_counts_more_than_its_samples():
    some = [*people.labeled_clips(1), *(people.labeled_clip("legs", number) for number in range(1, 9))]
    found = features_of(network(), feature_samples(some, ["arms", "legs"], CONFIG))
    rare = found.weights[found.targets[:, 0] == 1].sum() / found.weights.sum()
    assert 1 / 10 < float(rare) < 1 / 2


def test_a_head_tells_the_classes_apart_in_the_features_as_they_are():
    found = clouds([(5, 100, 0), (6, 100, 0), (5, 103, 0)])
    head = fit_head(found)
    right = answers(head, clouds([(5, 100, 0), (6, 100, 0), (5, 103, 0)], seed=1).values).argmax(1)
    assert float((right == found.targets.argmax(1)).double().mean()) > 0.9
    assert head.weight.dtype == torch.float32
    assert torch.equal(fit_head(found).weight, head.weight)
    assert head_loss(found, head) < head_loss(found, fit_head(found, decay=10)) < 1.1
    assert torch.isfinite(head.weight).all(), "a feature that never varies"


def test_smoothing_makes_a_head_less_sure():
    found = clouds([(0, 0), (4, 4)])
    sure, unsure = (
        answers(fit_head(found, smoothing=value), found.values).softmax(1).max(1).values.mean() for value in (0, 0.2)
    )
    assert unsure < sure


def test_new_labels_come_after_the_outputs_that_are_there():
    assert extended_outputs(["b", "unknown", "unknown"], ["c", "b", "a", "unknown"]) == [
        "b", "unknown", "unknown", "a", "c"
    ]  # fmt: skip


def test_a_label_of_several_outputs_is_spread_as_the_old_model_answers():
    targets = torch.tensor([[1.0, 0, 0, 0], [0, 1, 0, 0], [0, 0, 0, 1], [0.25] * 4]).double()
    old = torch.tensor([[0.2, 0.6, 0.2], [0.2, 0.6, 0.2], [0.1, 0.1, 0.8], [0.5, 0.3, 0.2]]).double()
    spread = spread_targets(targets, old, ["a", "unknown", "unknown", "new"])
    expected = torch.tensor([[1, 0, 0, 0], [0, 0.75, 0.25, 0], [0, 0, 0, 1], [0.5, 0.3, 0.2, 0]]).double()
    assert torch.allclose(spread, expected, atol=1e-6)


OLD = [(0.2, 3, 0.2, 0.2), (3, 0.2, 0.2, 0.2), (0.2, 0.2, 3, 0.2)]


def test_imagined_features_are_those_that_the_old_head_takes_for_its_outputs():
    old = fit_head(clouds(OLD))
    inputs = clouds([(0.2, 0.2, 0.2, 3)]).values
    least = torch.full((4,), -0.5).double()
    found = imagine(inputs, old.weight.double(), old.bias.double(), least=least, seed=0)
    assert found.shape == (3 * IMAGINED, 4)
    assert (found >= least).all()
    likely = answers(old, found).softmax(1).split(IMAGINED)
    assert [int(part.mean(0).argmax()) for part in likely] == [0, 1, 2]
    assert min(float(part.mean(0).max()) for part in likely) > 0.6


def test_an_extended_head_knows_the_new_label_and_still_the_old_ones_of_which_it_saw_no_clip():
    old, outputs = fit_head(clouds(OLD)), ["a", "b", "c", "new"]
    new = clouds([(0.2, 0.2, 0.2, 3)], count=24)
    only_new = replace(new, targets=functional.pad(new.targets, (3, 0)))
    head = extend_head(only_new, old, outputs, seed=0)
    unseen = clouds([*OLD, (0.2, 0.2, 0.2, 3)], seed=5)
    right = answers(head, unseen.values).argmax(1) == unseen.targets.argmax(1)
    of_a, of_b, of_c, of_new = (float(part.double().mean()) for part in right.split(40))
    assert min(of_a, of_b, of_c) > 0.9
    assert of_new > 0.5
    naive = LinearHead(functional.pad(old.weight, (0, 0, 0, 1)), functional.pad(old.bias, (0, 1), value=20.0))
    assert float((answers(naive, unseen.values).argmax(1) == 3).double().mean()) == 1, "what must not happen"
