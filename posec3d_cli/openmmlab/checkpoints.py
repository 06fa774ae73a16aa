"""Puts the tensors of a checkpoint into a model of the OpenMMLab packages."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from posec3d_cli.errors import WeightsMismatch

if TYPE_CHECKING:
    import torch

_SHOWN = 3  # names of tensors in a message
_HINT = "give the config that the weights were trained with"


def load_strictly(model: Any, state: dict[str, torch.Tensor], *, name: str) -> None:
    """Put the tensors into the model, all of them and no others; the model may know them under older names.

    Raises:
        WeightsMismatch: names or shapes differ; it says how many and which come first.
    """
    try:
        missing, unexpected = model.load_state_dict(state, strict=False)
    except RuntimeError as error:  # of shapes
        reasons = [line.strip() for line in str(error).splitlines()[1:]]
        raise WeightsMismatch(
            f"{name} is of another model than the config: {'; '.join(reasons[:_SHOWN])}", hint=_HINT
        ) from error
    parts = [
        f"{len(names)} {title}: {', '.join(names[:_SHOWN])}"
        for title, names in (("missing", missing), ("unexpected", unexpected))
        if names
    ]
    if parts:
        raise WeightsMismatch(f"{name} is of another model than the config; {'; '.join(parts)}", hint=_HINT)
