"""Model folders with small networks that were never trained, but look as if: their classes differ."""

from __future__ import annotations

import hashlib

import torch
from safetensors.torch import save_file

from posec3d_cli.nets import build_network

NETWORK = {"base_channels": 4, "stage_blocks": [1, 1, 1]}


def random_state(architecture, classes, options, seed):
    """A state dict whose batch norms and head look trained, the same for the same seed."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        network = build_network(architecture, classes, options)
        for module in network.modules():
            if isinstance(module, torch.nn.BatchNorm3d):
                module.weight.data.uniform_(0.5, 1.5)
                module.bias.data.normal_(std=0.1)
                module.running_mean.normal_(std=0.1)
                module.running_var.uniform_(0.5, 1.5)
        network.cls_head.fc_cls.weight.data.normal_(std=0.5)
        return network.state_dict()


def write_card(
    folder, *, seed, labels=("arms", "legs", "none"), channels="joints", sampler="pyskl", clip="", people=""
):
    """A PoseC3D model folder; `clip` are more lines of its table `recipe.clip`."""
    folder.mkdir(parents=True)
    state = random_state("slowonly", len(labels), NETWORK, seed)
    save_file({name: tensor.contiguous() for name, tensor in state.items()}, folder / "weights.safetensors")
    blob = (folder / "weights.safetensors").read_bytes()
    (folder / "labels.txt").write_text("".join(f"{label}\n" for label in labels))
    (folder / "model.toml").write_text(f"""\
kind = "classifier"
stage = "posec3d"
summary = "a network that was never trained"
licence = "none"
data_terms = "none"

[recipe]
architecture = "slowonly"
people = "together"

[recipe.network]
base_channels = {NETWORK["base_channels"]}
stage_blocks = {NETWORK["stage_blocks"]}

[recipe.clip]
frames = 12
sampler = "{sampler}"
{clip}

[recipe.heatmaps]
size = [16, 16]
channels = "{channels}"

[[files]]
name = "weights"
sha256 = "{hashlib.sha256(blob).hexdigest()}"
size = {len(blob)}
sources = ["file:weights.safetensors"]
""")
    return folder
