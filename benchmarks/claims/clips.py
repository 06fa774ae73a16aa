"""The clips that the claims are measured on, the folds, and how a network is given a clip."""

from __future__ import annotations

import zlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path

import numpy as np
import torch
from torch import Tensor
from torch.utils.data import Dataset

from posec3d_cli.datasets.pyskl import read_dataset_pickle
from posec3d_cli.datasets.splits import group_of
from posec3d_cli.pose_files import read_pose_file
from posec3d_cli.skeletons import COCO_17
from posec3d_cli.training.config import TrainingConfig
from posec3d_cli.transforms.gaussians import draw_joints
from posec3d_cli.types import PoseSequence

FOLDS = 3
MIRROR = list(COCO_17.mirror)
LIMB_ENDS = [COCO_17.joints.index(f"{side}_{joint}") for side in ("left", "right") for joint in
             ("elbow", "wrist", "knee", "ankle")]  # fmt: skip


@dataclass(frozen=True, eq=False)
class Clip:
    """One clip and its main person.

    Attributes:
        name: `walk/clip.avi`.
        label: the action.
        group: clips of one source video share it.
        keypoints: `(T, 17, 2)` in pixels.
        scores: `(T, 17)`.
        frame_size: (H, W) in pixels.
        every: frames of the video from one to the next of the T.
    """

    name: str
    label: str
    group: str
    keypoints: np.ndarray
    scores: np.ndarray
    frame_size: tuple[int, int]
    every: int


def read_clips(source: Path) -> list[Clip]:
    """The clips of a dataset pickle, or of a folder of pose files with one sub-folder per action; only the main person.

    Where nobody was found, there is a person of scores 0.
    """
    if source.is_file():
        size = (1, 1)  # dataset pickles of annotated poses have no frame size here
        return [
            Clip(one.name, one.label, one.group, one.keypoints[0], one.scores[0], size, 1)
            for one in read_dataset_pickle(source)
        ]
    clips = []
    for file in sorted(source.glob("*/*.npz")):
        [video_poses] = read_pose_file(file)
        main = video_poses.tracks().main_people(0.2, max_people=1)
        keypoints, scores = (
            np.zeros((len(video_poses), 17, 2), np.float32),
            np.zeros((len(video_poses), 17), np.float32),
        )
        if len(main):
            keypoints, scores = main.keypoints[0], main.scores[0]
        name, label = file.relative_to(source).as_posix().removesuffix(".npz"), file.parent.name
        size = (video_poses.video.height, video_poses.video.width)
        every = int(np.diff(video_poses.frame_indices).min(initial=video_poses.video.frame_count))
        clips.append(Clip(name, label, group_of(name, label, None), keypoints, scores, size, every))
    return clips


def fold_of(clips: Sequence[Clip]) -> np.ndarray:
    """`(N,)` the fold that tests each clip: whole sources at a time, the actions alike in each."""
    generator = np.random.default_rng(0)
    fold = np.full(len(clips), -1)
    for label in sorted({clip.label for clip in clips}):
        members: dict[str, list[int]] = {}
        for number, clip in enumerate(clips):
            if clip.label == label:
                members.setdefault(clip.group, []).append(number)
        filled = np.zeros(FOLDS)
        groups = sorted(members)
        generator.shuffle(groups)
        for group in sorted(groups, key=lambda name: -len(members[name])):
            known = [fold[number] for number in range(len(clips)) if clips[number].group == group and fold[number] >= 0]
            chosen = known[0] if known else int(np.argmin(filled))
            fold[members[group]] = chosen
            filled[chosen] += len(members[group])
    return fold


@dataclass(frozen=True)
class Variant:
    """What is varied.

    Attributes:
        poses: the folder that the training's poses are from.
        config: the kind of network, its input and size.
        sampling: "uniform", one frame out of each of T equal parts; or the fixed stride, in frames of the video.
        centred: whether volumes show the surroundings of the person, or the whole frame.
        drop: the part of the training's frames that lack one end of a limb.
    """

    poses: str
    config: TrainingConfig
    sampling: str | int = "uniform"
    centred: bool = True
    drop: float = 0.0


def columns_of(
    clip: Clip, frames: int, sampling: str | int, generator: np.random.Generator | None, view: float
) -> np.ndarray:
    """`(T,)` columns of a clip: random ones, or without a generator those of a test view in [0, 1)."""
    length = len(clip.keypoints)
    if sampling == "uniform":
        edges = np.arange(frames + 1) * length / frames
        within = generator.random(frames) if generator is not None else np.full(frames, (view + 0.5) % 1)
        return np.minimum((edges[:-1] + within * np.diff(edges)).astype(int), length - 1)
    step = int(sampling) / clip.every
    room = max(length - int(np.ceil((frames - 1) * step)) - 1, 0)
    start = generator.integers(room + 1) if generator is not None else round(view * room)
    return (start + np.floor(np.arange(frames) * step).astype(int)) % length  # short clips begin again, as upstream


def views_of(sampling: str | int, count: int) -> list[float]:
    """Where so many test views of a clip lie; the only one lies in its middle."""
    if sampling == "uniform":
        return [number / count for number in range(count)]
    return [0.5] if count == 1 else [number / (count - 1) for number in range(count)]


