"""The training loop, on two actions that differ only in motion."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import synthetic_people as people
import torch

from posec3d_cli.nets import build_network
from posec3d_cli.train.augment import Augmentation
from posec3d_cli.train.examples import ANNOTATED, ESTIMATED, RECORDED
from posec3d_cli.train.loop import Phase, Recipe, Samples, accuracy, draw_volume, fit, settle, whole_clip

CLASSES = ["arms", "legs"]
RECIPE = Recipe((Phase(6, 16, 1e-2),), frames=8, repeats={ANNOTATED: 2.0, ESTIMATED: 2.0, RECORDED: 1.0})


@pytest.fixture(autouse=True)
def one_thread():
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(threads)


def network():
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        return build_network("slowonly", 2, {"in_channels": 13, "base_channels": 4, "stage_blocks": (1, 1, 1)})


def flushes():
    return float(torch.tensor(2.0**-140) * 1) == 0


def test_actions_that_differ_only_in_motion_are_learnt():
    """The averaged weights are as good as the last ones, though the training is short."""
    training = people.examples(24)
    unseen = [people.example(action, 100 + number) for action in CLASSES for number in range(10)]
    reports = []
    averaged = fit(network(), training, unseen, CLASSES, RECIPE, workers=0, report=lambda one, _: reports.append(one))
    assert accuracy(averaged, unseen, CLASSES, RECIPE)[ANNOTATED] > 0.9
    assert reports[-1].accuracy[ANNOTATED] > 0.9
    assert [(one.epoch, one.epochs) for one in reports] == [(number, 6) for number in range(1, 7)]
    assert reports[-1].loss < reports[0].loss - 0.1


def test_steps_in_bf16_learn_too_and_round_otherwise():
    training = people.examples(24)
    unseen = [people.example(action, 100 + number) for action in CLASSES for number in range(10)]
    losses = {}
    for precision in ("fp32", "bf16"):
        found = losses[precision] = []
        averaged = fit(
            network(),
            training,
            [],
            CLASSES,
            RECIPE,
            precision=precision,
            report=lambda one, _, found=found: found.append(one.loss),
        )
    assert accuracy(averaged, unseen, CLASSES, RECIPE)[ANNOTATED] > 0.9
    assert losses["bf16"] != losses["fp32"]
    assert {value.dtype for value in averaged.state_dict().values()} == {torch.float32, torch.int64}


def losses_of(recipe):
    losses = []
    averaged = fit(
        network(), people.examples(4), [], CLASSES, recipe, workers=0, report=lambda one, _: losses.append(one.loss)
    )
    return losses, averaged.state_dict()


def test_the_same_seed_gives_the_same_weights_and_leaves_torch_as_it_was():
    recipe = replace(RECIPE, phases=(Phase(1, 16, 1e-2), Phase(1, 20, 1e-3)))
    runs = []
    for global_seed in (1, 2):
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(global_seed)
            before = torch.get_rng_state()
            runs.append(losses_of(recipe))
            assert torch.equal(torch.get_rng_state(), before)
            assert not flushes()
    (losses, weights), (same_losses, same_weights) = runs
    assert losses == same_losses
    assert all(torch.equal(value, same_weights[name]) for name, value in weights.items())
    assert losses_of(replace(recipe, seed=1))[0] != losses


def test_a_training_that_fails_leaves_torch_as_it_was():
    before = torch.get_rng_state()
    with pytest.raises(ValueError, match="is not in list"):
        fit(network(), people.examples(1), [], ["something else"], RECIPE, workers=0)
    assert torch.equal(torch.get_rng_state(), before)
    assert not flushes()


def test_a_sample_is_a_function_of_seed_epoch_and_number():
    training = people.examples(4)
    one, same, later = (Samples(training, CLASSES, RECIPE, 16, epoch) for epoch in (0, 0, 1))
    assert torch.equal(one[3][0], same[3][0])
    assert torch.equal(one[3][1], same[3][1])
    same[5]
    assert torch.equal(one[3][0], same[3][0])
    assert not torch.equal(one[3][0], later[3][0])
    assert one[0][0].shape == (13, 8, 16, 16)


def test_a_person_who_holds_still_is_labelled_as_every_action_alike():
    training = people.examples(4)
    for still, expected in ((0.0, [0.0, 1.0]), (1.0, [0.5, 0.5])):
        samples = Samples(training, CLASSES, replace(RECIPE, augmentation=Augmentation(still=still)), 16, 0)
        assert all(sorted(samples[number][1].tolist()) == expected for number in range(len(samples)))


def test_examples_are_repeated_by_origin():
    some = [
        *people.examples(10, origin=ESTIMATED, source="a"),
        *people.examples(10, origin=ANNOTATED, source="b"),
    ]
    recipe = replace(RECIPE, repeats={ESTIMATED: 3.0, ANNOTATED: 0.5})
    lengths = [len(Samples(some, CLASSES, recipe, 16, epoch)) for epoch in range(20)]
    assert min(lengths) >= 60
    assert 65 < np.mean(lengths) < 75


def test_no_epoch_is_empty():
    recipe = replace(RECIPE, repeats={ANNOTATED: 0.0})
    assert len(Samples(people.examples(1), CLASSES, recipe, 16, 0)) == 2


def test_settling_measures_the_statistics_of_the_volumes():
    net = network()
    recipe = replace(RECIPE, batch_size=8)
    samples = Samples(people.examples(8), CLASSES, recipe, 16, 0)
    first = net.backbone.conv1
    first.bn.running_mean.fill_(100)
    volumes = torch.stack([samples[number][0] for number in range(len(samples))])
    with torch.inference_mode():
        expected = first.conv(volumes).mean(dim=(0, 2, 3, 4))
    settle(net, samples, recipe, workers=0)
    assert len(samples) % recipe.batch_size == 0
    assert torch.allclose(first.bn.running_mean, expected, atol=1e-5)


def test_a_volume_shows_the_people_in_the_middle_and_whole():
    one = people.example("arms")
    volume = draw_volume(one.keypoints, one.scores, RECIPE, 32)
    assert volume.shape == (13, 24, 32, 32)
    assert volume.max(axis=(2, 3)).min() > 0.45  # every joint, wherever it lies between pixels
    shown = volume.max(axis=(0, 1)) > 0.1
    rows, columns = np.flatnonzero(shown.any(axis=1)), np.flatnonzero(shown.any(axis=0))
    assert abs(rows[0] + rows[-1] - 32) <= 2
    assert abs(columns[0] + columns[-1] - 32) <= 2
    assert 24 <= np.ptp(rows) <= 29  # padding leaves an eighth of the longer side


def test_joints_below_the_threshold_are_not_drawn():
    one = people.example("arms")
    scores = one.scores.copy()
    scores[:, :, 9] = 0.09
    volume = draw_volume(one.keypoints, scores, RECIPE, 32)
    drawn = volume.any(axis=(1, 2, 3))
    assert [RECIPE.joints[number] for number in np.flatnonzero(~drawn)] == ["left_wrist"]
    assert not draw_volume(one.keypoints, np.zeros_like(scores), RECIPE, 32).any()


def test_a_whole_clip_is_sampled_in_the_middle_of_equal_parts():
    one = people.example("legs", frames=40)
    columns = [2, 7, 12, 17, 22, 27, 32, 37]
    expected = draw_volume(one.keypoints[:, columns], one.scores[:, columns], RECIPE, 16)
    assert np.array_equal(whole_clip(one, RECIPE, 16), expected)


def test_accuracy_is_told_apart_by_origin():
    class Always(torch.nn.Module):
        def forward(self, volumes):
            return torch.tensor([[1.0, 0.0]]).repeat(len(volumes), 1)

    some = [
        *people.examples(2, origin=ANNOTATED),
        people.example("arms", 7, origin=ESTIMATED),
    ]
    assert accuracy(Always(), some, CLASSES, RECIPE) == {ANNOTATED: 0.5, ESTIMATED: 1.0}
