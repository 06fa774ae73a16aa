"""PipelineConfig: every setting of a pipeline, with default, help text and permitted values."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, fields
from pathlib import Path
from types import MappingProxyType
from typing import Any, Literal, get_args

from posec3d_cli.errors import ConfigError, counted

DEFAULT_PIPELINE = "light"
DEFAULT_READER = "pyav"
READERS = ("decord", "pyav")
PRECISIONS = ("auto", "fp32", "bf16")
People = Literal["together", "each"]
PEOPLE: tuple[str, ...] = get_args(People)
Kind = Literal["detector", "pose", "classifier"]
KINDS: tuple[Kind, ...] = get_args(Kind)
"""Of models."""
MOST_DETECT_EVERY = 16
TIMELINE_WINDOW = 2.0
"""Seconds of a window of a timeline, of a classifier whose card has no windows."""

Model = str | Path
"""A model's name, or the path of its folder."""
Settings = Mapping[str, Any]
Shaped = Literal["poses", "answers"]


def _about(sentence: str, *, shapes: Shaped | None = None) -> dict[str, Any]:
    """The help text of a field, and which result depends on the field."""
    return {"help": sentence, "shapes": shapes}


_OF_A_CARD = "Settings in place of those of the card."


@dataclass(frozen=True)
class PipelineConfig:
    """The settings of a pipeline; equal configs give equal results.

    A plain value: it can be compared, pickled and sent to other processes. It names models and loads none.

    Attributes:
        pipeline: name of the pipeline card whose three models are used.
        detector: model that replaces that of the pipeline card; a name or a folder.
        pose: likewise, the pose estimator.
        classifiers: likewise, the classifier; several are an ensemble.
        ensemble_weights: one weight per classifier, relative to each other; empty: equal ones.
        builder: input builder stage that replaces the one that classifiers of heatmap volumes name.
        detector_settings: settings that replace those of the detector's card.
        pose_settings: likewise, of the pose estimator's card. With `heatmaps` no pose cache is used, for these are too
            large.
        classifier_settings: likewise, of every classifier's card.
        detect_every: detect people in every N-th frame; in between, boxes are interpolated. Above 1 the people in a
            frame depend on the frames before and after, so that cached poses serve only the same frames again.
        views: clips sampled from each window; None for the setting of the classifier's card, likewise below.
        flip: average with mirrored clips.
        window_seconds: length of a window; 0 for one window of the whole video.
        stride_seconds: from the start of one window to that of the next; None for half a window if `window_seconds`
            replaces the card's, else for the card's.
        timeline: also of a classifier that reads videos whole, say who does what from when to when: it reads windows of
            `TIMELINE_WINDOW` seconds unless `window_seconds` says otherwise.
        person: read only the person with this track id.
        largest: of the people in each window read only the largest.
        roi: read only people in this rectangle: x, y, width and height in pixels.
        people: "together" for one input of all people, or "each" for one input per tracked person.
        min_score: the answer is `unknown` if the best action scores less; 0 for never, not even where that is a label
            of the classifier, None for the setting of the classifier's card.
        device: "auto", "cpu", "cuda", "cuda:N" or "mps". With "auto", a stage that cannot use the best device runs on
            the processor; a named device is used or refused.
        precision: "auto", "fp32" or "bf16", of the classifier's arithmetic.
        reader: video reader, "pyav" or "decord".
        offline: never use the network; None: the variable `POSEC3D_OFFLINE` decides.
        weights_dir: folder that is searched for weights before anything is downloaded.
        cache_dir: folder of the pose cache; "default": the user's; None: no cache.

    Raises:
        ConfigError: a value is out of range, or two contradict each other.
    """

    pipeline: str = field(
        default=DEFAULT_PIPELINE, metadata=_about("Use the detector, pose model and classifier of this pipeline.")
    )
    detector: Model | None = field(default=None, metadata=_about("Use this detector instead of the pipeline's."))
    pose: Model | None = field(default=None, metadata=_about("Use this pose model instead of the pipeline's."))
    classifiers: tuple[Model, ...] = field(
        default=(), metadata=_about("Use this classifier (name or folder) or, with +, an ensemble of several.")
    )
    ensemble_weights: tuple[float, ...] = field(
        default=(),
        metadata=_about("Weight the classifiers of an ensemble, such as 2:1; equal by default.", shapes="answers"),
    )
    builder: str | None = field(
        default=None,
        metadata=_about("Build the classifier's input with heatmap (default) or estimator-heatmap.", shapes="answers"),
    )
    detector_settings: Settings = field(default_factory=dict, metadata=_about(_OF_A_CARD))
    pose_settings: Settings = field(default_factory=dict, metadata=_about(_OF_A_CARD))
    classifier_settings: Settings = field(default_factory=dict, metadata=_about(_OF_A_CARD))
    detect_every: int = field(
        default=1,
        metadata=_about("Detect people in every N-th frame, interpolate boxes in between.", shapes="poses"),
    )
    views: int | None = field(
        default=None,
        metadata=_about("Sample N clips of each window; the model decides by default.", shapes="answers"),
    )
    flip: bool | None = field(
        default=None,
        metadata=_about("Average with mirrored clips, or do not; the model decides by default.", shapes="answers"),
    )
    window_seconds: float | None = field(
        default=None,
        metadata=_about(
            "Split into windows of this length, 0 for none; the model decides by default.", shapes="answers"
        ),
    )
    stride_seconds: float | None = field(
        default=None,
        metadata=_about("Read a window every N seconds; half a window or the model's by default.", shapes="answers"),
    )
    timeline: bool = field(
        default=False, metadata=_about("Print who does what from when to when, one row per segment.", shapes="answers")
    )
    person: int | None = field(
        default=None, metadata=_about("Read only the person with this track id.", shapes="answers")
    )
    largest: bool = field(
        default=False, metadata=_about("Read only the largest person of each window.", shapes="answers")
    )
    roi: tuple[float, float, float, float] | None = field(
        default=None, metadata=_about("Read only people in this rectangle, in pixels.", shapes="answers")
    )
    people: str | None = field(
        default=None,
        metadata=_about(
            "Recognize all people together or each person; the model decides by default.", shapes="answers"
        ),
    )
    min_score: float | None = field(
        default=None,
        metadata=_about("Answer `unknown` below this probability, 0 for never; the model decides by default."),
    )
    device: str = field(
        default="auto",
        metadata=_about("Run the networks on this device; auto takes a GPU if there is one.", shapes="poses"),
    )
    precision: str = field(
        default="auto",
        metadata=_about(
            "Run the classifier in this precision; auto takes bf16 if the hardware has it.", shapes="answers"
        ),
    )
    reader: str = field(
        default=DEFAULT_READER,
        metadata=_about(
            "Decode videos with this library; pyav reads every file, decord whole ones only.", shapes="poses"
        ),
    )
    offline: bool | None = field(
        default=None, metadata=_about("Never use the network; POSEC3D_OFFLINE=1 does the same.")
    )
    weights_dir: Path | None = field(
        default=None, metadata=_about("Look for weights in this folder first; POSEC3D_WEIGHTS may name several.")
    )
    cache_dir: Path | Literal["default"] | None = field(
        default="default", metadata=_about("Keep estimated poses in this folder; by default in the user's cache.")
    )

    def __post_init__(self) -> None:
        for name in ("classifiers", "ensemble_weights"):
            if isinstance(getattr(self, name), str):
                raise ConfigError(f"{name} must be a tuple, got the text {getattr(self, name)!r}")
            object.__setattr__(self, name, tuple(getattr(self, name)))
        for name in ("detector_settings", "pose_settings", "classifier_settings"):
            object.__setattr__(self, name, MappingProxyType(dict(getattr(self, name))))
        for name, permitted in (("people", (None, *PEOPLE)), ("precision", PRECISIONS), ("reader", READERS)):
            if getattr(self, name) not in permitted:
                choices = ", ".join(str(choice) for choice in permitted if choice is not None)
                raise ConfigError(f"{name} must be one of {choices}, got {getattr(self, name)!r}")
        check_detect_every(self.detect_every)
        if self.views is not None and not (isinstance(self.views, int) and self.views >= 1):
            raise ConfigError(f"views must be a whole number of at least 1, got {self.views}")
        if self.window_seconds is not None and not 0 <= self.window_seconds < math.inf:
            raise ConfigError(f"window_seconds must be 0 or more, got {self.window_seconds}")
        if self.stride_seconds is not None and not 0 < self.stride_seconds < math.inf:
            raise ConfigError(f"stride_seconds must be more than 0, got {self.stride_seconds}")
        if self.timeline and self.window_seconds == 0:
            raise ConfigError("a timeline needs windows, got window_seconds 0")
        if self.person is not None and not (isinstance(self.person, int) and self.person >= 0):
            raise ConfigError(f"person must be a track id, 0 or more, got {self.person}")
        if self.roi is not None and not (all(map(math.isfinite, self.roi)) and min(self.roi[2:]) > 0):
            raise ConfigError(f"roi must be x, y, and a width and a height above 0, got {self.roi}")
        if self.min_score is not None and not 0 <= self.min_score <= 1:
            raise ConfigError(f"min_score must be from 0 to 1, got {self.min_score}")
        if isinstance(self.cache_dir, str) and self.cache_dir != "default":
            raise ConfigError(f'cache_dir must be a Path, "default" or None, got the text {self.cache_dir!r}')
        weights = self.ensemble_weights
        if weights and not (all(0 <= weight < math.inf for weight in weights) and sum(weights) > 0):
            raise ConfigError(f"the weights {_ratio(weights)} must be finite, not below 0 and not all 0")
        if weights and self.classifiers:
            check_weights(weights, [Path(one).name for one in self.classifiers])

    def __reduce__(self) -> tuple[Any, tuple[Any, ...]]:
        """Read-only mappings are pickled as dicts."""
        values = (getattr(self, one.name) for one in fields(self))
        return type(self), tuple(dict(value) if isinstance(value, MappingProxyType) else value for value in values)

    def settings_of(self, kind: str) -> Settings:
        """The settings that replace those of the cards of this kind: "detector", "pose" or "classifier"."""
        settings: Settings = getattr(self, f"{kind}_settings")
        return settings

    def fingerprint_fields(self, of: Shaped) -> dict[str, Any]:
        """The fields that poses, or answers, depend on, besides the models and the settings of their cards."""
        shapes = ("poses",) if of == "poses" else ("poses", "answers")
        return {one.name: getattr(self, one.name) for one in fields(self) if one.metadata["shapes"] in shapes}


def check_detect_every(number: int) -> None:
    """Refuse a `detect_every` out of range.

    Raises:
        ConfigError: the number is no whole number from 1 to MOST_DETECT_EVERY.
    """
    if not (isinstance(number, int) and 1 <= number <= MOST_DETECT_EVERY):
        raise ConfigError(f"detect_every must be a whole number from 1 to {MOST_DETECT_EVERY}, got {number}")


def check_weights(weights: Sequence[float], names: Sequence[str]) -> None:
    """Refuse ensemble weights whose number is not that of the classifiers.

    Raises:
        ConfigError: the numbers differ.
    """
    if len(weights) != len(names):
        many = counted(len(names), "classifier")
        raise ConfigError(f"the weights {_ratio(weights)} are {len(weights)}, and {'+'.join(names)} is {many}")


def _ratio(weights: Sequence[float]) -> str:
    return ":".join(f"{weight:g}" for weight in weights)


def help_of(name: str) -> str:
    """The sentence that the command line shows for a field of `PipelineConfig`."""
    return str(PipelineConfig.__dataclass_fields__[name].metadata["help"])
