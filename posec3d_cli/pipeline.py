"""Pipeline: recognize the action in a video; sample frames, detect, estimate poses, track, build inputs, classify."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, Self

import numpy as np

from posec3d_cli.answers import WindowScores
from posec3d_cli.config import PipelineConfig
from posec3d_cli.errors import StageMismatch, counted
from posec3d_cli.extraction.crops import VideoFrames
from posec3d_cli.extraction.extractor import PoseExtractor, ProgressCallback
from posec3d_cli.hub.cards import ModelCard
from posec3d_cli.hub.download import DownloadCallback
from posec3d_cli.hub.resolve import ResolvedPipeline, resolve
from posec3d_cli.recognition.recognizer import ActionRecognizer
from posec3d_cli.recognition.stream import WindowStream
from posec3d_cli.results import ClipResult, VideoPoses
from posec3d_cli.sampling.clips import ClipSampling
from posec3d_cli.types import Ints, VideoInfo
from posec3d_cli.video import VideoReader

WindowsCallback = Callable[[VideoInfo, Sequence[WindowScores]], None]
"""Called with the properties of a video and the scores of its next windows."""


class Pipeline:
    """The whole pipeline, from a video to its actions. Made once, used for many videos.

    Args:
        extractor: the detector and the pose estimator.
        recognizer: the builder and the classifier.
    """

    def __init__(self, extractor: PoseExtractor, recognizer: ActionRecognizer) -> None:
        self.extractor = extractor
        self.recognizer = recognizer

    @classmethod
    def from_config(cls, config: PipelineConfig, *, progress: DownloadCallback | None = None) -> Self:
        """Make every stage of a config, and download missing weights.

        Args:
            config: the settings.
            progress: called during downloads, see `posec3d_cli.hub.weights.fetch`.

        Raises:
            UnknownModel: there is no such pipeline or model.
            PoseC3DError: of the branch that fits what is missing or contradictory.
        """
        return cls.from_resolved(resolve(config), progress=progress)

    @classmethod
    def from_resolved(cls, resolved: ResolvedPipeline, *, progress: DownloadCallback | None = None) -> Self:
        """As `from_config`, with resolved cards."""
        recognizer = ActionRecognizer.from_resolved(resolved, progress=progress)
        extractor = PoseExtractor.from_resolved(resolved, heatmaps=recognizer.needs_heatmaps, progress=progress)
        for card in resolved.classifiers:
            _check_skeleton(card, extractor)
        recognizer.used = replace(
            recognizer.used,
            name=resolved.name,
            models={**extractor.models, **recognizer.used.models},
            detect_every=resolved.config.detect_every,
        )
        return cls(extractor, recognizer)

    def poses(self, path: str | Path, indices: Any = None, *, progress: ProgressCallback | None = None) -> VideoPoses:
        """Estimate the poses in a video, or in some of its frames; see `PoseExtractor.poses`."""
        return self.extractor.poses(path, indices, progress=progress)

    def predict(
        self,
        path: str | Path,
        *,
        sampling: ClipSampling | None = None,
        every_frame: bool = False,
        keep_poses: bool = True,
        progress: ProgressCallback | None = None,
        windows: WindowsCallback = lambda info, scores: None,
    ) -> ClipResult:
        """Recognize the action in a video.

        Args:
            path: the video.
            sampling: of the clips; None for that of the config, and by default of the classifier's card.
            every_frame: estimate poses in every frame, for drawing; the scores stay the same.
            keep_poses: the result has the poses. Without them, and without `every_frame`, memory does not grow with the
                length of the video: windows are classified as they are complete.
            progress: called with the number of frames with poses and of all frames; during classification, again
                with the last numbers.
            windows: called with the properties of the video and the scores of its next windows, as they come; only
                where `keep_poses` and `every_frame` are false.

        Raises:
            UnreadableVideo, EmptyVideo: the file holds no frame that can be decoded.
            StageMismatch: two stages do not fit.
        """
        sampling = sampling or self.recognizer.sampling
        with self.extractor.open(path) as video:
            indices = self.recognizer.frames_needed(sampling, *video.info.timing)
            if not keep_poses and not every_frame and not self.recognizer.needs_frames:
                return self._streamed(video, indices, sampling, progress, windows)
            also = np.arange(video.info.frame_count) if every_frame else None
            video_poses = self.extractor.poses_of(video, indices, also=also, progress=progress)
            heartbeat = _heartbeat(progress, len(video_poses))
            frames = VideoFrames(video.info.path, video=video) if self.recognizer.needs_frames else None
            lost = set(video.lost)
            result = self.recognizer.recognize(video_poses, sampling, frames=frames, heartbeat=heartbeat)
            unread = len(set(video.lost) - lost)
        if not unread:
            return result
        notice = f"{counted(unread, 'frame')} whose pixels are needed cannot be decoded: the nearest of the others"
        return replace(result, warnings=(*result.warnings, f"{notice} {'stands' if unread == 1 else 'stand'} in"))

    def _streamed(
        self,
        video: VideoReader,
        indices: Ints,
        sampling: ClipSampling,
        progress: ProgressCallback | None,
        windows: WindowsCallback,
    ) -> ClipResult:
        done = 0

        def count(frames: int, total: int) -> None:
            nonlocal done
            done = frames
            if progress is not None:
                progress(frames, total)

        heartbeat = (lambda: None) if progress is None else (lambda: progress(done, len(indices)))
        stream = WindowStream(self.recognizer, video.info, sampling, heartbeat=heartbeat)
        for part, stop in self.extractor.stream(video, indices, progress=count):
            if found := stream.add(part, stop):
                windows(video.info, found)
        return stream.result()


def _heartbeat(progress: ProgressCallback | None, frames: int) -> Callable[[], None]:
    return (lambda: None) if progress is None else (lambda: progress(frames, frames))


def _check_skeleton(classifier: ModelCard, extractor: PoseExtractor) -> None:
    wanted = classifier.recipe.get("heatmaps", {}).get("skeleton")
    given = extractor.pose.skeleton.name
    if wanted is not None and wanted != given:
        raise StageMismatch(
            f"{classifier.name} reads the skeleton {wanted!r}, but the pose model gives {given!r}",
            hint="choose another --pose or --classifier",
        )
