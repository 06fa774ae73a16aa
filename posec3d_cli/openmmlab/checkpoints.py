"""The tensors of a checkpoint of the OpenMMLab packages, read without running anything that it holds."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from posec3d_cli.errors import WeightsCorrupt, WeightsMismatch
from posec3d_cli.weights import load_state_dict

if TYPE_CHECKING:
    import torch

_RECONSTRUCT = "multiarray._reconstruct"
_SHOWN = 3  # names of tensors in a message


def load_checkpoint(path: Path) -> dict[str, torch.Tensor]:
    """The tensors by name, on the CPU.

    mmpose stores a description of its data set in NumPy arrays beside them, which is admitted and dropped.

    Raises:
        WeightsMissing: the file is not there.
        WeightsCorrupt: it is no checkpoint.
        WeightsMismatch: it holds objects that cannot be read safely, or something else than tensors.
    """
    import torch

    try:
        return load_state_dict(path)
    except WeightsCorrupt as error:
        if "numpy" not in _reason(error) and "Unsupported global" not in _reason(error):
            raise
    try:
        with torch.serialization.safe_globals(_arrays()):
            return load_state_dict(path)
    except WeightsCorrupt as error:
        if "Unsupported global" not in _reason(error):
            raise
        raise WeightsMismatch(
            f"{path} holds more than tensors and arrays, such as the log of its training, and reading that would run "
            "code from the file",
            hint='if you trust the file, keep its tensors alone, once: python -c "import torch; '
            "torch.save({'state_dict': torch.load('IN.pth', map_location='cpu', weights_only=False)['state_dict']}, "
            "'OUT.pth')\"",
        ) from error


def load_strictly(model: Any, state: dict[str, torch.Tensor], *, name: str) -> None:
    """Put the tensors into the model, all of them and no others.

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


_HINT = "give the config that the weights were trained with"


def _reason(error: WeightsCorrupt) -> str:
    return str(error.__cause__)


def _arrays() -> list[Any]:
    """What a pickled NumPy array consists of, under its names in NumPy 1 and 2."""
    reconstruct = np.empty(0).__reduce__()[0]
    kinds = {type(np.dtype(code)) for code in np.typecodes["All"] if code not in "OSUVMm"}
    return [
        np.ndarray,
        np.dtype,
        *kinds,
        *((reconstruct, f"numpy.{core}.{_RECONSTRUCT}") for core in ("core", "_core")),
    ]
