"""Pipeline: recognize the action in a video; sample frames, detect, estimate poses, track, build inputs, classify."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, Self

import numpy as np

from posec3d_cli.config import DEFAULT_PIPELINE, DEFAULT_READER
from posec3d_cli.errors import StageMismatch
from posec3d_cli.extraction.cache import PoseCache
from posec3d_cli.extraction.extractor import PoseExtractor, ProgressCallback
from posec3d_cli.hub.cards import ModelCard
from posec3d_cli.hub.catalog import load_pipeline
from posec3d_cli.recognition.ensemble import Named, load_classifiers
from posec3d_cli.recognition.recognizer import ActionRecognizer
from posec3d_cli.results import ClipResult, VideoPoses
from posec3d_cli.sampling.clips import ClipSampling


class Pipeline:
    """Four stages in a row. Made once, used for many videos.

    Args:
        extractor: the detector and the pose estimator.
        actions: the builder and the classifier.
    """

    def __init__(self, extractor: PoseExtractor, actions: ActionRecognizer) -> None:
        self.extractor = extractor
        self.actions = actions

    @classmethod
    def from_name(
        cls,
        name: str = DEFAULT_PIPELINE,
        *,
        detector: str | Path | None = None,
        pose: str | Path | None = None,
        classifier: str | Path | None = None,
        **options: Any,
    ) -> Self:
        """From a pipeline card, one or more of its parts replaced; `options` as in `from_cards`.

        Raises:
            UnknownModel: there is no such pipeline or model.
        """
        card = load_pipeline(name)
        replaced = any(part is not None for part in (detector, pose, classifier))
        return cls.from_cards(
            detector or card.detector,
            pose or card.pose,
            classifier or card.classifier,
            name=None if replaced else name,
            **options,
        )

    @classmethod
    def from_cards(
        cls,
        detector: ModelCard | str | Path,
        pose: ModelCard | str | Path,
        classifier: Named | Sequence[Named],
        *,
        weights: Sequence[float] | None = None,
        builder: str | None = None,
        device: str = "auto",
        precision: str = "auto",
        offline: bool | None = None,
        progress: Any = None,
        reader: str = DEFAULT_READER,
        detect_every: int = 1,
        detector_options: Mapping[str, Any] | None = None,
        pose_options: Mapping[str, Any] | None = None,
        classifier_options: Mapping[str, Any] | None = None,
        cache: PoseCache | None = None,
        weights_dir: str | Path | None = None,
        name: str | None = None,
    ) -> Self:
        """Make every stage, fetching the weights where they are not in the cache.

        Args:
            detector: a card, or its name or path.
            pose: likewise.
            classifier: likewise; its recipe also says how volumes are built and videos are read. Several, as a list or
                as one text with `+` between the names, are asked alike and their probabilities averaged.
            weights: the part of each classifier in the answer, relative to the others; by default all alike.
            builder: the name of the builder that draws the volumes; it replaces that of the classifiers that read
                heatmap volumes, and only theirs. None: the one that each classifier names.
            device: see `PoseExtractor.from_cards`.
            precision: of the classifier's arithmetic: "fp32", "bf16", or "auto", what suits the device.
            offline: never touch the network.
            progress: told about downloads, see `posec3d_cli.hub.weights.fetch`.
            reader: the video reader's name.
            detect_every: look for people in every N-th of the frames that are posed only, see
                `posec3d_cli.extraction.detect_every`; with more than 1 no poses are kept.
            detector_options: settings that replace those of the card.
            pose_options: likewise.
            classifier_options: likewise, for how volumes are built and videos are read too.
            cache: where poses are kept and looked up; see `PoseExtractor.from_cards`.
            weights_dir: a folder that may hold weights, see `posec3d_cli.hub.weights.fetch`.
            name: of the pipeline card that named the parts.

        Raises:
            ValueError: `detect_every` is out of range.
            PoseC3DError: of the branch that fits what is missing or contradictory.
        """
        cards = load_classifiers(classifier)
        actions = ActionRecognizer.from_card(
            cards,
            weights=weights,
            builder=builder,
            device=device,
            precision=precision,
            offline=offline,
            progress=progress,
            weights_dir=weights_dir,
            classifier_options=classifier_options,
        )
        extractor = PoseExtractor.from_cards(
            detector,
            pose,
            device=device,
            offline=offline,
            progress=progress,
            reader=reader,
            every=detect_every,
            detector_options=detector_options,
            pose_options={**({"heatmaps": True} if actions.needs_heatmaps else {}), **(pose_options or {})},
            cache=cache,
            weights_dir=weights_dir,
        )
        for card in cards:
            _check_skeleton(card, extractor)
        actions.used = replace(
            actions.used,
            name=name,
            models={**extractor.models, **actions.used.models},
            detect_every=detect_every,
        )
        return cls(extractor, actions)

    def poses(self, path: str | Path, indices: Any = None, *, progress: ProgressCallback | None = None) -> VideoPoses:
        """The people of these frames of a video, or of all; see `PoseExtractor.poses`."""
        return self.extractor.poses(path, indices, progress=progress)

    def predict(
        self,
        path: str | Path,
        *,
        views: int | None = None,
        flip: bool | None = None,
        window: float | None = None,
        people: str | None = None,
        every_frame: bool = False,
        progress: ProgressCallback | None = None,
    ) -> ClipResult:
        """Say what is done in a video.

        Args:
            path: the video.
            views: views of each window; None: what the classifier's card says. So for the next three.
            flip: read mirror images too.
            window: seconds; 0 reads the video as one.
            people: "together" or "each".
            every_frame: pose every frame, for drawing; the answer rests on the same frames and is the same.
            progress: called with the numbers of frames posed and to pose; while the classifier reads, again with the
                last of them.

        Raises:
            UnreadableVideo, EmptyVideo: the file holds no frame that can be decoded.
            BadCard: a setting is out of range.
            StageMismatch: two stages do not fit.
        """
        sampling = self.actions.clip_sampling(views=views, flip=flip, window=window, people=people)
        return self.predict_as(path, sampling, every_frame=every_frame, progress=progress)

    def predict_as(
        self,
        path: str | Path,
        sampling: ClipSampling,
        *,
        every_frame: bool = False,
        progress: ProgressCallback | None = None,
    ) -> ClipResult:
        """As `predict`, with all settings of the reading at once."""
        with self.extractor.open(path) as video:
            indices = self.actions.frames_needed(sampling, video.info.frame_count, video.info.fps)
            also = np.arange(video.info.frame_count) if every_frame else None
            video_poses = self.extractor.poses_of(video, indices, also=also, progress=progress)
        heartbeat = (lambda: None) if progress is None else (lambda: progress(len(video_poses), len(video_poses)))
        return self.actions.read(video_poses, sampling, heartbeat=heartbeat)


def _check_skeleton(classifier: ModelCard, extractor: PoseExtractor) -> None:
    wanted = classifier.recipe.get("heatmaps", {}).get("skeleton")
    given = extractor.pose.skeleton.name
    if wanted is not None and wanted != given:
        raise StageMismatch(
            f"{classifier.name} reads the skeleton {wanted!r}, but the pose model gives {given!r}",
            hint="choose another --pose or --classifier",
        )
