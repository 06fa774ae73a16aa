"""Compose long pose clips of known cuts: clips of known labels, joined with stretches of other actions and of nobody.

The poses of clips are joined, not their pixels, so that methods are compared in minutes: a person keeps the
track id over the joins. `pixels.py` joins films.
"""

from __future__ import annotations

import csv
from collections.abc import Sequence
from dataclasses import dataclass, replace
from fractions import Fraction
from pathlib import Path

import numpy as np

from posec3d_cli.pose_files import read_pose_file
from posec3d_cli.results import VideoPoses
from posec3d_cli.skeletons import COCO_17
from posec3d_cli.types import Detections, Poses, VideoInfo

NONE = "none"
"""The label of stretches of other actions, and of nobody."""
RATE = Fraction(25)
SIZE = (240, 320)
"""(H, W)"""
Truth = list[tuple[str, int, int]]
"""Label, first frame, frame after the last."""


@dataclass(frozen=True, eq=False)
class Clip:
    """The poses of one person in a clip at `RATE`: boxes `(T, 4)`, keypoints `(T, K, 2)`, scores `(T, K)`, present."""

    label: str
    boxes: np.ndarray
    keypoints: np.ndarray
    scores: np.ndarray
    present: np.ndarray


def read_clips(tables: Sequence[Path], labels: Sequence[str]) -> list[Clip]:
    """The main person of each clip of tables with the columns video and label; a label of no classifier is `NONE`."""
    clips = []
    for table in tables:
        with table.open(encoding="utf-8", newline="") as file:
            for row in csv.DictReader(file):
                [poses] = read_pose_file(Path(row["video"]))
                label = row["label"] if row["label"] in labels else NONE
                if (clip := main_person(poses, label)) is not None:
                    clips.append(clip)
    return clips


def main_person(poses: VideoPoses, label: str) -> Clip | None:
    """The most important person of a clip, scaled into `SIZE` and brought to `RATE`."""
    tracks = poses.tracks()
    if not len(tracks):
        return None
    scale = min(SIZE[0] / poses.video.height, SIZE[1] / poses.video.width)
    times = poses.frame_indices / float(poses.video.fps)
    wanted = np.arange(0, times[-1] + 1e-9, 1 / float(RATE))
    columns = np.abs(times[:, None] - wanted).argmin(axis=0)
    return Clip(
        label,
        tracks.boxes[0, columns] * np.float32(scale),
        tracks.keypoints[0, columns] * np.float32(scale),
        tracks.scores[0, columns],
        tracks.present[0, columns],
    )


def compose(clips: Sequence[Clip], *, seconds: float, rng: np.random.Generator) -> tuple[list[Clip], Truth]:
    """A random sequence of clips of at least `seconds`: known ones, and a third of others or of nobody; with the truth.

    A clip shorter than three seconds goes on backwards and forwards, as a movement repeats itself.
    """
    known = [clip for clip in clips if clip.label != NONE]
    others = [clip for clip in clips if clip.label == NONE]
    by_label: dict[str, list[Clip]] = {}
    for clip in known:
        by_label.setdefault(clip.label, []).append(clip)
    chosen: list[Clip] = []
    truth: Truth = []
    begin = 0
    while begin < seconds * RATE:
        kind = rng.random()
        if kind < 0.67 or not others:
            label = str(rng.choice(sorted(by_label)))
            clip = by_label[label][int(rng.integers(len(by_label[label])))]
        elif kind < 0.87:
            clip = others[int(rng.integers(len(others)))]
        else:
            clip = nobody(int(rng.integers(3, 8) * RATE), clips[0])
        clip = prolonged(clip, int(rng.uniform(3, 10) * RATE))
        end = begin + len(clip.present)
        if truth and truth[-1][0] == clip.label:
            truth[-1] = (clip.label, truth[-1][1], end)
        else:
            truth.append((clip.label, begin, end))
        chosen.append(clip)
        begin = end
    return chosen, truth


def nobody(frames: int, like: Clip) -> Clip:
    """A stretch without a person."""
    joints = like.keypoints.shape[1]
    return Clip(
        NONE,
        np.zeros((frames, 4), np.float32),
        np.zeros((frames, joints, 2), np.float32),
        np.zeros((frames, joints), np.float32),
        np.zeros(frames, bool),
    )


def prolonged(clip: Clip, frames: int) -> Clip:
    """The clip of at most `frames` frames, or, where it is shorter, played to and fro until it has them."""
    count = len(clip.present)
    swing = np.concatenate([np.arange(count), np.arange(count - 2, 0, -1)]) if count > 2 else np.arange(count)
    columns = np.resize(swing, frames) if count < frames else np.arange(frames)
    return replace(
        clip,
        **{name: getattr(clip, name)[columns] for name in ("boxes", "keypoints", "scores", "present")},
    )


def as_video(people: Sequence[Sequence[Clip]], name: str) -> VideoPoses:
    """The poses of a video in which each of these sequences is one person, of the length of the shortest.

    Of several people each has a share of the width.
    """
    frames = min(sum(len(clip.present) for clip in clips) for clips in people)
    arrays = ("boxes", "keypoints", "scores", "present")
    joined = [
        {name: np.concatenate([getattr(clip, name) for clip in clips])[:frames] for name in arrays} for clips in people
    ]
    boxes: list[Detections] = []
    poses: list[Poses] = []
    ids = []
    for frame in range(frames):
        here = [number for number, one in enumerate(joined) if one["present"][frame]]
        shift = [np.float32(number * SIZE[1]) for number in here]
        box = np.array([joined[n]["boxes"][frame] + [x, 0, x, 0] for n, x in zip(here, shift, strict=True)], np.float32)
        points = [joined[n]["keypoints"][frame] + [x, 0] for n, x in zip(here, shift, strict=True)]
        joints = joined[0]["keypoints"].shape[1]
        keypoints = np.array(points, np.float32).reshape(-1, joints, 2)
        scores = np.array([joined[n]["scores"][frame] for n in here], np.float32).reshape(-1, joints)
        boxes.append(Detections(box.reshape(-1, 4), np.ones(len(here), np.float32)))
        poses.append(Poses(keypoints, scores))
        ids.append(np.array(here, np.int64))
    info = VideoInfo(
        Path(name), SIZE[1] * len(people), SIZE[0], RATE, frames, frames / float(RATE), "none", 0, 0, False
    )
    return VideoPoses(info, np.arange(frames), tuple(boxes), tuple(poses), tuple(ids), COCO_17)
