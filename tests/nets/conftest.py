from __future__ import annotations

from collections.abc import Callable

import pytest
import torch
from torch import Tensor, nn

MacCounter = Callable[[nn.Module, tuple[int, ...]], int]


@pytest.fixture(autouse=True)
def _calm(calm_torch: None) -> None:
    """Every test of networks has a calm torch."""


@pytest.fixture
def count_macs() -> MacCounter:
    """Multiply-adds of convolutions and linear layers for one volume (K, T, H, W), for a network on "meta"."""

    def count(network: nn.Module, shape: tuple[int, ...]) -> int:
        macs = 0

        def add(module: nn.Module, _: object, output: Tensor) -> None:
            nonlocal macs
            macs += output.numel() * module.weight[0].numel()

        layers = [module for module in network.modules() if isinstance(module, nn.Conv3d | nn.Linear)]
        hooks = [layer.register_forward_hook(add) for layer in layers]
        network(torch.empty(1, *shape, device="meta"))
        for hook in hooks:
            hook.remove()
        return macs

    return count
