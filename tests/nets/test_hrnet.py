from __future__ import annotations

from pathlib import Path

import pytest
import torch

from posec3d_cli.nets.checkpoints import fold_batch_norms
from posec3d_cli.nets.hrnet import HRNet, modern_names


def test_heatmaps_are_a_quarter_of_the_input() -> None:
    with torch.device("meta"):
        network = HRNet(32, 17)
        assert network(torch.empty(2, 3, 256, 192)).shape == (2, 17, 64, 48)
        assert network(torch.empty(1, 3, 384, 288)).shape == (1, 17, 96, 72)


@pytest.mark.parametrize(("width", "parameters"), [(32, 28_536_113), (48, 63_595_745)])
def test_it_is_as_large_as_published(width: int, parameters: int) -> None:
    with torch.device("meta"):
        network = HRNet(width, 17)
    assert sum(parameter.numel() for parameter in network.parameters()) == parameters


@pytest.mark.shared
def test_names_shapes_and_order_are_those_of_mmpose(shared: Path) -> None:
    count, *names = (shared / "reference/keys/hrnet_w32_topdown.txt").read_text().splitlines()
    assert len(names) == int(count)
    with torch.device("meta"):
        network = HRNet(32, 17)
    assert [f"{name} {tuple(tensor.shape)}" for name, tensor in network.state_dict().items()] == names


def test_only_the_head_is_named_otherwise_in_older_checkpoints() -> None:
    one, other = torch.zeros(1), torch.ones(1)
    older = {"keypoint_head.final_layer.bias": one, "backbone.keypoint_head.x": other}
    assert modern_names(older) == {"head.final_layer.bias": one, "backbone.keypoint_head.x": other}
    assert modern_names({"head.final_layer.bias": one}) == {"head.final_layer.bias": one}


def test_folding_the_batch_norms_changes_no_heatmap() -> None:
    network = HRNet(4, 17).eval()
    for module in network.modules():
        if isinstance(module, torch.nn.BatchNorm2d):
            module.weight.data.uniform_(0.2, 0.6)
            module.bias.data.normal_(std=0.1)
            module.running_mean.normal_(std=0.1)
            module.running_var.uniform_(0.5, 1.5)
    image = torch.rand(1, 3, 96, 64)
    with torch.inference_mode():
        before = network(image)
        fold_batch_norms(network)
        assert not any(isinstance(module, torch.nn.BatchNorm2d) for module in network.modules())
        torch.testing.assert_close(network(image), before, atol=1e-4, rtol=1e-4)
