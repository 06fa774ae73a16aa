"""PoseExtractor: decode a video, detect people, estimate their poses and track them, in batches of bounded size."""

from __future__ import annotations

import hashlib
import json
import logging
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import replace
from itertools import groupby
from pathlib import Path
from typing import Any, Self

import numpy as np

from posec3d_cli.config import DEFAULT_READER, PipelineConfig, check_detect_every
from posec3d_cli.errors import EmptyVideo, StageMismatch, counted
from posec3d_cli.extraction.cache import PART, PoseCache, pose_cache
from posec3d_cli.extraction.detect_every import detect_people
from posec3d_cli.extraction.parts import Estimate, FrameEstimator, part_of
from posec3d_cli.hub.download import DownloadCallback
from posec3d_cli.hub.resolve import ResolvedPipeline, resolve
from posec3d_cli.registry import foreign_version
from posec3d_cli.results import ModelInfo, VideoPoses
from posec3d_cli.runtime.stopwatch import Stopwatch
from posec3d_cli.stages.create import make_stage
from posec3d_cli.stages.protocols import Detector, PoseEstimator
from posec3d_cli.tracking import tracker
from posec3d_cli.tracking.online import OnlineTracker
from posec3d_cli.types import Detections, Frame, Ints, Poses, VideoInfo
from posec3d_cli.video import VideoReader, open_video

logger = logging.getLogger("posec3d")

ProgressCallback = Callable[[int, int], None]
"""Called with the number of frames done and the number of all."""
BATCH = 16  # frames that go through a stage together
FIRST_BATCH = 4  # and of the first ones, lest the networks wait while many are decoded
BATCH_BYTES = 2**27  # pixels held at once; one frame may exceed it


