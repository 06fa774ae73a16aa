"""The training loop, on two actions that differ only in motion."""

from __future__ import annotations

import math
from dataclasses import replace

import pytest
import synthetic_people as people
import torch
from torch.utils._python_dispatch import TorchDispatchMode

from posec3d_cli.datasets.clips import ANNOTATED, BACKGROUND, ESTIMATED
from posec3d_cli.nets import build_network, network_class
from posec3d_cli.registry import NETWORKS
from posec3d_cli.sampling.clips import ClipSampling
from posec3d_cli.training.config import TrainingConfig, heatmap_spec, joint_spec
from posec3d_cli.training.dataset import TrainingDataset
from posec3d_cli.training.loop import Validation, fit, refresh_batch_norm, state_of, validate

pytestmark = pytest.mark.usefixtures("one_thread")
CLASSES = ["arms", "legs"]
CONFIG = TrainingConfig(
    "slowonly", heatmap_spec(size=16), ClipSampling(frames=8, people="each"), 3, batch_size=8, learning_rate=0.05
)


def network(seed=0):
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        return build_network("slowonly", 2, {"in_channels": 13, "base_channels": 4, "stage_blocks": (1, 1, 1)})


def flushes():
    return float(torch.tensor(2.0**-140) * 1) == 0


def of(labeled_clips, config, classes=CLASSES):
    return lambda epoch: TrainingDataset(labeled_clips, classes, config, epoch)


def test_actions_that_differ_only_in_motion_are_learnt():
    """The averaged weights are as good as the last ones, though the training is short."""
    unseen = [people.labeled_clip(action, 100 + number) for action in CLASSES for number in range(10)]
    reports, steps = [], []
    averaged = fit(
        network(),
        of(people.labeled_clips(12), CONFIG),
        CONFIG,
        score=lambda net: validate(net, unseen, CLASSES, CONFIG),
        step=lambda *told: steps.append(told[:3]),
        report=lambda one, *_: reports.append(one),
    )
    assert validate(averaged, unseen, CLASSES, CONFIG).accuracy[ANNOTATED] > 0.9
    assert reports[-1].accuracy["all"] > 0.9
    assert [(one.epoch, one.epochs) for one in reports] == [(number, 3) for number in (1, 2, 3)]
    assert reports[-1].loss < reports[0].loss - 0.1
    assert steps[0] == (1, 1, 30)
    assert steps[-1] == (3, 30, 30)


def test_the_rate_rises_shortly_and_falls_to_nothing():
    rates = []
    config = replace(CONFIG, epochs=10, warmup=0.1)
    fit(network(), of(people.labeled_clips(1), config), config, report=lambda one, *_: rates.append(one.rate))
    assert rates[0] == pytest.approx(0.05)
    assert sorted(rates, reverse=True) == rates
    assert 0 < rates[-1] < 0.001


def test_steps_in_bf16_learn_too_and_round_otherwise():
    losses = {}
    config = replace(CONFIG, epochs=2)
    for precision in ("fp32", "bf16"):
        found = losses[precision] = []
        averaged = fit(
            network(),
            of(people.labeled_clips(2), config),
            config,
            precision=precision,
            report=lambda one, *_, found=found: found.append(one.loss),
        )
    assert losses["bf16"] != losses["fp32"]
    assert losses["bf16"] == pytest.approx(losses["fp32"], rel=0.1)
    assert {value.dtype for value in averaged.state_dict().values()} == {torch.float32, torch.int64}


def losses_of(config):
    losses = []
    averaged = fit(
        network(), of(people.labeled_clips(2), config), config, report=lambda one, *_: losses.append(one.loss)
    )
    return losses, averaged.state_dict()


def test_the_same_seed_gives_the_same_weights_and_leaves_torch_as_it_was():
    config = replace(CONFIG, epochs=2)
    runs = []
    for global_seed in (1, 2):
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(global_seed)
            before = torch.get_rng_state()
            runs.append(losses_of(config))
            assert torch.equal(torch.get_rng_state(), before)
            assert not flushes()
    (losses, weights), (same_losses, same_weights) = runs
    assert losses == same_losses
    assert all(torch.equal(value, same_weights[name]) for name, value in weights.items())
    assert losses_of(replace(config, seed=1))[0] != losses


def test_a_training_that_stops_goes_on_with_the_same_losses_and_weights(tmp_path):
    config = replace(CONFIG, epochs=4)
    whole, weights = losses_of(config)

    def keep(progress, _, state):
        if progress.epoch == 2:
            torch.save(state, tmp_path / "checkpoint.pt")
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        fit(network(), of(people.labeled_clips(2), config), config, report=keep)
    state = torch.load(tmp_path / "checkpoint.pt", weights_only=True)
    losses = []
    averaged = fit(
        network(seed=5),  # whatever the weights were, the state has its own
        of(people.labeled_clips(2), config),
        config,
        resume=state,
        report=lambda one, *_: losses.append(one.loss),
    )
    assert losses == whole[2:]
    assert all(torch.equal(value, averaged.state_dict()[name]) for name, value in weights.items())


def test_a_training_that_fails_leaves_torch_as_it_was():
    before = torch.get_rng_state()
    with pytest.raises(ValueError, match="is not in list"):
        fit(network(), of(people.labeled_clips(1), CONFIG, ["something else"]), CONFIG)
    assert torch.equal(torch.get_rng_state(), before)
    assert not flushes()


