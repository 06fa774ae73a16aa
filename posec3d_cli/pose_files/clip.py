"""Make a clip from the people of single frames; decide here what a pose file does not state.

A joint without a position or a score, or at exactly (0, 0), is missing. If the file does not state them, the frame rate
is 30, the frame is as large as the joints reach (and begins where they begin, if that is left of or above 0), a
person's box lies around the joints, and track ids come from tracking, as for a video.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from posec3d_cli.errors import BadPoseFile
from posec3d_cli.results import VideoPoses
from posec3d_cli.skeletons import COCO_17
from posec3d_cli.tracking import tracker
from posec3d_cli.tracking.similarity import Doubles
from posec3d_cli.types import Detections, Floats, Ints, Poses, VideoInfo

FPS = Fraction(30)  # most cameras' and web videos' rate
MAX_FRAMES = 2_000_000  # eighteen hours at 30 frames per second
MAX_PIXELS = 100_000  # no frame is wider or higher
MAX_IDENTITY = 10**9
JOINTS = len(COCO_17.joints)


@dataclass(frozen=True, eq=False)
class Person:
    """One person in one frame of a pose file.

    Attributes:
        joints: `(17, 3)` x, y in pixels and a score; NaN is a missing joint.
        box: `(4,)` x1, y1, x2, y2 in pixels, or None.
        box_score: NaN where the file does not say.
        track_id: -1 where the file does not say.
    """

    joints: Doubles
    box: Doubles | None = None
    box_score: float = np.nan
    track_id: int = -1


@dataclass(frozen=True, eq=False)
class People:
    """The N people of one frame.

    Attributes:
        keypoints: `(N, 17, 2)`.
        scores: `(N, 17)`.
        boxes: `(N, 4)`, NaN where the file does not say.
        box_scores: `(N,)`, likewise.
        identities: `(N,)`, -1 where the file does not say.
    """

    keypoints: NDArray[Any]
    scores: NDArray[Any]
    boxes: NDArray[Any]
    box_scores: NDArray[Any]
    track_ids: NDArray[Any]

    def __len__(self) -> int:
        """N, the number of people."""
        return len(self.keypoints)

    def take(self, rows: NDArray[Any]) -> People:
        """The people at these positions, or where this is true."""
        return People(*(array[rows] for array in vars(self).values()))

    @classmethod
    def of(cls, people: Sequence[Person]) -> People:
        """The people of a list of persons."""
        joints = np.array([person.joints for person in people]).reshape(-1, JOINTS, 3)
        boxes = [np.full(4, np.nan) if person.box is None else person.box for person in people]
        return cls(
            joints[..., :2],
            joints[..., 2],
            np.array(boxes).reshape(-1, 4),
            np.array([person.box_score for person in people]),
            np.array([person.track_id for person in people], np.int64),
        )


NOBODY = People.of(())


def from_slots(keypoints: Floats, scores: Floats) -> list[People]:
    """The people of T frames from `(M, T, 17, 2)` keypoints and `(M, T, 17)` scores: the slot is the track id."""
    shown = np.asarray((scores > 0).any(axis=-1))
    frames = []
    for t in range(keypoints.shape[1]):
        slots = np.flatnonzero(shown[:, t])
        unboxed = np.full((len(slots), 4), np.nan)
        frames.append(People(keypoints[slots, t], scores[slots, t], unboxed, unboxed[:, 0], slots))
    return frames


def consecutive(frames: Mapping[int, People]) -> list[People]:
    """The people of every frame from the first to the last that the file names; the frames between are empty.

    Raises:
        BadPoseFile: the file names no frame, or the last is too far from the first.
    """
    if not frames:
        raise BadPoseFile("it holds no frame", hint="without a frame nothing says how long the video was")
    first, last = min(frames), max(frames)
    if last - first >= MAX_FRAMES:
        raise BadPoseFile(f"its frames reach from {first} to {last}", hint=f"at most {MAX_FRAMES} frames are read")
    return [frames.get(number, NOBODY) for number in range(first, last + 1)]


def places_of(frames: Iterable[People]) -> NDArray[Any]:
    """`(R, 2)` positions of all joints with a score above 0."""
    return np.concatenate([np.zeros((0, 2)), *(people.keypoints[people.scores > 0] for people in frames)])


def left_out_note(others: Sequence[str], total: int) -> tuple[str, ...]:
    """The note that entries without people were left out; empty if there are none.

    Args:
        others: the category of each entry without people.
        total: the number of all entries.
    """
    if not others:
        return ()
    kinds = ", ".join(sorted(set(others))[:5])
    return (f"{len(others)} of its {total} entries show no people ({kinds}) and were left out",)


def make_video_poses(
    path: Path,
    frames: Sequence[People],
    *,
    fps: Fraction | None = None,
    frame_size: tuple[int, int] | None = None,
    frame_indices: Ints | None = None,
    frame_count: int | None = None,
    identified: bool = False,
    start: float = 0.0,
    boundaries: Doubles | None = None,
    notes: Sequence[str] = (),
) -> VideoPoses:
    """Make `VideoPoses` of the people in a clip, as if a detector and a pose estimator had found them.

    Args:
        path: the name of the clip.
        frames: the people of each frame.
        fps: frames per second; None: 30.
        frame_size: (H, W); None: as large as the joints reach.
        frame_indices: `(T,)` which frames these are; None: all, from 0.
        frame_count: of the clip; None: up to the last one looked at.
        identified: the identities are right as they are, and somebody without a joint is somebody all the same.
            Otherwise people without a joint are left out, a joint at exactly (0, 0) was not found, and identities
            count where everybody has one and nobody shares one within a frame; else people are linked.
        start: seconds on the video's own clock at which frame 0 is shown.
        boundaries: when frames are shown, see `posec3d_cli.types.VideoInfo`; None: evenly, at `fps`.
        notes: what was left out of the file, in sentences.

    Raises:
        BadPoseFile: a joint or box lies impossibly far away, a box is inside out, or there is no frame.
    """
    if not frames:
        raise BadPoseFile("it holds no frame", hint="without a frame nothing says how long the video was")
    fps = FPS if fps is None else fps
    indices = np.arange(len(frames), dtype=np.int64) if frame_indices is None else frame_indices
    column = np.repeat(np.arange(len(frames)), [len(people) for people in frames])
    everybody = _joined(frames)
    told = np.isfinite(everybody.keypoints).all(axis=-1) & np.isfinite(everybody.scores)
    told &= was_found(everybody.keypoints) | identified
    scores = np.where(told, np.clip(everybody.scores, 0, 1), 0).astype(np.float32)
    _check_places(everybody, scores > 0, indices[column])
    kept = np.asarray((scores > 0).any(axis=-1) | identified)
    everybody, column, scores = everybody.take(kept), column[kept], scores[kept]
    size, shift = _extent(everybody.keypoints[scores > 0])
    if frame_size is not None:
        size, shift = frame_size, np.zeros(2)
    places = np.where((scores > 0)[..., None], everybody.keypoints - shift, 0).astype(np.float32)
    boxed = np.isfinite(everybody.boxes).all(axis=-1, keepdims=True)
    boxes = np.where(boxed, everybody.boxes - np.tile(shift, 2), boxes_around(places, scores)).astype(np.float32)
    sure = np.clip(everybody.box_scores, 0, 1)
    box_scores = np.where(np.isfinite(sure), sure, scores.max(axis=1, initial=0)).astype(np.float32)
    track_ids = everybody.track_ids
    detections, poses, who = _by_frame(len(frames), column, boxes, box_scores, places, scores, track_ids)
    count = int(indices[-1]) + 1 if frame_count is None else frame_count
    duration = count / float(fps) if boundaries is None else float(boundaries[-1])
    info = VideoInfo(
        path,
        size[1],
        size[0],
        fps,
        count,
        duration,
        "",
        0,
        0,
        boundaries is not None,
        start=start,
        boundaries=boundaries,
    )
    if not identified and not _tell_apart(column, track_ids):
        who = tracker.track_people(detections, poses, seconds=info.elapsed(indices))
    return VideoPoses(info, indices, tuple(detections), tuple(poses), tuple(who), COCO_17, notes=tuple(notes))


def was_found(keypoints: NDArray[Any]) -> NDArray[np.bool_]:
    """`(...)` bool of `(..., 2)` positions: not exactly (0, 0), where many tools put missing joints.

    The score of such a joint may be above 0: newer YOLO models write the output of the network.
    """
    return np.asarray((keypoints != 0).any(axis=-1))


def boxes_around(keypoints: Floats, scores: Floats) -> Floats:
    """`(N, 4)` boxes around the seen joints, a quarter wider and higher, as a detector draws them.

    Args:
        keypoints: `(N, K, 2)`.
        scores: `(N, K)`; a person needs at least one above 0.
    """
    seen = (scores > 0)[..., None]
    low = np.where(seen, keypoints, np.inf).min(axis=1, initial=np.inf)
    high = np.where(seen, keypoints, -np.inf).max(axis=1, initial=-np.inf)
    edge = (high - low) / 8
    return np.concatenate([low - edge, high + edge], axis=1).astype(np.float32)


def _joined(frames: Sequence[People]) -> People:
    """The people of all frames in one value, in float64."""
    names = ("keypoints", "scores", "boxes", "box_scores", "track_ids")
    shown = [people for people in frames if len(people)] or [NOBODY]
    arrays = (np.concatenate([getattr(people, name) for people in shown]) for name in names)
    return People(*(array if array.dtype.kind == "i" else array.astype(np.float64) for array in arrays))


def _check_places(people: People, seen: NDArray[np.bool_], frames: Ints) -> None:
    with np.errstate(invalid="ignore"):
        far = (seen & (np.abs(people.keypoints) > MAX_PIXELS).any(axis=-1)).any(axis=-1)
        inside_out = (people.boxes[:, 2:] < people.boxes[:, :2]).any(axis=1)
        wrong = inside_out | (np.abs(people.boxes) > MAX_PIXELS).any(axis=1)
    if far.any():
        raise BadPoseFile(
            f"frame {frames[far][0]}: a joint lies more than {MAX_PIXELS} pixels away", hint="joints are in pixels"
        )
    if wrong.any():
        raise BadPoseFile(
            f"frame {frames[wrong][0]}: the box {people.boxes[wrong][0].tolist()} is inside out or too far away",
            hint="boxes are left, top, right, bottom in pixels",
        )


def _tell_apart(column: Ints, track_ids: Ints) -> bool:
    """Whether each person has a track id that is unique in its frame."""
    both = column.astype(np.int64) * (MAX_IDENTITY + 1) + track_ids
    return not np.any(track_ids < 0) and len(np.unique(both)) == len(both)


def _extent(places: Doubles) -> tuple[tuple[int, int], Doubles]:
    """The size (H.

    W) of a frame with all these `(R, 2)` positions, and the position of its top-left corner, at most 0.
    """
    low = np.minimum(places.min(axis=0, initial=0), 0)
    high = places.max(axis=0, initial=-np.inf) if len(places) else np.ones(2)
    width, height = (int(edge) + 1 for edge in np.ceil(high - low))
    return (height, width), low


def _by_frame(
    frames: int, column: Ints, boxes: Floats, box_scores: Floats, keypoints: Floats, scores: Floats, track_ids: Ints
) -> tuple[list[Detections], list[Poses], list[Ints]]:
    """Rows, in order of frame, as one value per frame."""
    nobody, no_pose, no_one = Detections.none(), Poses.none(JOINTS), np.zeros(0, np.int64)
    detections, poses, who = [nobody] * frames, [no_pose] * frames, [no_one] * frames
    edges = np.flatnonzero(np.diff(column, prepend=-1, append=frames)).tolist()
    for start, stop in pairwise(edges):
        frame = int(column[start])
        detections[frame] = Detections(boxes[start:stop], box_scores[start:stop])
        poses[frame] = Poses(keypoints[start:stop], scores[start:stop])
        who[frame] = track_ids[start:stop]
    return detections, poses, who
