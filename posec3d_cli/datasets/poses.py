"""Poses of labeled clips: estimate them in worker processes or in this process, or read pose files."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

import numpy as np

from posec3d_cli.batch import TIMEOUT
from posec3d_cli.batch.callback import RunCallback
from posec3d_cli.batch.find import InputFile
from posec3d_cli.batch.pool import Pool, WorkerPool
from posec3d_cli.batch.ray_pool import RayPool
from posec3d_cli.batch.task import Heartbeat
from posec3d_cli.config import PipelineConfig
from posec3d_cli.datasets.segments import Segment
from posec3d_cli.errors import BadPoseFile, InputError, PoseC3DError, StageMismatch
from posec3d_cli.extraction.extractor import PoseExtractor
from posec3d_cli.files.digests import content_digest
from posec3d_cli.hub.download import DownloadCallback
from posec3d_cli.hub.resolve import resolve
from posec3d_cli.pose_files import read_pose_file
from posec3d_cli.results import Failure, VideoPoses, status_of
from posec3d_cli.sampling.clips import ClipSampling, used_frames
from posec3d_cli.skeletons import COCO_17
from posec3d_cli.tracking.objects import link_objects
from posec3d_cli.transforms.motion import at_times
from posec3d_cli.types import Floats, Ints, Objects, VideoInfo

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
        objects: see `LabeledClip.objects`; interpolated between the frames that were searched for any.
    """

    keypoints: Floats
    scores: Floats
    fps: float
    frame_size: tuple[int, int]
    sha256: str = ""
    notes: tuple[str, ...] = ()
    objects: tuple[Objects | None, ...] = ()


Segments = Mapping[Path, Sequence[Segment | None]]
"""The labeled segments of each file; None: the whole file. A file that is not named is one clip."""
Estimated = tuple[ClipPoses | str, ...]
"""The poses of the segments of a file, in their order, or the reason why there are none."""
Estimate = Callable[[Sequence[InputFile], Segments], Iterable[tuple[InputFile, Estimated]]]
"""Estimates the poses of videos: yields each video with the poses of its segments, in any order."""
WHOLE: tuple[Segment | None, ...] = (None,)


def main_people_of_file(path: Path, segments: Sequence[Segment | None] = WHOLE) -> Estimated:
    """Read the main people of the segments of a pose file.

    Raises:
        BadPoseFile: the file cannot be read, or holds several clips.
    """
    clips = read_pose_file(path)
    if len(clips) > 1:
        raise BadPoseFile(
            f"{path} holds {len(clips)} clips",
            hint="give a dataset pickle as a source of its own, not inside a folder of classes",
        )
    return _named(_of_segments(clips[0], segments), content_digest(path), clips[0].notes)


@dataclass(frozen=True)
class PoseFrames:
    """The frames of a video in which poses are estimated; in the frames between them they are interpolated.

    Attributes:
        every: every N-th frame.
        sampling: instead, the frames of the views and windows that a classifier reads with this sampling.
    """

    every: int = 1
    sampling: ClipSampling | None = None

    def of(self, video: VideoInfo, segments: Sequence[Segment | None] = WHOLE) -> Ints:
        """The numbers of the frames of segments, strictly increasing; where no segment fits the video, its first."""
        count = video.frame_count
        needed = np.zeros(count, bool)
        for one in segments:
            start, stop = (0, count) if one is None else (one.start, count if one.stop is None else one.stop)
            if not start < stop <= count:
                continue
            if self.sampling is None:
                needed[start : stop : self.every] = True
            else:
                needed[start + used_frames(self.sampling.plan(stop - start, video.fps))] = True
        needed[0] |= not needed.any()
        return np.flatnonzero(needed)


EVERY_FRAME = PoseFrames()


def main_people_of_video(
    path: Path,
    extractor: PoseExtractor,
    frames: PoseFrames = EVERY_FRAME,
    progress: Callable[[int, int], None] = lambda done, total: None,
    segments: Sequence[Segment | None] = WHOLE,
) -> Estimated:
    """Estimate the main people of the segments of a video in some frames, and interpolate between these frames.

    Raises:
        InputError: the video cannot be read.
    """
    with extractor.open(path) as video:
        needed = frames.of(video.info, segments)
        return _of_segments(extractor.poses_of(video, needed, progress=progress), segments)


def _of_segments(video_poses: VideoPoses, segments: Sequence[Segment | None]) -> Estimated:
    found: list[ClipPoses | str] = []
    for one in segments:
        try:
            found.append(_every_frame(video_poses, Segment() if one is None else one))
        except StageMismatch as error:
            found.append(error.what)
    return tuple(found)


def _named(found: Estimated, sha256: str, notes: tuple[str, ...] = ()) -> Estimated:
    return tuple(one if isinstance(one, str) else replace(one, sha256=sha256, notes=notes) for one in found)


