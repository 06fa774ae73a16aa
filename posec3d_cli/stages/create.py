"""Create a stage from its model card: import its class, fetch its weights, hand both over."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from posec3d_cli.config import PipelineConfig
from posec3d_cli.errors import (
    BadCard,
    StageUnavailable,
)
from posec3d_cli.files.digests import files_named
from posec3d_cli.hub.cards import ModelCard
from posec3d_cli.hub.download import DownloadCallback
from posec3d_cli.hub.weights import fetch, hashes
from posec3d_cli.registry import load_stage
from posec3d_cli.results import ModelInfo
from posec3d_cli.runtime.device import USE_AUTO, resolve_device, same_device
from posec3d_cli.stages.protocols import HasDevice, PrefersProcessor

logger = logging.getLogger("posec3d")


def make_stage(
    card: ModelCard,
    config: PipelineConfig,
    *,
    settings: Mapping[str, Any] | None = None,
    progress: DownloadCallback | None = None,
) -> tuple[Any, ModelInfo]:
    """A stage with the card and the files that it was made of.

    Args:
        card: the model.
        config: says where it runs and where its weights may lie.
        settings: what replaces the card's recipe; None: what the config says for models of this kind.
        progress: called during downloads, see `posec3d_cli.hub.weights.fetch`.

    Raises:
        DeviceError, StageError, ModelError: as `create_stage`.
    """
    settings = config.settings_of(card.kind) if settings is None else settings
    place = _device(card, config, settings)
    try:
        stage = create_stage(card, config, device=place, progress=progress, **settings)
    except StageUnavailable as error:
        if config.device != "auto" or place == "cpu":
            raise
        logger.info("%s %s runs on the processor: %s", card.kind, card.name, error.what)
        place = "cpu"
        stage = create_stage(card, config, device=place, progress=progress, **settings)
    if isinstance(stage, HasDevice) and stage.device is None:
        place = "cpu"
    logger.info("%s %s: stage %s on %s", card.kind, card.name, card.stage, place)
    files = {**hashes(card, config.weights_dir), **files_named(settings)}
    return stage, ModelInfo(card.name, card.stage, place, files)


def _device(card: ModelCard, config: PipelineConfig, settings: Mapping[str, Any]) -> str:
    """What the device of a config means for a model."""
    if config.device == "auto" and _prefers_processor(card, settings):
        return "cpu"
    return resolve_device(config.device)


def _prefers_processor(card: ModelCard, settings: Mapping[str, Any]) -> bool:
    stage = load_stage(card.kind, card.stage)
    asked = replace(card, recipe={**card.recipe, **settings})
    return isinstance(stage, PrefersProcessor) and stage.prefers_processor(asked)


def create_stage(
    card: ModelCard,
    config: PipelineConfig | None = None,
    *,
    device: str = "cpu",
    progress: DownloadCallback | None = None,
    **settings: Any,
) -> Any:
    """Make the stage that runs a model: import it, fetch its weights, hand both over.

    Args:
        card: the model.
        config: says whether the network may be used, and where weights may lie; nothing else of it counts.
        device: "cpu", "cuda", "cuda:N" or "mps", already checked to exist.
        progress: as in `weights.fetch`.
        settings: settings that replace those of the card's recipe.

    Raises:
        StageError: the stage is unknown or not installed, see `load_stage`, or does not run on the device.
        ModelError: the weights cannot be fetched, see `weights.fetch`, or the stage refuses the card.
    """
    config = config or PipelineConfig()
    stage = load_stage(card.kind, card.stage)
    files = fetch(card, offline=config.offline, progress=progress, weights_dir=config.weights_dir)
    made = stage.from_card(card, _Files(card, files), device=device, **settings)
    runs_on = made.device if isinstance(made, HasDevice) else "cpu"
    if runs_on is not None and not same_device(str(runs_on), device):
        raise StageUnavailable(
            f"the {card.kind} stage {card.stage!r} cannot run on {device!r}: it runs on {str(runs_on)!r}", hint=USE_AUTO
        )
    return made


class _Files(dict[str, Path]):
    """The files of a card by name; a missing key raises `BadCard`."""

    def __init__(self, card: ModelCard, files: Mapping[str, Path]) -> None:
        super().__init__(files)
        self._card = card

    def __missing__(self, name: str) -> Path:
        named = ", ".join(map(repr, self)) or "none"
        raise BadCard(
            f"{self._card.name}: its stage {self._card.stage!r} needs a file called {name!r}; there is {named}"
        )
