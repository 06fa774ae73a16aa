"""Write a trained network as a model folder that `--classifier DIR` loads."""

from __future__ import annotations

import json
import re
import tomllib
from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any

import msgspec
import tomli_w
import torch
from msgspec import structs
from safetensors.torch import save_file
from torch import nn

from posec3d_cli.files.digests import sha256_of
from posec3d_cli.files.writing import atomic_write
from posec3d_cli.hub.cards import OBJECTS
from posec3d_cli.hub.resolve import MIN_SCORE
from posec3d_cli.training.readme import GENERATED, readme
from posec3d_cli.training.seen import LEARNED, RECORD
from posec3d_cli.training.summary import Trained
from posec3d_cli.transforms.joint_features import JointSpec

CARD, LABELS, OBJECTS_TABLE = "model.toml", "labels.txt", "objects.csv"
SCHEMA, VERSION = "posec3d/training", 1
"""Of `training.json`."""
_WRITTEN = re.compile(r"weights(-\d+)?\.safetensors|objects\.csv")


def weights_name(number: int) -> str:
    """The name of the weights file of network `number`, counted from 0."""
    return f"weights-{number + 1}.safetensors" if number else "weights.safetensors"


def files_of(folder: Path) -> list[Path]:
    """The existing files that the card in a folder names, as far as a training writes such."""
    try:
        card = tomllib.loads((folder / CARD).read_text(encoding="utf-8"))
        named = {source for file in card["files"] for source in file["sources"]}
    except (OSError, ValueError, KeyError, TypeError):
        return []  # no card that a training wrote
    names = sorted(name.removeprefix("file:") for name in named)
    return [folder / name for name in names if _WRITTEN.fullmatch(name) and (folder / name).is_file()]


def write_weights(folder: Path, number: int, network: nn.Module) -> None:
    """Write the weights of network `number` in half precision; counters keep their type."""
    state = {
        name: (value.half() if value.is_floating_point() else value).detach().cpu().contiguous()
        for name, value in network.state_dict().items()
    }
    with atomic_write(folder / weights_name(number), overwrite=True) as part:
        save_file(state, part)


def write_card(folder: Path, trained: Trained, networks: int) -> None:
    """Write `model.toml`, `labels.txt`, `training.json` and a README beside the weights of the networks.

    A README is replaced only while it holds the line that says so: a user's own page is kept.
    """
    files = {Path(name).stem: folder / name for name in map(weights_name, range(networks))}
    if trained.objects is not None:
        files[OBJECTS] = folder / OBJECTS_TABLE
        with atomic_write(files[OBJECTS], overwrite=True) as part:
            trained.objects.write(part)
    _write(folder / LABELS, "".join(f"{label}\n" for label in trained.classes))
    _write(folder / CARD, tomli_w.dumps(_card(trained, files)))
    training = {
        "schema": SCHEMA,
        "version": VERSION,
        "command": trained.command,
        "start": None if trained.start is None else asdict(trained.start),
        "clips": trained.clips,
        "validation": trained.figures,
        "config": msgspec.to_builtins(trained.config),
        "history": list(trained.history),
        "torch": torch.__version__,
        "device": trained.device,
        "precision": trained.precision,
        LEARNED: list(trained.learned_from),
    }
    _write(folder / RECORD, json.dumps(training, indent=1) + "\n")
    page = folder / "README.md"
    if not page.exists() or GENERATED in page.read_text(encoding="utf-8"):
        _write(page, readme(folder, trained))


def _write(path: Path, text: str) -> None:
    with atomic_write(path, overwrite=True) as part:
        part.write_text(text, encoding="utf-8")


def _card(trained: Trained, files: Mapping[str, Path]) -> dict[str, Any]:
    config = trained.config
    spec = config.spec
    builder_settings = (
        {"graph": structs.asdict(spec)} if isinstance(spec, JointSpec) else {"heatmaps": spec.to_recipe()}
    )
    stage = "stgcn" if isinstance(spec, JointSpec) else "posec3d"
    if config.rgb is not None:
        stage = {"rgb": "rgb"}.get(config.reads, "rgbpose")
        builder_settings = {**builder_settings, "rgb": msgspec.to_builtins(config.rgb)}
    start = trained.start
    from_model = "" if start is None else f" from {start.model}"
    return {
        "kind": "classifier",
        "stage": stage,
        "summary": f"{config.architecture} for {len(trained.actions)} actions, trained with posec3d train{from_model}",
        "licence": "not set; whoever publishes the weights chooses one"
        + ("" if start is None else f". {start.model}, from which it was trained: {start.licence}"),
        "data_terms": "those of the clips that it was trained on"
        + ("" if start is None else f". {start.model}: {start.data_terms}"),
        "verified": True,
        "recipe": {
            "architecture": config.architecture,
            **({} if trained.temperature == 1 else {"temperature": float(f"{trained.temperature:.4g}")}),
            **({MIN_SCORE: trained.min_score} if trained.min_score else {}),
            **({"interactions": list(config.interactions)} if config.interactions else {}),
            "network": dict(trained.network),
            **config.sampling.to_recipe(),
            **builder_settings,
        },
        "files": [
            {
                "name": name,
                "sha256": sha256_of(file),
                "size": file.stat().st_size,
                "sources": [f"file:{file.name}"],
            }
            for name, file in files.items()
        ],
    }
