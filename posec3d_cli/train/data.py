"""From labelled sources, folders of clips and pose packs, to what a network can learn from."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from pathlib import Path

from posec3d_cli.errors import BadDataset
from posec3d_cli.extraction import PoseExtractor
from posec3d_cli.pose_files import PACK_SUFFIXES, is_pose_file
from posec3d_cli.train.examples import RECORDED, Example, rename
from posec3d_cli.train.folder import needs_extractor, read_folder, read_table
from posec3d_cli.train.packs import read_pack

SHORTEST = 8  # frames of a clip that can be learnt from


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
    extractor: Callable[[], PoseExtractor],
    *,
    every: int = 1,
    group_by: str | None = None,
    split: str | None = None,
    only: Collection[str] | None = None,
    progress: Callable[[int, int, str], None] = lambda done, total, name: None,
) -> tuple[list[Example], dict[str, str]]:
    """The clips of folders and packs under their joint labels, and those that gave no example with the reasons.

    Of a 3D recording only labels that `actions` mentions are used. A clip in which nobody was found stays, with
    scores of 0, and is named among the problems.

    Args:
        sources: labelled folders and pose packs.
        actions: see `posec3d_cli.train.examples.rename`.
        extractor: makes the detector and pose estimator, where a folder needs them.
        every: estimate poses of every N-th frame of a video.
        group_by: see `posec3d_cli.train.examples.group_of`.
        split: only this split of the packs.
        only: names of the clips wanted; None: all. Of a folder the others are not even opened.
        progress: told about every clip of a folder.

    Raises:
        BadDataset: a source is neither a folder nor a pack, or a folder holds no labelled clips.
    """
    examples: list[Example] = []
    problems: dict[str, str] = {}
    for source in sources:
        if source.is_dir():
            stages = extractor() if needs_extractor(source, only) else None
            found, trouble = read_folder(source, stages, every=every, group_by=group_by, only=only, progress=progress)
            problems |= {f"{source.name}/{name}": reason for name, reason in trouble.items()}
        elif source.is_file() and is_pose_file(source) and source.suffix.lower() not in PACK_SUFFIXES:
            raise BadDataset(f"{source} says nothing about what is done in it", hint="put it into a labelled folder")
        elif source.is_file():
            found = read_pack(source, split)
        else:
            raise BadDataset(f"{source} is neither a folder of labelled clips nor a pose pack")
        name = source.name if source.is_dir() else source.stem
        found = [one for one in found if one.origin != RECORDED or (name, one.label) in actions]
        examples += rename([one for one in found if only is None or one.name in only], actions, name)
    return examples, problems


def learnable(examples: Sequence[Example]) -> tuple[list[Example], dict[str, str]]:
    """The examples that a network can learn from, and the others with the reasons.

    Raises:
        BadDataset: fewer than two labels are left.
    """
    reasons = {}
    for one in examples:
        if not (one.scores[0] > 0).any():
            reasons[one.name] = "no person was found"
        elif len(one) < SHORTEST:
            reasons[one.name] = f"it has {len(one)} frames, fewer than {SHORTEST}"
    kept = [one for one in examples if one.name not in reasons]
    labels = sorted({one.label for one in kept})
    if len(labels) < 2:
        raise BadDataset(
            f"training needs at least two labels, got {', '.join(labels) or 'none'}",
            hint="one sub-folder per action, or a labels.csv with the columns video and label",
        )
    return kept, reasons
