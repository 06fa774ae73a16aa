"""One pack of many pose files, in the format that the training of pyskl and mmaction2 reads."""

from __future__ import annotations

import pickle
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from posec3d_cli.batch.find import Found
from posec3d_cli.errors import BadDataset
from posec3d_cli.output import printable
from posec3d_cli.pose_files import read_pose_file
from posec3d_cli.pose_files.writing import UNLABELLED, pack_head
from posec3d_cli.prediction import PosedVideo
from posec3d_cli.train.folder import read_table

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


def labels_from_folders(found: Sequence[Found]) -> Labels:
    """Each video's first folder is its label; where a video lies in none, nothing is labelled."""
    folders = {printable(video.name): video.folder for video in found}
    return Labels(folders if all(folders.values()) else {}, {})


def read_labels(table: Path, found: Sequence[Found]) -> Labels:
    """From a table with the columns video,label and, where it has one, split.

    Raises:
        BadDataset: it cannot be read, or does not name one of the videos.
    """
    rows = {row["video"]: row for row in read_table(table, ("video", "label"), optional=("split",))}
    names = [printable(video.name) for video in found]
    missing = [name for name in names if not rows.get(name, {}).get("label")]
    if missing:
        raise BadDataset(
            f"{table} has no label for {len(missing)} of {len(names)} videos, the first is {missing[0]!r}",
            hint="its column video holds the path below the folder that was named",
        )
    splits = {name: rows[name]["split"] for name in names if rows[name]["split"]}
    return Labels({name: rows[name]["label"] for name in names}, splits)


def write_pack(
    path: Path,
    files: Sequence[tuple[str, Path]],
    labels: Labels,
    *,
    videos: Iterable[Path] = (),
    progress: Callable[[int], None] = lambda done: None,
) -> int:
    """Put pose files into one pack, replacing one that is there, and say how many clips it holds.

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
    return len(annotations)


def annotation_of(posed: PosedVideo, name: str) -> dict[str, Any]:
    """A clip as a pack holds it, without its label: M people, the most important first, over T frames.

    A person's slot is a track. People who were found in less than a tenth of the frames are left out.
    """
    people = posed.tracks().main_people()
    size = (posed.video.height, posed.video.width)
    return {
        "frame_dir": name,
        "total_frames": len(posed),
        "img_shape": size,
        "original_shape": size,
        "keypoint": people.keypoints,
        "keypoint_score": people.scores,
    }
