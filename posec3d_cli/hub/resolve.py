"""Resolve a config: its model cards and weights, and the fingerprints of the results that depend on them."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from posec3d_cli import __version__, results
from posec3d_cli.config import KINDS, Model, PipelineConfig, check_weights
from posec3d_cli.errors import UnknownModel
from posec3d_cli.files.digests import files_named
from posec3d_cli.hub.cards import ModelCard
from posec3d_cli.hub.catalog import is_model, load_card, load_pipeline
from posec3d_cli.hub.download import DownloadCallback
from posec3d_cli.hub.weights import fetch, hashes
from posec3d_cli.schema import Share, read

MIN_SCORE = "min_score"  # a setting of a classifier's card


@dataclass(frozen=True, eq=False)
class ResolvedPipeline:
    """A config and the cards of its models; made by `resolve`, or by hand of cards that lie nowhere.

    Attributes:
        config: the settings.
        detector: its card.
        pose: the card of the pose estimator.
        classifiers: one card, or those of an ensemble.
        name: of the pipeline card, where all of its models are used.

    Raises:
        ConfigError: the weights of the ensemble are not those of its classifiers.
        UnknownModel: two of the classifiers are called alike.
    """

    config: PipelineConfig
    detector: ModelCard
    pose: ModelCard
    classifiers: tuple[ModelCard, ...]
    name: str | None = None

    def __post_init__(self) -> None:
        names = [card.name for card in self.classifiers]
        if len(set(names)) < len(names):
            raise UnknownModel(f"two classifiers of the ensemble have the same name: {', '.join(names)}")
        if self.config.ensemble_weights:
            check_weights(self.config.ensemble_weights, names)

    @property
    def weights(self) -> Sequence[float]:
        """One weight per classifier."""
        return self.config.ensemble_weights or [1.0] * len(self.classifiers)

    @property
    def min_score(self) -> float:
        """The answer is `unknown` if the best action scores less: of the config, or the weighted mean of the cards.

        Raises:
            BadCard: a card's value is no number in [0, 1].
        """
        if self.config.min_score is not None:
            return self.config.min_score
        recipes = [(card.name, {**card.recipe, **self.config.classifier_settings}) for card in self.classifiers]
        each: list[float] = [
            read(Share, recipe.get(MIN_SCORE, 0.0), where=name, key=f"recipe.{MIN_SCORE}") for name, recipe in recipes
        ]
        total = sum(score * weight for score, weight in zip(each, self.weights, strict=True))
        return round(total / sum(self.weights), 6)

    @property
    def names_unknown(self) -> bool:
        """Whether a label `unknown` of a classifier may be the answer: not where the config's `min_score` is 0."""
        return self.config.min_score != 0 or not any(results.UNKNOWN in card.labels for card in self.classifiers)

    def cards(self, kinds: Iterable[str] = KINDS) -> list[ModelCard]:
        """The cards of the models of these kinds."""
        every = {"detector": (self.detector,), "pose": (self.pose,), "classifier": self.classifiers}
        return [card for kind in kinds for card in every[kind]]

    def fetch(self, kinds: Iterable[str] = KINDS, progress: DownloadCallback | None = None) -> None:
        """Get the weights of these kinds into the cache, so that other processes need not.

        Raises:
            WeightsMissing, WeightsCorrupt, InputError: as `posec3d_cli.hub.weights.fetch`.
        """
        for card in self.cards(kinds):
            fetch(card, offline=self.config.offline, progress=progress, weights_dir=self.config.weights_dir)

    def described(self) -> dict[str, Any]:
        """The models with their weights' sha256, and the settings that answers depend on, as plain values."""
        models = [
            {
                "kind": card.kind,
                **{"name": card.name, "stage": card.stage, "sha256": hashes(card, self.config.weights_dir)},
                "settings": dict(self.config.settings_of(card.kind)),
            }
            for card in self.cards()
        ]
        fields = {**self.config.fingerprint_fields("answers"), "min_score": self.min_score}
        return {"pipeline": self.name, "version": __version__, "models": models, "settings": fields}

    def fingerprint(self, kinds: Sequence[str] = KINDS, **more: Any) -> str:
        """Changes with the models of these kinds, their weights, recipes and settings, and with this program's version.

        Args:
            kinds: with "classifier", all fields that answers depend on count; else those that poses depend on.
            more: what else the result depends on.
        """
        config = self.config
        made_of = {
            "cards": [
                {
                    **{name: getattr(card, name) for name in ("name", "stage", "labels", "conversion")},
                    "recipe": _shaping(card.kind, card.recipe),
                    "files": list(hashes(card, config.weights_dir).values()),
                }
                for card in self.cards(kinds)
            ],
            "fields": config.fingerprint_fields("answers" if "classifier" in kinds else "poses"),
            "names_unknown": "classifier" not in kinds or self.names_unknown,
            "settings": [
                [kind, given, files_named(given)]
                for kind in kinds
                if (given := _shaping(kind, config.settings_of(kind)))
            ],
            "more": more,
            "version": [__version__, results.POSES_VERSION],
        }
        return hashlib.sha256(json.dumps(made_of, sort_keys=True, default=str).encode()).hexdigest()


def _shaping(kind: str, settings: Mapping[str, Any]) -> dict[str, Any]:
    """The settings that scores depend on: that of a classifier which says which answers are `unknown` is none."""
    return {name: value for name, value in settings.items() if (kind, name) != ("classifier", MIN_SCORE)}


def resolve(config: PipelineConfig) -> ResolvedPipeline:
    """Find the cards of a config's models; nothing is fetched.

    Raises:
        UnknownModel: there is no such pipeline or model, or two classifiers are called alike.
        BadCard: a card lacks a key, or holds an unknown one or a value of the wrong type.
        ConfigError: the weights of the ensemble are not those of its classifiers.
    """
    card = load_pipeline(config.pipeline)
    replaced = config.detector is not None or config.pose is not None or bool(config.classifiers)
    return ResolvedPipeline(
        config,
        load_card(config.detector or card.detector, "detector"),
        load_card(config.pose or card.pose, "pose"),
        tuple(load_card(one, "classifier") for one in config.classifiers or ensemble_of(card.classifier)),
        None if replaced else card.name,
    )


def ensemble_of(text: str) -> tuple[Model, ...]:
    """The classifiers of "a" or "a+b"; a folder may have a + in its name."""
    return (text,) if "+" not in text or is_model(text) else tuple(text.split("+"))
