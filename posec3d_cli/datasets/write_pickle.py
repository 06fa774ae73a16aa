"""Write pose files as one dataset pickle, in the format that pyskl and mmaction2 train on."""

from __future__ import annotations

import logging
import pickle
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from posec3d_cli.batch.find import InputFile
from posec3d_cli.batch.row_names import RowNames
from posec3d_cli.datasets.splits import is_split
from posec3d_cli.datasets.table_labels import read_labels
from posec3d_cli.errors import BadDataset, counted
from posec3d_cli.files.writing import printable
from posec3d_cli.pose_files import read_pose_file
from posec3d_cli.pose_files.write import UNLABELLED, pack_head
from posec3d_cli.results import VideoPoses

logger = logging.getLogger("posec3d")
ALL = "all"
"""The split of the clips that no table puts into another."""


@dataclass(frozen=True)
class Labels:
    """What the clips of a pack show, and which part of the data they belong to.

    Attributes:
        of: the label of each video, by name; empty where nothing is known.
        splits: the split of each video, by name; those that are not in it belong to `ALL`.
    """

    of: Mapping[str, str]
    splits: Mapping[str, str]

    @property
    def classes(self) -> list[str]:
        """The labels in the order of their numbers."""
        return sorted(set(self.of.values()))


def labels_from_folders(found: Sequence[InputFile]) -> Labels:
    """Each video's first folder is its label; where a video lies in none, nothing is labelled."""
    folders = {printable(video.name): video.folder for video in found}
    return Labels(folders if all(folders.values()) else {}, {})


def read_pack_labels(table: Path, found: Sequence[InputFile], *, root: Path | None = None) -> Labels:
    """From a table with the columns video,label and, where it has them, corrected and split.

    Which file a row is about: `posec3d_cli.batch.row_names`, from which `root` is.

    Raises:
        BadDataset: it cannot be read, does not name one of the videos, or says two things of one.
    """
    _, rows = read_labels(table, say=logger.warning)
    row_names = RowNames(table, found, root)
    known: dict[str, tuple[str, str]] = {}
    for row in rows:
        name = row_names.name(row.video)
        both = (row.label, row.row["split"])
        if name is not None and known.setdefault(name, both) != both:
            raise BadDataset(f"{table}: line {row.row.line} says of {row.video!r} {both}, and before {known[name]}")
    names = [printable(video.name) for video in found]
    missing = [name for name in names if name not in known]
    if missing:
        raise BadDataset(
            f"{table} has no label for {len(missing)} of {counted(len(names), 'video')}, the first is {missing[0]!r}",
            hint=row_names.hint([row.video for row in rows]),
        )
    splits = {name: known[name][1] for name in names if known[name][1]}
    return Labels({name: known[name][0] for name in names}, splits)


@dataclass(frozen=True)
class Packed:
    """What a pack holds.

    Attributes:
        clips: how many.
        lost: what became of splits that were asked for, a sentence each.
    """

    clips: int
    lost: tuple[str, ...]


def write_pack(
    path: Path,
    files: Sequence[tuple[str, Path]],
    labels: Labels,
    *,
    videos: Iterable[Path] = (),
    progress: Callable[[int], None] = lambda done: None,
) -> Packed:
    """Put pose files into one pack, replacing one that is there, and say what it holds.

    Clips in which nobody was found are left out: the training that reads packs cannot take them.

    Args:
        path: the pack.
        files: the name and the pose file of each clip.
        labels: of the clips, by name.
        videos: that the pose files were made of.
        progress: called with the number of files read.

    Raises:
        BadPoseFile: a pose file is unusable.
        OSError: the pack cannot be written.
    """
    classes = labels.classes
    numbers = {label: number for number, label in enumerate(classes)}
    annotations: list[dict[str, Any]] = []
    split: dict[str, list[str]] = {}
    for done, (name, file) in enumerate(files, start=1):
        annotation = annotation_of(read_pose_file(file)[0], name)
        if len(annotation["keypoint"]):
            annotation["label"] = numbers.get(labels.of.get(name, ""), UNLABELLED)
            annotations.append(annotation)
            split.setdefault(labels.splits.get(name, ALL), []).append(name)
        progress(done)
    with path.open("wb") as content:
        pickle.dump(
            {**pack_head(videos), "split": split, "annotations": annotations, "classes": classes}, content, protocol=4
        )
    return Packed(len(annotations), tuple(_lost(labels, split)))


def _lost(labels: Labels, split: Mapping[str, Sequence[str]]) -> Iterator[str]:
    """Which splits that were asked for are not in the pack, or not as they were meant."""
    for name in sorted(set(labels.splits.values()) - split.keys()):
        yield f"the split {name} is empty and left out: all its videos failed or show nobody"
    if labels.splits and ALL in split and ALL not in labels.splits.values():
        yield f"{counted(len(split[ALL]), 'clip')} in no split but {ALL}: the table says none"
    if is_split(labels.classes):
        yield f"{', '.join(labels.classes)} are taken for labels and not for splits; --labels says both"


def annotation_of(video_poses: VideoPoses, name: str) -> dict[str, Any]:
    """A clip as a pack holds it, without its label: M people, the most important first, over T frames.

    A person's slot is a track. People who were found in less than a tenth of the frames are left out.
    """
    people = video_poses.tracks().main_people()
    size = (video_poses.video.height, video_poses.video.width)
    return {
        "frame_dir": name,
        "total_frames": len(video_poses),
        "img_shape": size,
        "original_shape": size,
        "keypoint": people.keypoints,
        "keypoint_score": people.scores,
    }
