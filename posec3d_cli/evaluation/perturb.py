"""Perturbed validation clips: longer, reframed and with bystanders, as the videos of users are.

Each clip becomes ten seconds: the action, pauses, the action again; the camera pans and zooms, over
people and objects; up to two bystanders stand about; the keypoints jitter as they do on small people.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from posec3d_cli.datasets.clips import RECORDED, LabeledClip
from posec3d_cli.transforms.motion import at_times, drift, extent
from posec3d_cli.types import Floats, Objects


def perturb(clips: Sequence[LabeledClip], *, seconds: float = 10.0, seed: int = 0) -> list[LabeledClip]:
    """Perturb each 2D clip with a person: longer, reframed, with bystanders, with jitter; there is no video of that."""
    shown = [clip for clip in clips if clip.origin != RECORDED and (clip.scores[0] > 0).any()]
    return [
        _perturb_clip(clip, shown, seconds, np.random.default_rng((seed, number))) for number, clip in enumerate(shown)
    ]


def _perturb_clip(
    clip: LabeledClip, others: Sequence[LabeledClip], seconds: float, generator: np.random.Generator
) -> LabeledClip:
    frames = max(round(seconds * clip.fps), len(clip))
    times = _pace(len(clip), frames, clip.fps, generator)
    actor, scores = at_times(clip.keypoints[:1], clip.scores[:1], times)
    middle, size = extent(actor, scores)
    people, seen = [actor], [scores]
    for _ in range(generator.integers(3)):
        bystander, their_scores = _bystander(others[int(generator.integers(len(others)))], frames, generator)
        side = generator.choice([-1, 1]) * generator.uniform(0.8, 3)
        place = middle + np.array([side * size, generator.uniform(-0.3, 0.3) * size])
        people.append((bystander * generator.uniform(0.4, 0.9) * size + place).astype(np.float32))
        seen.append(their_scores)
    keypoints, scores = np.concatenate(people), np.concatenate(seen)
    zoom = np.exp(0.25 * drift(frames, generator))[None, :, None, None]
    pan = np.stack([1.5 * drift(frames, generator), 0.4 * drift(frames, generator)], axis=-1) * size
    tremble = generator.normal(0, 0.015 * size, keypoints.shape)
    framed = (keypoints - middle) * zoom + pan[None, :, None] + tremble
    shown = [clip.objects[column] for column in times.round().astype(int).tolist()] if clip.objects else []
    objects = tuple(
        None if found is None else _framed(found, middle, zoom[0, frame, 0], pan[frame])
        for frame, found in enumerate(shown)
    )
    return replace(clip, keypoints=framed.astype(np.float32), scores=scores, objects=objects, frames=None)


def _framed(objects: Objects, middle: Floats, zoom: Floats, pan: Floats) -> Objects:
    """The objects of a frame as the camera shows them that shows the people."""
    corners = (objects.boxes.reshape(-1, 2, 2) - middle) * zoom + pan
    return replace(objects, boxes=corners.reshape(-1, 4).astype(np.float32))


def _pace(length: int, frames: int, fps: float, generator: np.random.Generator) -> Floats:
    """`(frames,)` positions in a clip of `length` frames: played, held, played again; long clips are played on."""
    parts: list[Floats] = []
    while sum(len(part) for part in parts) < frames:
        parts.append(np.arange(length, dtype=np.float32))
        parts.append(np.full(generator.integers(1, max(round(fps), 2)), length - 1, np.float32))
    return np.concatenate(parts)[:frames]


def _bystander(other: LabeledClip, frames: int, generator: np.random.Generator) -> tuple[Floats, Floats]:
    """Somebody of size 1 around (0, 0) who stands still: one moment of another clip, held."""
    moments = np.flatnonzero((other.scores[0] > 0).sum(axis=-1) >= 6)
    moment = int(generator.choice(moments)) if len(moments) else 0
    keypoints = np.repeat(other.keypoints[:1, moment : moment + 1], frames, axis=1)
    scores = np.repeat(other.scores[:1, moment : moment + 1], frames, axis=1)
    middle, size = extent(keypoints, scores)
    return ((keypoints - middle) / size).astype(np.float32), scores
