"""LabelTask: recognize the action in a video or in each clip of a pose file, and save its video and poses."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Self

from posec3d_cli.batch.find import InputFile
from posec3d_cli.batch.outputs import CurrentRun, place, written_by_worker
from posec3d_cli.batch.worker import Tell, Work
from posec3d_cli.config import KINDS, PipelineConfig
from posec3d_cli.errors import PoseC3DError
from posec3d_cli.files.writing import printable
from posec3d_cli.hub.resolve import resolve
from posec3d_cli.output.json import entry, failure
from posec3d_cli.output.poses import save_poses
from posec3d_cli.output.video import save_video
from posec3d_cli.pipeline import Pipeline
from posec3d_cli.pose_files import is_pose_file, read_pose_file
from posec3d_cli.recognition.recognizer import ActionRecognizer
from posec3d_cli.results import ClipResult, VideoPoses


@dataclass(frozen=True)
class LabelTask:
    """Say what is done in each video and in each clip of a pose file.

    Attributes:
        config: of the pipeline. In annotated videos, actions that score less than its `min_score` are `unknown`; what
            is returned holds every score, so that whoever writes the table decides there.
        pictures: whether there is a video among them; where all are pose files, only the classifier is made.
        videos: folder for annotated videos, or None.
        poses: folder for the poses of videos, or None.
        run: whose files are written; without one, none can be.
    """

    config: PipelineConfig
    pictures: bool = True
    videos: Path | None = None
    poses: Path | None = None
    run: CurrentRun | None = None

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
        resolve(self.config).fetch(self.kinds, progress)

    def fingerprint(self) -> str:
        """Changes with everything that an answer depends on, but for the video."""
        # The same with and without pictures: a pose file that joins a folder of videos changes none of them.
        drawn = {} if self.videos is None else {"min_score": self.config.min_score}
        return resolve(self.config).fingerprint(KINDS, every_frame=self.videos is not None, **drawn)

    def outputs(self, found: InputFile) -> dict[str, Path]:
        """The files that are made of a video: "video", "poses"."""
        if is_pose_file(found.path):
            return {}
        targets = {"video": (self.videos, ".mp4"), "poses": (self.poses, ".npz")}
        return {kind: place(folder, found, suffix) for kind, (folder, suffix) in targets.items() if folder is not None}

    def in_run(self, run: CurrentRun) -> Self:
        """The same, of this run."""
        return replace(self, run=run)

    def make(self) -> Work:
        """Make the models."""
        if not self.pictures:
            return self.work(None, ActionRecognizer.from_config(self.config))
        stages = Pipeline.from_config(self.config)
        return self.work(stages, stages.actions)

    def work(self, stages: Pipeline | None, actions: ActionRecognizer) -> Work:
        """What does one video, with models that are made."""

        def read_clip(clip: VideoPoses, found: InputFile, heartbeat: Callable[[], None]) -> dict[str, Any]:
            name = printable(clip.video.path).replace(printable(found.path), printable(found.name), 1)
            try:
                return {**entry(actions.read_file(clip, heartbeat=heartbeat)), "video": name}
            except PoseC3DError as error:
                return {**failure(clip.video.path, error), "video": name}

        def do(found: InputFile, count: Tell) -> list[dict[str, Any]]:
            if stages is None or is_pose_file(found.path):
                return [read_clip(clip, found, lambda: count(0)) for clip in read_pose_file(found.path)]
            result = stages.predict(
                found.path, every_frame=self.videos is not None, progress=lambda done, total: count(done)
            )
            unkept = self._save(found, result, stages.extractor.reader, count)
            answer = entry(result)
            return [{**answer, "video": printable(found.name), "warnings": [*answer["warnings"], *unkept]}]

        return do

    def _save(self, found: InputFile, result: ClipResult, reader: str, count: Tell) -> tuple[str, ...]:
        """Write the files that were asked for; sentences about what could not be kept."""
        video_poses = len(result.video_poses)
        unkept: tuple[str, ...] = ()
        for kind, target in self.outputs(found).items():
            assert self.run is not None
            with written_by_worker(target, self.folders, self.run) as part:
                if kind == "video":
                    unkept = save_video(
                        result,
                        part,
                        min_score=self.config.min_score,
                        overwrite=True,
                        reader=reader,
                        progress=lambda done, total: count(video_poses),
                    )
                else:
                    save_poses(result.video_poses, part, overwrite=True)
        return unkept
