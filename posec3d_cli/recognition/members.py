"""Which input builder each classifier of an ensemble gets."""

from __future__ import annotations

from collections.abc import Sequence

from posec3d_cli.errors import StageMismatch
from posec3d_cli.hub.cards import ModelCard
from posec3d_cli.registry import load_stage
from posec3d_cli.stages.protocols import NamesBuilder

DEFAULT_BUILDER = "heatmap"


def builder_names(cards: Sequence[ModelCard], asked: str | None) -> list[str]:
    """The builder for each classifier: what its class names, or, where that is the default one, `asked`.

    Raises:
        UnknownStage: there is no builder or classifier stage of a name.
        StageMismatch: none of the classifiers can read what another builder makes.
    """
    classes: list[object] = [load_stage("classifier", card.stage) for card in cards]
    named = [one.builder if isinstance(one, NamesBuilder) else DEFAULT_BUILDER for one in classes]
    if asked is None or set(named) == {asked}:
        return named
    load_stage("builder", asked)
    if DEFAULT_BUILDER not in named:
        names = ", ".join(dict.fromkeys(named))
        raise StageMismatch(f"no classifier here reads what the builder {asked!r} makes", hint=f"leave it at {names}")
    return [asked if name == DEFAULT_BUILDER else name for name in named]
