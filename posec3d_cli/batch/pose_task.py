"""PoseTask: estimate the poses of every frame of a video, and write them to a pose file."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Self

from posec3d_cli.batch.find import InputFile
from posec3d_cli.batch.outputs import place, unfinished
from posec3d_cli.batch.worker import Tell, Work
from posec3d_cli.config import PipelineConfig
from posec3d_cli.extraction.extractor import PoseExtractor
from posec3d_cli.files.writing import atomic_write, printable
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
        run: the name under which unfinished files lie.
    """

    config: PipelineConfig
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
        resolve(self.config).fetch(self.kinds, progress)

    def fingerprint(self) -> str:
        """Changes with everything that the poses depend on, but for the video."""
        return resolve(self.config).fingerprint(self.kinds)

    def outputs(self, found: InputFile) -> dict[str, Path]:
        """The file that is made of a video: "poses"."""
        return {"poses": place(self.folder, found, self.suffix)}

    def in_run(self, name: str) -> Self:
        """The same, of the run whose unfinished files lie under this name."""
        return replace(self, run=name)

    def make(self) -> Work:
        """Make the models."""
        return self.work(PoseExtractor.from_config(self.config))

    def work(self, extractor: PoseExtractor) -> Work:
        """What does one video, with models that are made."""

        def do(found: InputFile, count: Tell) -> list[dict[str, Any]]:
            video_poses = extractor.poses(found.path, progress=lambda done, total: count(done))
            target = self.outputs(found)["poses"]
            with atomic_write(target, part=unfinished(target, self.folders, self.run)) as part:
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
