"""LabelTask: recognize the action in a video or in each clip of a pose file, and save its video and poses."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, Self

from posec3d_cli.batch.find import InputFile
from posec3d_cli.batch.outputs import place, unfinished
from posec3d_cli.batch.task import Models
from posec3d_cli.batch.worker import Tell, Work
from posec3d_cli.errors import PoseC3DError
from posec3d_cli.files.writing import atomic_write, printable
from posec3d_cli.hub.cards import KINDS
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
        models: of the pipeline.
        pictures: whether there is a video among them; where all are pose files, only the classifier is made.
        sampling: settings of `ActionRecognizer.reading_with` that replace the card's.
        min_score: in annotated videos, actions that score less are `unknown`. What is returned holds every score, so
            that whoever writes the table decides there.
        videos: folder for annotated videos, or None.
        poses: folder for the poses of videos, or None.
        run: the name under which unfinished files lie.
    """

    models: Models
    pictures: bool = True
    sampling: Mapping[str, Any] = field(default_factory=dict)
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
        return self.models.fingerprint(
            *KINDS, sampling=dict(self.sampling), every_frame=self.videos is not None, **drawn
        )

    def outputs(self, found: InputFile) -> dict[str, Path]:
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
            return self.work(None, ActionRecognizer.from_card(models.cards("classifier"), **common))
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

    def work(self, stages: Pipeline | None, actions: ActionRecognizer) -> Work:
        """What does one video, with models that are made."""
        sampling = actions.clip_sampling(**self.sampling)

        def read_clip(clip: VideoPoses, found: InputFile, heartbeat: Callable[[], None]) -> dict[str, Any]:
            name = printable(clip.video.path).replace(printable(found.path), printable(found.name), 1)
            try:
                return {**entry(actions.read_file(clip, sampling, heartbeat=heartbeat)), "video": name}
            except PoseC3DError as error:
                return {**failure(clip.video.path, error), "video": name}

        def do(found: InputFile, count: Tell) -> list[dict[str, Any]]:
            if stages is None or is_pose_file(found.path):
                return [read_clip(clip, found, lambda: count(0)) for clip in read_pose_file(found.path)]
            result = stages.predict_as(
                found.path, sampling, every_frame=self.videos is not None, progress=lambda done, total: count(done)
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
            with atomic_write(target, part=unfinished(target, self.folders, self.run)) as part:
                if kind == "video":
                    unkept = save_video(
                        result,
                        part,
                        min_score=self.min_score,
                        overwrite=True,
                        reader=reader,
                        progress=lambda done, total: count(video_poses),
                    )
                else:
                    save_poses(result.video_poses, part, overwrite=True)
        return unkept