def with_drops(scores: np.ndarray, probability: float, generator: np.random.Generator) -> np.ndarray:
    """`(T, 17)` scores; in each frame, with this probability, one random end of a limb is not there."""
    scores = scores.copy()
    for frame in np.flatnonzero(generator.random(len(scores)) < probability):
        scores[frame, generator.choice(LIMB_ENDS)] = 0
    return scores


def shown(
    keypoints: np.ndarray, scores: np.ndarray, clip: Clip, variant: Variant, generator: np.random.Generator | None
) -> np.ndarray:
    """What the network reads of `(T, 17, 2)` and `(T, 17)`; with a generator, the person is framed not quite right."""
    frames = np.arange(len(keypoints), dtype=np.int64)
    keypoints, scores = keypoints[None].astype(np.float32), scores[None].astype(np.float32)
    if not variant.centred:
        return draw_whole(keypoints, scores, clip.frame_size, variant.config, generator)
    sequence = PoseSequence(keypoints, scores, clip.frame_size, frames, Fraction(30), COCO_17)
    return variant.config.builder.build(sequence, frames[None]).values[0]


def draw_whole(
    keypoints: np.ndarray,
    scores: np.ndarray,
    frame_size: tuple[int, int],
    config: TrainingConfig,
    generator: np.random.Generator | None,
) -> np.ndarray:
    """`(K, T, H, W)`: the frame is the crop; with a generator, moved and scaled a little."""
    spec = config.spec
    half = np.array(frame_size[::-1], np.float64) / 2
    middle, side = half.copy(), half.copy()
    if generator is not None:
        middle += generator.uniform(-0.12, 0.12, 2) * half
        side *= generator.uniform(0.8, 1.3) / 1.25 * np.exp(generator.uniform(-0.12, 0.12, 2))
    joints = list(spec.numbers)
    placed = (keypoints[:, :, joints] - (middle - side)) * (np.array(spec.size[::-1]) / (2 * side))
    volume = draw_joints(
        placed.transpose(1, 0, 2, 3).astype(np.float32),
        np.ascontiguousarray(scores[:, :, joints].transpose(1, 0, 2)),
        size=spec.size,
        sigma=spec.sigma,
        score_threshold=spec.score_threshold,
    )
    return np.ascontiguousarray(volume.transpose(1, 0, 2, 3))


class Shuffled(Dataset[tuple[Tensor, Tensor]]):
    """An epoch: every clip as often as the config says, in a random order; `draw(clip, generator)` makes one sample."""

    def __init__(
        self, clips: Sequence, labels: Sequence[str], classes: Sequence[str], seed: int, epoch: int, count: int,
        draw: Callable,
    ) -> None:  # fmt: skip
        self.clips, self.labels, self.classes, self.draw = clips, labels, list(classes), draw
        self.seed, self.epoch = seed, epoch
        repeats = -(-count // len(clips))
        order = np.random.default_rng((seed, epoch)).permutation(np.tile(np.arange(len(clips)), repeats))
        self.order = order[:count]

    def __len__(self) -> int:
        return len(self.order)

    def __getitem__(self, item: int) -> tuple[Tensor, Tensor]:
        generator = np.random.default_rng((self.seed, self.epoch, item))
        number = self.order[item]
        answer = torch.zeros(len(self.classes))
        answer[self.classes.index(self.labels[number])] = 1
        return torch.from_numpy(self.draw(self.clips[number], generator)), answer


def draw_training(clip: Clip, variant: Variant, generator: np.random.Generator) -> np.ndarray:
    """A training sample of a clip: sampled, mirrored half of the time, slightly turned and scaled, framed anew."""
    columns = columns_of(clip, variant.config.sampling.frames, variant.sampling, generator, 0)
    keypoints, scores = clip.keypoints[columns], clip.scores[columns]
    if variant.drop:
        scores = with_drops(scores, variant.drop, generator)
    if generator.random() < 0.5:
        keypoints, scores = keypoints[:, MIRROR], scores[:, MIRROR]
        keypoints = np.stack([clip.frame_size[1] - keypoints[..., 0], keypoints[..., 1]], axis=-1)
    seen = scores > 0
    middle = keypoints[seen].mean(axis=0) if seen.any() else 0
    angle = np.radians(generator.normal(0, 6))
    turn = np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])
    scale = np.exp(generator.uniform(-0.1, 0.1, 2))
    size = np.ptp(keypoints[seen], axis=0).max() if seen.any() else 0
    keypoints = ((keypoints - middle) @ turn.T) * scale + middle + generator.normal(0, 0.006 * size, keypoints.shape)
    return shown(keypoints, scores, clip, variant, generator)


def draw_test(clip: Clip, variant: Variant, view: float, drop: float = 0.0, seed: int = 0) -> np.ndarray:
    """A test view of a clip; `view` in [0, 1) says where its frames lie."""
    columns = columns_of(clip, variant.config.sampling.frames, variant.sampling, None, view)
    scores = clip.scores[columns]
    if drop:
        scores = with_drops(scores, drop, np.random.default_rng((seed, zlib.crc32(clip.name.encode()))))
    return shown(clip.keypoints[columns], scores, clip, variant, None)
