"""What is done with one video: `LabelTask` says what happens in it, `PoseTask` writes the poses of every frame.

Both are plain values: another process is handed one and makes its models there.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Protocol, Self

from posec3d_cli import __version__, results
from posec3d_cli.batch.find import InputFile
from posec3d_cli.batch.worker import Work
from posec3d_cli.config import DEFAULT_PIPELINE
from posec3d_cli.extraction.cache import PoseCache
from posec3d_cli.extraction.extractor import PoseExtractor
from posec3d_cli.files.digests import files_named
from posec3d_cli.hub.cards import ModelCard
from posec3d_cli.hub.catalog import load_card, load_pipeline
from posec3d_cli.hub.weights import fetch, hashes
from posec3d_cli.recognition.ensemble import load_classifiers


@dataclass(frozen=True)
class Models:
    """Which models do it, and how; the fields are the options of `Pipeline.from_name`.

    Attributes:
        classifier: one, or several with `+` between their names.
        detector_options: settings that replace those of the detector's card.
        pose_options: likewise.
        classifier_options: likewise.
        builder: what draws the volumes; None: what the classifier names.
        cache: where poses are kept and looked up; no answer depends on it.
        weights: the part of each of several classifiers in the answer; None for all alike.
        weights_dir: a folder that may hold weights, or None.
        detect_every: look for people in every N-th of the frames that are posed, see
            `posec3d_cli.extraction.detect_every`.
    """

    pipeline: str = DEFAULT_PIPELINE
    detector: str | None = None
    pose: str | None = None
    classifier: str | None = None
    builder: str | None = None
    device: str = "auto"
    precision: str = "auto"
    reader: str = "pyav"
    offline: bool | None = None
    detector_options: Mapping[str, Any] = field(default_factory=dict)
    pose_options: Mapping[str, Any] = field(default_factory=dict)
    classifier_options: Mapping[str, Any] = field(default_factory=dict)
    cache: PoseCache | None = None
    weights: tuple[float, ...] | None = None
    weights_dir: Path | None = None
    detect_every: int = 1

    def cards(self, *kinds: str) -> list[ModelCard]:
        """The cards of the models of these kinds; several classifiers have one each.

        Raises:
            UnknownModel, BadCard: there is no such pipeline or model.
        """
        names = load_pipeline(self.pipeline)
        named = {kind: getattr(self, kind) or getattr(names, kind) for kind in kinds}
        return [
            card
            for kind, name in named.items()
            for card in (load_classifiers(name) if kind == "classifier" else [load_card(name, kind)])
        ]

    def options(self, kind: str) -> Mapping[str, Any]:
        """The settings that replace those of this kind's card."""
        return {
            "detector": self.detector_options,
            "pose": self.pose_options,
            "classifier": self.classifier_options,
        }[kind]

    def fetch(self, *kinds: str, progress: Any = None) -> None:
        """Get the weights of these kinds into the cache, so that the process need not."""
        for card in self.cards(*kinds):
            fetch(card, offline=self.offline, progress=progress, weights_dir=self.weights_dir)

    def extractor(self) -> PoseExtractor:
        """The detector and the pose model, made."""
        detector, pose = self.cards("detector", "pose")
        return PoseExtractor.from_cards(
            detector,
            pose,
            device=self.device,
            offline=self.offline,
            weights_dir=self.weights_dir,
            reader=self.reader,
            every=self.detect_every,
            detector_options=self.detector_options,
            pose_options=self.pose_options,
            cache=self.cache,
        )

    def fingerprint(self, *kinds: str, **options: Any) -> str:
        """Changes with the models, their weights and recipes, the settings, `options` and this program's version."""
        made_of = {
            "cards": [
                {
                    **{name: getattr(card, name) for name in ("name", "stage", "recipe", "labels")},
                    "files": list(hashes(card, self.weights_dir).values()),
                }
                for card in self.cards(*kinds)
            ],
            "settings": [self.builder, self.device, self.precision, self.reader, self.detect_every],
            "stages": [[kind, dict(given), files_named(given)] for kind in kinds if (given := self.options(kind))],
            "weights": self.weights,
            "options": options,
            "version": [__version__, results.POSES_VERSION],
        }
        return hashlib.sha256(json.dumps(made_of, sort_keys=True, default=str).encode()).hexdigest()


class Task(Protocol):
    """What is to be done with each video; a value that can be pickled. See `posec3d_cli.batch.task`."""

    @property
    def models(self) -> Models:
        """Which models do it, and where."""

    @property
    def folders(self) -> tuple[Path, ...]:
        """The folders that are written into."""

    def fingerprint(self) -> str:
        """Changes with everything that an outcome depends on, but for the video."""

    def outputs(self, found: InputFile) -> dict[str, Path]:
        """The files that are made of a video."""

    def in_run(self, name: str) -> Self:
        """The same, of the run whose unfinished files lie under this name."""

    def make(self) -> Work:
        """Make the models, in the process that uses them."""
