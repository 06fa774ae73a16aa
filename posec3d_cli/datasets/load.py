"""Load a dataset: labeled clips from folders, tables and pyskl pickles, and their poses."""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from posec3d_cli.batch.find import InputFile
from posec3d_cli.datasets.clips import ESTIMATED, RECORDED, TRAINING, VALIDATION, LabeledClip, LabeledVideo, rename
from posec3d_cli.datasets.folders import labeled_videos, source_name
from posec3d_cli.datasets.poses import ClipPoses, Estimate, in_file
from posec3d_cli.datasets.pyskl import read_pack
from posec3d_cli.datasets.splits import Splits
from posec3d_cli.errors import BadDataset, InputError, counted
from posec3d_cli.files.csv_tables import CSV_SUFFIXES, read_csv
from posec3d_cli.files.input_paths import as_given, problem_of
from posec3d_cli.labels import clean_label
from posec3d_cli.pose_files import PACK_SUFFIXES, is_pose_file

OTHER_TABLES = (".jsonl", ".parquet")  # that `posec3d label` writes too


@dataclass(frozen=True, eq=False)
class LabeledDataset:
    """The labelled clips of some sources, before any pose is estimated.

    Attributes:
        clips: in the order of the sources: examples of packs, and clips of folders and tables.
        remarks: what was left out or taken for something on the way, a sentence each.
    """

    clips: tuple[LabeledVideo | LabeledClip, ...]
    remarks: tuple[str, ...] = ()

    @property
    def labels(self) -> Counter[str]:
        """The number of clips by label."""
        return Counter(clip.label for clip in self.clips)

    @property
    def videos(self) -> list[InputFile]:
        """Those whose poses are to be estimated."""
        return [
            InputFile(clip.path, clip.name)
            for clip in self.clips
            if isinstance(clip, LabeledVideo) and not clip.is_pose_file
        ]

    def of(self, labels: Collection[str]) -> LabeledDataset:
        """The clips of these labels only."""
        return replace(self, clips=tuple(clip for clip in self.clips if clip.label in labels))


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
    rows = read_csv(table, ("source", "label", "action")).rows
    return {(row["source"], clean_label(row["label"])): clean_label(row["action"]) for row in rows}


def read_names(file: Path) -> tuple[str, ...]:
    """The lines of a text file that are not blank.

    Raises:
        BadDataset: it cannot be read, or has none.
    """
    try:
        names = tuple(line for line in file.read_text(encoding="utf-8-sig").splitlines() if line.strip())
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
    root: Path | None = None,
    pseudo_labels: bool = False,
    split: str | None = None,
    splits: Splits | None = None,
    only: Collection[str] | None = None,
) -> LabeledDataset:
    """The clips of folders, tables and packs under their joint labels; no video and no pose file is opened.

    Of a 3D recording only labels that `actions` mentions are used, and it is never validated on.

    Args:
        sources: labelled folders, CSV tables with the columns video,label, and pose packs.
        actions: see `posec3d_cli.datasets.clips.rename`.
        group_by: see `posec3d_cli.datasets.folders.labeled_videos`, and so for the next two.
        root: where the paths of tables begin.
        pseudo_labels: whether predictions count as labels.
        split: only this split of the packs.
        splits: see `posec3d_cli.datasets.pyskl.read_pack`.
        only: the clips wanted, see `clips_called`; None: all.

    Raises:
        BadDataset: a source is neither folder, table nor pack, holds no labelled clips, or is called like another;
            or a clip that is wanted is in none.
    """
    named: dict[str, Path] = {}
    clips: list[LabeledVideo | LabeledClip] = []
    remarks: list[str] = []
    for source in sources:
        name = source_name(source)
        if name in named:
            raise BadDataset(
                f"two sources are called {name!r}: {named[name]} and {source}",
                hint="clips are named by their source: rename one, or give a link to it with another name",
            )
        named[name] = source
        if _is_table(source) or source.is_dir():
            own: Sequence[LabeledVideo | LabeledClip] = labeled_videos(
                source, group_by, root=root, pseudo_labels=pseudo_labels, say=remarks.append
            )
        else:
            own = _of_pack(source, actions, split, splits, remarks)
        clips += rename(own, actions, name)
    asked = [split, *((splits.train, splits.val) if splits else ())]
    wanted_split = next((one for one in asked if one is not None), None)
    if wanted_split is not None and not any(_is_pickle(source) for source in sources):
        raise BadDataset(
            f"the split {wanted_split!r} is asked for, and only pose pickles have splits, of which none is given",
            hint="leave the option out, or name the pickle",
        )
    again = [name for name, count in Counter(clip.name for clip in clips).items() if count > 1]
    if again:
        raise BadDataset(f"{len(again)} names stand for several clips each, the first is {again[0]!r}")
    found = LabeledDataset(tuple(clips), tuple(remarks))
    if only is None:
        return found
    wanted = clips_called(found, only)
    return replace(found, clips=tuple(clip for clip in clips if clip.name in wanted))


def _is_table(source: Path) -> bool:
    return source.is_file() and source.suffix.lower() in CSV_SUFFIXES


def _is_pickle(source: Path) -> bool:
    return source.is_file() and not _is_table(source)