class PoseExtractor:
    """Detects and tracks people in videos and estimates their poses.

    Args:
        detector: detects the people.
        pose: estimates their poses.
        reader: name of the video reader.
        max_gap: seconds for which a person may be out of sight and keep the track id.
        every: detect people in every N-th frame only, from 1 to `posec3d_cli.config.MOST_DETECT_EVERY`.
        models: the models of the two stages, by kind.
        cache: the cache of poses; None for none. With `every` above 1, poses serve only another run on the same frames.
        made_of: a text of everything that the poses depend on besides the video; needed with a cache.

    Raises:
        ConfigError: `every` is out of range.
    """

    def __init__(
        self,
        detector: Detector,
        pose: PoseEstimator,
        *,
        reader: str = DEFAULT_READER,
        max_gap: float = 1.0,
        every: int = 1,
        models: Mapping[str, ModelInfo] | None = None,
        cache: PoseCache | None = None,
        made_of: str = "",
    ) -> None:
        check_detect_every(every)
        self.detector = detector
        self.pose = pose
        self.reader = reader
        self.max_gap = max_gap
        self.every = every
        self.models = dict(models or {})
        self.cache = cache
        self.made_of = made_of

    @classmethod
    def from_config(cls, config: PipelineConfig, *, progress: DownloadCallback | None = None) -> Self:
        """Make the detector and the pose estimator of a config, and download missing weights.

        Args:
            config: the settings.
            progress: called during downloads, see `posec3d_cli.hub.weights.fetch`.

        Raises:
            PoseC3DError: of the branch that fits what is missing or contradictory.
        """
        return cls.from_resolved(resolve(config), progress=progress)

    @classmethod
    def from_resolved(
        cls, resolved: ResolvedPipeline, *, heatmaps: bool = False, progress: DownloadCallback | None = None
    ) -> Self:
        """As `from_config`, with resolved cards; with `heatmaps` the pose estimator returns its heatmaps, too."""
        config = resolved.config
        pose_settings = {**({"heatmaps": True} if heatmaps else {}), **config.pose_settings}
        detector_stage, detector_info = make_stage(resolved.detector, config, progress=progress)
        pose_stage, pose_info = make_stage(resolved.pose, config, settings=pose_settings, progress=progress)
        parts = (
            (resolved.detector, detector_info, config.detector_settings),
            (resolved.pose, pose_info, pose_settings),
        )
        made_of: list[Any] = [config.reader]
        for card, used, settings in parts:
            made_of.append([used.stage, used.device, sorted(used.sha256.values()), {**card.recipe, **settings}])
        made_of += [foreign_version(card.kind, card.stage) for card, *_ in parts]
        return cls(
            detector_stage,
            pose_stage,
            reader=config.reader,
            every=config.detect_every,
            models={"detector": detector_info, "pose": pose_info},
            cache=None if pose_settings.get("heatmaps") else pose_cache(config),
            made_of=json.dumps(made_of, sort_keys=True, default=str),
        )

    def poses(
        self, path: str | Path, indices: Ints | None = None, *, progress: ProgressCallback | None = None
    ) -> VideoPoses:
        """Estimate the poses of the people in a video, or in some of its frames.

        Args:
            path: the video.
            indices: `(T,)` frame numbers, strictly increasing; None: every frame.
            progress: called after each batch.

        Raises:
            UnreadableVideo, EmptyVideo: the file holds no frame that can be decoded.
            StageMismatch: a stage broke its protocol.
        """
        with self.open(path) as video:
            return self.poses_of(video, indices, progress=progress)

    def poses_of(
        self,
        video: VideoReader,
        indices: Ints | None = None,
        *,
        also: Ints | None = None,
        progress: ProgressCallback | None = None,
    ) -> VideoPoses:
        """As `poses`, for an open video.

        Args:
            video: an open video.
            indices: `(T,)` frame numbers, strictly increasing; None: every frame.
            also: further frames, for drawing. They do not change the people and track ids in the frames `indices`:
                their poses are estimated afterwards, and their track ids continue the others, see
                `posec3d_cli.tracking.tracker.extend`. They come without heatmaps, which take about a thousand times
                the memory of the joints.
            progress: called after each batch.

        Raises:
            EmptyVideo: none of the frames `indices` can be decoded.
            StageMismatch: a stage broke its protocol.
        """
        watch = Stopwatch()
        wanted = np.arange(video.info.frame_count) if indices is None else indices
        others = np.zeros(0, np.int64) if also is None else np.setdiff1d(also, wanted)
        total = len(wanted) + len(others)
        with self._caching(watch):
            frames = self._estimator(video, wanted, others, watch)
            for part in dict.fromkeys(part_of(index) for index in [*wanted.tolist(), *others.tolist()]):
                frames.load(part)
        missing = [
            [index for index in part.tolist() if index not in frames.people and index not in frames.lost]
            for part in (wanted, others)
        ]
        computed = sum(map(len, missing))
        counter = _Count(total - computed, total, progress)
        for drawn_only, some in enumerate(missing):
            for _ in frames.estimate(some, self._estimate(watch, counter, drawn_only=bool(drawn_only))):
                pass
        used = [index for index in wanted.tolist() if index in frames.people]
        if not used:
            raise EmptyVideo(f"{video.info.path}: none of {counted(len(wanted), 'frame')} needed can be decoded")
        with watch.time("decode"), watch.time("wait"):
            cuts = frames.find_cuts(used)
        with self._caching(watch):
            frames.store_all()
        people, lost = frames.people, frames.lost
        frame_indices = np.array(sorted({*used, *(index for index in others.tolist() if index in people)}), np.int64)
        with watch.time("track"):
            track_ids = self._track_ids(people, used, video.info, cuts)
            if len(others):
                track_ids = self._track_ids(people, frame_indices.tolist(), video.info, cuts, given=track_ids)
        _log(video, total, computed, watch)
        return VideoPoses(
            video.info,
            frame_indices,
            tuple(people[index][0] for index in frame_indices.tolist()),
            tuple(people[index][1] for index in frame_indices.tolist()),
            tuple(track_ids.values()),
            self.pose.skeleton,
            np.array(sorted(lost.intersection([*wanted.tolist(), *others.tolist()])), np.int64),
            cuts,
            watch.seconds,
        )

    def stream(
        self, video: VideoReader, indices: Ints, *, progress: ProgressCallback | None = None
    ) -> Iterator[tuple[VideoPoses, int]]:
        """As `poses_of`, part after part: memory does not grow with the length of the video.

        Each part that is done is in the cache, so that a run which was killed goes on after it.

        Args:
            video: an open video.
            indices: `(T,)` frame numbers, strictly increasing.
            progress: called after each batch.

        Yields:
            The poses of the next of these frames, perhaps of none, with track ids that continue those before, the cuts
            up to its last frame, and the wall time so far; and the frame up to which, exclusively, all is known.

        Raises:
            StageMismatch: a stage broke its protocol.
        """
        watch = Stopwatch()
        tracker = OnlineTracker(max_gap=self.max_gap)
        with self._caching(watch):
            frames = self._estimator(video, indices, np.zeros(0, np.int64), watch)
            kept = frames.known(indices.tolist())
        missing = [index for index in indices.tolist() if index not in kept]
        counter = _Count(len(indices) - len(missing), len(indices), progress)
        estimated = frames.estimate(missing, self._estimate(watch, counter))
        open_parts = {part_of(index) for index in missing}
        last: list[int] = []
        for part, group in groupby(indices.tolist(), key=part_of):
            own = list(group)
            with self._caching(watch):
                frames.load(part)
            if part in open_parts:
                next(estimated)
            gone = [index for index in own if index not in frames.people and index not in frames.lost]
            for _ in frames.estimate(gone, self._estimate(watch, counter)):  # another process has made room
                pass
            used = [index for index in own if index in frames.people]
            with watch.time("decode"), watch.time("wait"):
                cuts = frames.find_cuts([*last, *used])
            with self._caching(watch):
                frames.store_all()
            with watch.time("track"):
                track_ids = self._follow(tracker, frames, [*last, *used], len(last), video.info, cuts)
            yield (
                VideoPoses(
                    video.info,
                    np.array(used, np.int64),
                    tuple(frames.people[index][0] for index in used),
                    tuple(frames.people[index][1] for index in used),
                    tuple(track_ids),
                    self.pose.skeleton,
                    np.array(sorted(frames.lost.intersection(own)), np.int64),
                    cuts,
                    dict(watch.seconds),
                ),
                own[-1] + 1,
            )
            last = used[-1:] or last
            frames.forget(last[0] if last else 0)
        _log(video, len(indices), len(missing), watch)

    def _follow(
        self,
        tracker: OnlineTracker,
        frames: FrameEstimator,
        some: Sequence[int],
        known: int,
        info: VideoInfo,
        cuts: Ints,
    ) -> list[Ints]:
        """The track ids in the frames `some` without the first `known`, to which the tracker has come."""
        ids = []
        for place in range(known, len(some)):
            before = some[place - 1] if place else -1
            if np.any((cuts > before) & (cuts <= some[place])):
                tracker.cut()
            found, poses = frames.people[some[place]]
            ids.append(tracker.update(found, poses, float(info.elapsed(some[place]))))
        return ids

    def _caching(self, watch: Stopwatch) -> AbstractContextManager[None]:
        return nullcontext() if self.cache is None else watch.time("cache")

    def _estimator(self, video: VideoReader, wanted: Ints, others: Ints, watch: Stopwatch) -> FrameEstimator:
        key = "" if self.cache is None else self.cache.key(video.info.path, self._made_of(wanted, others))
        return FrameEstimator(video, self.cache, key, watch)

    def _estimate(self, watch: Stopwatch, count: _Count, *, drawn_only: bool = False) -> Estimate:
        """A function that detects people in frames and estimates their poses; without heatmaps where `drawn_only`."""

        def estimate(
            frames: Iterable[Frame], is_cut: Callable[[Frame, Frame], bool]
        ) -> Iterator[tuple[Frame, Detections, Poses]]:
            batches = _batches(frames)
            for batch, found in detect_people(batches, self.detector, self.every, watch.time, is_cut=is_cut):
                with watch.time("pose"):
                    batch_poses = self.pose.estimate(batch, found)
                _check_batch(batch, found, batch_poses)
                for frame, boxes, poses in zip(batch, found, batch_poses, strict=True):
                    yield frame, boxes, replace(poses, heatmaps=None) if drawn_only else poses
                count.add(len(batch))
                del batch, found, batch_poses, frame  # while the next batch is decoded

        return estimate

    def _made_of(self, wanted: Ints, others: Ints) -> str:
        """What the poses in these frames depend on besides the video.

        With `every` above 1 they depend on the other frames too, so that these frames have poses of their own.
        """
        if self.every == 1:
            return self.made_of
        frames = hashlib.sha256(wanted.astype(np.int64).tobytes() + b" " + others.astype(np.int64).tobytes())
        of = f"{len(wanted)} and {len(others)} in parts of {PART}"
        return f"{self.made_of} every {self.every} of {of}: {frames.hexdigest()}"

    def _track_ids(
        self,
        people: Mapping[int, tuple[Detections, Poses]],
        frames: Sequence[int],
        info: VideoInfo,
        cuts: Ints,
        *,
        given: Mapping[int, Ints] | None = None,
    ) -> dict[int, Ints]:
        """The track ids of the people in each of these frames; the ids in `given` stay."""
        track_ids = tracker.extend(
            [(given or {}).get(index) for index in frames],
            [people[index][0] for index in frames],
            [people[index][1] for index in frames],
            seconds=info.elapsed(frames),
            cuts=np.searchsorted(frames, cuts).tolist(),
            max_gap=self.max_gap,
        )
        return dict(zip(frames, track_ids, strict=True))

    def open(self, path: str | Path) -> VideoReader:
        """Open a video with the reader of this extractor; a context manager."""
        return open_video(path, reader=self.reader)


