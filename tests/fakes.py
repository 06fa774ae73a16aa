"""Stages of a few lines each, for tests of what happens around them."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from posec3d_cli.extraction.extractor import PoseExtractor
from posec3d_cli.hub.resolve import resolve
from posec3d_cli.pipeline import Pipeline
from posec3d_cli.recognition.ensemble import Member
from posec3d_cli.recognition.recognizer import ActionRecognizer
from posec3d_cli.results import ModelInfo, PipelineInfo
from posec3d_cli.sampling.clips import ClipSampling
from posec3d_cli.skeletons import COCO_17
from posec3d_cli.types import ActionScores, Detections, HeatmapVolume, Objects, Poses

LABELS = ("left", "right")


class Detector:
    """Finds people of 20 x 30 pixels at the x that `where(index)` says, and remembers what it was shown."""

    def __init__(self, where=lambda index: [20]):
        self.where, self.seen, self.batches = where, [], []

    def detect(self, frames):
        self.seen += [frame.index for frame in frames]
        self.batches.append(len(frames))
        return [self._people(frame.index) for frame in frames]

    def _people(self, index):
        boxes = [[x - 10, 10, x + 10, 40] for x in self.where(index)]
        return Detections(np.array(boxes, np.float32).reshape(-1, 4), np.full(len(boxes), 0.9, np.float32))


class ObjectDetector(Detector):
    """Also finds a ball of 10 x 10 pixels at the x that `ball(index)` says, or none; it knows cups, too."""

    object_classes = ("ball", "cup")

    def __init__(self, ball=lambda index: 50, where=lambda index: [20]):
        super().__init__(where)
        self.ball = ball

    def _people(self, index):
        x = self.ball(index)
        boxes = [] if x is None else [[x - 5, 20, x + 5, 30]]
        found = np.array(boxes, np.float32).reshape(-1, 4)
        scores, classes = np.full(len(boxes), 0.6, np.float32), np.zeros(len(boxes), np.int64)
        return replace(super()._people(index), objects=Objects(found, scores, classes, self.object_classes))


class Pose:
    """Puts all joints into the middle of the box."""

    skeleton = COCO_17

    def __init__(self, score=0.8):
        self.score = score

    def estimate(self, frames, detections):
        poses = []
        for found in detections:
            centres = (found.boxes[:, :2] + found.boxes[:, 2:]) / 2
            keypoints = np.repeat(centres[:, None], 17, axis=1).astype(np.float32)
            poses.append(Poses(keypoints, np.full(keypoints.shape[:2], self.score, np.float32)))
        return poses


class Builder:
    """One pixel per frame: the mean x of everybody seen, in hundreds of pixels."""

    def __init__(self):
        self.calls = []

    def build(self, sequence, clips, *, flip=False):
        self.calls.append((sequence, clips, flip))
        columns = np.searchsorted(sequence.frame_indices, clips)
        assert np.array_equal(sequence.frame_indices[columns], clips)
        seen = sequence.scores[:, :, 0] > 0
        x = np.where(seen, sequence.keypoints[:, :, 0, 0], 0).sum(0) / np.maximum(seen.sum(0), 1) / 100
        values = x[columns][:, None, :, None, None].astype(np.float32)
        return HeatmapVolume(np.concatenate([values, 1 - values]) if flip else values)


class Classifier:
    """The further right, the more probably "right"."""

    labels = LABELS
    precision = "fp32"

    def classify(self, volumes):
        right = [float(volume.values.mean()) for volume in volumes]
        return [ActionScores(np.array([1 - p, p], np.float32), self.labels) for p in right]


class PairBuilder(Builder):
    """Of one person x, from 0 to 0.4 for 240 pixels; of several 0.5 and, for the distance between them, more."""

    def build(self, sequence, clips, *, flip=False):
        volume = super().build(sequence, clips, flip=flip)
        x = sequence.keypoints[..., 0].mean(axis=(1, 2))
        value = 0.4 * volume.values / 2.4 if len(x) == 1 else 0 * volume.values + 0.5 + np.ptp(x) / 500
        return HeatmapVolume(value.astype(np.float32))


class PairClassifier:
    """Of two people: the nearer, the more probably "meet"; of one person "left" or "right"."""

    labels = (*LABELS, "meet")
    precision = "fp32"

    def classify(self, volumes):
        return [self._scores(float(volume.values.mean())) for volume in volumes]

    def _scores(self, value):
        meet = 0.95 - 2 * (value - 0.5) if value >= 0.5 else 0.05
        right = 0.5 if value >= 0.5 else value / 0.4
        shares = [(1 - meet) * (1 - right), (1 - meet) * right, meet]
        return ActionScores(np.array(shares, np.float32), self.labels)


def meeting(index):
    """Two people, of whom the second comes near, stays and goes: they are near from frame 64 to 135."""
    return [20, min(190, 60 + max(0, 2 * (69 - index), 2 * (index - 131)))]


def pair_pipeline(where, *, interactions=("meet",), **sampling):
    """A pipeline whose classifier knows what two people do together."""
    made = pipeline(where)
    reads = ClipSampling(frames=8, people="each", window_seconds=1.0).changed(**sampling)
    member = Member(PairBuilder(), PairClassifier(), reads, interactions=interactions)
    return Pipeline(made.extractor, ActionRecognizer([member], used=made.recognizer.used))


def configured(pipeline, config):
    """The same pipeline, which reads videos as the config says, and answers by its least score."""
    pipeline.recognizer.used = replace(pipeline.recognizer.used, min_score=resolve(config).min_score)
    pipeline.recognizer.sampling = pipeline.recognizer.members[0].sampling.changed(
        views=config.views,
        flip=config.flip,
        window_seconds=config.window_seconds or (2 if config.timeline else config.window_seconds),
        stride_seconds=config.stride_seconds,
        people=config.people,
    )
    return pipeline


def predict(pipeline, path, *, every_frame=False, progress=None, **sampling):
    """An answer to a video that is read in another way than the pipeline's own."""
    changed = pipeline.recognizer.sampling.changed(**sampling)
    return pipeline.predict(path, sampling=changed, every_frame=every_frame, progress=progress)


def pipeline(where=lambda index: [20], *, score=0.8, sampling=None):
    models = {
        "detector": ModelInfo("fake-detector", "fake", "cpu", {}),
        "pose": ModelInfo("fake-pose", "fake", "cpu", {"weights": "00"}),
        "classifier": ModelInfo("fake-classifier", "fake", "cpu", {"weights": "11"}),
    }
    extractor = PoseExtractor(Detector(where), Pose(score), models={k: models[k] for k in ("detector", "pose")})
    used = PipelineInfo("fake", models, "fake", "fp32")
    member = Member(Builder(), Classifier(), sampling or ClipSampling(frames=8))
    return Pipeline(extractor, ActionRecognizer([member], used=used))
