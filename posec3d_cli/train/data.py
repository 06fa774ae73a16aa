"""From labelled sources, folders of clips, tables and pose packs, to examples."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from posec3d_cli.batch.find import Found
from posec3d_cli.errors import BadDataset, InputError
from posec3d_cli.pose_files import PACK_SUFFIXES, is_pose_file
from posec3d_cli.train.examples import ESTIMATED, RECORDED, Example, rename
from posec3d_cli.train.folder import LabelledVideo, labelled_videos, read_table, source_name
from posec3d_cli.train.packs import read_pack
from posec3d_cli.train.posing import Estimate, MainPeople, in_file


@dataclass(frozen=True, eq=False)
class Labelled:
    """The labelled clips of some sources, before any pose is estimated.

    Attributes:
        clips: in the order of the sources: examples of packs, and clips of folders and tables.
    """

    clips: tuple[LabelledVideo | Example, ...]

    @property
    def labels(self) -> Counter[str]:
        """The number of clips by label."""
        return Counter(clip.label for clip in self.clips)

    @property
    def videos(self) -> list[Found]:
        """Those whose poses are to be estimated."""
        return [
            Found(clip.path, clip.name) for clip in self.clips if isinstance(clip, LabelledVideo) and not clip.posed
        ]

    def of(self, labels: Collection[str]) -> Labelled:
        """The clips of these labels only."""
        return Labelled(tuple(clip for clip in self.clips if clip.label in labels))


@dataclass(frozen=True)
class Unreadable:
    """A clip that gave no example.

    Attributes:
        name: of the clip.
        label: the action.
        reason: what is wrong with it, in one sentence.
    """

    name: str
    label: str
    reason: str


def read_actions(table: Path) -> dict[tuple[str, str], str]:
    """A table with the columns source, label, action: how `rename` wants it.

    Raises:
        BadDataset: the table cannot be read, or a column is missing.
    """
    rows = read_table(table, ("source", "label", "action"))
    return {(row["source"], row["label"]): row["action"] for row in rows}


def read_names(file: Path) -> tuple[str, ...]:
    """The lines of a text file that are not blank.

    Raises:
        BadDataset: it cannot be read, or has none.
    """
    try:
        names = tuple(line for line in file.read_text(encoding="utf-8").splitlines() if line.strip())
    except (OSError, UnicodeDecodeError) as error:
        raise BadDataset(f"{file} cannot be read as a list of clips: {error}") from error
    if not names:
        raise BadDataset(f"{file} names no clips")
    return names


def labelled(
    sources: Sequence[Path],
    actions: Mapping[tuple[str, str], str],
    *,
    group_by: str | None = None,
    split: str | None = None,
    only: Collection[str] | None = None,
) -> Labelled:
    """The clips of folders, tables and packs under their joint labels; no video and no pose file is opened.

    Of a 3D recording only labels that `actions` mentions are used.

    Args:
        sources: labelled folders, CSV tables with the columns video,label, and pose packs.
        actions: see `posec3d_cli.train.examples.rename`.
        group_by: see `posec3d_cli.train.folder.labelled_videos`.
        split: only this split of the packs.
        only: names of the clips wanted; None: all.

    Raises:
        BadDataset: a source is neither folder, table nor pack, holds no labelled clips, or is called like another;
            or a clip that is wanted is in none.
    """
    named: dict[str, Path] = {}
    clips: list[LabelledVideo | Example] = []
    for source in sources:
        name = source_name(source)
        if name in named:
            raise BadDataset(
                f"two sources are called {name!r}: {named[name]} and {source}",
                hint="clips are named by their source: rename one, or give a link to it with another name",
            )
        named[name] = source
        clips += rename(_clips_of(source, actions, group_by, split), actions, name)
    again = [name for name, count in Counter(clip.name for clip in clips).items() if count > 1]
    if again:
        raise BadDataset(f"{len(again)} names stand for several clips each, the first is {again[0]!r}")
    if only is None:
        return Labelled(tuple(clips))
    missing = sorted(set(only) - {clip.name for clip in clips})
    if missing:
        raise BadDataset(f"{len(missing)} of the clips listed are not in the data, the first is {missing[0]!r}")
    return Labelled(tuple(clip for clip in clips if clip.name in only))


def _clips_of(
    source: Path, actions: Mapping[tuple[str, str], str], group_by: str | None, split: str | None
) -> Sequence[LabelledVideo | Example]:
    if source.is_dir() or (source.is_file() and source.suffix.lower() == ".csv"):
        return labelled_videos(source, group_by)
    if not source.is_file():
        raise BadDataset(f"{source} is neither a folder of labelled clips, a table of them, nor a pose pack")
    if is_pose_file(source) and source.suffix.lower() not in PACK_SUFFIXES:
        raise BadDataset(f"{source} says nothing about what is done in it", hint="put it into a labelled folder")
    name = source_name(source)
    return [one for one in read_pack(source, split) if one.origin != RECORDED or (name, one.label) in actions]


def posed(found: Labelled, estimate: Estimate) -> tuple[list[Example], list[Unreadable]]:
    """The examples of labelled clips, in their order, and the clips that gave none.

    A clip in which nobody was found is an example all the same, of one person with scores of 0.

    Args:
        found: the clips.
        estimate: finds the people of `found.videos`; not called where there are none.
    """
    videos = found.videos
    people = {video.name: one for video, one in estimate(videos)} if videos else {}
    examples: list[Example] = []
    unreadable: list[Unreadable] = []
    for clip in found.clips:
        if isinstance(clip, Example):
            examples.append(clip)
            continue
        main = _read(clip.path) if clip.posed else people[clip.name]
        if isinstance(main, str):
            unreadable.append(Unreadable(clip.name, clip.label, main))
        else:
            examples.append(_example(clip, main))
    return examples, unreadable


def _read(path: Path) -> MainPeople | str:
    try:
        return in_file(path)
    except InputError as error:
        return error.what


def _example(clip: LabelledVideo, main: MainPeople) -> Example:
    keypoints, scores = main.keypoints, main.scores
    if not len(keypoints):
        keypoints, scores = (np.zeros((1, *array.shape[1:]), np.float32) for array in (keypoints, scores))
    return Example(clip.name, clip.label, clip.group, ESTIMATED, keypoints, scores, main.fps)
