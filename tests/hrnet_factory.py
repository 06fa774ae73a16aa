"""HRNets whose weights are made from their names, so that another program can make the same ones."""

from __future__ import annotations

import zlib
from collections.abc import Mapping
from pathlib import Path

import numpy as np
import torch
from safetensors.torch import save_file
from torch import Tensor

from posec3d_cli.catalog import ModelCard
from posec3d_cli.nets.hrnet import HRNet

def seeded_weights(shapes: Mapping[str, tuple[int, ...]]) -> dict[str, Tensor]:
    """Tensors that look trained: batch norms differ from the identity, heatmaps of photographs lie between 0 and 1."""
    state = {}
    for name, shape in shapes.items():
        draw = np.random.default_rng(zlib.crc32(name.encode()))
        kind = name.rpartition(".")[2]
        if kind == "num_batches_tracked":
            state[name] = torch.tensor(1)
            continue
        if len(shape) == 4:
            values = draw.normal(0, np.sqrt(1 / np.prod(shape[1:])), shape)
        elif kind == "running_var":
            values = draw.uniform(0.5, 1.5, shape)
        elif kind == "weight":
            values = draw.uniform(0.1, 0.5, shape)
        else:
            values = draw.normal(0, 0.1, shape)
        if "final_layer" in name:
            values = values / 5 + 0.4 * (kind == "bias")
        state[name] = torch.from_numpy(values.astype(np.float32))
    return state


def seeded_network(width: int) -> HRNet:
    with torch.device("meta"):
        network = HRNet(width, 17)
    shapes = {name: tuple(tensor.shape) for name, tensor in network.state_dict().items()}
    network.load_state_dict(seeded_weights(shapes), assign=True)
    return network


def hrnet_card(folder: Path, *, width: int = 4, **recipe: object) -> tuple[ModelCard, dict[str, Path]]:
    """A small HRNet's card and its weights file in `folder`."""
    file = folder / "weights.safetensors"
    save_file(seeded_network(width).state_dict(), file)
    settings = {"width": width, "input_size": [64, 96], "convention": "1.x", "decode": "quarter", **recipe}
    return ModelCard("tiny", "pose", "hrnet", "tiny", "none", "none", (), settings, (), folder, False), {"weights": file}