def _every_frame(whole: VideoPoses, segment: Segment) -> ClipPoses:
    """The main people, or the person that is meant, in every frame of a segment.

    Raises:
        StageMismatch: the video or its poses end before the segment, or lack the person.
    """
    frames = np.array(segment.frames(whole.video.frame_count))
    known = whole.frame_indices[(whole.frame_indices >= frames[0]) & (whole.frame_indices <= frames[-1])]
    if not len(known):
        raise StageMismatch(f"no frame of the segment {segment} has known poses")
    video_poses = whole.part(known)
    people = segment.find_people(video_poses)
    tracks = video_poses.tracks()
    main = (
        tracks.main_people(MIN_SHARE, max_people=MAX_PEOPLE)
        if not people
        else tracks.take(np.flatnonzero(np.isin(tracks.ids, people)))
    )
    times = np.interp(frames, video_poses.frame_indices, np.arange(len(video_poses)))  # some frames may be lost
    video = video_poses.video
    keypoints, scores = at_times(main.keypoints, main.scores, times)
    return ClipPoses(
        keypoints,
        scores,
        float(video.fps),
        (video.height, video.width),
        objects=_objects_of_every_frame(video_poses, frames),
    )


def _objects_of_every_frame(video_poses: VideoPoses, frames: Ints) -> tuple[Objects | None, ...]:
    """The objects of frames; interpolated, as poses are, between those that were searched for any."""
    found = dict(zip(video_poses.frame_indices.tolist(), (one.objects for one in video_poses.detections), strict=True))
    objects = [found.get(frame) for frame in frames.tolist()]
    searched = [column for column, one in enumerate(objects) if one is not None]
    if not searched:
        return ()
    tracks = link_objects(
        objects,
        seconds=video_poses.video.elapsed(frames),
        frame_size=video_poses.frame_size,
        cuts=np.searchsorted(frames, video_poses.cuts).tolist(),
    )
    assert tracks is not None
    for column in range(searched[0], searched[-1]):
        if objects[column] is None:
            rows = tracks.in_frame(column)
            best = np.argsort(-rows.scores, kind="stable")
            objects[column] = Objects(rows.boxes[best], rows.scores[best], rows.classes[best], rows.names)
    return tuple(objects)


def estimate_in_process(extractor: PoseExtractor, frames: PoseFrames = EVERY_FRAME) -> Estimate:
    """Estimate one video after the other in this process; a crash of a decoder ends the process."""

    def estimate(videos: Sequence[InputFile], segments: Segments) -> Iterator[tuple[InputFile, Estimated]]:
        for video in videos:
            wanted = segments.get(video.path, WHOLE)
            try:
                found = main_people_of_video(video.path, extractor, frames, segments=wanted)
                yield video, _named(found, content_digest(video.path))
            except InputError as error:
                yield video, (error.what,) * len(wanted)

    return estimate


@dataclass(frozen=True, eq=False)
class PeopleResult:
    """The main people of the segments of a video, or why there are none."""

    people: Estimated = ()
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
        frames: in which frames poses are estimated.
        segments: of the videos.
        extractor: the detector and the pose model; made by `prepare`.
    """

    config: PipelineConfig
    frames: PoseFrames = EVERY_FRAME
    segments: Segments = field(default_factory=dict)
    extractor: PoseExtractor = field(init=False, repr=False, compare=False)

    def fetch(self, progress: DownloadCallback | None = None) -> None:
        """Download the weights into the cache, so that the worker processes need not."""
        resolve(self.config).fetch(("detector", "pose"), progress)

    def prepare(self) -> None:
        """Load the models.

        Raises:
            StageMismatch: the pose model has another skeleton than labeled clips have.
        """
        self.extractor = PoseExtractor.from_config(self.config)
        given = self.extractor.pose.skeleton
        if given != COCO_17:
            raise StageMismatch(
                f"labeled clips have {COCO_17.name} poses, and the pose model gives {given.name}",
                hint="choose another --pose",
            )

    def run(self, file: InputFile, heartbeat: Heartbeat) -> Iterator[PeopleResult]:
        """The main people of a video.

        Raises:
            InputError: it cannot be read.
        """
        segments = self.segments.get(file.path, WHOLE)
        yield PeopleResult(main_people_of_video(file.path, self.extractor, self.frames, heartbeat, segments))

    def failed(self, file: InputFile, error: PoseC3DError) -> PeopleResult:
        """The result of a video that failed."""
        return PeopleResult(error=Failure.of(error))


def side_by_side(
    task: PeopleTask,
    workers: int | None,
    *,
    cluster: str | None = None,
    timeout: float = TIMEOUT,
    log: Path | None = None,
    callback: RunCallback | None = None,
) -> Estimate:
    """Several videos at the same time, each in a process that it may crash or hang without harm to the others.

    Args:
        task: what the processes do.
        workers: how many processes there may be; None: on a cluster, as many as it has room for.
        cluster: the address of a Ray cluster; None: this machine.
        timeout: seconds without a heartbeat after which a video fails.
        log: file that tracebacks, and what decoders say, are appended to.
        callback: is told what happens.
    """
    hears = callback or RunCallback()

    def estimate(videos: Sequence[InputFile], segments: Segments) -> Iterator[tuple[InputFile, Estimated]]:
        if not videos:
            return
        part = replace(task, segments=segments)
        pools: Pool[PeopleResult]
        if cluster is None:
            pools = WorkerPool(part, min(workers or 1, len(videos)), device=task.config.device, log=log)
        else:
            pools = RayPool(part, cluster, videos, size=workers)
        with pools as pool:
            for file, result in pool.results(videos, timeout=timeout, progress=hears.frames):
                hears.done(file, result)
                [one] = result.results
                if one.error is not None:
                    yield file, (one.error.what,) * len(segments.get(file.path, WHOLE))
                else:
                    yield file, _named(one.people, result.sha256)

    return estimate
