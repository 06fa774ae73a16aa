"""The checks of input builders and classifiers, and small inputs to run them on."""

from __future__ import annotations

from collections.abc import Sequence
from fractions import Fraction

import numpy as np

from posec3d_cli.errors import StageMismatch
from posec3d_cli.skeletons import Skeleton
from posec3d_cli.stages.protocols import ActionClassifier, HasLogits, InputBuilder, NeedsFrames
from posec3d_cli.testing.rules import one_each, require, same, unchanged, unit
from posec3d_cli.types import (
    ActionScores,
    ClassifierInput,
    HeatmapVolume,
    InputViews,
    Ints,
    JointClips,
    Pixels,
    PoseSequence,
    RGBClips,
    RGBPoseClips,
    SequenceHeatmaps,
)

_FRAMES = 3  # of the views that builders with frames are given


def sample_sequence(
    skeleton: Skeleton, *, people: int = 2, frames: int = 12, heatmap_size: tuple[int, int] | None = None
) -> PoseSequence:
    """People of this skeleton who move about in an image of 360 x 480 pixels.

    Args:
        skeleton: the joint set.
        people: M.
        frames: T; they are every second frame of a video.
        heatmap_size: (h, w) of the pose network's own heatmaps, where the sequence should have them.
    """
    rng = np.random.default_rng(2)
    joints = len(skeleton.joints)
    start = rng.uniform((120, 80), (360, 280), (people, 1, joints, 2))
    keypoints = (start + rng.normal(0, 4, (people, frames, joints, 2)).cumsum(axis=1)).astype(np.float32)
    scores = rng.uniform(0.3, 1, (people, frames, joints)).astype(np.float32)
    maps = None
    if heatmap_size is not None:
        values = rng.uniform(0, 1, (people, frames, joints, *heatmap_size)).astype(np.float32)
        height, width = heatmap_size
        to_frame = np.array([[240 / width, 0, 120], [0, 200 / height, 80]], np.float32)
        maps = SequenceHeatmaps(values, np.broadcast_to(to_frame, (people, frames, 2, 3)).copy())
    indices = np.arange(frames, dtype=np.int64) * 2
    return PoseSequence(keypoints, scores, (360, 480), indices, Fraction(25), skeleton, maps)


def sample_volumes(channels: int, *, frames: int = 16, size: int = 32) -> list[HeatmapVolume]:
    """Three volumes for a classifier of so many channels: of one view, of two views, and of nobody."""
    rng = np.random.default_rng(3)
    shape = (channels, frames, size, size)
    sparse = (rng.uniform(0, 1, (3, *shape)) ** 8).astype(np.float32)
    return [HeatmapVolume(sparse[:1]), HeatmapVolume(sparse[1:]), HeatmapVolume(np.zeros((1, *shape), np.float32))]


def sample_clips(channels: int = 3, *, joints: int = 17, people: int = 1, frames: int = 16) -> list[JointClips]:
    """Three clips for a classifier of joints: of one view, of two views, and of nobody."""
    rng = np.random.default_rng(3)
    shape = (people, frames, joints, channels)
    values = rng.uniform(-1, 1, (3, *shape)).astype(np.float32)
    return [JointClips(values[:1]), JointClips(values[1:]), JointClips(np.zeros((1, *shape), np.float32))]


