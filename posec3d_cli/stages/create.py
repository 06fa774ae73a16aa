"""Create a stage from its model card: import its class, fetch its weights, hand both over."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from posec3d_cli.errors import (
    BadCard,
    StageUnavailable,
)
from posec3d_cli.files.digests import files_named
from posec3d_cli.hub.cards import ModelCard
from posec3d_cli.hub.catalog import load_card
from posec3d_cli.hub.download import DownloadCallback
from posec3d_cli.hub.weights import fetch, hashes
from posec3d_cli.registry import load_stage
from posec3d_cli.results import ModelInfo
from posec3d_cli.runtime.device import USE_AUTO, resolve_device, same_device
from posec3d_cli.stages.protocols import HasDevice

logger = logging.getLogger("posec3d")


def make_stage(
    kind: str,
    card: ModelCard | str | Path,
    device: str,
    *,
    offline: bool | None,
    progress: Any,
    options: Mapping[str, Any] | None = None,
    weights_dir: str | Path | None = None,
) -> tuple[Any, ModelInfo]:
    """A stage made from its card, and what it was made of; `device` as in `PoseExtractor.from_cards`."""
    if not isinstance(card, ModelCard):
        card = load_card(card, kind)
    place = resolve_device(device)

    def make(where: str) -> Any:
        return create_stage(
            card, device=where, offline=offline, progress=progress, weights_dir=weights_dir, **(options or {})
        )

    try:
        stage = make(place)
    except StageUnavailable as error:
        if device != "auto" or place == "cpu":
            raise
        logger.info("%s %s runs on the processor: %s", kind, card.name, error.what)
        place = "cpu"
        stage = make(place)
    if isinstance(stage, HasDevice) and stage.device is None:
        place = "cpu"
    logger.info("%s %s: stage %s on %s", kind, card.name, card.stage, place)
    files = {**hashes(card, weights_dir), **files_named(options or {})}
    return stage, ModelInfo(card.name, card.stage, place, files)


def create_stage(
    card: ModelCard,
    *,
    device: str = "cpu",
    offline: bool | None = None,
    progress: DownloadCallback | None = None,
    weights_dir: str | Path | None = None,
    **options: Any,
) -> Any:
    """Make the stage that runs a model: import it, fetch its weights, hand both over.

    Args:
        card: the model.
        device: "cpu", "cuda", "cuda:N" or "mps", already checked to exist.
        offline: as in `weights.fetch`.
        progress: as in `weights.fetch`.
        weights_dir: as in `weights.fetch`.
        options: settings that replace those of the card's recipe.

    Raises:
        StageError: the stage cannot be had, as in `load_stage`, or does not run on the device.
        ModelError: the weights cannot be had, as in `weights.fetch`, or the stage refuses the card.
    """
    stage = load_stage(card.kind, card.stage)
    files = fetch(card, offline=offline, progress=progress, weights_dir=weights_dir)
    made = stage.from_card(card, _Files(card, files), device=device, **options)
    runs_on = made.device if isinstance(made, HasDevice) else "cpu"
    if runs_on is not None and not same_device(str(runs_on), device):
        raise StageUnavailable(
            f"the {card.kind} stage {card.stage!r} cannot run on {device!r}: it runs on {str(runs_on)!r}", hint=USE_AUTO
        )
    return made


class _Files(dict[str, Path]):
    """The files of a card by name; one that the stage asks for and the card does not name is the card's fault."""

    def __init__(self, card: ModelCard, files: Mapping[str, Path]) -> None:
        super().__init__(files)
        self._card = card

    def __missing__(self, name: str) -> Path:
        named = ", ".join(map(repr, self)) or "none"
        raise BadCard(
            f"{self._card.name}: its stage {self._card.stage!r} needs a file called {name!r}; there is {named}"
        )