def _of_pack(
    source: Path,
    actions: Mapping[tuple[str, str], str],
    split: str | None,
    splits: Splits | None,
    remarks: list[str],
) -> list[LabeledClip]:
    if not source.is_file():
        _, hint = problem_of(source) or ("", "")
        raise BadDataset(
            f"{as_given(source)} is neither a folder of labelled clips, a table of them, nor a pose pack", hint=hint
        )
    if source.suffix.lower() in OTHER_TABLES:
        raise BadDataset(f"{source} is no CSV table", hint="`posec3d label -o labels.csv` writes one")
    if is_pose_file(source) and source.suffix.lower() not in PACK_SUFFIXES:
        raise BadDataset(f"{source} says nothing about what is done in it", hint="put it into a labelled folder")
    name = source_name(source)
    return [
        one
        for one in read_pack(source, split, splits=splits, say=remarks.append)
        if one.origin != RECORDED or ((name, one.label) in actions and one.part != VALIDATION)
    ]


def clips_called(found: LabeledDataset, names: Collection[str]) -> set[str]:
    """The full names of the clips that a list means.

    A clip is called by its whole name, `SOURCE/walk/a.mp4`, by its name within its source, `walk/a.mp4`, by its file's
    name, `a.mp4`, or by its path.

    Raises:
        BadDataset: a name stands for no clip, or for several.
    """
    called: dict[str, set[str]] = {}
    for clip in found.clips:
        within = clip.name.partition("/")[2]
        ways = {clip.name, within, within.rpartition("/")[2]}
        if isinstance(clip, LabeledVideo):
            ways |= {os.path.abspath(clip.path), clip.path.as_posix()}
        for way in ways:
            called.setdefault(way, set()).add(clip.name)
    whole = {clip.name for clip in found.clips}
    wanted: set[str] = set()
    unknown = []
    for name in names:
        meant = {name} & whole or called.get(name) or called.get(name.strip().replace("\\", "/").removeprefix("./"))
        if not meant:
            unknown.append(name)
        elif len(meant) > 1:
            raise BadDataset(
                f"{name!r} may be any of {len(meant)} clips: {', '.join(sorted(meant)[:5])}",
                hint="a whole name begins with its source",
            )
        wanted |= meant or set()
    if unknown:
        example = f"; the data holds names such as {found.clips[0].name}" if found.clips else ""
        raise BadDataset(
            f"{len(unknown)} of the {len(names)} clips listed are not in the data, the first is {min(unknown)!r}",
            hint=f"a clip is called by its file's name, its path, or SOURCE/PATH{example}",
        )
    return wanted


def hold_out(found: LabeledDataset, names: Collection[str]) -> LabeledDataset:
    """The same clips, of which those that a list means are validated on and all others learnt from.

    What a pack's split would validate on, and the list does not mention, is left out.

    Raises:
        BadDataset: see `clips_called`; or one of them is a 3D recording.
    """
    chosen = clips_called(found, names)
    clips: list[LabeledVideo | LabeledClip] = []
    for clip in found.clips:
        if clip.name in chosen and isinstance(clip, LabeledClip) and clip.origin == RECORDED:
            raise BadDataset(f"{clip.name} is a 3D recording, and these cannot be validated on")
        if clip.name in chosen or clip.part != VALIDATION:
            clips.append(replace(clip, part=VALIDATION if clip.name in chosen else TRAINING))
    left = len(found.clips) - len(clips)
    words = "is not listed and left out" if left == 1 else "are not listed and left out"
    said = (f"{counted(left, 'clip')} of validation splits {words}",) if left else ()
    return LabeledDataset(tuple(clips), (*found.remarks, *said))


def with_poses(found: LabeledDataset, estimate: Estimate) -> tuple[list[LabeledClip], list[Unreadable]]:
    """The examples of labelled clips, in their order, and the clips that gave none.

    A clip in which nobody was found is an example all the same, of one person with scores of 0.

    Args:
        found: the clips.
        estimate: finds the people of `found.videos`; not called where there are none.
    """
    videos = found.videos
    people = {video.name: one for video, one in estimate(videos)} if videos else {}
    examples: list[LabeledClip] = []
    unreadable: list[Unreadable] = []
    for clip in found.clips:
        if isinstance(clip, LabeledClip):
            examples.append(clip)
            continue
        main = _read(clip.path) if clip.is_pose_file else people[clip.name]
        if isinstance(main, str):
            unreadable.append(Unreadable(clip.name, clip.label, main))
        else:
            examples.append(_example(clip, main))
    return examples, unreadable


def _read(path: Path) -> ClipPoses | str:
    try:
        return in_file(path)
    except InputError as error:
        return error.what


def _example(clip: LabeledVideo, main: ClipPoses) -> LabeledClip:
    keypoints, scores = main.keypoints, main.scores
    if not len(keypoints):
        keypoints, scores = (np.zeros((1, *array.shape[1:]), np.float32) for array in (keypoints, scores))
    name, label, group = clip.name, clip.label, clip.group
    return LabeledClip(name, label, group, ESTIMATED, keypoints, scores, main.fps, clip.part, main.sha256, main.notes)
