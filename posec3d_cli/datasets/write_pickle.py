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
from posec3d_cli.pose_files.objects import object_arrays
from posec3d_cli.pose_files.write import UNLABELED, pickle_header
from posec3d_cli.results import VideoPoses

logger = logging.getLogger("posec3d")
ALL = "all"
"""The split of clips without a split in the table."""


@dataclass(frozen=True)
class Labels:
    """The labels and splits of the clips of a dataset pickle.

    Attributes:
        of: the label of each video, by name; empty if no label is known.
        splits: the split of each video, by name; a video without an entry is in `ALL`.
    """

    of: Mapping[str, str]
    splits: Mapping[str, str]

    @property
    def classes(self) -> list[str]:
        """The labels in the order of their numbers."""
        return sorted(set(self.of.values()))


def labels_from_folders(videos: Sequence[InputFile]) -> Labels:
    """Label each video by its first folder; if a video is in no folder, no video is labeled."""
    folders = {printable(video.name): video.folder for video in videos}
    return Labels(folders if all(folders.values()) else {}, {})


def read_pickle_labels(table: Path, videos: Sequence[InputFile], *, root: Path | None = None) -> Labels:
    """Read the labels and splits of videos from a table with the columns video,label and perhaps corrected and split.

    Rows are matched to videos by `posec3d_cli.batch.row_names`.

    Args:
        table: the file.
        videos: the videos of the dataset pickle.
        root: the folder where the relative paths of the table begin.

    Raises:
        BadDataset: the table cannot be read, lacks one of the videos, or has contradicting rows for one.
    """
    _, read = read_labels(table, say=logger.warning)
    rows = [row for row in read if row.segment is None]
    if len(rows) < len(read):
        parts = counted(len(read) - len(rows), "row")
        logger.warning(f"{table}: {parts} of parts of videos or of single people left out: clips are whole videos here")
    row_names = RowNames(table, videos, root)
    known: dict[str, tuple[str, str]] = {}
    for row in rows:
        name = row_names.name(row.video)
        both = (row.label, row.row["split"])
        if name is not None and known.setdefault(name, both) != both:
            raise BadDataset(
                f"{table}: line {row.row.line} gives {row.video!r} the label and split {both}, and an earlier line "
                f"{known[name]}"
            )
    names = [printable(video.name) for video in videos]
    missing = [name for name in names if name not in known]
    if missing:
        raise BadDataset(
            f"{table} has no label for {len(missing)} of {counted(len(names), 'video')}, the first is {missing[0]!r}",
            hint=row_names.hint([row.video for row in rows]),
        )
    splits = {name: known[name][1] for name in names if known[name][1]}
    return Labels({name: known[name][0] for name in names}, splits)


@dataclass(frozen=True)
class WrittenPickle:
    """The content of a dataset pickle that was written.

    Attributes:
        clips: the number of clips.
        lost: sentences about splits of the table that the pickle lacks or that are incomplete.
    """

    clips: int
    lost: tuple[str, ...]


def write_dataset_pickle(
    path: Path,
    files: Sequence[tuple[str, Path]],
    labels: Labels,
    *,
    videos: Iterable[Path] = (),
    progress: Callable[[int], None] = lambda done: None,
) -> WrittenPickle:
    """Write pose files as one dataset pickle, replacing an existing file.

    Clips without a person are left out, because pyskl and mmaction2 cannot train on them.

    Args:
        path: the pickle.
        files: the name and the pose file of each clip.
        labels: of the clips, by name.
        videos: from which the pose files were made.
        progress: called with the number of files read.

    Raises:
        BadPoseFile: a pose file is unusable.
        OSError: the pickle cannot be written.
    """
    classes = labels.classes
    numbers = {label: number for number, label in enumerate(classes)}
    annotations: list[dict[str, Any]] = []
    split: dict[str, list[str]] = {}
    for done, (name, file) in enumerate(files, start=1):
        annotation = pickle_annotation(read_pose_file(file)[0], name)
        if len(annotation["keypoint"]):
            annotation["label"] = numbers.get(labels.of.get(name, ""), UNLABELED)
            annotations.append(annotation)
            split.setdefault(labels.splits.get(name, ALL), []).append(name)
        progress(done)
    with path.open("wb") as content:
        pickle.dump(
            {**pickle_header(videos), "split": split, "annotations": annotations, "classes": classes},
            content,
            protocol=4,
        )
    return WrittenPickle(len(annotations), tuple(_lost(labels, split)))


def _lost(labels: Labels, split: Mapping[str, Sequence[str]]) -> Iterator[str]:
    """Sentences about splits of the table that the pickle lacks or that are incomplete."""
    for name in sorted(set(labels.splits.values()) - split.keys()):
        yield f"the split {name} is empty and left out: all its videos failed or show nobody"
    if labels.splits and ALL in split and ALL not in labels.splits.values():
        yield f"{counted(len(split[ALL]), 'clip')} in no split but {ALL}: the table says none"
    if is_split(labels.classes):
        yield f"{', '.join(labels.classes)} are taken for labels and not for splits; --labels says both"


def pickle_annotation(video_poses: VideoPoses, name: str) -> dict[str, Any]:
    """The annotation of a clip, without its label: M people, the most important first, over T frames.

    A person slot holds one track. People who were found in less than a tenth of the frames are left out.
    Objects are kept as the detector found them.
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
        **object_arrays(video_poses),
    }
