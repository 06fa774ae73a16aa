from __future__ import annotations

import pytest
import torch

from posec3d_cli.nets.x3d import X3DShallow


def published_names() -> dict[str, tuple[int, ...]]:
    """Names and shapes of PYSKL's X3D with 2, 5 and 3 blocks, neither SE nor swish."""
    expected: dict[str, tuple[int, ...]] = {}

    def conv(name: str, *shape: int) -> None:
        expected[f"{name}.conv.weight"] = shape
        for part in ("weight", "bias", "running_mean", "running_var"):
            expected[f"{name}.bn.{part}"] = (shape[0],)
        expected[f"{name}.bn.num_batches_tracked"] = ()

    expected["backbone.conv1_s.conv.weight"] = (24, 17, 1, 3, 3)
    conv("backbone.conv1_t", 24, 1, 5, 1, 1)
    stages = [(2, 24, 24, 54), (5, 24, 48, 108), (3, 48, 96, 216)]
    for stage, (blocks, inputs, outputs, inner) in enumerate(stages, start=1):
        for block in range(blocks):
            prefix = f"backbone.layer{stage}.{block}"
            conv(f"{prefix}.conv1", inner, inputs if block == 0 else outputs, 1, 1, 1)
            conv(f"{prefix}.conv2", inner, 1, 3, 3, 3)
            conv(f"{prefix}.conv3", outputs, inner, 1, 1, 1)
            if block == 0:
                conv(f"{prefix}.downsample", outputs, inputs, 1, 1, 1)
    conv("backbone.conv5", 216, 96, 1, 1, 1)
    expected["cls_head.fc_cls.weight"] = (60, 216)
    expected["cls_head.fc_cls.bias"] = (60,)
    return expected


def test_names_and_shapes_are_those_of_the_published_checkpoints() -> None:
    with torch.device("meta"):
        network = X3DShallow(60)
    assert {name: tuple(tensor.shape) for name, tensor in network.state_dict().items()} == published_names()


@pytest.mark.parametrize(
    ("options", "parameters", "gmacs"),
    [({}, 254_508, 0.57), ({"stage_blocks": (5, 11, 7)}, 543_762, 1.02)],
)
def test_parameters_and_multiply_adds_are_the_published_ones(options, parameters, gmacs, count_macs) -> None:
    with torch.device("meta"):
        network = X3DShallow(60, **options)
    assert sum(parameter.numel() for parameter in network.parameters()) == parameters
    assert count_macs(network, (17, 48, 56, 56)) / 1e9 == pytest.approx(gmacs, rel=0.01)


def test_the_features_have_the_documented_shape() -> None:
    with torch.device("meta"):
        network = X3DShallow(60)
    assert network.backbone(torch.empty(2, 17, 48, 56, 56, device="meta")).shape == (2, 216, 48, 4, 4)


def test_a_batch_of_volumes_becomes_a_batch_of_logits() -> None:
    network = X3DShallow(5, in_channels=3, base_channels=8).eval()
    volume = torch.rand(2, 3, 8, 32, 32)
    logits = network(volume)
    assert logits.shape == (2, 5)
    assert torch.equal(logits, network(volume))


def test_it_has_three_stages() -> None:
    with pytest.raises(ValueError, match="three stages"):
        X3DShallow(5, stage_blocks=(1, 2, 5, 3))
