"""Augmentation: one clip seen by another camera, at another pace, by a worse pose network.

The aim is that nothing but motion distinguishes the actions. Recorded and annotated poses are given the scores
and the gaps of estimated ones; every clip is seen from other distances and angles, by panning cameras, cut,
stretched, repeated, and with joints that stray and so widen the crop. Everything happens to the poses: what the
network reads is made of them by the builder, as in a prediction. Sources of the ideas: PoseC3D (uniform sampling,
subject-centred crops, mirror images); the rest imitates what cameras and pose networks get wrong, and was not measured
part by part.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass, fields, replace
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

from posec3d_cli.datasets.clips import ESTIMATED, RECORDED, LabeledClip
from posec3d_cli.sampling.clips import ClipSampling
from posec3d_cli.sampling.indices import uniform_train_indices
from posec3d_cli.skeletons import COCO_17
from posec3d_cli.transforms.motion import at_times, drift, extent, project
from posec3d_cli.types import Floats, Ints, PoseSequence

_LIMB_CHAINS = ((7, 9), (8, 10), (9,), (10,), (13, 15), (14, 16), (15,), (16,), (5, 7, 9), (6, 8, 10))
_LEGS = (13, 14, 15, 16)
_FEET_AND_KNEES_AND_HIPS = (11, 12, 13, 14, 15, 16)
_MIRROR = np.array(COCO_17.mirror)


@dataclass(frozen=True)
class _Places:
    """How large a second person is, how far to the side, and up to how far up or down, all in sizes of the first."""

    sizes: tuple[float, float]
    sides: tuple[float, float]
    height: float


_BYSTANDING = _Places((0.4, 0.9), (0.6, 1.5), 0.2)
_NEAR = _Places((0.9, 1.1), (0.25, 1.2), 0.05)
_OWN_NEIGHBOR = 0.5  # the share of neighbors who are from the same clip, where it has one


@dataclass(frozen=True)
class Augmentation:
    """Settings of the augmentation. Lengths are shares of the person's own size; angles are degrees.

    Attributes:
        served: the share of samples that are windows as a prediction reads them, with the same frames.
        longest_seconds, shortest_seconds: bounds of the length of the other samples.
        pace: largest change of their speed, as the logarithm of a factor.
        repeat: the share of these samples that repeat their stretch of the clip up to three times.
        bystander: the share of samples with a second person, if all people are read together.
        neighbor: where the model reads pairs, the share of samples of single actions with a second person near the
            first: one of the same clip or of another, so that two people are not yet an interaction.
        mirror: the share of samples that are mirrored.
        pan, pan_reach, zoom_reach: the share of samples with a moving camera, how far it pans and zooms.
        rotation, shear, stretch: strength of affine changes of the image plane.
        jitter, wobble, head: noise per frame, constant noise per joint, shift of the nose towards the head's centre.
        stray, stray_reach: for each edge of the crop, the share of samples with an outlier joint beyond it; how far.
        confidence: largest change of the scale of all scores of a sample.
        weakest: highest threshold below which joints are dropped.
        joint_drop, limb_drop, lower_body_drop, frame_drop: the share of dropped joints, limbs, legs and frames.
        swap: the share of frames in which left and right are swapped.
        still: the share of samples that hold one moment; their target is uniform over the actions, so that a
            bystander who does nothing is given no action with confidence.
    """

    served: float = 0.4
    longest_seconds: float = 4.0
    shortest_seconds: float = 0.7
    pace: float = 0.25
    repeat: float = 0.15
    bystander: float = 0.08
    neighbor: float = 0.6
    mirror: float = 0.5
    pan: float = 0.35
    pan_reach: float = 0.8
    zoom_reach: float = 0.25
    rotation: float = 12.0
    shear: float = 0.05
    stretch: float = 0.2
    jitter: float = 0.02
    wobble: float = 0.015
    head: float = 0.25
    stray: float = 0.2
    stray_reach: float = 0.2
    confidence: float = 0.2
    weakest: float = 0.3
    joint_drop: float = 0.04
    limb_drop: float = 0.1
    lower_body_drop: float = 0.08
    frame_drop: float = 0.05
    swap: float = 0.03
    still: float = 0.04

    @classmethod
    def none(cls) -> Self:
        """No augmentation: every sample is a window that a prediction reads."""
        off = {field.name: 0.0 for field in fields(cls) if not field.name.endswith("_seconds")}
        return cls(**{**off, "served": 1.0})

    def scaled(self, strength: float) -> Augmentation:
        """The same settings with every fault of camera and pose network scaled by `strength`."""
        faults = (
            "bystander", "pan", "jitter", "wobble", "stray", "joint_drop", "limb_drop", "lower_body_drop",
            "frame_drop", "swap",
        )  # fmt: skip
        served = 1 - (1 - self.served) * strength
        return replace(self, served=served, **{name: getattr(self, name) * strength for name in faults})


def augmented(
    clip: LabeledClip,
    others: Sequence[LabeledClip],
    sampling: ClipSampling,
    settings: Augmentation,
    generator: np.random.Generator,
    *,
    still: bool = False,
    interactions: Collection[str] = (),
) -> tuple[PoseSequence, Ints]:
    """One training sample of a clip.

    Args:
        clip: the clip.
        others: where bystanders are taken from.
        sampling: how a prediction reads clips: windows, frames, and whether each person is read alone.
        settings: how strongly it is varied.
        generator: the random generator.
        still: hold one moment of the clip, so that the person does nothing.
        interactions: the labels of clips that show the first two people, where each person is read alone.

    Returns:
        The poses, in pixels of no particular frame, and the `(T,)` frames of them to show, with repetition.
    """
    positions, shown = _frames(clip, sampling, settings, generator)
    columns, order = np.unique(shown, return_inverse=True)
    times = positions[columns]
    if still:
        times = np.repeat(generator.choice(times), len(times))
    keypoints, scores = _seen(clip, times, settings, generator)
    if sampling.people == "each" and clip.label in interactions:
        keypoints, scores = keypoints[:2], scores[:2]
    elif sampling.people == "each" and interactions and generator.random() < settings.neighbor:
        single = [one for one in others if one.label not in interactions]
        if len(keypoints) > 1 and generator.random() < _OWN_NEIGHBOR:
            keypoints, scores = keypoints[:2], scores[:2]
        else:
            beside = _other_person(single or [clip], len(times), settings, generator)
            keypoints, scores = _compose((keypoints[:1], scores[:1]), beside, generator, _NEAR)
    elif sampling.people == "each":
        keypoints, scores = keypoints[:1], scores[:1]
    elif len(keypoints) == 1 and others and generator.random() < settings.bystander:
        beside = _other_person(others, len(times), settings, generator)
        keypoints, scores = _compose((keypoints, scores), beside, generator, _BYSTANDING)
    keypoints = _view(keypoints, scores, settings, generator)
    keypoints, scores = degraded(keypoints, scores, settings, generator)
    if generator.random() < settings.mirror:
        width = np.float32(2 * np.max(np.abs(keypoints), initial=1))
        keypoints, scores = keypoints[:, :, _MIRROR], scores[:, :, _MIRROR]
        keypoints = np.stack([width - keypoints[..., 0], keypoints[..., 1]], axis=-1)
    sequence = PoseSequence(
        keypoints.astype(np.float32),
        scores.astype(np.float32),
        clip.frame_size or _reach(keypoints, scores),
        np.arange(len(columns), dtype=np.int64),
        clip.frame_rate,
        COCO_17,
    )
    return sequence, order.reshape(shown.shape).astype(np.int64)


def _reach(keypoints: Floats, scores: Floats) -> tuple[int, int]:
    """The size (H, W) of a frame that shows all joints."""
    seen = keypoints[scores > 0]
    width, height = np.ceil(seen.max(axis=0, initial=0)).astype(int).tolist()
    return height + 1, width + 1


def _frames(
    clip: LabeledClip, sampling: ClipSampling, settings: Augmentation, generator: np.random.Generator
) -> tuple[Floats, Ints]:
    """Positions in the clip, `(F,)`, and the indices of the positions to show, `(T,)`."""
    if generator.random() < settings.served:
        plan = sampling.plan(len(clip), clip.frame_rate)
        window = plan[int(generator.integers(len(plan)))]
        return np.arange(len(clip), dtype=np.float32), window.clips[int(generator.integers(len(window.clips)))]
    seconds = _length(clip, settings, generator)
    frames = max(2, round(seconds * clip.fps * np.exp(generator.uniform(-settings.pace, settings.pace))))
    places = np.arange(frames) / frames
    if generator.random() < settings.repeat:
        places = (places * generator.uniform(1.3, 3)) % 1
    positions = _cut(clip, seconds, places, generator)
    return positions, uniform_train_indices(frames, clip_len=sampling.frames, rng=generator)


def _length(clip: LabeledClip, settings: Augmentation, generator: np.random.Generator) -> float:
    """A random length of a stretch of the clip, in seconds."""
    whole = max(len(clip) - 1, 1) / clip.fps
    return float(generator.uniform(min(settings.shortest_seconds, whole), min(settings.longest_seconds, whole)))


def _stretch(clip: LabeledClip, frames: int, settings: Augmentation, generator: np.random.Generator) -> Floats:
    """`(frames,)` positions in a clip, evenly spaced over a random stretch."""
    return _cut(clip, _length(clip, settings, generator), np.linspace(0, 1, frames), generator)


def _cut(clip: LabeledClip, seconds: float, places: NDArray[Any], generator: np.random.Generator) -> Floats:
    """The positions in a clip of places, from 0 to 1, in a stretch of so many seconds that begins anywhere."""
    span = min(seconds * clip.fps, len(clip) - 1)
    start = generator.uniform(0, len(clip) - 1 - span)
    positions: Floats = (start + places * span).astype(np.float32)
    return positions


def _seen(
    clip: LabeledClip, times: Floats, settings: Augmentation, generator: np.random.Generator
) -> tuple[Floats, Floats]:
    """The clip at these positions: 3D poses projected, scores as a pose network would give."""
    keypoints, scores = at_times(clip.keypoints, clip.scores, times)
    if clip.origin == RECORDED:
        keypoints = project(keypoints, generator)
    if clip.origin != ESTIMATED:
        scores = _imagined_scores(scores, generator)
    factor = generator.uniform(1 - settings.confidence, 1 + settings.confidence)
    return keypoints, np.clip(scores * factor, 0, 1).astype(np.float32)


def _imagined_scores(seen: Floats, generator: np.random.Generator) -> Floats:
    """Scores as MoveNet would give them to joints that an annotator marked as seen."""
    people, frames, joints = seen.shape
    person = generator.normal(0, 0.4, (people, 1, 1))
    joint = generator.normal(0, 0.6, (people, 1, joints))
    moment = generator.normal(0, 0.35, (people, frames, joints))
    return np.asarray(seen / (1 + np.exp(-(0.9 + person + joint + moment))), np.float32)


def _other_person(
    others: Sequence[LabeledClip], frames: int, settings: Augmentation, generator: np.random.Generator
) -> tuple[Floats, Floats]:
    """The first person of another clip, in so many frames."""
    other = others[int(generator.integers(len(others)))]
    keypoints, scores = _seen(other, _stretch(other, frames, settings, generator), settings, generator)
    return keypoints[:1], scores[:1]


def _compose(
    one: tuple[Floats, Floats], other: tuple[Floats, Floats], generator: np.random.Generator, places: _Places
) -> tuple[Floats, Floats]:
    """Put a second person beside a person."""
    middle, size = extent(*one)
    their_middle, their_size = extent(*other)
    scale = generator.uniform(*places.sizes) * size / their_size
    side = generator.choice([-1, 1]) * generator.uniform(*places.sides) * size
    beside = (
        (other[0] - their_middle) * scale
        + middle
        + np.array([side, generator.uniform(-places.height, places.height) * size])
    )
    return np.concatenate([one[0], beside.astype(np.float32)]), np.concatenate([one[1], other[1]])


def _view(keypoints: Floats, scores: Floats, settings: Augmentation, generator: np.random.Generator) -> Floats:
    """Another camera: turned, nearer, stretched, and in some samples panning and zooming."""
    frames = keypoints.shape[1]
    middle, size = extent(keypoints, scores)
    angle = np.radians(generator.normal(0, settings.rotation / 2))
    turn = np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])
    shear = np.array([[1, generator.normal(0, settings.shear)], [0, 1]])
    scale = np.diag(np.exp(generator.uniform(-settings.stretch, settings.stretch, 2)))
    change = turn @ shear @ scale
    placed = keypoints
    if (change != np.eye(2)).any():
        placed = (keypoints - middle) @ change.T.astype(np.float32) + middle
    if generator.random() < settings.pan:
        pan = np.stack([drift(frames, generator), 0.4 * drift(frames, generator)], axis=-1)
        zoom = np.exp(settings.zoom_reach * drift(frames, generator))
        placed = (placed - middle) * zoom[None, :, None, None] + middle
        placed = placed + (settings.pan_reach * size * pan)[None, :, None]
    return np.asarray(placed, np.float32)


def degraded(
    keypoints: Floats, scores: Floats, settings: Augmentation, generator: np.random.Generator
) -> tuple[Floats, Floats]:
    """Errors of pose networks: noise, dropped joints, frames and limbs, swapped sides."""
    people, frames, joints = scores.shape
    _, size = extent(keypoints, scores)
    strength = generator.uniform(0, 1)
    noise = generator.normal(0, settings.jitter * strength * size, keypoints.shape)
    noise += generator.normal(0, settings.wobble * size, (people, 1, joints, 2))
    keypoints = keypoints + noise.astype(np.float32)
    # Annotators mark the middle of the head where pose networks mark the nose.
    neck = keypoints[:, :, 5:7].mean(axis=2)
    keypoints[:, :, 0] += (keypoints[:, :, 0] - neck) * np.float32(generator.uniform(-settings.head, settings.head))
    scores = scores * (scores >= settings.weakest * generator.uniform(0.2, 1))
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
    return _strayed(keypoints, scores, settings, generator), np.asarray(scores, np.float32)


def _strayed(keypoints: Floats, scores: Floats, settings: Augmentation, generator: np.random.Generator) -> Floats:
    """Outlier joints in single frames: they widen the crop, so people are off centre and smaller."""
    edges = np.flatnonzero(generator.random(4) < settings.stray)
    seen = np.argwhere(scores > 0)
    if not len(seen) or not len(edges):
        return keypoints
    places = keypoints[scores > 0]
    low, high = places.min(axis=0), places.max(axis=0)
    reach = settings.stray_reach * (high - low).max()
    for edge in edges.tolist():
        axis, beyond = edge % 2, np.float32(generator.exponential(reach))
        person, frame, joint = seen[int(generator.integers(len(seen)))]
        keypoints[person, frame, joint, axis] = high[axis] + beyond if edge >= 2 else low[axis] - beyond
    return keypoints
