"""The checks of detectors and pose estimators, and small inputs to run them on."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from posec3d_cli.stages.protocols import Detector, KnowsObjects, PoseEstimator
from posec3d_cli.testing.rules import one_each, require, same, unchanged, unit
from posec3d_cli.types import Detections, Frame, JointHeatmaps, Objects, Poses


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
