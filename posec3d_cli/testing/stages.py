"""The checks of stages, and small inputs to run stages on."""

from __future__ import annotations

from collections.abc import Sequence
from fractions import Fraction

import numpy as np

from posec3d_cli.skeletons import Skeleton
from posec3d_cli.stages.protocols import (
    ActionClassifier,
    Detector,
    HasLogits,
    InputBuilder,
    KnowsObjects,
    PoseEstimator,
)
from posec3d_cli.testing.rules import one_each, require, same, unchanged, unit
from posec3d_cli.types import (
    ActionScores,
    ClassifierInput,
    Detections,
    Frame,
    HeatmapVolume,
    Ints,
    JointClips,
    JointHeatmaps,
    Objects,
    Poses,
    PoseSequence,
    SequenceHeatmaps,
)


def sample_frames(count: int = 3) -> list[Frame]:
    """Images of different sizes that are the same at every call: soft random patches, nobody in particular."""
    rng = np.random.default_rng(1)
    frames = []
    for index in range(count):
        patches = rng.integers(0, 256, (6 + index, 9 - index, 3), dtype=np.uint8)
        frames.append(Frame(np.kron(patches, np.ones((16, 16, 1), np.uint8)), index, index / 25))
    return frames


def sample_detections(frames: Sequence[Frame]) -> list[Detections]:
    """Boxes in these frames: two in the first, none in the second, one in each later one."""
    counts = [2, 0, *[1] * len(frames)]
    detections = []
    for frame, count in zip(frames, counts, strict=False):
        height, width = frame.pixels.shape[:2]
        left = np.arange(count, dtype=np.float32) * width / 4
        boxes = [left, np.full(count, height * 0.1), left + width / 2, np.full(count, height * 0.9)]
        scores = np.linspace(0.9, 0.5, count, dtype=np.float32)
        detections.append(Detections(np.stack(boxes, axis=1).astype(np.float32).reshape(count, 4), scores))
    return detections


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


def check_detector(detector: Detector, frames: Sequence[Frame] | None = None, *, tolerance: float = 1e-3) -> None:
    """Check a detector.

    Args:
        detector: the stage.
        frames: images to try it on; by default `sample_frames()`.
        tolerance: largest difference between equal results, in pixels.

    Raises:
        StageMismatch: it breaks the contract.
    """
    require(isinstance(detector, Detector), "a detector has a method detect(frames)")
    frames = sample_frames() if frames is None else list(frames)
    require(detector.detect([]) == [], "detect([]) must be []")
    found = unchanged(lambda: detector.detect(frames), [frame.pixels for frame in frames], "detect")
    one_each(found, frames, Detections, "detect")
    known = detector.object_classes if isinstance(detector, KnowsObjects) else ()
    fit = isinstance(known, tuple) and all(isinstance(name, str) and name for name in known)
    require(fit and len(set(known)) == len(known), f"object_classes must be a tuple of different names, got {known!r}")
    for frame, people in zip(frames, found, strict=True):
        where = f"frame {frame.index}"
        _check_boxes(people, frame, where)
        _check_objects(people.objects, known, frame, where)
    alone = [one for frame in frames for one in detector.detect([frame])]
    for name, again in (("a second time", detector.detect(frames)), ("one by one", alone)):
        for one, other in zip(found, again, strict=True):
            same(one.boxes, other.boxes, tolerance, f"boxes {name}")
            same(one.scores, other.scores, tolerance, f"scores {name}")
            if one.objects is not None and other.objects is not None:
                same(one.objects.boxes, other.objects.boxes, tolerance, f"boxes of objects {name}")
                same(one.objects.scores, other.objects.scores, tolerance, f"scores of objects {name}")
                same(one.objects.classes, other.objects.classes, 0, f"classes of objects {name}")


def _check_boxes(found: Detections | Objects, frame: Frame, where: str) -> None:
    height, width = frame.pixels.shape[:2]
    boxes, limits = found.boxes, np.array([width, height, width, height], np.float32)
    require(bool(np.isfinite(boxes).all()), f"{where}: boxes must be finite")
    require(bool((boxes >= 0).all() and (boxes <= limits).all()), f"{where}: boxes must lie in the frame")
    require(bool((boxes[:, 2:] > boxes[:, :2]).all()), f"{where}: boxes must have x1 < x2 and y1 < y2")
    unit(found.scores, f"{where}: scores")
    require(bool((np.diff(found.scores) <= 0).all()), f"{where}: the best box must come first")