def sample_rgb_clips(
    channels: int | None = None, *, frames: int = 4, size: int = 64
) -> list[RGBClips] | list[RGBPoseClips]:
    """Three clips for a classifier of frames: of one view, of two views, and of black frames.

    Args:
        channels: of the heatmaps beside the frames, of which there are four times as many in a quarter of the size;
            None: there are none.
        frames: T.
        size: H and W.
    """
    rng = np.random.default_rng(3)
    noise = rng.normal(0, 1, (3, 3, frames, size, size)).astype(np.float32)
    rgb = [noise[:1], noise[1:], np.zeros((1, *noise.shape[1:]), np.float32)]
    if channels is None:
        return [RGBClips(values) for values in rgb]
    volumes = sample_volumes(channels, frames=4 * frames, size=size // 4)
    return [RGBPoseClips(values, volume.values) for values, volume in zip(rgb, volumes, strict=True)]


def check_volume_builder(
    builder: InputBuilder, sequence: PoseSequence, nobody: PoseSequence, *, tolerance: float = 1e-6
) -> None:
    """Check a builder, of volumes, of clips, or with frames.

    Args:
        builder: the stage.
        sequence: poses in the skeleton that it reads; see `sample_sequence`.
        nobody: the same frames with `people=0`.
        tolerance: largest difference between equal results.

    Raises:
        StageMismatch: it breaks the contract.
    """
    require(isinstance(builder, InputBuilder), "a builder has a method build(sequence, clips, flip=False)")
    clips = _sample_clips(sequence)
    builds_with_frames = builder if isinstance(builder, NeedsFrames) else None
    if builds_with_frames is not None:
        _check_crop(builds_with_frames, sequence, nobody, clips)

    def build(people: PoseSequence, clips: Ints, *, flip: bool = False) -> ClassifierInput:
        if builds_with_frames is None:
            return builder.build(people, clips, flip=flip)
        frames = _sample_frames(len(clips), builds_with_frames.frame_size)
        return builds_with_frames.build(people, clips, flip=flip, frames=frames)

    volume = unchanged(lambda: build(sequence, clips), [sequence.keypoints, sequence.scores, clips], "build")
    require(isinstance(volume, InputViews), f"build must give a ClassifierInput, got {type(volume).__name__}")
    frames = clips.shape[1] if builds_with_frames is None else _FRAMES
    for number, values in enumerate(volume.arrays):
        shape = values.shape
        drawn = number > 0 or builds_with_frames is None
        wanted = (len(clips), clips.shape[1] if drawn else frames)
        require((shape[0], shape[2]) == wanted, f"build must give {wanted} views and frames, got {shape}")
        if drawn and not isinstance(volume, JointClips):
            unit(values, "values")
        else:
            require(bool(np.isfinite(values).all()), "values must be finite")
        require(bool(values.any()), "people who are seen must be drawn")
        both = build(sequence, clips, flip=True).arrays[number]
        require(both.shape == (2 * shape[0], *shape[1:]), f"flip must double the views, got {both.shape} from {shape}")
        same(both[: shape[0]], values, tolerance, "with flip, the first views")
        same(build(sequence, clips).arrays[number], values, tolerance, "values a second time")
        repeated = build(sequence, clips[[0, 0]]).arrays[number]
        same(repeated[0], repeated[1], tolerance, "equal views")
        empty = build(nobody, clips).arrays[number]
        require(empty.shape == shape, f"nobody must give the same shape, got {empty.shape} instead of {shape}")
        require(not (drawn and empty.any()), "nobody must give zeros of the same shape")


def _sample_frames(views: int, size: tuple[int, int]) -> Pixels:
    """The same frames of noise in each view."""
    noise = np.random.default_rng(4).integers(0, 256, (_FRAMES, *size, 3), np.uint8)
    return np.repeat(noise[None], views, axis=0)


def _check_crop(builder: NeedsFrames, sequence: PoseSequence, nobody: PoseSequence, clips: Ints) -> None:
    """Check the crop of a builder that reads frames, and that it refuses poses alone."""
    for people in (sequence, nobody):
        crop = builder.crop(people, clips)
        edges = (crop.left, crop.top, crop.width, crop.height)
        require(all(edge == int(edge) for edge in edges), f"a crop must have whole pixels, got {crop}")
        require(crop.width > 0 and crop.height > 0, f"a crop must not be empty, got {crop}")
    try:
        builder.build(sequence, clips)
    except StageMismatch:
        return
    require(False, "build must refuse poses without frames with StageMismatch")


def _sample_clips(sequence: PoseSequence) -> Ints:
    """Two views of all frames: in order, and every other one twice."""
    count = len(sequence)
    rows = np.stack([np.arange(count), np.arange(count) // 2 * 2])
    return sequence.frame_indices[rows]


def check_classifier(
    classifier: ActionClassifier, volumes: Sequence[ClassifierInput], *, tolerance: float = 1e-2
) -> None:
    """Check a classifier.

    Args:
        classifier: the stage.
        volumes: of the shape that it reads, with different numbers of views; see `sample_volumes`, `sample_clips`,
            `sample_rgb_clips`.
        tolerance: largest difference between equal probabilities; the default allows for half precision.

    Raises:
        StageMismatch: it breaks the contract.
    """
    require(isinstance(classifier, ActionClassifier), "a classifier has labels and classify(volumes)")
    labels = classifier.labels
    require(isinstance(labels, tuple) and len(labels) > 0, f"labels must be a tuple that is not empty, got {labels!r}")
    require(len(set(labels)) == len(labels), "labels must differ")
    if isinstance(classifier, HasLogits):
        outputs = classifier.outputs
        require(tuple(dict.fromkeys(outputs)) == labels, f"the labels of outputs must be {labels}, got {outputs!r}")
    require(classifier.classify([]) == [], "classify([]) must be []")
    arrays = [array for volume in volumes for array in volume.arrays]
    given = unchanged(lambda: classifier.classify(volumes), arrays, "classify")
    one_each(given, volumes, ActionScores, "classify")
    for scores in given:
        require(scores.labels == labels, "every answer must carry the classifier's labels")
        unit(scores.probabilities, "probabilities")
        total = float(scores.probabilities.sum())
        require(abs(total - 1) < 1e-3, f"probabilities must sum to 1, got {total:.4f}")
    alone = [one for volume in volumes for one in classifier.classify([volume])]
    for name, again in (("a second time", classifier.classify(volumes)), ("one by one", alone)):
        for one, other in zip(given, again, strict=True):
            same(one.probabilities, other.probabilities, tolerance, f"probabilities {name}")
    for volume, scores in zip(volumes, given, strict=True):
        views = [type(volume)(*(array[[view]] for array in volume.arrays)) for view in range(len(volume))]
        mean = np.mean([one.probabilities for one in classifier.classify(views)], axis=0)
        same(scores.probabilities, mean, tolerance, "probabilities as the mean over views")
