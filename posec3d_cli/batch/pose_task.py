"""PoseTask: estimate the poses of every frame of a video, and write them to a pose file."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import ClassVar, Self

from posec3d_cli.batch.find import InputFile
from posec3d_cli.batch.outputs import CurrentRun, place, written_by_worker
from posec3d_cli.batch.task import Heartbeat
from posec3d_cli.config import PipelineConfig
from posec3d_cli.errors import PoseC3DError
from posec3d_cli.extraction.extractor import PoseExtractor
from posec3d_cli.extraction.result import PosesResult
from posec3d_cli.hub.download import DownloadCallback
from posec3d_cli.hub.resolve import resolve
from posec3d_cli.pose_files import write_pose_file
from posec3d_cli.results import Failure


@dataclass
class PoseTask:
    """Write the poses of every frame of each video.

    Attributes:
        config: of the pipeline.
        folder: where the files go, in the folders that the videos are in.
        suffix: one of `written_suffixes()`, which says how.
        current_run: whose files are written; without one, none can be.
        extractor: made by `prepare`.
    """

    config: PipelineConfig
    folder: Path
    suffix: str = ".npz"
    current_run: CurrentRun | None = None
    extractor: PoseExtractor = field(init=False, repr=False, compare=False)
    kinds: ClassVar = ("detector", "pose")

    @property
    def folders(self) -> tuple[Path, ...]:
        """The folders that are written into."""
        return (self.folder,)

    def fetch(self, progress: DownloadCallback | None = None) -> None:
        """Get the weights into the cache."""
        resolve(self.config).fetch(self.kinds, progress)

    def fingerprint(self) -> str:
        """Changes with everything that the poses depend on, but for the video."""
        return resolve(self.config).fingerprint(self.kinds)

    def outputs(self, file: InputFile) -> dict[str, Path]:
        """The file that is made of a video: "poses"."""
        return {"poses": place(self.folder, file, self.suffix)}

    def in_run(self, run: CurrentRun) -> Self:
        """The same, of this run."""
        return replace(self, current_run=run)

    def prepare(self) -> None:
        """Make the models."""
        self.extractor = PoseExtractor.from_config(self.config)

    def run(self, file: InputFile, heartbeat: Heartbeat) -> Iterator[PosesResult]:
        """Write the poses of a video.

        Raises:
            PoseC3DError: it cannot be read, or the poses cannot be written.
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
            people=len({who for one in video_poses.track_ids for who in one.tolist() if who >= 0}),
            lost_frames=len(video_poses.lost) + video_poses.video.lost_frames,
            seconds=video_poses.seconds,
        )

    def failed(self, file: InputFile, error: PoseC3DError) -> PosesResult:
        """The result of a video that cannot be done."""
        return PosesResult(file.path, file.name, error=Failure.of(error))