def _check_objects(objects: Objects | None, known: tuple[str, ...], frame: Frame, where: str) -> None:
    """Refuse objects of a detector that knows none, and the lack of them in one that does."""
    if objects is None:
        require(not known, f"{where}: objects must not be None, for object_classes has {len(known)} names")
        return
    require(objects.names == known, f"{where}: the names of objects must be object_classes, {known}")
    _check_boxes(objects, frame, f"{where}, objects")


def check_pose_estimator(
    pose: PoseEstimator,
    frames: Sequence[Frame] | None = None,
    detections: Sequence[Detections] | None = None,
    *,
    tolerance: float = 1e-2,
) -> None:
    """Check a pose estimator.

    Args:
        pose: the stage.
        frames: images to try it on; by default `sample_frames()`.
        detections: their boxes; by default `sample_detections(frames)`.
        tolerance: largest difference between equal results, in pixels.

    Raises:
        StageMismatch: it breaks the contract.
    """
    require(isinstance(pose, PoseEstimator), "a pose estimator has a skeleton and estimate(frames, detections)")
    frames = sample_frames() if frames is None else list(frames)
    boxes = sample_detections(frames) if detections is None else list(detections)
    joints = len(pose.skeleton.joints)
    require(pose.estimate([], []) == [], "estimate([], []) must be []")
    inputs = [frame.pixels for frame in frames] + [one.boxes for one in boxes]
    found = unchanged(lambda: pose.estimate(frames, boxes), inputs, "estimate")
    one_each(found, frames, Poses, "estimate")
    for frame, people, poses in zip(frames, boxes, found, strict=True):
        where = f"frame {frame.index}"
        wanted = (len(people), joints)
        require(poses.scores.shape == wanted, f"{where}: scores must have shape {wanted}, got {poses.scores.shape}")
        unit(poses.scores, f"{where}: scores")
        seen = poses.keypoints[poses.scores > 0]
        require(bool(np.isfinite(seen).all()), f"{where}: keypoints with a score must be finite")
        if isinstance(poses.heatmaps, JointHeatmaps):
            unit(poses.heatmaps.values, f"{where}: heatmaps")
    nobody = pose.estimate(frames, [Detections.none()] * len(frames))
    one_each(nobody, frames, Poses, "estimate")
    require(all(one.keypoints.shape == (0, joints, 2) for one in nobody), "nobody in a frame must stay nobody")
    alone = [one for frame, box in zip(frames, boxes, strict=True) for one in pose.estimate([frame], [box])]
    for name, again in (("a second time", pose.estimate(frames, boxes)), ("one by one", alone)):
        for one, other in zip(found, again, strict=True):
            same(one.scores, other.scores, tolerance, f"scores {name}")
            same(one.keypoints[one.scores > 0.1], other.keypoints[one.scores > 0.1], tolerance, f"keypoints {name}")


def check_volume_builder(
    builder: InputBuilder, sequence: PoseSequence, nobody: PoseSequence, *, tolerance: float = 1e-6
) -> None:
    """Check a builder, of volumes or of clips.

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
    volume = unchanged(lambda: builder.build(sequence, clips), [sequence.keypoints, sequence.scores, clips], "build")
    made = f"build must give a HeatmapVolume or JointClips, got {type(volume).__name__}"
    require(isinstance(volume, HeatmapVolume | JointClips), made)
    shape = volume.values.shape
    require((shape[0], shape[2]) == clips.shape, f"build must give {clips.shape} views and frames, got {shape}")
    if isinstance(volume, HeatmapVolume):
        unit(volume.values, "values")
    else:
        require(bool(np.isfinite(volume.values).all()), "values must be finite")
    require(bool(volume.values.any()), "people who are seen must be drawn")
    both = builder.build(sequence, clips, flip=True).values
    require(both.shape == (2 * shape[0], *shape[1:]), f"flip must double the views, got {both.shape} from {shape}")
    same(both[: shape[0]], volume.values, tolerance, "with flip, the first views")
    same(builder.build(sequence, clips).values, volume.values, tolerance, "values a second time")
    repeated = builder.build(sequence, clips[[0, 0]]).values
    same(repeated[0], repeated[1], tolerance, "equal views")
    empty = builder.build(nobody, clips).values
    require(empty.shape == shape and not empty.any(), "nobody must give zeros of the same shape")


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
        volumes: of the shape that it reads, with different numbers of views; see `sample_volumes`, `sample_clips`.
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
    given = unchanged(lambda: classifier.classify(volumes), [volume.values for volume in volumes], "classify")
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
        views = [type(volume)(view[None]) for view in volume.values]
        mean = np.mean([one.probabilities for one in classifier.classify(views)], axis=0)
        same(scores.probabilities, mean, tolerance, "probabilities as the mean over views")
