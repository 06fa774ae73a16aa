"""What is done with one video: `Labelling` says what happens in it, `Posing` writes the poses of every frame.

Both are plain values: another process is handed one and makes its models there.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, Self

from posec3d_cli import __version__, pose_cache
from posec3d_cli.action_reader import ActionReader
from posec3d_cli.batch.files import place, settle, unfinished
from posec3d_cli.batch.find import Found
from posec3d_cli.batch.worker import Notice, Tell, Work
from posec3d_cli.catalog import DEFAULT_PIPELINE, KINDS, ModelCard, load_card, load_pipeline
from posec3d_cli.errors import OutputError, PoseC3DError
from posec3d_cli.extraction import PoseExtractor
from posec3d_cli.fusion import load_classifiers
from posec3d_cli.output import cuts_of, entry, failure, printable, save_poses, save_video
from posec3d_cli.pipeline import Pipeline
from posec3d_cli.pose_cache import PoseCache
from posec3d_cli.pose_files import is_pose_file, read_pose_file
from posec3d_cli.pose_files.writing import write_pose_file
from posec3d_cli.prediction import NO_PERSON, PosedVideo, Prediction
from posec3d_cli.stage_options import files_named
from posec3d_cli.weights import fetch, hashes


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
        detect_every: look for people in every N-th of the frames that are posed, see `posec3d_cli.looking`.
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
            "version": [__version__, pose_cache.POSES_VERSION],
        }
        return hashlib.sha256(json.dumps(made_of, sort_keys=True, default=str).encode()).hexdigest()


@dataclass(frozen=True)
class Labelling:
    """Say what is done in each video and in each clip of a pose file.

    Attributes:
        models: of the pipeline.
        pictures: whether there is a video among them; where all are pose files, only the classifier is made.
        reading: settings of `ActionReader.reading_with` that replace the card's.
        min_score: in annotated videos, actions that score less are `unknown`. What is returned holds every score, so
            that whoever writes the table decides there.
        videos: folder for annotated videos, or None.
        poses: folder for the poses of videos, or None.
        run: the name under which unfinished files lie.
    """

    models: Models
    pictures: bool = True
    reading: Mapping[str, Any] = field(default_factory=dict)
    min_score: float = 0.0
    videos: Path | None = None
    poses: Path | None = None
    run: str = ""

    @property
    def kinds(self) -> tuple[str, ...]:
        """The kinds of models that are needed."""
        return KINDS if self.pictures else ("classifier",)

    @property
    def folders(self) -> tuple[Path, ...]:
        """The folders that are written into."""
        return tuple(folder for folder in (self.videos, self.poses) if folder is not None)

    def fetch(self, progress: Any = None) -> None:
        """Get the weights into the cache."""
        self.models.fetch(*self.kinds, progress=progress)

    def fingerprint(self) -> str:
        """Changes with everything that an answer depends on, but for the video."""
        # The same with and without pictures: a pose file that joins a folder of videos changes none of them.
        drawn = {} if self.videos is None else {"min_score": self.min_score}
        return self.models.fingerprint(*KINDS, reading=dict(self.reading), every_frame=self.videos is not None, **drawn)

    def outputs(self, found: Found) -> dict[str, Path]:
        """The files that are made of a video: "video", "poses"."""
        if is_pose_file(found.path):
            return {}
        targets = {"video": (self.videos, ".mp4"), "poses": (self.poses, ".npz")}
        return {kind: place(folder, found, suffix) for kind, (folder, suffix) in targets.items() if folder is not None}

    def in_run(self, name: str) -> Self:
        """The same, of the run whose unfinished files lie under this name."""
        return replace(self, run=name)

    def make(self) -> Work:
        """Make the models."""
        models = self.models
        common: dict[str, Any] = {
            "builder": models.builder,
            "device": models.device,
            "precision": models.precision,
            "offline": models.offline,
            "weights": models.weights,
            "weights_dir": models.weights_dir,
            "classifier_options": models.classifier_options,
        }
        if not self.pictures:
            return self.work(None, ActionReader.from_card(models.cards("classifier"), **common))
        stages = Pipeline.from_name(
            models.pipeline,
            detector=models.detector,
            pose=models.pose,
            classifier=models.classifier,
            reader=models.reader,
            detect_every=models.detect_every,
            detector_options=models.detector_options,
            pose_options=models.pose_options,
            cache=models.cache,
            **common,
        )
        return self.work(stages, stages.actions)

    def work(self, stages: Pipeline | None, actions: ActionReader) -> Work:
        """What does one video, with models that are made."""
        reading = actions.reading_with(**self.reading)

        def read_clip(clip: PosedVideo, found: Found, alive: Callable[[], None]) -> dict[str, Any]:
            name = printable(clip.video.path).replace(printable(found.path), printable(found.name), 1)
            try:
                return {**entry(actions.read_file(clip, reading, alive=alive)), "video": name}
            except PoseC3DError as error:
                return {**failure(clip.video.path, error), "video": name}

        def do(found: Found, count: Tell) -> list[dict[str, Any]]:
            if stages is None or is_pose_file(found.path):
                return [read_clip(clip, found, lambda: count(0)) for clip in read_pose_file(found.path)]
            prediction = stages.predict_as(
                found.path, reading, every_frame=self.videos is not None, progress=lambda done, total: count(done)
            )
            say_unkept(stages.extractor, count)
            unkept = self._save(found, prediction, stages.extractor.reader, count)
            answer = entry(prediction)
            return [{**answer, "video": printable(found.name), "warnings": [*answer["warnings"], *unkept]}]

        return do

    def _save(self, found: Found, prediction: Prediction, reader: str, count: Tell) -> tuple[str, ...]:
        """Write the files that were asked for; sentences about what could not be kept."""
        posed = len(prediction.posed)
        unkept: tuple[str, ...] = ()
        for kind, target in self.outputs(found).items():
            part = unfinished(target, self.folders, self.run)
            if kind == "video":
                unkept = save_video(
                    prediction,
                    part,
                    min_score=self.min_score,
                    overwrite=True,
                    reader=reader,
                    progress=lambda done, total: count(posed),
                )
            else:
                save_poses(prediction, part, overwrite=True)
            settle(part, target)
        return unkept


@dataclass(frozen=True)
class Posing:
    """Write the poses of every frame of each video.

    Attributes:
        models: of the pipeline.
        folder: where the files go, in the folders that the videos are in.
        suffix: ".npz", ".json" or ".pkl", which says how.
        run: the name under which unfinished files lie.
    """

    models: Models
    folder: Path
    suffix: str = ".npz"
    run: str = ""
    kinds = ("detector", "pose")

    @property
    def folders(self) -> tuple[Path, ...]:
        """The folders that are written into."""
        return (self.folder,)

    def fetch(self, progress: Any = None) -> None:
        """Get the weights into the cache."""
        self.models.fetch(*self.kinds, progress=progress)

    def fingerprint(self) -> str:
        """Changes with everything that the poses depend on, but for the video."""
        return self.models.fingerprint(*self.kinds)

    def outputs(self, found: Found) -> dict[str, Path]:
        """The file that is made of a video: "poses"."""
        return {"poses": place(self.folder, found, self.suffix)}

    def in_run(self, name: str) -> Self:
        """The same, of the run whose unfinished files lie under this name."""
        return replace(self, run=name)

    def make(self) -> Work:
        """Make the models."""
        return self.work(self.models.extractor())

    def work(self, extractor: PoseExtractor) -> Work:
        """What does one video, with models that are made."""

        def do(found: Found, count: Tell) -> list[dict[str, Any]]:
            posed = extractor.poses(found.path, progress=lambda done, total: count(done))
            target = self.outputs(found)["poses"]
            part = unfinished(target, self.folders, self.run)
            try:
                write_pose_file(posed, part, self.suffix)
            except OSError as error:
                raise OutputError(f"{target} cannot be written: {error.strerror}") from error
            settle(part, target)
            people = len({who for one in posed.identities for who in one.tolist() if who >= 0})
            return [
                {
                    "video": printable(found.name),
                    "status": "ok" if people else NO_PERSON,
                    "frames_used": len(posed),
                    "people_found": people,
                    "lost_frames": len(posed.lost) + posed.video.lost_frames,
                    "cuts": cuts_of(posed),
                    "seconds": {stage: round(seconds, 4) for stage, seconds in posed.seconds.items()},
                }
            ]

        return do


def say_unkept(extractor: PoseExtractor, tell: Tell) -> None:
    """Tell why the cache of poses did not take those of the last video, if it did not."""
    if extractor.cache is not None and extractor.cache.problem:
        tell(Notice(extractor.cache.problem))
