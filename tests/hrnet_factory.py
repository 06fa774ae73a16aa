"""HRNets whose weights are made from their names, so that another program can make the same ones."""

from __future__ import annotations

import zlib
from collections.abc import Mapping
from functools import cache
from pathlib import Path

import numpy as np
import torch
from safetensors.torch import save_file
from torch import Tensor

from posec3d_cli.hub.cards import ModelCard
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


@cache
def seeded_state(width: int) -> dict[str, Tensor]:
    with torch.device("meta"):
        network = HRNet(width, 17)
    return seeded_weights({name: tuple(tensor.shape) for name, tensor in network.state_dict().items()})


def seeded_network(width: int) -> HRNet:
    with torch.device("meta"):
        network = HRNet(width, 17)
    network.load_state_dict(seeded_state(width), assign=True)
    return network


def hrnet_card(folder: Path, *, width: int = 4, **recipe: object) -> tuple[ModelCard, dict[str, Path]]:
    """A small HRNet's card and its weights file in `folder`."""
    file = folder / "weights.safetensors"
    save_file(seeded_state(width), file)
    settings = {"width": width, "input_size": [64, 96], "convention": "1.x", "decode": "quarter", **recipe}
    card = ModelCard("tiny", "pose", "hrnet", "tiny", "none", "none", (), settings, (), folder, False)
    return card, {"weights": file}


def sample_heatmaps() -> np.ndarray:
    """`(4, 17, 24, 16)` float32 bumps anywhere, at the edges too, with noise; some below 0 throughout, one flat.

    The values are whole multiples of 1/1024, so that they are the same everywhere.
    """
    draw = np.random.default_rng(5)
    centers = draw.uniform((-1, -1), (17, 25), (4, 17, 2))
    centers[0, :8] = [(0, 9), (1, 9), (2, 9), (13, 9), (14, 9), (15, 9), (7, 0), (7, 1)]
    centers[1, :6] = [(7, 2), (7, 21), (7, 22), (7, 23), (0, 0), (15, 23)]
    x, y = np.arange(16), np.arange(24)[:, None]
    squared = (x - centers[..., :1, None]) ** 2 + (y - centers[..., 1:, None]) ** 2
    heights = draw.uniform(0.2, 1.05, (4, 17, 1, 1))
    maps = heights * np.exp(-squared / 8) + draw.normal(0, 0.01, squared.shape)
    maps[2, :3] -= 2
    maps[3, 0] = 0.25
    return (np.round(maps * 1024) / 1024).astype(np.float32)


def sample_boxes() -> np.ndarray:
    """`(6, 4)` float32: high, wide, beyond the frame, small, of whole pixels, almost square."""
    boxes = [
        [30.3, 4.2, 98.7, 106.1],
        [2, 30, 140, 60.5],
        [-40, -20, 30, 90],
        [50, 20, 58, 27],
        [10, 10, 50, 90],
        [12.5, 1, 60, 62],
    ]
    return np.array(boxes, np.float32)
