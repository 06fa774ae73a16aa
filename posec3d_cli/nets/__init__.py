"""The networks: nn.Modules only, with the parameter names of the published checkpoints.

A network is a class of `posec3d_cli.nets.layers.Recognizer` and an entry point in the group `posec3d.networks`, under
the name that cards give as `architecture`. Of this package or of another: docs/plugins.md.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping
from functools import cache
from typing import TYPE_CHECKING, Any

from posec3d_cli.errors import BadCard, StageMismatch, did_you_mean
from posec3d_cli.registry import NETWORKS

if TYPE_CHECKING:
    from posec3d_cli.nets.layers import Recognizer

READS = ("heatmaps", "joints", "rgb", "rgb+heatmaps")
"""What a network can read: the class attribute `reads`."""


@cache
def network_class(architecture: str) -> type[Recognizer]:
    """Import the class of a network.

    Raises:
        BadCard: no network has this name.
        StageError: it cannot be imported, as in `Registry.load`, or does not say what it reads.
    """
    names = NETWORKS.names()
    if architecture not in names:
        raise BadCard(
            f"no network is called {architecture!r}",
            hint=f"{did_you_mean(architecture, names)}there are: {', '.join(names)}",
        )
    network: type[Recognizer] = NETWORKS.load(architecture)
    if getattr(network, "reads", None) not in READS:
        raise StageMismatch(f"the network {architecture!r} has no class attribute reads, one of {', '.join(READS)}")
    return network


def build_network(architecture: str, num_classes: int, options: Mapping[str, Any]) -> Recognizer:
    """Build an action network with fresh weights, drawn from torch's global generator.

    Args:
        architecture: one of `NETWORKS.names()`.
        num_classes: C, the actions to tell apart.
        options: keyword arguments of the network's class, such as `in_channels` or `base_channels`.

    Returns:
        A network that turns a batch of what it `reads` into (B, C) logits, or into those of each of its heads.

    Raises:
        BadCard: no network has this name, or it has no such option or does not accept its value.
        StageError: as `network_class`.
    """
    network: Callable[..., Recognizer] = network_class(architecture)
    known = [name for name in inspect.signature(network).parameters if name != "num_classes"]
    unknown = sorted(set(options) - set(known))
    if unknown:
        raise BadCard(f"the network {architecture!r} has no option {unknown[0]!r}", hint=f"it has: {', '.join(known)}")
    try:
        return network(num_classes, **options)
    except (TypeError, ValueError, RuntimeError) as error:
        raise BadCard(f"the network {architecture!r} cannot be built with {dict(options)}: {error}") from error
