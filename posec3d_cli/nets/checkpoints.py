"""Checkpoints: load state dicts, check their tensors against a network, and fold batch norms into convolutions."""

from __future__ import annotations

import itertools
import re
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn.utils.fusion import fuse_conv_bn_eval

from posec3d_cli.errors import WeightsCorrupt, WeightsMismatch, WeightsMissing, counted
from posec3d_cli.nets.layers import Recognizer

if TYPE_CHECKING:
    pass


def fold_batch_norms(network: nn.Module) -> None:
    """Fold, in place, every batch norm that directly follows a convolution among the children of one module."""
    for module in network.modules():
        for (name, conv), (following, norm) in itertools.pairwise(list(module.named_children())):
            if (isinstance(conv, nn.Conv2d) and isinstance(norm, nn.BatchNorm2d)) or (
                isinstance(conv, nn.Conv3d) and isinstance(norm, nn.BatchNorm3d)
            ):
                setattr(module, name, fuse_conv_bn_eval(conv, norm))
                setattr(module, following, nn.Identity())


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
    shapes = {key: tuple(tensor.shape) for key, tensor in state.items()}
    missing = [key for key in wanted if key not in shapes]
    unexpected = [key for key in shapes if key not in wanted]
    reshaped = [
        f"{key} is {shapes[key]} instead of {shape}" for key, shape in wanted.items() if shapes.get(key, shape) != shape
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


def check_state(network: Recognizer, state: Mapping[str, Tensor], *, name: str) -> None:
    """Check every tensor's name and shape.

    Args:
        network: what the tensors are for.
        state: tensors by name.
        name: of the card and the file, for the message.

    Raises:
        WeightsMismatch: it says that the stages have other numbers of blocks, or that only the number of classes
            differs, or else which names are missing, unexpected or of another shape.
    """
    wanted = network.state_dict()
    blocks, found_blocks = _stage_blocks(wanted), _stage_blocks(state)
    if blocks and found_blocks and found_blocks != blocks:
        raise WeightsMismatch(
            f"{name}: the network has stages of {blocks} blocks, the weights have {found_blocks}",
            hint="stage_blocks in the card's recipe.network must be that of the training",
        )
    reshaped = {key for key in wanted if key in state and state[key].shape != wanted[key].shape}
    heads = {key for key in wanted if key.startswith("cls_head.fc_")}
    if set(state) == set(wanted) and reshaped and reshaped == heads:
        bias = next(key for key in wanted if key in heads and key.endswith(".bias"))
        labels, outputs = (tensors[bias].numel() for tensors in (wanted, state))
        raise WeightsMismatch(
            f"{name}: the card lists {counted(labels, 'label')}, the weights have {outputs}",
            hint="the list of labels must hold one line per class, in the order of training",
        )
    hint = "the card's architecture and network options must be those of the training"
    check_tensors(network, state, name=name, hint=hint)


def _stage_blocks(names: Iterable[str]) -> tuple[int, ...]:
    """The number of blocks in each stage, by the names of the tensors; empty for a network without stages."""
    matches = [re.match(r"backbone\.layer(\d+)\.(\d+)\.", name) for name in names]
    counts = Counter(stage for stage, _ in {match.groups() for match in matches if match})
    return tuple(counts[stage] for stage in sorted(counts))


def load_state_dict(path: Path) -> dict[str, torch.Tensor]:
    """The tensors of a safetensors file, or of a torch file, on the CPU.

    A torch file is read with `weights_only=True`, and where it holds a training checkpoint, its "state_dict" is taken.
    What else such a checkpoint holds may be plain values and NumPy arrays of numbers and text, as the published ones
    of mmcv and mmengine do; nothing else is built.

    Raises:
        WeightsCorrupt: the file cannot be read as what its name says.
        WeightsMismatch: the file holds something else than named tensors, or objects of other kinds beside them.
    """
    import torch

    try:
        if path.suffix == ".safetensors":
            from safetensors.torch import load_file

            return load_file(path)
        with torch.serialization.safe_globals(_array_globals()):
            content = torch.load(path, map_location="cpu", weights_only=True)
    except OSError as error:
        raise WeightsMissing(f"{path} cannot be read: {error.strerror or error}") from error
    except Exception as error:
        foreign = re.search(r"GLOBAL (\S+) (?:was not an allowed global|whose module)", str(error))
        if foreign is not None:
            raise WeightsMismatch(
                f"{path} holds more than tensors: to load its {foreign[1]} could run code from the file",
                hint="if you trust where it comes from, save the tensors alone once: torch.save({'state_dict': "
                f"torch.load({path.name!r}, weights_only=False)['state_dict']}}, 'tensors.pth')",
            ) from error
        # safetensors, pickle and zip each raise errors of their own for a file that is not theirs.
        kind = "safetensors" if path.suffix == ".safetensors" else "torch weights"
        raise WeightsCorrupt(f"{path} is no readable {kind} file: {str(error).splitlines()[0]}") from error
    if isinstance(content, Mapping) and isinstance(content.get("state_dict"), Mapping):
        content = content["state_dict"]
    if not isinstance(content, Mapping) or not all(isinstance(value, torch.Tensor) for value in content.values()):
        raise WeightsMismatch(f"{path} holds no table of tensors but {type(content).__name__}")
    return dict(content)


def _array_globals() -> list[Any]:
    """The functions that build a pickled NumPy array or scalar, under the old and the new name of their module."""
    from numpy._core import multiarray

    built = [("_reconstruct", multiarray._reconstruct), ("scalar", multiarray.scalar)]
    makers = [(maker, f"numpy.{core}.multiarray.{name}") for core in ("core", "_core") for name, maker in built]
    return [*makers, np.ndarray, np.dtype, *{type(np.dtype(code)) for code in "?bhilqBHILQefdU"}]
