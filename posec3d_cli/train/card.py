"""A trained network becomes a model folder that `--classifier DIR` uses at once."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import torch
from safetensors.torch import save_file
from torch import nn

from posec3d_cli.output import replacing
from posec3d_cli.train.loop import Recipe

_OURS = "This page is written anew by every training; take this line out to keep your own words."


@dataclass(frozen=True)
class Trained:
    """What a card says about a training.

    Attributes:
        classes: the labels in the order of the network's outputs.
        architecture: as `posec3d_cli.nets.build_network` calls it.
        network: its options.
        recipe: the settings of the training.
        window_seconds: the stretch that the classifier reads at once; None for the whole video.
        people: "together" or "each".
        command: what was typed.
        counts: clips per part and origin.
        figures: what was measured on the validation part.
    """

    classes: Sequence[str]
    architecture: str
    network: Mapping[str, Any]
    recipe: Recipe
    window_seconds: float | None
    people: str
    command: str
    counts: Mapping[str, Mapping[str, int]]
    figures: Mapping[str, Any]


def weights_name(number: int) -> str:
    """What the file of a model's network `number`, counted from 0, is called."""
    return f"weights-{number + 1}.safetensors" if number else "weights.safetensors"


def write_card(folder: Path, trained: Trained, networks: Sequence[nn.Module]) -> None:
    """Write `model.toml`, `labels.txt`, the weights in half precision, `training.json` and a README.

    A README is only replaced where it still says that it may be: what people wrote about their model is theirs.
    Whole numbers (counters) keep their type; weights and statistics are rounded to float16.
    """
    folder.mkdir(parents=True, exist_ok=True)
    files = [folder / weights_name(number) for number in range(len(networks))]
    for file, network in zip(files, networks, strict=True):
        state = {
            name: (value.half() if value.is_floating_point() else value).detach().cpu().contiguous()
            for name, value in network.state_dict().items()
        }
        with replacing(file, overwrite=True) as part:
            save_file(state, part)
    (folder / "labels.txt").write_text("".join(f"{label}\n" for label in trained.classes), encoding="utf-8")
    (folder / "model.toml").write_text(_toml(trained, files), encoding="utf-8")
    training = {
        "command": trained.command,
        "clips": trained.counts,
        "validation": trained.figures,
        "recipe": asdict(trained.recipe),
        "torch": torch.__version__,
    }
    (folder / "training.json").write_text(json.dumps(training, indent=1) + "\n", encoding="utf-8")
    readme = folder / "README.md"
    if not readme.exists() or _OURS in readme.read_text(encoding="utf-8"):
        readme.write_text(_readme(folder.name, trained), encoding="utf-8")


def _toml(trained: Trained, files: Sequence[Path]) -> str:
    recipe = trained.recipe
    size = recipe.phases[-1].size
    window = (
        ""
        if trained.window_seconds is None
        else (f"window_seconds = {trained.window_seconds}\nstride_seconds = {trained.window_seconds / 2}\n")
    )
    options = "".join(f"{name} = {json.dumps(value)}\n" for name, value in trained.network.items())
    return f"""\
kind = "classifier"
stage = "posec3d"
summary = "PoseC3D ({trained.architecture}) for {len(trained.classes)} actions, trained with posec3d"
licence = "chosen by whoever trained it"
data_terms = "Those of the clips that it was trained on"
verified = true

[recipe]
architecture = {json.dumps(trained.architecture)}
people = {json.dumps(trained.people)}

[recipe.network]
{options}
[recipe.clip]
frames = {recipe.frames}
sampler = "pyskl"
{window}
[recipe.heatmaps]
size = [{size}, {size}]
joints = {json.dumps(list(recipe.joints))}
sigma = {recipe.sigma}
score_threshold = {recipe.score_threshold}
crop_padding = {recipe.padding - 1:g}
crop_min_size = 4
{"".join(map(_file_entry, files))}"""


def _file_entry(file: Path) -> str:
    blob = file.read_bytes()
    return f"""
[[files]]
name = "{file.stem}"
sha256 = "{hashlib.sha256(blob).hexdigest()}"
size = {len(blob)}
sources = ["file:{file.name}"]
"""


def _readme(name: str, trained: Trained) -> str:
    return f"""\
# {name}

PoseC3D ({trained.architecture}) for {len(trained.classes)} actions: {", ".join(trained.classes)}.

Trained with

    {trained.command}

{_OURS}

`training.json` holds the settings, the number of clips and what was measured on the held-out clips:

```json
{json.dumps({key: value for key, value in trained.figures.items() if key != "confusion"}, indent=1)}
```
"""