class _Count:
    """Counts frames that are done, and says so."""

    def __init__(self, done: int, total: int, progress: ProgressCallback | None) -> None:
        self.done, self.total, self._progress = done, total, progress

    def add(self, number: int) -> None:
        """So many more are done."""
        self.done += number
        if self._progress is not None:
            self._progress(self.done, self.total)


def _log(video: VideoReader, total: int, computed: int, watch: Stopwatch) -> None:
    spent = ", ".join(f"{stage} {seconds:.2f} s" for stage, seconds in watch.seconds.items())
    logger.info("%s: %d frames, %d of them from the cache; %s", video.info.path, total, total - computed, spent)


def _batches(frames: Iterable[Frame]) -> Iterator[list[Frame]]:
    """Consecutive frames in lists that hold at most `BATCH` frames and, where one frame allows it, `BATCH_BYTES`."""
    batch: list[Frame] = []
    most = FIRST_BATCH
    for frame in frames:
        batch.append(frame)
        if len(batch) >= min(most, BATCH_BYTES // frame.pixels.nbytes):
            yield batch
            batch, most = [], BATCH
    if batch:
        yield batch


def _check_batch(frames: list[Frame], found: list[Detections], batch_poses: list[Poses]) -> None:
    if len(frames) != len(batch_poses):
        raise StageMismatch(f"{len(frames)} frames gave {len(batch_poses)} poses")
    for frame, boxes, frame_poses in zip(frames, found, batch_poses, strict=True):
        if len(boxes) != len(frame_poses):
            raise StageMismatch(f"frame {frame.index} has {len(boxes)} boxes but {len(frame_poses)} poses")
