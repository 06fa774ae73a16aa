"""The values that pass between the stages, in the order in which they pass.

Shape letters mean one thing everywhere: N people in a frame, Q objects in a frame, M person slots, K joints, T frames,
V views, C classes, H height, W width. Pixel (0, 0) is the centre of the top-left pixel.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass, field, replace
from fractions import Fraction
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self

import numpy as np
from numpy.typing import ArrayLike, NDArray

from posec3d_cli.errors import StageMismatch

if TYPE_CHECKING:
    from posec3d_cli.skeletons import Skeleton
Floats = NDArray[np.float32]
Doubles = NDArray[np.float64]
Ints = NDArray[np.int64]
Pixels = NDArray[np.uint8]


def check_array(owner: str, name: str, array: Any, dtype: type, shape: tuple[int | str, ...]) -> None:
    """Refuse `array` unless it has `dtype` and `shape`; a letter in `shape` stands for any length."""
    if not isinstance(array, np.ndarray) or array.dtype != np.dtype(dtype):
        found = array.dtype if isinstance(array, np.ndarray) else type(array).__name__
        raise StageMismatch(f"{owner}.{name} must be an array of {np.dtype(dtype)}, got {found}")
    fits = array.ndim == len(shape) and all(
        isinstance(want, str) or want == have for want, have in zip(shape, array.shape, strict=True)
    )
    if not fits:
        wanted = ", ".join(str(want) for want in shape)
        raise StageMismatch(f"{owner}.{name} must have shape ({wanted}), got {array.shape}")


def _check_classes(owner: str, classes: Any, rows: int, names: tuple[str, ...]) -> None:
    check_array(owner, "classes", classes, np.int64, (rows,))
    if rows and not 0 <= classes.min() <= classes.max() < len(names):
        raise StageMismatch(f"{owner}.classes must lie in [0, {len(names)}), got {classes.min()} to {classes.max()}")


class ShapeRepr:
    """A repr that prints shapes, not megabytes."""

    def __repr__(self) -> str:
        parts = []
        for name, value in vars(self).items():
            shown = f"{value.dtype}{value.shape}" if isinstance(value, np.ndarray) else repr(value)
            parts.append(f"{name}={shown}")
        return f"{type(self).__name__}({', '.join(parts)})"


@dataclass(frozen=True, eq=False, repr=False)
class Frame(ShapeRepr):
    """One decoded frame, upright.

    Attributes:
        pixels: `(H, W, 3)` uint8 RGB.
        index: position in the video in display order, from 0.
        seconds: presentation time from the start of the video.
    """

    pixels: Pixels
    index: int
    seconds: float

    def __post_init__(self) -> None:
        check_array("Frame", "pixels", self.pixels, np.uint8, ("H", "W", 3))


@dataclass(frozen=True, eq=False, repr=False)
class Objects(ShapeRepr):
    """The objects found in one frame beside the people, best first.

    Attributes:
        boxes: `(Q, 4)` float32 x1, y1, x2, y2 in pixels of the frame.
        scores: `(Q,)` float32 confidence in [0, 1].
        classes: `(Q,)` int64, the class of each object as its position in `names`.
        names: of the classes that the detector knows beside people, found or not.
    """

    boxes: Floats
    scores: Floats
    classes: Ints
    names: tuple[str, ...] = field(repr=False)

    def __post_init__(self) -> None:
        check_array("Objects", "boxes", self.boxes, np.float32, ("Q", 4))
        check_array("Objects", "scores", self.scores, np.float32, (len(self.boxes),))
        _check_classes("Objects", self.classes, len(self.boxes), self.names)

    def __len__(self) -> int:
        return len(self.boxes)

    @property
    def class_names(self) -> list[str]:
        """The name of the class of each object."""
        return [self.names[number] for number in self.classes.tolist()]

    @classmethod
    def none(cls, names: tuple[str, ...]) -> Objects:
        """No object of these classes."""
        return cls(np.zeros((0, 4), np.float32), np.zeros(0, np.float32), np.zeros(0, np.int64), names)


@dataclass(frozen=True, eq=False, repr=False)
class Detections(ShapeRepr):
    """The people found in one frame, best first, and the objects.

    Attributes:
        boxes: `(N, 4)` float32 x1, y1, x2, y2 of the people in pixels of the frame.
        scores: `(N,)` float32 confidence in [0, 1].
        objects: what was found beside the people; None: nothing but people was looked for in this frame.

    N may be 0: a frame without a person is ordinary.
    """

    boxes: Floats
    scores: Floats
    objects: Objects | None = None

    def __post_init__(self) -> None:
        check_array("Detections", "boxes", self.boxes, np.float32, ("N", 4))
        check_array("Detections", "scores", self.scores, np.float32, (len(self.boxes),))

    def __len__(self) -> int:
        return len(self.boxes)

    @classmethod
    def none(cls) -> Detections:
        """Nobody."""
        return cls(np.zeros((0, 4), np.float32), np.zeros(0, np.float32))


@dataclass(frozen=True, eq=False, repr=False)
class JointHeatmaps(ShapeRepr):
    """The pose network's own heatmaps, one set per person.

    Attributes:
        values: `(N, K, h, w)` float32 in [0, 1].
        to_frame: `(N, 2, 3)` float32 affine from heatmap pixels (x, y, 1) to frame pixels (x, y).
    """

    values: Floats
    to_frame: Floats

    def __post_init__(self) -> None:
        check_array("JointHeatmaps", "values", self.values, np.float32, ("N", "K", "h", "w"))
        check_array("JointHeatmaps", "to_frame", self.to_frame, np.float32, (len(self.values), 2, 3))


@dataclass(frozen=True, eq=False, repr=False)
class Poses(ShapeRepr):
    """The people's poses in one frame; row n belongs to box n.

    Attributes:
        keypoints: `(N, K, 2)` float32 x, y in pixels of the original frame.
        scores: `(N, K)` float32 confidence; a joint that was not found scores 0 and its position means nothing.
        heatmaps: the network's own heatmaps, where the stage was asked for them.
    """

    keypoints: Floats
    scores: Floats
    heatmaps: JointHeatmaps | None = None

    def __post_init__(self) -> None:
        check_array("Poses", "keypoints", self.keypoints, np.float32, ("N", "K", 2))
        check_array("Poses", "scores", self.scores, np.float32, self.keypoints.shape[:2])
        if self.heatmaps is not None:
            check_array(
                "Poses", "heatmaps.values", self.heatmaps.values, np.float32, (*self.keypoints.shape[:2], "h", "w")
            )

    def __len__(self) -> int:
        return len(self.keypoints)

    @classmethod
    def none(cls, joints: int) -> Poses:
        """Nobody, in a skeleton of `joints` joints."""
        return cls(np.zeros((0, joints, 2), np.float32), np.zeros((0, joints), np.float32))


@dataclass(frozen=True, eq=False, repr=False)
class SequenceHeatmaps(ShapeRepr):
    """The pose network's own heatmaps of a whole sequence; where a slot is empty, all zero.

    Attributes:
        values: `(M, T, K, h, w)` float32 in [0, 1].
        to_frame: `(M, T, 2, 3)` float32 affine from heatmap pixels (x, y, 1) to frame pixels (x, y).
    """

    values: Floats
    to_frame: Floats

    def __post_init__(self) -> None:
        check_array("SequenceHeatmaps", "values", self.values, np.float32, ("M", "T", "K", "h", "w"))
        check_array("SequenceHeatmaps", "to_frame", self.to_frame, np.float32, (*self.values.shape[:2], 2, 3))


@dataclass(frozen=True, eq=False, repr=False)
class ObjectTracks(ShapeRepr):
    """The objects in T frames, linked over the frames: one row per object and frame, in order of frame.

    Attributes:
        columns: `(R,)` int64, which of the T frames each row lies in, in ascending order.
        tracks: `(R,)` int64 track numbers, from 0; a track has a row in each frame from its first to its last sighting.
        boxes: `(R, 4)` float32 x1, y1, x2, y2 in pixels.
        scores: `(R,)` float32 confidence in [0, 1].
        classes: `(R,)` int64, positions in `names`; a track has one class.
        found: `(R,)` bool, whether the detector found the object in this frame; else box and score are interpolated.
        names: of the classes that the detector knows beside people, found or not.
    """

    columns: Ints
    tracks: Ints
    boxes: Floats
    scores: Floats
    classes: Ints
    found: NDArray[np.bool_]
    names: tuple[str, ...] = field(repr=False)

    def __post_init__(self) -> None:
        rows = len(self.boxes)
        check_array("ObjectTracks", "boxes", self.boxes, np.float32, ("R", 4))
        for name, kind in {"columns": np.int64, "tracks": np.int64, "scores": np.float32, "found": np.bool_}.items():
            check_array("ObjectTracks", name, getattr(self, name), kind, (rows,))
        _check_classes("ObjectTracks", self.classes, rows, self.names)
        if np.any(np.diff(self.columns) < 0):
            raise StageMismatch("ObjectTracks.columns must be in ascending order")

    def __len__(self) -> int:
        return len(self.boxes)

    def take(self, rows: NDArray[Any]) -> ObjectTracks:
        """Some of the rows, which are in ascending order or told by True; the numbers of the tracks stay."""
        arrays = {name: array[rows] for name, array in vars(self).items() if name != "names"}
        return replace(self, **arrays)

    def in_frame(self, column: int) -> ObjectTracks:
        """The rows in one of the T frames."""
        first, stop = np.searchsorted(self.columns, [column, column + 1])
        return self.take(np.arange(first, stop))


@dataclass(frozen=True, eq=False, repr=False)
class PoseSequence(ShapeRepr):
    """Poses over time. A slot m holds one track where people were linked over frames, else the m-th detection.

    Attributes:
        keypoints: `(M, T, K, 2)` float32 x, y in pixels.
        scores: `(M, T, K)` float32; 0 where a joint or a whole person is missing.
        frame_size: (H, W) of the frames in pixels.
        frame_indices: `(T,)` int64, strictly increasing: which frame of the video column t is.
        fps: frames per second of the video.
        skeleton: names, limbs and sides of the K joints.
        heatmaps: the pose network's own heatmaps, where they were asked for.
        objects: the objects in the T frames; None: nothing but people was looked for.

    M may be 0: no person was found in any frame.
    """

    keypoints: Floats
    scores: Floats
    frame_size: tuple[int, int]
    frame_indices: Ints
    fps: Fraction
    skeleton: Skeleton = field(repr=False)
    heatmaps: SequenceHeatmaps | None = None
    objects: ObjectTracks | None = None

    def __post_init__(self) -> None:
        joints = len(self.skeleton.joints)
        check_array("PoseSequence", "keypoints", self.keypoints, np.float32, ("M", "T", joints, 2))
        check_array("PoseSequence", "scores", self.scores, np.float32, self.keypoints.shape[:3])
        check_array("PoseSequence", "frame_indices", self.frame_indices, np.int64, (self.keypoints.shape[1],))
        if np.any(np.diff(self.frame_indices) <= 0):
            raise StageMismatch("PoseSequence.frame_indices must be strictly increasing")
        if self.heatmaps is not None:
            shape = (*self.keypoints.shape[:3], "h", "w")
            check_array("PoseSequence", "heatmaps.values", self.heatmaps.values, np.float32, shape)
        if self.objects is not None and not np.isin(self.objects.columns, np.arange(len(self))).all():
            raise StageMismatch(f"PoseSequence.objects must lie in its {len(self)} frames, got {self.objects.columns}")

    @property
    def people(self) -> int:
        """M, the number of person slots."""
        return len(self.keypoints)

    def __len__(self) -> int:
        """T, the number of frames."""
        return len(self.frame_indices)


class InputViews(ShapeRepr):
    """What a network is given: one array or several, all of the same V views."""

    @property
    def arrays(self) -> tuple[Floats, ...]:
        """The arrays, in the order in which the network takes them; in each, the views come first."""
        return tuple(vars(self).values())

    def __len__(self) -> int:
        """V, the number of views."""
        return len(self.arrays[0])


@dataclass(frozen=True, eq=False, repr=False)
class HeatmapVolume(InputViews):
    """Heatmaps of joints or limbs over time: the input of a heatmap classifier.

    Attributes:
        values: `(V, K, T, H, W)` float32 in [0, 1]; K counts joints or limbs.
    """

    values: Floats

    def __post_init__(self) -> None:
        check_array("HeatmapVolume", "values", self.values, np.float32, ("V", "K", "T", "H", "W"))


@dataclass(frozen=True, eq=False, repr=False)
class JointClips(InputViews):
    """Joint coordinates over time: the input of a joint classifier.

    Attributes:
        values: `(V, M, T, K, C)` float32; C numbers for each joint: x, y and score, all 0 where it is missing.
    """

    values: Floats

    def __post_init__(self) -> None:
        check_array("JointClips", "values", self.values, np.float32, ("V", "M", "T", "K", "C"))


@dataclass(frozen=True, eq=False, repr=False)
class RGBClips(InputViews):
    """Frames cropped around people: the input of a classifier of pixels.

    Attributes:
        values: `(V, 3, T, H, W)` float32: red, green and blue, normalized as the network was trained with.
    """

    values: Floats

    def __post_init__(self) -> None:
        check_array("RGBClips", "values", self.values, np.float32, ("V", 3, "T", "H", "W"))


@dataclass(frozen=True, eq=False, repr=False)
class RGBPoseClips(InputViews):
    """Frames and heatmaps in the same crop: the input of a classifier of pixels and poses.

    Each view has frame numbers of its own for the frames and for the heatmaps.

    Attributes:
        rgb: as `RGBClips.values`.
        heatmaps: `(V, K, T', h, w)` float32, as `HeatmapVolume.values`; more frames, in fewer pixels.
    """

    rgb: Floats
    heatmaps: Floats

    def __post_init__(self) -> None:
        check_array("RGBPoseClips", "rgb", self.rgb, np.float32, ("V", 3, "T", "H", "W"))
        check_array("RGBPoseClips", "heatmaps", self.heatmaps, np.float32, (len(self.rgb), "K", "T'", "h", "w"))


ClassifierInput = HeatmapVolume | JointClips | RGBClips | RGBPoseClips
"""The input of a classifier, made by an input builder. In all types the views come first."""


@dataclass(frozen=True, eq=False, repr=False)
class ActionScores(ShapeRepr):
    """The probability of each action.

    Attributes:
        probabilities: `(C,)` float32, summing to 1.
        labels: C names, in the order of `probabilities`.
        without_objects: `(C,)` likewise, of the poses alone; None: no object had a say in `probabilities`.
    """

    probabilities: Floats
    labels: tuple[str, ...]
    without_objects: Floats | None = None

    def __post_init__(self) -> None:
        check_array("ActionScores", "probabilities", self.probabilities, np.float32, (len(self.labels),))
        if self.without_objects is not None:
            check_array("ActionScores", "without_objects", self.without_objects, np.float32, (len(self.labels),))

    @property
    def of_poses(self) -> ActionScores:
        """The scores that the poses alone give."""
        return self if self.without_objects is None else ActionScores(self.without_objects, self.labels)

    @classmethod
    def of_outputs(cls, probabilities: ArrayLike, outputs: Sequence[str]) -> Self:
        """The scores of labels of which each stands for one or several outputs of a network: the sums over these.

        Args:
            probabilities: `(O,)` of the outputs.
            outputs: O names, of which several may be alike; `labels` holds each once, in the order of first appearance.
        """
        place = {label: number for number, label in enumerate(dict.fromkeys(outputs))}
        sums = np.bincount([place[label] for label in outputs], weights=np.asarray(probabilities, np.float64))
        return cls(sums.astype(np.float32), tuple(place))

    def ruling_out(self, labels: Collection[str]) -> ActionScores:
        """The scores where these labels are no answer: theirs are 0, and the others sum to 1 again.

        The same where none of them is among the labels, or no other is.
        """
        others = np.array([label not in labels for label in self.labels])
        if others.all() or not others.any():
            return self
        bare = self.without_objects
        return ActionScores(
            _only(self.probabilities, others), self.labels, None if bare is None else _only(bare, others)
        )

    def top(self, k: int) -> list[tuple[str, float]]:
        """The k most probable actions, best first; all C actions if k is larger."""
        order = np.argsort(-self.probabilities, kind="stable")[:k]
        return [(self.labels[i], float(self.probabilities[i])) for i in order]


def _only(probabilities: Floats, kept: NDArray[np.bool_]) -> Floats:
    """The probabilities of the kept ones, all alike where they are too small to be told apart; of the rest 0."""
    mine = np.where(kept, probabilities.astype(np.float64), 0.0)
    if not mine.sum() > 0:
        mine = kept.astype(np.float64)
    shares: Floats = (mine / mine.sum()).astype(np.float32)
    return shares


@dataclass(frozen=True)
class VideoInfo:
    """The properties of a video file.

    Attributes:
        path: the file.
        width: of each frame in pixels as it is shown: upright, with square pixels.
        height: of each frame, likewise.
        fps: frames per second. The nominal rate where frames are evenly spaced, else the average, without gaps of more
            than ten seconds.
        frame_count: how many frames can be decoded, in display order, edit lists applied. Exact where the packets are
            well-formed or damage shows in them (the file is then decoded once to count); damage that shows nowhere
            but in the decoder's output is reported by `VideoReader.lost` instead.
        duration: seconds from the start of the first frame to the end of the last.
        codec: FFmpeg's name of the codec, e.g. h264.
        rotation: degrees clockwise that a stored frame is turned to stand upright: 0, 90, 180 or 270.
        lost_frames: frames that the container announces or holds packets for, and that cannot be decoded; 0 for a
            sound file. A decoder hides small damage inside a frame, and such a frame is not lost.
        variable_rate: frames are unevenly spaced: the shortest and the longest step differ by more than a tenth of
            the median step and more than the container's rounding of times explains.
        mirrored: the turned frame is then mirrored left to right, as the file demands.
        start: seconds on the file's own clock at which frame 0 is shown.
        notes: sentences about what the file leaves open, or states wrongly, and what was made of it.
        boundaries: `(frame_count + 1,)` float64, rising: when each frame is shown and when the last one ends, in
            seconds from frame 0. None: frame N is shown at N / fps, but for the container's rounding of times.

    Whatever gives a time to a frame asks this class: no time is computed from the rate elsewhere.
    """

    path: Path
    width: int
    height: int
    fps: Fraction
    frame_count: int
    duration: float
    codec: str
    rotation: int
    lost_frames: int
    variable_rate: bool
    mirrored: bool = False
    start: float = 0.0
    notes: tuple[str, ...] = ()
    boundaries: Doubles | None = field(default=None, repr=False, compare=False)

    def __post_init__(self) -> None:
        if self.boundaries is not None:
            check_array("VideoInfo", "boundaries", self.boundaries, np.float64, (self.frame_count + 1,))

    @property
    def timing(self) -> tuple[int, Fraction, Doubles | None]:
        """The arguments of `posec3d_cli.sampling.clips.ClipSampling.plan`."""
        return self.frame_count, self.fps, self.boundaries

    def elapsed(self, frames: ArrayLike) -> Doubles:
        """When frames are shown, in seconds from frame 0; for `frame_count`, when the last one ends."""
        numbers = np.asarray(frames, np.int64)
        return numbers / float(self.fps) if self.boundaries is None else self.boundaries[numbers]

    def seconds(self, frame: int) -> float:
        """When a frame is shown on the file's own clock, after edit lists; for `frame_count`, when the last ends."""
        return self.start + float(self.elapsed(frame))

    def length(self, start: int, stop: int) -> float:
        """How long the frames from `start` to `stop` are shown, counted in frames of the average rate."""
        if self.boundaries is None:
            return stop - start
        return float(self.boundaries[stop] - self.boundaries[start]) * float(self.fps)
