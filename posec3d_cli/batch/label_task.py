"""LabelTask: recognize the action in a video or in each clip of a pose file, and save its video and poses.

What makes poses and answers is imported by the processes that prepare a task, and not by the one that plans.
"""

from __future__ import annotations

import logging
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, Self

from posec3d_cli.answers import WindowScores
from posec3d_cli.batch.find import InputFile, only_pose_files
from posec3d_cli.batch.outputs import CurrentRun, output_path, written_by_worker
from posec3d_cli.batch.task import Heartbeat
from posec3d_cli.config import KINDS, PipelineConfig
from posec3d_cli.errors import PoseC3DError, unexpected
from posec3d_cli.hub.download import DownloadCallback
from posec3d_cli.hub.resolve import resolve
from posec3d_cli.output.poses import save_poses
from posec3d_cli.pose_files import is_pose_file, read_pose_file
from posec3d_cli.results import ClipResult, Failure, VideoPoses
from posec3d_cli.types import VideoInfo

if TYPE_CHECKING:
    from posec3d_cli.pipeline import Pipeline, WindowsCallback
    from posec3d_cli.recognition.recognizer import ActionRecognizer

logger = logging.getLogger("posec3d")


def _ignore(info: VideoInfo, scores: Sequence[WindowScores]) -> None:
    """Do nothing with windows."""


@dataclass
class LabelTask:
    """Recognize the action in each video and in each clip of a pose file.

    Attributes:
        config: the settings of the pipeline. In annotated videos, actions that score less than its `min_score`, or that
            of the classifier's card, are `unknown`; the results hold every score.
        only_poses: whether all files are pose files; then only the classifier is made. See `of`.
        videos: folder for annotated videos, or None.
        draw_objects: annotated videos also show the objects.
        poses: folder for the poses of videos, or None.
        keep_poses: results hold the poses of the frames that the answer rests on ("used"), or of every frame ("every"),
            for drawing; None: no poses, as in results that worker processes send.
        windows: called with the scores of the next windows of a video, as they come; only in the process that sets it.
        current_run: the run that the written files belong to; None: no files can be written.
        pipeline: the models for videos; made by `prepare`, None if there are only pose files.
        recognizer: the classifiers; made by `prepare`.
    """

    config: PipelineConfig
    only_poses: bool = False
    videos: Path | None = None
    draw_objects: bool = False
    poses: Path | None = None
    keep_poses: Literal["used", "every"] | None = None
    windows: WindowsCallback = _ignore
    current_run: CurrentRun | None = None
    pipeline: Pipeline | None = field(init=False, repr=False, compare=False)
    recognizer: ActionRecognizer = field(init=False, repr=False, compare=False)

    @classmethod
    def of(cls, config: PipelineConfig, files: Iterable[InputFile], **options: Any) -> Self:
        """The task for these input files."""
        return cls(config, only_poses=only_pose_files(files), **options)

    @property
    def kinds(self) -> tuple[str, ...]:
        """The kinds of models that the task needs."""
        return ("classifier",) if self.only_poses else KINDS

    @property
    def folders(self) -> tuple[Path, ...]:
        """The output folders."""
        return tuple(folder for folder in (self.videos, self.poses) if folder is not None)

    @property
    def every_frame(self) -> bool:
        """Whether poses are estimated in every frame of a video, for drawing."""
        return self.videos is not None or self.keep_poses == "every"

    def fetch(self, progress: DownloadCallback | None = None) -> None:
        """Download the weights into the cache."""
        resolve(self.config).fetch(self.kinds, progress)

    def fingerprint(self) -> str:
        """A digest of everything that a result depends on, except the file."""
        # The same with and without videos: a pose file that joins a folder of videos changes none of them.
        resolved = resolve(self.config)
        drawn: dict[str, Any] = {} if self.videos is None else {"draw_objects": self.draw_objects}
        if self.videos is not None or self.config.timeline:  # both say what is `unknown` below it
            drawn["min_score"] = resolved.min_score
        return resolved.fingerprint(KINDS, every_frame=self.videos is not None, **drawn)

    def outputs(self, file: InputFile) -> dict[str, Path]:
        """The output files of a video: "video", "poses"."""
        if is_pose_file(file.path):
            return {}
        targets = {"video": (self.videos, ".mp4"), "poses": (self.poses, ".npz")}
        return {
            kind: output_path(folder, file, suffix) for kind, (folder, suffix) in targets.items() if folder is not None
        }

    def in_run(self, run: CurrentRun) -> Self:
        """The same task as a part of this run."""
        return replace(self, current_run=run)

    def prepare(self, progress: DownloadCallback | None = None) -> None:
        """Load the models; weights that are not in the cache are downloaded."""
        from posec3d_cli.pipeline import Pipeline
        from posec3d_cli.recognition.recognizer import ActionRecognizer

        if self.only_poses:
            self.pipeline, self.recognizer = None, ActionRecognizer.from_config(self.config, progress=progress)
        else:
            self.pipeline = Pipeline.from_config(self.config, progress=progress)
            self.recognizer = self.pipeline.recognizer

    def run(self, file: InputFile, heartbeat: Heartbeat) -> Iterator[ClipResult]:
        """Recognize the actions of a file, one result per clip, and write its output files.

        Raises:
            PoseC3DError: it cannot be read, or a file cannot be written. A clip that fails is a result.
        """
        if self.pipeline is None or is_pose_file(file.path):
            for clip in read_pose_file(file.path):
                yield self._kept(self._recognize(clip, file, heartbeat))
            return
        keep = self.keep_poses is not None or self.poses is not None
        result = self.pipeline.predict(
            file.path, every_frame=self.every_frame, keep_poses=keep, progress=heartbeat, windows=self.windows
        )
        unkept = self._save(file, result, heartbeat)
        yield self._kept(replace(result, name=file.name, warnings=(*result.warnings, *unkept)))

    def failed(self, file: InputFile, error: PoseC3DError) -> ClipResult:
        """The result of a file that failed."""
        return ClipResult.failed(file.path, Failure.of(error), name=file.name)

    def _kept(self, result: ClipResult) -> ClipResult:
        return result.without_poses() if self.keep_poses is None else result

    def _recognize(self, clip: VideoPoses, file: InputFile, heartbeat: Heartbeat) -> ClipResult:
        name = str(clip.video.path).replace(str(file.path), file.name, 1)
        try:
            return replace(self.recognizer.recognize_file(clip, heartbeat=lambda: heartbeat(0, 0)), name=name)
        except PoseC3DError as error:
            return ClipResult.failed(clip.video.path, Failure.of(error), name=name)
        except Exception as error:  # whatever it is, the other clips are answered
            logger.info(f"an unexpected error with {name}", exc_info=error)
            return ClipResult.failed(clip.video.path, Failure.of(unexpected(error)), name=name)

    def _save(self, file: InputFile, result: ClipResult, heartbeat: Heartbeat) -> tuple[str, ...]:
        """Write the output files; returns sentences about lost content, such as sound."""
        from posec3d_cli.output.video import save_video

        frames = len(result.video_poses)
        unkept: tuple[str, ...] = ()
        for kind, target in self.outputs(file).items():
            assert self.current_run is not None
            with written_by_worker(target, self.folders, self.current_run) as part:
                if kind == "video":
                    unkept = save_video(
                        result,
                        part,
                        draw_objects=self.draw_objects,
                        timeline=self.config.timeline,
                        overwrite=True,
                        reader=self.config.reader,
                        progress=lambda done, total: heartbeat(frames, frames),
                    )
                else:
                    save_poses(result.video_poses, part, overwrite=True)
        return unkept
