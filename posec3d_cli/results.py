"""Result values: the poses of a video, and the scores of the video, its people and its windows."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from fractions import Fraction
from functools import cached_property
from pathlib import Path
from typing import Any, Self

import numpy as np
from msgspec import structs

from posec3d_cli.answers import (
    FAILED,
    NO_PERSON,
    NO_PERSON_IN_WORDS,
    OK,
    UNKNOWN,
    ActionSegment,
    Failure,
    ModelInfo,
    PersonInWindow,
    PersonScores,
    PipelineInfo,
    WindowScores,
    answer_of,
    best_known,
    failure_values,
    guess_values,
    is_named,
    label_values,
    person_values,
    rounded_seconds,
    segment_values,
    status_of,
    unless_named,
    values_without_objects,
    window_values,
)
from posec3d_cli.errors import StageMismatch
from posec3d_cli.files.writing import printable
from posec3d_cli.sampling.clips import ClipSampling
from posec3d_cli.skeletons import COCO_17, Skeleton
from posec3d_cli.tracking.objects import link_objects
from posec3d_cli.tracking.tracks import Tracks, assemble
from posec3d_cli.types import ActionScores, Detections, Ints, ObjectTracks, Poses, ShapeRepr, VideoInfo

TOP = 5
"""The labels per answer that documents hold."""
ROW = (
    *("video", "status", "start_frame", "stop_frame", "start_seconds", "stop_seconds"),
    *("person", "weight", "label", "score", "error"),
)
"""The columns of `ClipResult.to_rows`."""
__all__ = [
    "FAILED",
    "LONG",
    "NO_PERSON",
    "NO_PERSON_IN_WORDS",
    "OK",
    "POSES_VERSION",
    "UNKNOWN",
    "ActionSegment",
    "ClipResult",
    "Failure",
    "ModelInfo",
    "PersonInWindow",
    "PersonScores",
    "PipelineInfo",
    "VideoPoses",
    "WindowScores",
    "answer_of",
    "best_known",
    "is_named",
    "min_score_of",
    "status_of",
    "unless_named",
]  # fmt: skip

LONG = 5
"""A result of more windows says what is done from when to when before it says what is done most."""
POSES_VERSION = 4
"""Of the code that makes poses: decoding (`video`), detectors, pose estimators, and what lies between them.

