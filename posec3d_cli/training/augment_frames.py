"""Augmentation of clips with frames: one window of a clip in a part of its crop, frames and poses alike.

As published: a random part of the crop, of 56 % to all of its area, and mirror images; besides, the brightness of the
frames and the faults of pose networks vary.
"""

from __future__ import annotations

from dataclasses import replace
from fractions import Fraction

import numpy as np

from posec3d_cli.datasets.clips import LabeledClip
from posec3d_cli.errors import StageMismatch
from posec3d_cli.extraction.crops import CropRequest
from posec3d_cli.sampling.clips import ClipSampling
from posec3d_cli.skeletons import COCO_17
from posec3d_cli.stages.builders.rgb import RGBBuilder, RGBPoseBuilder
from posec3d_cli.training.augment import Augmentation, degraded
from posec3d_cli.transforms.heatmaps import Crop
from posec3d_cli.types import Floats, Ints, Pixels, PoseSequence

SMALLEST_AREA = 0.56
ASPECT = 4 / 3
CONTRAST, BRIGHTNESS = 0.2, 20.0


def augmented_views(
    clip: LabeledClip,
    builder: RGBBuilder | RGBPoseBuilder,
    sampling: ClipSampling,
    settings: Augmentation,
    generator: np.random.Generator,
    *,
    still: bool = False,
) -> tuple[Floats, ...]:
    """The arrays of one training sample of a clip, one view without its axis.

    Args:
        clip: a clip with frames, see `posec3d_cli.training.frames.keep_frames`.
        builder: the builder of the network.
        sampling: of the frames that may be shown, with a view for each phase.
        settings: how strongly it is varied.
        generator: the random generator.
        still: hold one moment of the clip, so that the person does nothing.
    """
    plan = sampling.plan(len(clip), clip.frame_rate)
    window = plan[int(generator.integers(len(plan)))]
    if clip.frames is None or window.rgb_clips is None:
        raise StageMismatch(f"{clip.name}: there are no frames to train on")
    posed, shown = _any_phase(window.clips, generator), _any_phase(window.rgb_clips, generator)
    if still:
        shown = np.repeat(generator.choice(shown), len(shown))
        posed = np.repeat(posed[np.abs(posed - shown[0]).argmin()], len(posed))
    columns = np.unique(posed)
    sequence = clip_sequence(clip, columns, sampling)
    if settings.served < 1:
        # Joints that stray would widen the crop beyond what is kept of the frames.
        keypoints, scores = degraded(
            sequence.keypoints.copy(), sequence.scores.copy(), replace(settings, stray=0.0), generator
        )
        sequence = replace(sequence, keypoints=keypoints.astype(np.float32), scores=scores)
    crop = builder.crop(sequence, posed[None])
    if settings.served < 1:
        crop = random_part(crop, generator)
    frames = next(clip.frames.crops([CropRequest(shown[None], crop, builder.frame_size)]))
    if settings.served < 1:
        frames = _relit(frames, generator)
    views = builder.views(sequence, posed[None], frames, crop, flip=True)
    mirrored = int(generator.random() < settings.mirror)
    return tuple(array[mirrored] for array in views.arrays)


def clip_sequence(clip: LabeledClip, columns: Ints, sampling: ClipSampling) -> PoseSequence:
    """The poses of a clip in some of its frames: of everybody, or of the person who acts."""
    rows = slice(0, 1) if sampling.people == "each" else slice(None)
    size = clip.frame_size or (1, 1)
    keypoints, scores = clip.keypoints[rows][:, columns], clip.scores[rows][:, columns]
    return PoseSequence(keypoints, scores, size, columns, Fraction(clip.frame_rate), COCO_17)


def random_part(crop: Crop, generator: np.random.Generator) -> Crop:
    """A rectangle within the crop: 56 % to all of its area, up to a third wider or higher."""
    area = generator.uniform(SMALLEST_AREA, 1)
    aspect = float(np.exp(generator.uniform(-np.log(ASPECT), np.log(ASPECT))))
    width = max(1, round(min(1.0, (area * aspect) ** 0.5) * crop.width))
    height = max(1, round(min(1.0, (area / aspect) ** 0.5) * crop.height))
    left = int(crop.left) + int(generator.integers(int(crop.width) - width + 1))
    top = int(crop.top) + int(generator.integers(int(crop.height) - height + 1))
    return Crop(left, top, width, height)


def _any_phase(clips: Ints, generator: np.random.Generator) -> Ints:
    """`(T,)` frames, each of a random one of the views."""
    rows = generator.integers(len(clips), size=clips.shape[1])
    chosen: Ints = np.sort(clips[rows, np.arange(clips.shape[1])]) if len(clips) > 1 else clips[0]
    return chosen


def _relit(frames: Pixels, generator: np.random.Generator) -> Pixels:
    """The frames in another light."""
    contrast = generator.uniform(1 - CONTRAST, 1 + CONTRAST)
    brightness = generator.uniform(-BRIGHTNESS, BRIGHTNESS)
    lit: Pixels = np.clip(frames * np.float32(contrast) + np.float32(brightness), 0, 255).astype(np.uint8)
    return lit
