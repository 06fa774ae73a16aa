"""What the card of each classifier of an ensemble says of its input: the builder, and the labels of interactions."""

from __future__ import annotations

from collections.abc import Sequence

from posec3d_cli.errors import BadCard, StageMismatch, did_you_mean
from posec3d_cli.hub.cards import ModelCard
from posec3d_cli.registry import load_stage
from posec3d_cli.stages.protocols import NamesBuilder, NamesBuilderOfCard, NeedsFrames

DEFAULT_BUILDER = "heatmap"


def builder_names(cards: Sequence[ModelCard], asked: str | None) -> list[str]:
    """The builder of each classifier: the one that its class names, perhaps by its card; `asked` replaces the default.

    Raises:
        UnknownStage: a builder or classifier stage is not installed.
        StageMismatch: no classifier reads the input of `asked`.
        BadCard: a card does not say what its model reads.
    """
    named = [_builder_of(load_stage("classifier", card.stage), card) for card in cards]
    if asked is None or set(named) == {asked}:
        return named
    load_stage("builder", asked)
    if DEFAULT_BUILDER not in named:
        names = ", ".join(dict.fromkeys(named))
        raise StageMismatch(
            f"no classifier of the pipeline reads the input of the builder {asked!r}", hint=f"leave it at {names}"
        )
    return [asked if name == DEFAULT_BUILDER else name for name in named]


def reading_frames(cards: Sequence[ModelCard], asked: str | None) -> list[ModelCard]:
    """The cards of classifiers whose builder reads frames beside the poses; the errors are those of `builder_names`."""
    names = builder_names(cards, asked)
    return [
        card
        for card, name in zip(cards, names, strict=True)
        if isinstance(load_stage("builder", name), NeedsFrames)  # of the class: it has these members as well
    ]


def interactions_of(card: ModelCard, labels: Sequence[str]) -> tuple[str, ...]:
    """The labels of what two people do together, as the card's `recipe.interactions` names them.

    Raises:
        BadCard: one is no label of the classifier, or all labels are.
    """
    found = tuple(card.recipe.get("interactions", ()))
    if unknown := [one for one in found if one not in labels]:
        raise BadCard(
            f"{card.name}: recipe.interactions names {unknown[0]!r}, which is no label of the classifier",
            hint=did_you_mean(str(unknown[0]), labels) or f"it has {', '.join(labels)}",
        )
    if found and {*labels} <= {*found}:
        raise BadCard(
            f"{card.name}: all labels are interactions, and nothing is left that one person does",
            hint='leave out recipe.interactions, and set people = "together"',
        )
    return found


def _builder_of(stage: object, card: ModelCard) -> str:
    if isinstance(stage, NamesBuilderOfCard):
        return stage.builder_of(card)
    return stage.builder if isinstance(stage, NamesBuilder) else DEFAULT_BUILDER
