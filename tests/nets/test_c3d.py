from __future__ import annotations

import pytest
import torch

from posec3d_cli.nets.c3d import C3DLight, _halve

CONVOLUTIONS = {  # name: (channels out, channels in), as in PYSKL's C3D of three stages
    "conv1a": (32, 17),
    "conv2a": (64, 32),
    "conv3a": (128, 64),
    "conv3b": (128, 128),
    "conv4a": (256, 128),
    "conv4b": (256, 256),
}


def test_names_and_shapes_are_those_of_the_published_checkpoints() -> None:
    with torch.device("meta"):
        network = C3DLight(60)
    expected = {}
    for name, (outputs, inputs) in CONVOLUTIONS.items():
        expected[f"backbone.{name}.conv.weight"] = (outputs, inputs, 3, 3, 3)
        for part in ("weight", "bias", "running_mean", "running_var"):
            expected[f"backbone.{name}.bn.{part}"] = (outputs,)
        expected[f"backbone.{name}.bn.num_batches_tracked"] = ()
    expected["cls_head.fc_cls.weight"] = (60, 256)
    expected["cls_head.fc_cls.bias"] = (60,)
    found = {name: tuple(tensor.shape) for name, tensor in network.state_dict().items()}
    assert list(found.items()) == list(expected.items())


def test_parameters_and_multiply_adds_are_the_published_ones(count_macs) -> None:
    with torch.device("meta"):
        network = C3DLight(60)
    assert sum(parameter.numel() for parameter in network.parameters()) == 3_404_892
    assert count_macs(network, (17, 48, 56, 56)) / 1e9 == pytest.approx(16.78, rel=0.01)


def test_time_is_never_pooled() -> None:
    with torch.device("meta"):
        network = C3DLight(60)
    assert network.backbone(torch.empty(2, 17, 48, 56, 56, device="meta")).shape == (2, 256, 48, 7, 7)


def test_pooling_is_the_mean_over_space_alone() -> None:
    x = torch.rand(2, 3, 4, 7, 6)
    expected = torch.nn.functional.avg_pool3d(x, (1, 2, 2))
    torch.testing.assert_close(_halve(x), expected)
    torch.testing.assert_close(_halve(x.contiguous(memory_format=torch.channels_last_3d)), expected)


def test_a_batch_of_volumes_becomes_a_batch_of_logits() -> None:
    network = C3DLight(5, in_channels=3, base_channels=4).eval()
    volume = torch.rand(2, 3, 8, 16, 16)
    logits = network(volume)
    assert logits.shape == (2, 5)
    assert torch.equal(logits, network(volume))
