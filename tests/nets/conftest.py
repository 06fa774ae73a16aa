from __future__ import annotations

from collections.abc import Callable, Iterator

import pytest
import torch
from torch import Tensor, nn

MacCounter = Callable[[nn.Module, tuple[int, ...]], int]


@pytest.fixture(autouse=True)
def _calm_torch() -> Iterator[None]:
    """One thread, and a random state that the test does not leave changed."""
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        yield
    torch.set_num_threads(threads)


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
