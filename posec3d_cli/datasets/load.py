"""Load a dataset: labeled clips from folders, tables and dataset pickles."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from dataclasses import replace
from pathlib import Path

from posec3d_cli.datasets.clip_lists import match_clips
from posec3d_cli.datasets.clips import RECORDED, VALIDATION, LabeledClip, LabeledVideo, apply_label_map
from posec3d_cli.datasets.folders import labeled_videos, source_name
from posec3d_cli.datasets.labeled_dataset import LabeledDataset
from posec3d_cli.datasets.pyskl import read_dataset_pickle
from posec3d_cli.datasets.splits import Splits
from posec3d_cli.errors import BadDataset
from posec3d_cli.files.csv_tables import CSV_SUFFIXES, read_csv
from posec3d_cli.files.input_paths import as_given, problem_of
from posec3d_cli.labels import clean_label
from posec3d_cli.pose_files import PICKLE_SUFFIXES, is_pose_file

OTHER_TABLES = (".jsonl", ".parquet")  # that `posec3d label` writes too


def read_label_map(table: Path) -> dict[tuple[str, str], str]:
    """Read a label map, for `load_dataset`, from a table with the columns source, label, action.

    Raises:
        BadDataset: the table cannot be read, or a column is missing.
    """
    rows = read_csv(table, ("source", "label", "action")).rows
    return {(row["source"], clean_label(row["label"])): clean_label(row["action"]) for row in rows}


def load_dataset(
    sources: Sequence[str | Path],
    label_map: Mapping[tuple[str, str], str] | None = None,
    *,
    group_by: str | None = None,
    root: Path | None = None,
    pseudo_labels: bool = False,
    split: str | None = None,
    splits: Splits | None = None,
    only: Collection[str] | None = None,
) -> LabeledDataset:
    """Load labeled clips from folders, tables and dataset pickles; no video and no pose file is opened.

    A clip of a 3D recording is used only if `label_map` mentions its label, and only for training.

    Args:
        sources: folders with one sub-folder per action, CSV tables with the columns video,label, and dataset pickles of
            pyskl or mmaction2.
        label_map: common names of labels: (source, label) to action. An empty action leaves out the label's clips, a
            label that is not mentioned keeps its name, and the source "*" stands for every source.
        group_by: the column of a table, or the regular expression for file names, that names the source video of a
            clip.
        root: the folder where the relative paths of tables begin.
        pseudo_labels: whether the predictions in a table of `posec3d label` count as labels.
        split: load only this split of the dataset pickles.
        splits: which splits of dataset pickles are for training and for validation.
        only: names of the clips to load; None for all.

    Raises:
        BadDataset: a source is neither folder, table nor dataset pickle, holds no labeled clips, or has the name of
            another source; or no source has a clip that `only` names.
    """
    paths = [Path(source) for source in sources]
    label_map = label_map or {}
    named: dict[str, Path] = {}
    clips: list[LabeledVideo | LabeledClip] = []
    notes: list[str] = []
    for source in paths:
        name = source_name(source)
        if name in named:
            raise BadDataset(
                f"two sources are called {name!r}: {named[name]} and {source}",
                hint="clips are named by their source: rename one, or give a link to it with another name",
            )
        named[name] = source
        if _is_table(source) or source.is_dir():
            own: Sequence[LabeledVideo | LabeledClip] = labeled_videos(
                source, group_by, root=root, pseudo_labels=pseudo_labels, say=notes.append
            )
        else:
            own = _of_pickle(source, label_map, split, splits, notes)
        clips += apply_label_map(own, label_map, name)
    asked = [split, *((splits.train, splits.val) if splits else ())]
    wanted_split = next((one for one in asked if one is not None), None)
    if wanted_split is not None and not any(_is_pickle(path) for path in paths):
        raise BadDataset(
            f"the split {wanted_split!r} is asked for, and only dataset pickles have splits, and no source is one",
            hint="leave the option out, or name the pickle",
        )
    again = [name for name, count in Counter(clip.name for clip in clips).items() if count > 1]
    if again:
        raise BadDataset(f"{len(again)} names stand for several clips each, the first is {again[0]!r}")
    dataset = LabeledDataset(tuple(clips), tuple(notes))
    if only is None:
        return dataset
    wanted = match_clips(dataset, only)
    return replace(dataset, clips=tuple(clip for clip in clips if clip.name in wanted))


def _is_table(source: Path) -> bool:
    return source.is_file() and source.suffix.lower() in CSV_SUFFIXES


def _is_pickle(source: Path) -> bool:
    return source.is_file() and not _is_table(source)


def _of_pickle(
    source: Path,
    label_map: Mapping[tuple[str, str], str],
    split: str | None,
    splits: Splits | None,
    notes: list[str],
) -> list[LabeledClip]:
    if not source.is_file():
        _, hint = problem_of(source) or ("", "")
        raise BadDataset(
            f"{as_given(source)} is neither a folder of labelled clips, a table of them, nor a dataset pickle",
            hint=hint,
        )
    if source.suffix.lower() in OTHER_TABLES:
        raise BadDataset(f"{source} is no CSV table", hint="`posec3d label -o labels.csv` writes one")
    if is_pose_file(source) and source.suffix.lower() not in PICKLE_SUFFIXES:
        raise BadDataset(f"{source} has no label", hint="put it into a folder with the name of its action")
    name = source_name(source)
    return [
        one
        for one in read_dataset_pickle(source, split, splits=splits, say=notes.append)
        if one.origin != RECORDED or ((name, one.label) in label_map and one.part != VALIDATION)
    ]
