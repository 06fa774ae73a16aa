"""Whether the tensors of a file are those of a network."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from posec3d_cli.errors import WeightsMismatch

if TYPE_CHECKING:
    from torch import Tensor, nn

SHOWN = 3  # names of tensors in a message


def check_tensors(network: nn.Module, state: Mapping[str, Tensor], *, name: str, hint: str) -> None:
    """Check every tensor's name and shape.

    Args:
        network: what the tensors are for.
        state: tensors by name.
        name: of the file, for the message.
        hint: what to do where they do not fit.

    Raises:
        WeightsMismatch: it says which names are missing, unexpected or of another shape.
    """
    wanted = {key: tuple(tensor.shape) for key, tensor in network.state_dict().items()}
    found = {key: tuple(tensor.shape) for key, tensor in state.items()}
    missing = [key for key in wanted if key not in found]
    unexpected = [key for key in found if key not in wanted]
    reshaped = [
        f"{key} is {found[key]} instead of {shape}" for key, shape in wanted.items() if found.get(key, shape) != shape
    ]
    parts = [
        f"{len(keys)} {title}: {_first(keys)}"
        for title, keys in (("missing", missing), ("unexpected", unexpected), ("of another shape", reshaped))
        if keys
    ]
    if parts:
        raise WeightsMismatch(f"{name} does not hold the tensors of this network; {'; '.join(parts)}", hint=hint)


def _first(names: Sequence[str]) -> str:
    more = f" and {len(names) - SHOWN} more" if len(names) > SHOWN else ""
    return ", ".join(names[:SHOWN]) + more
