"""PoseExtractor: decode a video, detect people, estimate their poses and track them, in batches of bounded size."""

from __future__ import annotations

import json
import logging
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from fractions import Fraction
from pathlib import Path
from typing import Any, Self

import numpy as np

from posec3d_cli.config import DEFAULT_READER, check_detect_every
from posec3d_cli.errors import EmptyVideo, StageMismatch, counted
from posec3d_cli.extraction.cache import KnownFrames, PoseCache
from posec3d_cli.extraction.cuts import find_cuts, frames_to_check, is_sharp, signature
from posec3d_cli.extraction.detect_every import detect_people
from posec3d_cli.hub.cards import ModelCard
from posec3d_cli.hub.catalog import load_card
from posec3d_cli.registry import foreign_version
from posec3d_cli.results import ModelInfo, VideoPoses
from posec3d_cli.runtime.stopwatch import Stopwatch
from posec3d_cli.stages.create import make_stage
from posec3d_cli.stages.protocols import Detector, PoseEstimator
from posec3d_cli.tracking import tracker
from posec3d_cli.types import Detections, Frame, Ints, Poses
from posec3d_cli.video import VideoReader, open_video

logger = logging.getLogger("posec3d")

ProgressCallback = Callable[[int, int], None]
"""Called with the number of frames done and the number of all."""
BATCH = 16  # frames that go through a stage together
BATCH_BYTES = 2**27  # pixels held at once; one frame may exceed it