To be raised by whoever changes which people, objects or joints come out for the same video, models and settings, so
that nobody is given the poses of the old code. Not for tracks, which are made anew of poses that were kept. A test
compares the poses of two small films with those of this version, see `tests/golden/make_poses.py`.
"""


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
        return self._object_tracks

    @cached_property
    def _object_tracks(self) -> ObjectTracks | None:
        return link_objects(
            [found.objects for found in self.detections],
            seconds=self.video.elapsed(self.frame_indices),
            frame_size=self.frame_size,
            cuts=np.searchsorted(self.frame_indices, self.cuts).tolist(),
        )


@dataclass(frozen=True, eq=False, repr=False)
class ClipResult(ShapeRepr):
    """What is done in a clip: a video, or one clip of a pose file. A failure is one too, see `error`.

    Attributes:
        path: the video.
        scores: None where nobody was found.
        people: everybody found in at least `sampling.min_share` of a window's frames, the most important first.
        windows: one per window, at least one.
        segments: who does what from when to when, in order of start: the timeline.
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
    segments: tuple[ActionSegment, ...] = field(repr=False)
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
            segments=(),
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
    def is_long(self) -> bool:
        """Whether the timeline is the answer: it has more than `LONG` windows."""
        return len(self.windows) > LONG

    @property
    def status(self) -> str:
        """ "ok", "no_person" or "failed"."""
        return status_of(self.error, self.scores is not None)

    @property
    def video(self) -> VideoInfo:
        """The properties of the video."""
        return self.video_poses.video

    @property
    def sureness(self) -> float:
        """What `min_score` is compared with: how surely anybody does the best action of the clip.

        That is the score of the clip or, if higher, that of one of its people, whose own best action it is: others who
        do something else lower the score of the clip, and make it no less certain that it is done. 0 without a score.
        """
        if self.scores is None:
            return 0.0
        [(label, probability)] = self.scores.top(1)
        each = [person.scores.top(1)[0] for person in self.people if person.scores is not None]
        return max(probability, *(score for best, score in each if best == label), 0.0)

    def answer(self, min_score: float | None = None) -> str | None:
        """The best action, "unknown" where nobody does it surely, "no_person" for nobody, None for a failure.

        Args:
            min_score: what `sureness` must reach; None for that of the pipeline.
        """
        if self.error is not None:
            return None
        if self.scores is None:
            return NO_PERSON
        named = is_named(self.sureness, min_score_of(self, min_score))
        return self.scores.top(1)[0][0] if named else UNKNOWN

    def guess(self, min_score: float | None = None) -> tuple[str, float] | None:
        """What an answer "unknown" would have been, with its score; None where the answer is another."""
        if self.scores is None or self.answer(min_score) != UNKNOWN:
            return None
        return best_known(self.scores)

    def to_dict(self, *, top: int = TOP, min_score: float | None = None) -> dict[str, Any]:
        """The result as plain values, as `predict --json` has it: what is done in the clip, or why that is unknown.

        Args:
            top: labels per answer, best first.
            min_score: where the best action of the clip, a person or a window scores less, the answer is `unknown`, and
                `guess` what it would have been; the scores stay. None for that of the pipeline.
        """
        name = printable(self.name or self.path)
        if self.error is not None:
            return {"video": name, "status": self.status, "error": failure_values(self.error)}
        video, score, least = self.video, self.mean_keypoint_score, min_score_of(self, min_score)
        found = {
            "video": name,
            "status": self.status,
            "answer": self.answer(least),
            "guess": guess_values(self.guess(least)),
            "without_objects": values_without_objects(self.scores),
            "min_score": least,
            "labels": label_values(self.scores, top) or [],
            "frames_used": self.frames_used,
            "frames_with_person": self.frames_with_person,
            "people_found": len(self.people),
            "mean_keypoint_score": None if score is None else round(score, 4),
            "people": [person_values(person, top, least) for person in self.people],
            "windows": [window_values(window, video, top, least) for window in self.windows],
            "timeline": [segment_values(one, video, top, least) for one in self.segments],
            "cuts": [
                {"frame": frame, "seconds": round(video.seconds(frame), 4)} for frame in self.video_poses.cuts.tolist()
            ],
            "source": {
                "width": video.width,
                "height": video.height,
                "fps": float(video.fps),
                "frame_count": video.frame_count,
                "start_seconds": round(video.start, 6),
                "duration_seconds": float(video.duration),
                "codec": video.codec,
                "lost_frames": video.lost_frames,
                "variable_rate": video.variable_rate,
            },
            "clip_sampling": _sampling_values(self.sampling),
            "seconds": rounded_seconds(self.seconds),
            "warnings": list(self.warnings),
        }
        if self.output_errors:
            found["output_errors"] = [failure_values(error) for error in self.output_errors]
        return found

    def to_rows(self, *, min_score: float | None = None) -> list[dict[str, Any]]:
        """The answers as flat rows for a table: one per window, or per person in it where each is read alone.

        Each has video, status, start_frame, stop_frame, start_seconds, stop_seconds, person, weight, label, score and
        error. Cells without a value are None; a failure is one row.

        Args:
            min_score: where the best action scores less, the label is `unknown`; None for that of the pipeline.
        """
        found = self.to_dict(top=1, min_score=min_score)
        empty = dict.fromkeys(ROW)
        if self.error is not None:
            return [empty | {"video": found["video"], "status": found["status"], "error": found["error"]["what"]}]
        rows = []
        for window in found["windows"]:
            edges = {name: window[name] for name in ROW if name in window}
            for one in window["people"] or [{"id": None, "weight": None, **window}]:
                best = one["labels"][0]["probability"] if one["labels"] else None
                cells = {"person": one["id"], "weight": one["weight"], "label": one["answer"], "score": best}
                rows.append(empty | {"video": found["video"], "status": found["status"]} | edges | cells)
        return rows

    def without_poses(self) -> Self:
        """The result without poses: small enough to be stored and sent."""
        poses = VideoPoses.of_no_frame(self.video, cuts=self.video_poses.cuts, skeleton=self.video_poses.skeleton)
        return replace(self, video_poses=poses)


def min_score_of(result: ClipResult, asked: float | None) -> float:
    """The least score that was asked for, or that of the result's pipeline if it is None."""
    return result.pipeline.min_score if asked is None else asked


def _sampling_values(sampling: ClipSampling) -> dict[str, Any]:
    """The settings of a clip sampling; `rgb_frames` only where pixels are read."""
    values = structs.asdict(sampling)
    if sampling.rgb_frames is None:
        del values["rgb_frames"]
    return values
