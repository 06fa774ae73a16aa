"""Poses of labeled clips: estimate them in worker processes or in this process, or read pose files."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

import numpy as np

from posec3d_cli.batch import TIMEOUT
from posec3d_cli.batch.callback import RunCallback
from posec3d_cli.batch.find import InputFile
from posec3d_cli.batch.pool import WorkerPool
from posec3d_cli.batch.task import Heartbeat, Task
from posec3d_cli.config import PipelineConfig
from posec3d_cli.errors import BadPoseFile, InputError, PoseC3DError
from posec3d_cli.extraction.extractor import PoseExtractor
from posec3d_cli.files.digests import digest
from posec3d_cli.hub.download import DownloadCallback
from posec3d_cli.hub.resolve import resolve
from posec3d_cli.pose_files import read_pose_file
from posec3d_cli.results import Failure, VideoPoses, status_of
from posec3d_cli.transforms.motion import at_times
from posec3d_cli.types import Floats

MIN_SHARE = 0.2  # people seen in a smaller part of a clip are passers-by
MAX_PEOPLE = 4


@dataclass(frozen=True, eq=False)
class ClipPoses:
    """The main people of every frame of a clip.

    Attributes:
        keypoints: `(M, T, 17, 2)` float32 in pixels; M may be 0.
        scores: `(M, T, 17)` float32, 0 where a joint or person is missing.
        fps: frames per second.
        frame_size: (H, W) of the frames in pixels.
        sha256: of the video or pose file.
        notes: see `VideoPoses.notes`.
    """

    keypoints: Floats
    scores: Floats
    fps: float
    frame_size: tuple[int, int]
    sha256: str = ""
    notes: tuple[str, ...] = ()


Estimate = Callable[[Sequence[InputFile]], Iterable[tuple[InputFile, ClipPoses | str]]]
"""Estimates the poses of videos: yields each video with its poses, or with the reason of a failure, in any order."""


def main_people_of_file(path: Path) -> ClipPoses:
    """Read the main people of a pose file.

    Raises:
        BadPoseFile: the file cannot be read, or holds several clips.
    """
    clips = read_pose_file(path)
    if len(clips) > 1:
        raise BadPoseFile(
            f"{path} holds {len(clips)} clips",
            hint="give a dataset pickle as a source of its own, not inside a folder of classes",
        )
    return replace(_every_frame(clips[0]), sha256=digest(path), notes=clips[0].notes)


def main_people_of_video(
    path: Path,
    extractor: PoseExtractor,
    every: int = 1,
    progress: Callable[[int, int], None] = lambda done, total: None,
) -> ClipPoses:
    """Estimate the main people of a video in every N-th frame, and interpolate between these frames.

    Raises:
        InputError: the video cannot be read.
    """
    with extractor.open(path) as video:
        frames = np.arange(0, video.info.frame_count, every, dtype=np.int64)
        return _every_frame(extractor.poses_of(video, frames, progress=progress))


def _every_frame(video_poses: VideoPoses) -> ClipPoses:
    main = video_poses.tracks().main_people(MIN_SHARE, max_people=MAX_PEOPLE)
    frames = np.arange(video_poses.video.frame_count)
    times = np.interp(frames, video_poses.frame_indices, np.arange(len(video_poses)))  # some frames may be lost
    video = video_poses.video
    keypoints, scores = at_times(main.keypoints, main.scores, times)
    return ClipPoses(keypoints, scores, float(video.fps), (video.height, video.width))


def estimate_in_process(extractor: PoseExtractor, every: int = 1) -> Estimate:
    """Estimate one video after the other in this process; a crash of a decoder ends the process."""

    def estimate(videos: Sequence[InputFile]) -> Iterator[tuple[InputFile, ClipPoses | str]]:
        for video in videos:
            try:
                yield video, replace(main_people_of_video(video.path, extractor, every), sha256=digest(video.path))
            except InputError as error:
                yield video, error.what

    return estimate


@dataclass(frozen=True, eq=False)
class PeopleResult:
    """The main people of a video, or why there are none."""

    people: ClipPoses | None = None
    error: Failure | None = None

    @property
    def status(self) -> str:
        """OK or FAILED."""
        return status_of(self.error, True)


@dataclass
class PeopleTask:
    """Find the main people of each video.

    Attributes:
        config: of the detector and the pose model; with a cache, all poses are kept there.
        every: estimate poses of every N-th frame.
        extractor: the detector and the pose model; made by `prepare`.
    """

    config: PipelineConfig
    every: int = 1
    extractor: PoseExtractor = field(init=False, repr=False, compare=False)

    def fetch(self, progress: DownloadCallback | None = None) -> None:
        """Download the weights into the cache, so that the worker processes need not."""
        resolve(self.config).fetch(("detector", "pose"), progress)

    def prepare(self) -> None:
        """Load the models."""
        self.extractor = PoseExtractor.from_config(self.config)

    def run(self, file: InputFile, heartbeat: Heartbeat) -> Iterator[PeopleResult]:
        """The main people of a video.

        Raises:
            InputError: it cannot be read.
        """
        yield PeopleResult(main_people_of_video(file.path, self.extractor, self.every, heartbeat))

    def failed(self, file: InputFile, error: PoseC3DError) -> PeopleResult:
        """The result of a video that failed."""
        return PeopleResult(error=Failure.of(error))


def side_by_side(
    task: Task[PeopleResult],
    workers: int,
    *,
    timeout: float = TIMEOUT,
    log: Path | None = None,
    callback: RunCallback | None = None,
) -> Estimate:
    """Several videos at the same time, each in a process that it may crash or hang without harm to the others.

    Args:
        task: what the processes do.
        workers: how many processes there may be.
        timeout: seconds without a heartbeat after which a video fails.
        log: file that tracebacks, and what decoders say, are appended to.
        callback: is told what happens.
    """
    hears = callback or RunCallback()

    def estimate(videos: Sequence[InputFile]) -> Iterator[tuple[InputFile, ClipPoses | str]]:
        if not videos:
            return
        with WorkerPool(task, min(workers, len(videos)), device=task.config.device, log=log) as pool:
            for file, result in pool.results(videos, timeout=timeout, progress=hears.frames):
                hears.done(file, result)
                [one] = result.results
                if one.people is None:
                    yield file, one.error.what if one.error is not None else ""
                else:
                    yield file, replace(one.people, sha256=result.sha256)

    return estimate
