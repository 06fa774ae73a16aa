"""PoseTask: estimate the poses of every frame of a video, and write them to a pose file."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Self

from posec3d_cli.batch.find import InputFile
from posec3d_cli.batch.outputs import CurrentRun, place, written_by_worker
from posec3d_cli.batch.worker import Tell, Work
from posec3d_cli.config import PipelineConfig
from posec3d_cli.extraction.extractor import PoseExtractor
from posec3d_cli.files.writing import printable
from posec3d_cli.hub.resolve import resolve
from posec3d_cli.output.json import cuts_of
from posec3d_cli.pose_files import write_pose_file
from posec3d_cli.results import NO_PERSON


@dataclass(frozen=True)
class PoseTask:
    """Write the poses of every frame of each video.

    Attributes:
        config: of the pipeline.
        folder: where the files go, in the folders that the videos are in.
        suffix: one of `written_suffixes()`, which says how.
        run: whose files are written; without one, none can be.
    """

    config: PipelineConfig
    folder: Path
    suffix: str = ".npz"
    run: CurrentRun | None = None
    kinds = ("detector", "pose")

    @property
    def folders(self) -> tuple[Path, ...]:
        """The folders that are written into."""
        return (self.folder,)

    def fetch(self, progress: Any = None) -> None:
        """Get the weights into the cache."""
        resolve(self.config).fetch(self.kinds, progress)

    def fingerprint(self) -> str:
        """Changes with everything that the poses depend on, but for the video."""
        return resolve(self.config).fingerprint(self.kinds)

    def outputs(self, found: InputFile) -> dict[str, Path]:
        """The file that is made of a video: "poses"."""
        return {"poses": place(self.folder, found, self.suffix)}

    def in_run(self, run: CurrentRun) -> Self:
        """The same, of this run."""
        return replace(self, run=run)

    def make(self) -> Work:
        """Make the models."""
        return self.work(PoseExtractor.from_config(self.config))

    def work(self, extractor: PoseExtractor) -> Work:
        """What does one video, with models that are made."""

        def do(found: InputFile, count: Tell) -> list[dict[str, Any]]:
            video_poses = extractor.poses(found.path, progress=lambda done, total: count(done))
            target = self.outputs(found)["poses"]
            assert self.run is not None
            with written_by_worker(target, self.folders, self.run) as part:
                write_pose_file(video_poses, part, self.suffix)
            people = len({who for one in video_poses.track_ids for who in one.tolist() if who >= 0})
            return [
                {
                    "video": printable(found.name),
                    "status": "ok" if people else NO_PERSON,
                    "frames_used": len(video_poses),
                    "people_found": people,
                    "lost_frames": len(video_poses.lost) + video_poses.video.lost_frames,
                    "cuts": cuts_of(video_poses),
                    "seconds": {stage: round(seconds, 4) for stage, seconds in video_poses.seconds.items()},
                }
            ]

        return do
