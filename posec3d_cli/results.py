"""Result values: the poses of a video, and the scores of the video, its people and its windows."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from fractions import Fraction
from pathlib import Path
from typing import Any, Self

import numpy as np

from posec3d_cli.errors import PoseC3DError, StageMismatch
from posec3d_cli.sampling.clips import ClipSampling
from posec3d_cli.skeletons import COCO_17, Skeleton
from posec3d_cli.tracking.objects import link_objects
from posec3d_cli.tracking.tracks import Tracks, assemble
from posec3d_cli.types import ActionScores, Detections, Ints, ObjectTracks, Poses, ShapeRepr, VideoInfo

OK, FAILED = "ok", "failed"  # the status of a result, beside NO_PERSON
NO_PERSON = "no_person"  # the status and the answer, in data, where nobody was found
NO_PERSON_IN_WORDS = "no person"  # the same, as people read it
UNKNOWN = "unknown"  # the answer where the best action scores too little, or a classifier's label for other actions
POSES_VERSION = 4
"""Of the code that makes poses: decoding (`video`), detectors, pose estimators, and what lies between them.

To be raised by whoever changes which people, objects or joints come out for the same video, models and settings, so
that nobody is given the poses of the old code. Not for tracks, which are made anew of poses that were kept. A test
compares the poses of two small films with those of this version, see `tests/golden/make_poses.py`.
"""


def is_named(probability: float, min_score: float) -> bool:
    """Whether the best action scores at least `min_score`.

    Rounded to six digits as in documents; else it is `UNKNOWN`.
    """
    return round(probability, 6) >= min_score


def best_known(scores: ActionScores) -> tuple[str, float]:
    """The best action with its probability: of the labels other than UNKNOWN, unless the classifier has no other."""
    best = scores.top(2)
    return next((one for one in best if one[0] != UNKNOWN), best[0])


def unless_named(scores: ActionScores | None, min_score: float) -> tuple[str, float] | None:
    """What an answer UNKNOWN would have been, with its probability; None where the answer is another."""
    if scores is None or answer_of(scores, min_score) != UNKNOWN:
        return None
    return best_known(scores)


@dataclass(frozen=True)
class Failure:
    """The reason of a failure, as a value that can be stored and sent to other processes.

    Attributes:
        kind: name of the error's class.
        what: what is wrong.
        hint: what to do about it; may be empty.
    """

    kind: str
    what: str
    hint: str = ""

    @classmethod
    def of(cls, error: PoseC3DError) -> Self:
        """The failure of an error."""
        return cls(type(error).__name__, error.what, error.hint)


@dataclass(frozen=True, eq=False, repr=False)
class VideoPoses(ShapeRepr):
    """The tracked people in some or all frames of a video, without pixels.

    Attributes:
        video: the properties of the video.
        frame_indices: `(T,)` int64, strictly increasing: the frames with known poses, also frames without people.
        detections: T values.
        poses: T values, row n for box n.
        track_ids: T arrays `(N,)` int64: the track id of each person, -1 for a duplicate of another.
        skeleton: the joint set.
        lost: `(L,)` int64, frames that were asked for and, against the file's own count, did not decode.
        cuts: `(C,)` int64, frames that begin a new shot, in order: tracks end there.
        seconds: wall time spent, by stage.
        notes: sentences about what a pose file also holds and was left out.
    """

    video: VideoInfo
    frame_indices: Ints
    detections: tuple[Detections, ...] = field(repr=False)
    poses: tuple[Poses, ...] = field(repr=False)
    track_ids: tuple[Ints, ...] = field(repr=False)
    skeleton: Skeleton = field(repr=False)
    lost: Ints = field(default_factory=lambda: np.zeros(0, np.int64))
    cuts: Ints = field(default_factory=lambda: np.zeros(0, np.int64))
    seconds: Mapping[str, float] = field(default_factory=dict)
    notes: tuple[str, ...] = ()

    def __len__(self) -> int:
        """T, the number of frames with known poses."""
        return len(self.frame_indices)

    @property
    def placing(self) -> dict[str, Any]:
        """The arguments of `Tracks.sequence` and `Tracks.each` about all T frames."""
        return {
            "frame_size": self.frame_size,
            "frame_indices": self.frame_indices,
            "fps": self.video.fps,
            "skeleton": self.skeleton,
            "objects": self.object_tracks(),
        }

    @property
    def frame_size(self) -> tuple[int, int]:
        """(H, W) of the frames in pixels."""
        return self.video.height, self.video.width

    @classmethod
    def of_no_frame(cls, video: VideoInfo, *, cuts: Ints | None = None, skeleton: Skeleton = COCO_17) -> Self:
        """The poses of no frame of a video."""
        none = np.zeros(0, np.int64)
        return cls(video, none, (), (), (), skeleton, cuts=none if cuts is None else cuts)

    def part(self, indices: Ints) -> VideoPoses:
        """The poses of these frames only.

        Raises:
            StageMismatch: the poses of a frame are not known.
        """
        columns = np.searchsorted(self.frame_indices, indices)
        columns = np.minimum(columns, max(len(self) - 1, 0))
        if not len(self) or np.any(self.frame_indices[columns] != indices):
            missing = sorted({int(index) for index in indices} - {int(index) for index in self.frame_indices})
            raise StageMismatch(f"{self.video.path}: the poses of frame {missing[0]} are not known")
        return replace(
            self,
            frame_indices=indices,
            detections=tuple(self.detections[c] for c in columns),
            poses=tuple(self.poses[c] for c in columns),
            track_ids=tuple(self.track_ids[c] for c in columns),
        )

    def tracks(self) -> Tracks:
        """The tracks of all people, the most important first. The arrays grow with people times frames."""
        if not len(self):
            raise StageMismatch(f"{self.video.path}: no frame has known poses")
        return assemble(self.track_ids, self.detections, self.poses)

    def object_tracks(self) -> ObjectTracks | None:
        """The objects of these T frames, linked over them; None: nothing but people was looked for."""
        return link_objects(
            [found.objects for found in self.detections],
            seconds=self.frame_indices / float(self.video.fps),
            frame_size=self.frame_size,
            cuts=np.searchsorted(self.frame_indices, self.cuts).tolist(),
        )


@dataclass(frozen=True, eq=False, repr=False)
class PersonScores(ShapeRepr):
    """The scores of one tracked person.

    Attributes:
        id: the track id, as drawn in the annotated video.
        frames: the number of frames, of those used, in which the person was found.
        mean_keypoint_score: over those frames and all joints.
        weight: of the person in the result of the clip, in [0, 1]; 0 for a person who was not classified.
        scores: None if the classifier reads all people together, or the person was not classified.
    """

    id: int
    frames: int
    mean_keypoint_score: float
    weight: float
    scores: ActionScores | None


@dataclass(frozen=True, eq=False, repr=False)
class PersonInWindow(ShapeRepr):
    """The scores of one tracked person in one window.

    Attributes:
        id: the track id.
        weight: of the person in the result of the window, in [0, 1].
        scores: of the person alone.
    """

    id: int
    weight: float
    scores: ActionScores


@dataclass(frozen=True, eq=False, repr=False)
class WindowScores(ShapeRepr):
    """The scores of one window.

    Attributes:
        start: its first frame.
        stop: the frame after its last.
        scores: None if no person was found.
        people: the people with scores of their own, the most important first; empty if all are read together.
    """

    start: int
    stop: int
    scores: ActionScores | None
    people: tuple[PersonInWindow, ...] = field(default=(), repr=False)


@dataclass(frozen=True)
class ModelInfo:
    """One model of a pipeline, as it ran.

    Attributes:
        name: of its card.
        stage: name of the stage that ran it.
        device: where it ran; of several classifiers that ran in different places, these with `+` between.
        sha256: of each weights file, by the name that the card gives it.
    """

    name: str
    stage: str
    device: str
    sha256: Mapping[str, str]


@dataclass(frozen=True)
class PipelineInfo:
    """The models and settings behind a result.

    Attributes:
        name: of the pipeline card, or None if the models were chosen one by one.
        models: by kind: "detector", "pose", "classifier".
        builder: the builder's name; of several classifiers that read different things, the names with `+` between.
        precision: of the classifier's arithmetic, or None where it does not say; of several as `device`.
        ensemble: of an ensemble, the weight of each classifier by its name, summing to 1.
        detect_every: N; people were detected in every N-th frame.
        min_score: the answer is UNKNOWN if the best action scores less.
    """

    name: str | None = None
    models: Mapping[str, ModelInfo] = field(default_factory=dict)
    builder: str = "heatmap"
    precision: str | None = None
    ensemble: Mapping[str, float] = field(default_factory=dict)
    detect_every: int = 1
    min_score: float = 0.0


@dataclass(frozen=True, eq=False, repr=False)
class ClipResult(ShapeRepr):
    """What is done in a clip: a video, or one clip of a pose file. A failure is one too, see `error`.

    Attributes:
        path: the video.
        scores: None where nobody was found.
        people: everybody found in at least `sampling.min_share` of a window's frames, the most important first.
        windows: one per window, at least one.
        frames_used: the number of frames that the answer rests on.
        frames_with_person: in how many of them somebody was found.
        mean_keypoint_score: over everybody found and all joints; None where nobody was.
        sampling: how the video was read.
        pipeline: with what.
        seconds: wall time by stage: decode, detect, pose, track, build, classify.
        warnings: sentences about what makes the answer less certain.
        video_poses: the poses of at least the frames used; of no frame in a run over many videos.
        name: what the clip is called in outputs; empty: as its path.
        error: why there is no answer, with `kind`, `what` and `hint`; the fields before `name` then say nothing.
        output_errors: why files could not be made of the answer.
    """

    path: Path
    scores: ActionScores | None
    people: tuple[PersonScores, ...] = field(repr=False)
    windows: tuple[WindowScores, ...] = field(repr=False)
    frames_used: int
    frames_with_person: int
    mean_keypoint_score: float | None
    sampling: ClipSampling
    pipeline: PipelineInfo = field(repr=False)
    seconds: Mapping[str, float]
    warnings: tuple[str, ...]
    video_poses: VideoPoses = field(repr=False)
    name: str = ""
    error: Failure | None = None
    output_errors: tuple[Failure, ...] = ()

    @classmethod
    def failed(cls, path: Path, error: Failure, *, name: str = "") -> Self:
        """The result of a clip without an answer."""
        unknown = VideoInfo(path, 0, 0, Fraction(0), 0, 0.0, "", 0, 0, False)
        return cls(
            path=path,
            scores=None,
            people=(),
            windows=(),
            frames_used=0,
            frames_with_person=0,
            mean_keypoint_score=None,
            sampling=ClipSampling(),
            pipeline=PipelineInfo(),
            seconds={},
            warnings=(),
            video_poses=VideoPoses.of_no_frame(unknown),
            name=name,
            error=error,
        )

    @property
    def status(self) -> str:
        """ "ok", "no_person" or "failed"."""
        return status_of(self.error, self.scores is not None)

    @property
    def video(self) -> VideoInfo:
        """The properties of the video."""
        return self.video_poses.video

    def answer(self, min_score: float | None = None) -> str | None:
        """The best action, "unknown" where it scores less, "no_person" where nobody was found, None for a failure.

        Args:
            min_score: None for that of the pipeline.
        """
        if self.error is not None:
            return None
        return answer_of(self.scores, min_score_of(self, min_score)) or NO_PERSON

    def without_poses(self) -> Self:
        """The result without poses: small enough to be stored and sent."""
        poses = VideoPoses.of_no_frame(self.video, cuts=self.video_poses.cuts, skeleton=self.video_poses.skeleton)
        return replace(self, video_poses=poses)


def min_score_of(result: ClipResult, asked: float | None) -> float:
    """The least score that was asked for, or that of the result's pipeline if it is None."""
    return result.pipeline.min_score if asked is None else asked


def answer_of(scores: ActionScores | None, min_score: float) -> str | None:
    """The best action, UNKNOWN where it scores less, or None where there are no scores."""
    if scores is None:
        return None
    [(label, probability)] = scores.top(1)
    return label if is_named(probability, min_score) else UNKNOWN


def status_of(error: Failure | None, somebody: bool) -> str:
    """OK, NO_PERSON or FAILED."""
    if error is not None:
        return FAILED
    return OK if somebody else NO_PERSON
