"""The networks: nn.Modules only, with the parameter names of the published checkpoints."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

from posec3d_cli.errors import BadCard

if TYPE_CHECKING:
    from posec3d_cli.nets.layers import Recognizer

VOLUME_ARCHITECTURES = ("slowonly", "c3d-light", "x3d-shallow")
"""Those that read heatmap volumes."""
GRAPH_ARCHITECTURES = ("stgcn++",)
"""Those that read the joints themselves."""
ARCHITECTURES = VOLUME_ARCHITECTURES + GRAPH_ARCHITECTURES


def build_network(architecture: str, num_classes: int, options: Mapping[str, Any]) -> Recognizer:
    """Build an action network with fresh weights, drawn from torch's global generator.

    Args:
        architecture: one of `ARCHITECTURES`.
        num_classes: C, the actions to tell apart.
        options: keyword arguments of the network's class, such as `in_channels` or `base_channels`.

    Returns:
        A network that turns a batch into (B, C) logits: of (B, K, T, H, W) heatmaps or, one of `GRAPH_ARCHITECTURES`,
        of (B, M, T, 17, 3) joints.

    Raises:
        BadCard: no network has this name, or it has no such option or does not accept its value.
    """
    if architecture not in ARCHITECTURES:
        raise BadCard(f"no network is called {architecture!r}", hint=f"there are: {', '.join(ARCHITECTURES)}")
    # Imported here, so that listing the architectures needs no torch.
    from posec3d_cli.nets.c3d import C3DLight
    from posec3d_cli.nets.slowonly import SlowOnly
    from posec3d_cli.nets.stgcn import STGCNPlusPlus
    from posec3d_cli.nets.x3d import X3DShallow

    networks: dict[str, Callable[..., Recognizer]] = {
        "slowonly": SlowOnly,
        "c3d-light": C3DLight,
        "x3d-shallow": X3DShallow,
        "stgcn++": STGCNPlusPlus,
    }
    network = networks[architecture]
    known = [name for name in inspect.signature(network).parameters if name != "num_classes"]
    unknown = sorted(set(options) - set(known))
    if unknown:
        raise BadCard(f"the network {architecture!r} has no option {unknown[0]!r}", hint=f"it has: {', '.join(known)}")
    try:
        return network(num_classes, **options)
    except (TypeError, ValueError, RuntimeError) as error:
        raise BadCard(f"the network {architecture!r} cannot be built with {dict(options)}: {error}") from error