def test_settling_measures_the_statistics_of_the_volumes():
    net = network()
    samples = TrainingDataset(people.labeled_clips(2), CLASSES, CONFIG, 0)
    first = net.backbone.conv1
    first.bn.running_mean.fill_(100)
    volumes = torch.stack([samples[number][0] for number in range(len(samples))])
    with torch.inference_mode():
        expected = first.conv(volumes).mean(dim=(0, 2, 3, 4))
    refresh_batch_norm(net, samples, CONFIG)
    assert len(samples) == 5 * CONFIG.batch_size
    assert torch.allclose(first.bn.running_mean, expected, atol=1e-5)


class NoStridedPointConvolution(TorchDispatchMode):
    """Refuses, before it is done, the one operation that is known to write past its buffer on some processors.

    That is oneDNN's backward pass of a strided 1 x 1 convolution in 2D, where the tensors are channels_last
    (https://github.com/uxlfoundation/oneDNN/issues/6035).
    """

    def __init__(self):
        super().__init__()
        self.convolutions = 0

    def __torch_dispatch__(self, operation, types, args=(), kwargs=None):
        if operation is torch.ops.aten.convolution_backward.default:
            self.convolutions += 1
            _, _, weight, _, stride = args[:5]
            assert weight.shape[2:] != (1, 1) or max(stride) == 1, f"a strided 1 x 1 convolution: {weight.shape}"
        return operation(*args, **(kwargs or {}))


@pytest.mark.parametrize("precision", ["bf16", "fp32"])
@pytest.mark.parametrize("architecture", [name for name in NETWORKS.names() if "rgb" not in network_class(name).reads])
def test_every_network_of_poses_can_be_trained(architecture, precision):
    graph = architecture == "stgcn++"
    config = replace(CONFIG, architecture=architecture, epochs=1, spec=joint_spec() if graph else heatmap_spec(size=16))
    options = {"base_channels": 8} if architecture == "stgcn++" else {"in_channels": 13, "base_channels": 4}
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        net = build_network(architecture, 2, options)
    losses = []
    with NoStridedPointConvolution() as guard:
        fit(
            net,
            of(people.labeled_clips(1), config),
            config,
            precision=precision,
            report=lambda one, *_: losses.append(one.loss),
        )
    assert guard.convolutions > 0
    assert 0 < losses[0] < 2


def test_accuracy_is_told_apart_by_origin_and_asks_about_known_actions_only():
    class Always(torch.nn.Module):
        layout = torch.channels_last_3d

        def __init__(self):
            super().__init__()
            self.one = torch.nn.Parameter(torch.ones(1))

        def forward(self, volumes):
            return torch.tensor([[1.0, 0.0]]).repeat(len(volumes), 1)

    some = [
        *people.labeled_clips(2, origin=ANNOTATED),
        people.labeled_clip("arms", 7, origin=ESTIMATED),
        replace(people.labeled_clip("arms", 8, origin=ESTIMATED), label=BACKGROUND),
    ]
    found = validate(Always(), some, CLASSES, CONFIG)
    assert found.accuracy == {"all": 0.6, ANNOTATED: 0.5, ESTIMATED: 1.0}
    right, wrong = math.log(1 + math.exp(-1)), math.log(1 + math.exp(1))
    assert found.loss == pytest.approx((3 * right + 2 * wrong) / 5)
    several = validate(Always(), some[:2], ["legs", "arms", "legs"][:2], CONFIG)
    assert several.accuracy["all"] == 0


def test_the_outputs_of_one_label_are_summed_and_nothing_is_validated_without_clips():
    class Third(torch.nn.Module):
        layout = torch.channels_last_3d

        def __init__(self):
            super().__init__()
            self.one = torch.nn.Parameter(torch.ones(1))

        def forward(self, volumes):
            return torch.tensor([[1.0, 0.6, 0.6]]).repeat(len(volumes), 1)

    some = [people.labeled_clip("legs", number) for number in range(2)]
    assert validate(Third(), some, ["arms", "legs", "legs"], CONFIG).accuracy["all"] == 1
    assert validate(Third(), [], CLASSES, CONFIG) == Validation()


def test_a_training_ends_when_it_is_told_to_and_goes_on_from_a_network_alone():
    config = replace(CONFIG, epochs=4)
    told, asked = [], iter([False, False, True])
    fit(
        network(),
        of(people.labeled_clips(1), config),
        config,
        report=lambda one, *_: told.append(one.epoch),
        stop=lambda: next(asked),
    )
    assert told == [1, 2]
    start = network(seed=3)
    runs = []
    for begun, resume in ((network(seed=3), None), (network(seed=5), state_of(start))):
        losses = []
        short = replace(config, epochs=1)
        fit(
            begun,
            of(people.labeled_clips(1), short),
            short,
            resume=resume,
            report=lambda one, *_, losses=losses: losses.append(one.loss),
        )
        runs.append(losses)
    assert runs[0] == runs[1]


def test_frozen_statistics_stay_those_of_the_pretrained_network():
    for frozen in (True, False):
        net, config = network(), replace(CONFIG, epochs=1, frozen_statistics=frozen)
        before = net.backbone.conv1.bn.running_mean.clone()
        weight = net.backbone.conv1.bn.weight.clone()
        averaged = fit(net, of(people.labeled_clips(1), config), config)
        assert torch.equal(averaged.backbone.conv1.bn.running_mean, before) is frozen
        assert not torch.equal(net.backbone.conv1.bn.weight, weight), "its scale is trained all the same"
