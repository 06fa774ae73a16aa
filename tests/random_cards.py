"""Model folders with small networks that were never trained, but look as if: their classes differ."""

from __future__ import annotations

import hashlib
import json

import torch
from safetensors.torch import save_file

from posec3d_cli.nets import build_network

NETWORK = {"base_channels": 4, "stage_blocks": [1, 1, 1]}
GRAPH_NETWORK = {"base_channels": 8}
RGB_NETWORK = {"base_channels": 4, "stage_blocks": [1, 1, 1, 1]}
RGBPOSE_NETWORK = {"rgb_channels": 4, "pose_channels": 4, "rgb_blocks": [1, 1, 1, 1], "pose_blocks": [1, 1, 1]}
LABELS = ("arms", "legs", "none")
NORMS = (torch.nn.BatchNorm1d, torch.nn.BatchNorm2d, torch.nn.BatchNorm3d)


def random_state(architecture, classes, options, seed):
    """A state dict whose batch norms and head look trained, the same for the same seed."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        network = build_network(architecture, classes, options)
        for module in network.modules():
            if isinstance(module, NORMS):
                module.weight.data.uniform_(0.5, 1.5)
                module.bias.data.normal_(std=0.1)
                module.running_mean.normal_(std=0.1)
                module.running_var.uniform_(0.5, 1.5)
        for name, values in network.cls_head.named_parameters():
            if name.endswith("weight"):
                values.data.normal_(std=0.5)
        return network.state_dict()


def write_card(
    folder,
    *,
    seed,
    labels=LABELS,
    channels="joints",
    sampler="pyskl",
    clip="",
    recipe="",
    architecture="slowonly",
    network=NETWORK,
):
    """A PoseC3D model folder; `recipe` and `clip` are more lines of its tables `recipe` and `recipe.clip`."""
    tables = {
        "clip": f'frames = 12\nsampler = "{sampler}"\n{clip}',
        "heatmaps": f'size = [16, 16]\nchannels = "{channels}"',
    }
    return _write(folder, "posec3d", architecture, network, labels, seed, tables, recipe)


def write_graph_card(folder, *, seed, labels=LABELS, stream="joint", people=2, clip=""):
    """An ST-GCN++ model folder, likewise; `people` are the slots."""
    tables = {
        "clip": f"frames = 16\n{clip}",
        "graph": f'stream = "{stream}"\nscore_threshold = 0.1\npeople = {people}',
    }
    return _write(folder, "stgcn", "stgcn++", GRAPH_NETWORK, labels, seed, tables)


def write_rgbpose_card(folder, *, seed, labels=LABELS, clip="", recipe="", network=RGBPOSE_NETWORK):
    """An RGBPose-Conv3D model folder, likewise: 4 frames of 64 x 64 pixels beside 16 frames of heatmaps."""
    return _write(folder, "rgbpose", "rgbpose", network, labels, seed, _with_frames(clip), recipe)


def write_rgb_card(folder, *, seed, labels=LABELS, clip="", network=RGB_NETWORK):
    """A model folder of its RGB half, likewise."""
    return _write(folder, "rgb", "rgb-only", network, labels, seed, _with_frames(clip))


def _with_frames(clip):
    return {
        "clip": f"frames = 16\nrgb_frames = 4\n{clip}",
        "heatmaps": "size = [16, 16]",
        "rgb": "size = [64, 64]",
    }


def _write(folder, stage, architecture, network, labels, seed, tables, recipe=""):
    folder.mkdir(parents=True)
    state = random_state(architecture, len(labels), network, seed)
    save_file({name: tensor.contiguous() for name, tensor in state.items()}, folder / "weights.safetensors")
    blob = (folder / "weights.safetensors").read_bytes()
    (folder / "labels.txt").write_text("".join(f"{label}\n" for label in labels))
    options = "\n".join(f"{name} = {json.dumps(value)}" for name, value in network.items())
    written = "\n".join(f"[recipe.{name}]\n{lines}\n" for name, lines in {"network": options, **tables}.items())
    (folder / "model.toml").write_text(f"""\
kind = "classifier"
stage = "{stage}"
summary = "a network that was never trained"
licence = "none"
data_terms = "none"

[recipe]
architecture = "{architecture}"
people = "together"
{recipe}

{written}
[[files]]
name = "weights"
sha256 = "{hashlib.sha256(blob).hexdigest()}"
size = {len(blob)}
sources = ["file:weights.safetensors"]
""")
    return folder


def add_file(folder, name, write, *, suffix=".csv"):
    """Put one more file into a model folder, as its card then says; `write` makes it at a path."""
    path = folder / f"{name}{suffix}"
    write(path)
    body = path.read_bytes()
    digest = hashlib.sha256(body).hexdigest()
    with (folder / "model.toml").open("a", encoding="utf-8") as card:
        card.write(
            f'\n[[files]]\nname = "{name}"\nsha256 = "{digest}"\nsize = {len(body)}\nsources = ["file:{path.name}"]\n'
        )
