from __future__ import annotations

from pathlib import Path

import pytest
import torch

from posec3d_cli.nets.slowonly import SlowOnly


def batch_norm(name: str, channels: int) -> list[str]:
    vectors = [f"{name}.{part} ({channels},)" for part in ("weight", "bias", "running_mean", "running_var")]
    return [*vectors, f"{name}.num_batches_tracked ()"]


def published_names(blocks: tuple[int, ...], base: int, classes: int) -> list[str]:
    """Names and shapes of a published checkpoint, by rule; compared with the real list where that is at hand."""

    def conv(name: str, *shape: int) -> list[str]:
        return [f"{name}.conv.weight {shape}", *batch_norm(f"{name}.bn", shape[0])]

    names = conv("backbone.conv1", base, 17, 1, 7, 7)
    inputs = base
    for stage in range(3):
        planes, time = base * 2**stage, 1 if stage == 0 else 3
        for block in range(blocks[stage]):
            prefix = f"backbone.layer{stage + 1}.{block}"
            names += conv(f"{prefix}.conv1", planes, inputs, time, 1, 1)
            names += conv(f"{prefix}.conv2", planes, planes, 1, 3, 3)
            names += conv(f"{prefix}.conv3", planes * 4, planes, 1, 1, 1)
            if block == 0:
                names += conv(f"{prefix}.downsample", planes * 4, inputs, 1, 1, 1)
            inputs = planes * 4
    return [*names, f"cls_head.fc_cls.weight ({classes}, {inputs})", f"cls_head.fc_cls.bias ({classes},)"]


def names_of(network: torch.nn.Module) -> list[str]:
    return [f"{name} {tuple(tensor.shape)}" for name, tensor in network.state_dict().items()]


@pytest.mark.parametrize(("blocks", "base"), [((4, 6, 3), 32), ((3, 4, 6), 32), ((4, 6, 3), 16), ((4, 6, 3), 64)])
def test_names_and_shapes_are_those_of_the_published_checkpoints(blocks: tuple[int, ...], base: int) -> None:
    with torch.device("meta"):
        network = SlowOnly(60, stage_blocks=blocks, base_channels=base)
    assert names_of(network) == published_names(blocks, base, 60)


@pytest.mark.shared
def test_the_rule_for_the_names_gives_the_list_of_a_real_checkpoint(shared: Path) -> None:
    count, *names = (shared / "reference/keys/posec3d_slowonly_463.txt").read_text().splitlines()
    assert len(names) == int(count)
    assert published_names((4, 6, 3), 32, 60) == names


@pytest.mark.parametrize(
    ("classes", "options", "volume", "parameters", "gmacs"),
    [
        pytest.param(60, {}, (17, 48, 56, 56), 2_024_860, 15.63, id="ntu60"),
        pytest.param(60, {}, (17, 48, 64, 64), 2_024_860, 20.42, id="ntu60-at-64"),
        pytest.param(101, {"stage_blocks": (3, 4, 6)}, (17, 48, 56, 56), 3_055_173, 14.49, id="ucf101"),
        pytest.param(400, {"stage_blocks": (3, 4, 6)}, (17, 48, 64, 64), 3_208_560, 18.93, id="kinetics"),
        pytest.param(60, {"base_channels": 64}, (17, 48, 56, 56), 7_959_292, 54.5, id="wide"),
        pytest.param(8, {"base_channels": 16}, (17, 12, 56, 56), 510_392, 1.23, id="volleyball"),
        pytest.param(60, {"temporal_strides": (1, 1, 1)}, (17, 32, 64, 64), 2_024_860, 14.80, id="rgbpose-pose-only"),
    ],
)
def test_parameters_and_multiply_adds_are_the_published_ones(
    classes, options, volume, parameters, gmacs, count_macs
) -> None:
    with torch.device("meta"):
        network = SlowOnly(classes, **options)
    assert sum(parameter.numel() for parameter in network.parameters()) == parameters
    assert count_macs(network, volume) / 1e9 == pytest.approx(gmacs, rel=0.01)


def test_the_features_have_the_documented_shape() -> None:
    with torch.device("meta"):
        network = SlowOnly(60)
    assert network.backbone(torch.empty(2, 17, 48, 56, 56, device="meta")).shape == (2, 512, 24, 7, 7)
    assert network.backbone(torch.empty(2, 17, 48, 64, 64, device="meta")).shape == (2, 512, 24, 8, 8)


def test_a_batch_of_volumes_becomes_a_batch_of_logits() -> None:
    network = SlowOnly(5, in_channels=3, base_channels=4)
    assert network(torch.rand(2, 3, 8, 16, 16)).shape == (2, 5)


def test_evaluation_is_deterministic_and_training_drops() -> None:
    network = SlowOnly(5, base_channels=4)
    volume = torch.rand(2, 17, 8, 16, 16)
    network.eval()
    assert torch.equal(network(volume), network(volume))
    network.train()
    assert not torch.equal(network(volume), network(volume))


def test_a_fresh_residual_block_passes_only_its_shortcut() -> None:
    network = SlowOnly(5, base_channels=4).eval()
    block = network.backbone.layer2[1]
    x = torch.rand(1, 32, 4, 4, 4)
    torch.testing.assert_close(block(x), x)


def test_fresh_weights_have_the_upstream_spread() -> None:
    network = SlowOnly(60)
    kernel = network.backbone.layer3[0].conv2.conv.weight  # fan-out 128 x 9
    assert kernel.std().item() == pytest.approx((2 / (128 * 9)) ** 0.5, rel=0.02)
    assert network.cls_head.fc_cls.weight.std().item() == pytest.approx(0.01, rel=0.02)
    assert not network.cls_head.fc_cls.bias.any()


def test_every_parameter_gets_a_gradient() -> None:
    network = SlowOnly(5, base_channels=4)
    network(torch.rand(2, 17, 8, 16, 16)).sum().backward()
    assert all(parameter.grad is not None for parameter in network.parameters())


@pytest.mark.parametrize("options", [{"stage_blocks": (3, 4, 6, 3)}, {"temporal_strides": (1, 2)}])
def test_it_has_three_stages(options) -> None:
    with pytest.raises(ValueError, match="three stages"):
        SlowOnly(5, **options)
