"""PoseTask: estimate the poses of every frame of a video, and write them to a pose file.

What makes poses is imported by the processes that prepare a task, and not by the one that plans.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, ClassVar, Self

from posec3d_cli.batch.find import InputFile
from posec3d_cli.batch.outputs import CurrentRun, output_path, written_by_worker
from posec3d_cli.batch.task import Heartbeat
from posec3d_cli.config import PipelineConfig
from posec3d_cli.errors import PoseC3DError
from posec3d_cli.extraction.result import PosesResult
from posec3d_cli.hub.download import DownloadCallback
from posec3d_cli.hub.resolve import resolve
from posec3d_cli.pose_files import write_pose_file
from posec3d_cli.results import Failure

if TYPE_CHECKING:
    from posec3d_cli.extraction.extractor import PoseExtractor


@dataclass
class PoseTask:
    """Write the poses of every frame of each video.

    Attributes:
        config: the settings of the pipeline.
        folder: the output folder; its sub-folders are those of the videos.
        suffix: one of `written_suffixes()`; it decides the format.
        current_run: the run that the written files belong to; None: no files can be written.
        extractor: the detector and the pose model; made by `prepare`.
    """

    config: PipelineConfig
    folder: Path
    suffix: str = ".npz"
    current_run: CurrentRun | None = None
    extractor: PoseExtractor = field(init=False, repr=False, compare=False)
    kinds: ClassVar = ("detector", "pose")

    @property
    def folders(self) -> tuple[Path, ...]:
        """The output folders."""
        return (self.folder,)

    def fetch(self, progress: DownloadCallback | None = None) -> None:
        """Download the weights into the cache."""
        resolve(self.config).fetch(self.kinds, progress)

    def fingerprint(self) -> str:
        """A digest of everything that the poses depend on, except the video."""
        return resolve(self.config).fingerprint(self.kinds)

    def outputs(self, file: InputFile) -> dict[str, Path]:
        """The output file of a video: "poses"."""
        return {"poses": output_path(self.folder, file, self.suffix)}

    def in_run(self, run: CurrentRun) -> Self:
        """The same task as a part of this run."""
        return replace(self, current_run=run)

    def prepare(self) -> None:
        """Load the models."""
        from posec3d_cli.extraction.extractor import PoseExtractor

        self.extractor = PoseExtractor.from_config(self.config)

    def run(self, file: InputFile, heartbeat: Heartbeat) -> Iterator[PosesResult]:
        """Write the poses of a video.

        Raises:
            PoseC3DError: the video cannot be read, or the poses cannot be written.
        """
        video_poses = self.extractor.poses(file.path, progress=heartbeat)
        target = self.outputs(file)["poses"]
        assert self.current_run is not None
        with written_by_worker(target, self.folders, self.current_run) as part:
            write_pose_file(video_poses, part, self.suffix)
        yield PosesResult(
            file.path,
            file.name,
            frames=len(video_poses),
            people=len({track_id for ids in video_poses.track_ids for track_id in ids.tolist() if track_id >= 0}),
            lost_frames=len(video_poses.lost) + video_poses.video.lost_frames,
            seconds=video_poses.seconds,
        )

    def failed(self, file: InputFile, error: PoseC3DError) -> PosesResult:
        """The result of a video that failed."""
        return PosesResult(file.path, file.name, error=Failure.of(error))
