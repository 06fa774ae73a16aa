from __future__ import annotations

from collections.abc import Callable

import pytest
import torch
from torch import Tensor, nn

MacCounter = Callable[..., int]


@pytest.fixture(autouse=True)
def _calm(calm_torch: None) -> None:
    """Every test of networks has a calm torch."""


@pytest.fixture
def count_macs() -> MacCounter:
    """Multiply-adds of convolutions and linear layers for one volume (K, T, H, W), for a network on "meta".

    Of a network that reads frames and volumes, for one of each.
    """

    def count(network: nn.Module, *shapes: tuple[int, ...]) -> int:
        macs = 0

        def add(module: nn.Module, given: tuple[Tensor], output: Tensor) -> None:
            nonlocal macs
            each = given[0] if isinstance(module, nn.ConvTranspose3d) else output
            macs += each.numel() * module.weight[0].numel()

        kinds = nn.Conv3d | nn.ConvTranspose3d | nn.Linear
        layers = [module for module in network.modules() if isinstance(module, kinds)]
        hooks = [layer.register_forward_hook(add) for layer in layers]
        network(*(torch.empty(1, *shape, device="meta") for shape in shapes))
        for hook in hooks:
            hook.remove()
        return macs

    return count
