"""Training samples: one clip seen by another camera, at another pace, by a worse pose network.

The aim is that nothing but motion tells where a clip came from. Recorded and annotated poses are given the scores
and the gaps of estimated ones; every clip is seen from other distances and angles, by panning cameras, cut,
stretched, repeated and cropped. Sources of the ideas: PoseC3D (uniform sampling, subject-centred crops, mirror
images); the rest imitates what cameras and pose networks get wrong, and was not measured part by part.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from posec3d_cli.datasets.clips import ESTIMATED, RECORDED, LabeledClip
from posec3d_cli.skeletons import COCO_17
from posec3d_cli.transforms.motion import at_times, drift, extent, project
from posec3d_cli.types import Floats

_LIMB_CHAINS = ((7, 9), (8, 10), (9,), (10,), (13, 15), (14, 16), (15,), (16,), (5, 7, 9), (6, 8, 10))
_LEGS = (13, 14, 15, 16)
_FEET_AND_KNEES_AND_HIPS = (11, 12, 13, 14, 15, 16)
_MIRROR = np.array(COCO_17.mirror)


@dataclass(frozen=True)
class Augmentation:
    """How strongly samples are varied. Lengths are parts of the person's own size; angles are degrees.

    `still` is the part of the samples that hold one moment; they are labelled as every action alike, so that a
    bystander who does nothing is given no action with confidence.
    """

    longest_seconds: float = 4.0
    shortest_seconds: float = 0.7
    whole: float = 0.4
    repeat: float = 0.15
    together: float = 0.12
    bystander: float = 0.08
    pan: float = 0.35
    pan_reach: float = 0.8
    zoom_reach: float = 0.25
    rotation: float = 12.0
    stretch: float = 0.2
    jitter: float = 0.02
    wobble: float = 0.015
    joint_drop: float = 0.04
    limb_drop: float = 0.1
    lower_body_drop: float = 0.08
    frame_drop: float = 0.05
    swap: float = 0.03
    still: float = 0.04

    def scaled(self, strength: float) -> Augmentation:
        """The same with every fault of camera and pose network, and every cut, that many times as likely or large."""
        faults = (
            "together", "bystander", "pan", "jitter", "wobble", "joint_drop", "limb_drop", "lower_body_drop",
            "frame_drop", "swap",
        )  # fmt: skip
        whole = 1 - (1 - self.whole) * strength
        return replace(self, whole=whole, **{name: getattr(self, name) * strength for name in faults})


def draw_clip(
    example: LabeledClip,
    others: Sequence[LabeledClip],
    frames: int,
    settings: Augmentation,
    generator: np.random.Generator,
    *,
    still: bool = False,
) -> tuple[Floats, Floats]:
    """One training sample of an example.

    Args:
        example: the clip.
        others: where bystanders are taken from.
        frames: T, how many frames the sample has.
        settings: how strongly it is varied.
        generator: where chance comes from.
        still: hold one moment of the clip, so that the person does nothing.

    Returns:
        Keypoints `(M, T, K, 2)` float32 in arbitrary pixels, not yet cropped, and scores `(M, T, K)`.
    """
    keypoints, scores = _seen(example, frames, settings, generator, still=still)
    if generator.random() >= settings.together:
        keypoints, scores = keypoints[:1], scores[:1]
    elif len(keypoints) == 1 and others and generator.random() < settings.bystander / settings.together:
        other = others[int(generator.integers(len(others)))]
        beside = _seen(other, frames, settings, generator)
        keypoints, scores = _compose((keypoints, scores), (beside[0][:1], beside[1][:1]), generator)
    keypoints = _view(keypoints, scores, settings, generator)
    keypoints, scores = _degrade(keypoints, scores, settings, generator)
    if generator.random() < 0.5:
        width = np.float32(2 * np.max(np.abs(keypoints), initial=1))
        keypoints, scores = keypoints[:, :, _MIRROR], scores[:, :, _MIRROR]
        keypoints = np.stack([width - keypoints[..., 0], keypoints[..., 1]], axis=-1)
    return keypoints.astype(np.float32), scores.astype(np.float32)


def _seen(
    example: LabeledClip, frames: int, settings: Augmentation, generator: np.random.Generator, *, still: bool = False
) -> tuple[Floats, Floats]:
    """The example at some pace, from some angle, with the scores that a pose network would give."""
    times = _times(len(example), example.fps, frames, settings, generator)
    if still:
        times = np.repeat(generator.choice(times), frames)
    keypoints, scores = at_times(example.keypoints, example.scores, times)
    if example.origin == RECORDED:
        keypoints = project(keypoints, generator)
    if example.origin != ESTIMATED:
        scores = _imagined_scores(scores, generator)
    return keypoints, np.clip(scores * generator.uniform(0.8, 1.25), 0, 1).astype(np.float32)


def _times(length: int, fps: float, frames: int, settings: Augmentation, generator: np.random.Generator) -> Floats:
    """`(T,)` frame positions, in order within the clip: one random place in each of T equal parts of a stretch."""
    last = length - 1
    longest = settings.longest_seconds * fps
    if generator.random() < settings.whole and length <= 2 * longest:
        span = float(last)
    else:
        shortest = min(settings.shortest_seconds * fps, last)
        span = generator.uniform(shortest, min(last, longest))
    start = generator.uniform(0, last - span)
    places = (np.arange(frames) + generator.uniform(0, 1, frames)) / frames
    if generator.random() < settings.repeat:
        places = (places * generator.uniform(1.3, 3)) % 1
    return (start + places * span).astype(np.float32)


def _imagined_scores(seen: Floats, generator: np.random.Generator) -> Floats:
    """Scores as MoveNet would give them to joints that an annotator marked as seen."""
    people, frames, joints = seen.shape
    person = generator.normal(0, 0.4, (people, 1, 1))
    joint = generator.normal(0, 0.6, (people, 1, joints))
    moment = generator.normal(0, 0.35, (people, frames, joints))
    return np.asarray(seen / (1 + np.exp(-(0.9 + person + joint + moment))), np.float32)


def _compose(
    one: tuple[Floats, Floats], other: tuple[Floats, Floats], generator: np.random.Generator
) -> tuple[Floats, Floats]:
    """Put somebody else, smaller or as large, beside a person."""
    middle, size = extent(*one)
    their_middle, their_size = extent(*other)
    scale = generator.uniform(0.4, 0.9) * size / their_size
    side = generator.choice([-1, 1]) * generator.uniform(0.6, 1.5) * size
    beside = (other[0] - their_middle) * scale + middle + np.array([side, generator.uniform(-0.2, 0.2) * size])
    return np.concatenate([one[0], beside.astype(np.float32)]), np.concatenate([one[1], other[1]])


def _view(keypoints: Floats, scores: Floats, settings: Augmentation, generator: np.random.Generator) -> Floats:
    """Another camera: turned, nearer, stretched, and in some samples panning and zooming."""
    frames = keypoints.shape[1]
    middle, size = extent(keypoints, scores)
    angle = np.radians(generator.normal(0, settings.rotation / 2))
    turn = np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])
    shear = np.array([[1, generator.normal(0, 0.05)], [0, 1]])
    scale = np.diag(np.exp(generator.uniform(-settings.stretch, settings.stretch, 2)))
    placed = (keypoints - middle) @ (turn @ shear @ scale).T.astype(np.float32)
    if generator.random() < settings.pan:
        pan = np.stack([drift(frames, generator), 0.4 * drift(frames, generator)], axis=-1)
        zoom = np.exp(settings.zoom_reach * drift(frames, generator))
        placed = placed * zoom[None, :, None, None] + (settings.pan_reach * size * pan)[None, :, None]
    return np.asarray(placed, np.float32)


def _degrade(
    keypoints: Floats, scores: Floats, settings: Augmentation, generator: np.random.Generator
) -> tuple[Floats, Floats]:
    """What pose networks get wrong: they tremble, miss joints, frames and half bodies, and swap sides."""
    people, frames, joints = scores.shape
    _, size = extent(keypoints, scores)
    strength = generator.uniform(0, 1)
    noise = generator.normal(0, settings.jitter * strength * size, keypoints.shape)
    noise += generator.normal(0, settings.wobble * size, (people, 1, joints, 2))
    keypoints = keypoints + noise.astype(np.float32)
    neck = keypoints[:, :, 5:7].mean(axis=2)
    # Annotators mark the middle of the head where pose networks mark the nose.
    keypoints[:, :, 0] = neck + (keypoints[:, :, 0] - neck) * np.float32(generator.uniform(0.7, 1.25))
    scores = scores * (scores >= generator.uniform(0.05, 0.3))
    scores = scores * (generator.random(scores.shape) >= settings.joint_drop * generator.uniform(0, 2))
    if generator.random() < settings.limb_drop:
        chain = _LIMB_CHAINS[generator.integers(len(_LIMB_CHAINS))]
        start = generator.integers(frames)
        stop = frames if generator.random() < 0.5 else start + generator.integers(frames)
        scores[:, start:stop, list(chain)] = 0
    if generator.random() < settings.lower_body_drop:
        gone = _LEGS if generator.random() < 0.5 else _FEET_AND_KNEES_AND_HIPS
        scores[:, :, list(gone)] = 0
    missed = generator.random((people, frames)) < settings.frame_drop * generator.uniform(0, 2)
    scores = scores * ~missed[..., None]
    swapped = generator.random((people, frames)) < settings.swap * generator.uniform(0, 2)
    keypoints[swapped] = keypoints[swapped][:, _MIRROR]
    scores[swapped] = scores[swapped][:, _MIRROR]
    return keypoints, np.asarray(scores, np.float32)