class PoseExtractor:
    """A detector and a pose estimator over videos.

    Args:
        detector: finds the people.
        pose: estimates their poses.
        reader: the video reader's name.
        max_gap: seconds for which somebody may be out of sight and keep the identity.
        every: look for people in every N-th frame only, 1 to `posec3d_cli.config.MOST_DETECT_EVERY`, see
            there.
        models: what the two stages were made of, by kind.
        cache: where poses are kept and looked up; None keeps none, and so does `every` above 1.
        made_of: everything that the poses depend on besides the video, as a text; needed with a cache.

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
        self.cache = cache if every == 1 else None  # in between, poses depend on the frames before and after
        self.made_of = made_of

    @classmethod
    def from_cards(
        cls,
        detector: ModelCard | str | Path,
        pose: ModelCard | str | Path,
        *,
        device: str = "auto",
        offline: bool | None = None,
        progress: Any = None,
        reader: str = DEFAULT_READER,
        every: int = 1,
        detector_options: Mapping[str, Any] | None = None,
        pose_options: Mapping[str, Any] | None = None,
        cache: PoseCache | None = None,
        weights_dir: str | Path | None = None,
    ) -> Self:
        """Make the two stages from their cards, fetching the weights where they are not in the cache.

        Args:
            detector: a card, or its name or path.
            pose: likewise.
            device: "auto", "cpu", "cuda", "cuda:N" or "mps". With "auto", a stage that cannot use the best device
                runs on the processor; a device that is named is used or refused.
            offline: never touch the network.
            progress: told about downloads, see `posec3d_cli.hub.weights.fetch`.
            reader: the video reader's name.
            every: look for people in every N-th frame only. With more than 1 nothing is kept, for what is found in a
                frame then depends on which came before and after.
            detector_options: settings that replace those of the card.
            pose_options: likewise. With `heatmaps` nothing is kept, for these are too large.
            cache: where poses are kept and looked up.
            weights_dir: a folder that may hold weights, see `posec3d_cli.hub.weights.fetch`.

        Raises:
            ValueError: `every` is out of range.
            PoseC3DError: of the branch that fits what is missing or contradictory.
        """
        detector, pose = (
            card if isinstance(card, ModelCard) else load_card(card, kind)
            for kind, card in (("detector", detector), ("pose", pose))
        )
        common: dict[str, Any] = {"offline": offline, "progress": progress, "weights_dir": weights_dir}
        detector_stage, detector_info = make_stage("detector", detector, device, options=detector_options, **common)
        pose_stage, pose_info = make_stage("pose", pose, device, options=pose_options, **common)
        parts = (
            (detector_info, {**detector.recipe, **(detector_options or {})}),
            (pose_info, {**pose.recipe, **(pose_options or {})}),
        )
        made_of = [reader, *([used.stage, used.device, sorted(used.sha256.values()), recipe] for used, recipe in parts)]
        made_of += [foreign_version("detector", detector.stage), foreign_version("pose", pose.stage)]
        return cls(
            detector_stage,
            pose_stage,
            reader=reader,
            every=every,
            models={"detector": detector_info, "pose": pose_info},
            cache=None if (pose_options or {}).get("heatmaps") else cache,
            made_of=json.dumps(made_of, sort_keys=True, default=str),
        )

    def poses(
        self, path: str | Path, indices: Ints | None = None, *, progress: ProgressCallback | None = None
    ) -> VideoPoses:
        """The people of these frames of a video, or of all; pixels are dropped batch by batch.

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
        """The same, of a video that is already open.

        Args:
            video: an open video.
            indices: `(T,)` frame numbers, strictly increasing; None: every frame.
            also: frames to be posed besides, for drawing. What is found in the frames `indices`, and who is who there,
                is the same as without: the others are looked at after them, and their people get the identities
                that continue those of `indices`, see `posec3d_cli.tracking.tracker.extend`. They come without
                heatmaps, which take about a thousand times the memory of the joints.
            progress: called after each batch.

        Raises:
            EmptyVideo: none of the frames `indices` can be decoded.
            StageMismatch: a stage broke its protocol.
        """
        watch = Stopwatch()
        wanted = np.arange(video.info.frame_count) if indices is None else indices
        others = np.zeros(0, np.int64) if also is None else np.setdiff1d(also, wanted)
        total = len(wanted) + len(others)
        known = KnownFrames()
        if self.cache is not None:
            with watch.time("cache"):
                key = self.cache.key(video.info.path, self.made_of)
                known = self.cache.load(key)
        people, signatures = dict(known.people), dict(known.signatures)

        def signed(frames: Iterator[Frame]) -> Iterator[Frame]:
            for frame in frames:
                signatures[frame.index] = signature(frame.pixels)
                yield frame

        def sharp(before: Frame, after: Frame) -> bool:
            return is_sharp(signatures[before.index], signatures[after.index])

        missing = [
            [index for index in part.tolist() if index not in people and index not in known.lost]
            for part in (wanted, others)
        ]
        count = computed = sum(map(len, missing))
        for drawn_only, part in enumerate(missing):
            batches = _batches(signed(video.read(part)), watch)
            for batch, found in detect_people(batches, self.detector, self.every, watch.time, is_cut=sharp):
                with watch.time("pose"):
                    shapes = self.pose.estimate(batch, found)
                _check_batch(batch, found, shapes)
                for frame, boxes, shape in zip(batch, found, shapes, strict=True):
                    people[frame.index] = (boxes, replace(shape, heatmaps=None) if drawn_only else shape)
                del batch, found, shapes, frame  # while the next batch is decoded
                if progress is not None:
                    progress(total - count + len(people) - len(known.people), total)
        lost = known.lost.union(index for part in missing for index in part if index not in people)
        used = [index for index in wanted.tolist() if index in people]
        if not used:
            raise EmptyVideo(f"{video.info.path}: none of {counted(len(wanted), 'frame')} needed can be decoded")
        with watch.time("decode"):
            around = frames_to_check(signatures, used, video.info.frame_count).tolist()
            for _ in signed(video.read(around)):
                count += 1
        if self.cache is not None and count:
            with watch.time("cache"):
                self.cache.store(key, KnownFrames(people, lost, signatures))
        cuts = find_cuts(signatures, used)
        frame_indices = np.array(sorted({*used, *(index for index in others.tolist() if index in people)}), np.int64)
        with watch.time("track"):
            who = self._track_ids(people, used, video.info.fps, cuts)
            if len(others):
                who = self._track_ids(people, frame_indices.tolist(), video.info.fps, cuts, given=who)
        spent = ", ".join(f"{stage} {seconds:.2f} s" for stage, seconds in watch.seconds.items())
        logger.info("%s: %d frames, %d of them from the cache; %s", video.info.path, total, total - computed, spent)
        return VideoPoses(
            video.info,
            frame_indices,
            tuple(people[index][0] for index in frame_indices.tolist()),
            tuple(people[index][1] for index in frame_indices.tolist()),
            tuple(who.values()),
            self.pose.skeleton,
            np.array(sorted(lost.intersection([*wanted.tolist(), *others.tolist()])), np.int64),
            cuts,
            watch.seconds,
        )

    def _track_ids(
        self,
        people: Mapping[int, tuple[Detections, Poses]],
        frames: Sequence[int],
        fps: Fraction,
        cuts: Ints,
        *,
        given: Mapping[int, Ints] | None = None,
    ) -> dict[int, Ints]:
        """Who is who in each of these frames, of which those in `given` are known."""
        who = tracker.extend(
            [(given or {}).get(index) for index in frames],
            [people[index][0] for index in frames],
            [people[index][1] for index in frames],
            # Index over rate, not the frames' own times: these may repeat in a broken container.
            seconds=np.asarray(frames, np.int64) / float(fps),
            cuts=np.searchsorted(frames, cuts).tolist(),
            max_gap=self.max_gap,
        )
        return dict(zip(frames, who, strict=True))

    def open(self, path: str | Path) -> VideoReader:
        """Open a video with this extractor's reader; a context manager."""
        return open_video(path, reader=self.reader)


def _batches(frames: Iterable[Frame], watch: Stopwatch) -> Iterator[list[Frame]]:
    """Consecutive frames in lists that hold at most `BATCH` frames and, where one frame allows it, `BATCH_BYTES`."""
    source = iter(frames)
    batch: list[Frame] = []
    while True:
        with watch.time("decode"):
            frame = next(source, None)
        if frame is None:
            break
        batch.append(frame)
        if len(batch) >= min(BATCH, BATCH_BYTES // frame.pixels.nbytes):
            yield batch
            batch = []
    if batch:
        yield batch


def _check_batch(frames: list[Frame], found: list[Detections], shapes: list[Poses]) -> None:
    if len(frames) != len(shapes):
        raise StageMismatch(f"{len(frames)} frames gave {len(shapes)} poses")
    for frame, boxes, shape in zip(frames, found, shapes, strict=True):
        if len(boxes) != len(shape):
            raise StageMismatch(f"frame {frame.index} has {len(boxes)} boxes but {len(shape)} poses")
