"""From labelled clips to a model folder: the work behind `posec3d train`."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import torch
from torch import nn

from posec3d_cli.action_reader import ActionReader
from posec3d_cli.catalog import load_card
from posec3d_cli.classifiers.posec3d import check_state
from posec3d_cli.errors import BadDataset, OutputError
from posec3d_cli.extraction import PoseExtractor
from posec3d_cli.nets import build_network
from posec3d_cli.nets.layers import Recognizer
from posec3d_cli.pose_files import PACK_SUFFIXES, is_pose_file
from posec3d_cli.train.card import Trained, write_card
from posec3d_cli.train.evaluate import evaluate
from posec3d_cli.train.examples import RECORDED, Example, named, rename, split
from posec3d_cli.train.folder import needs_extractor, read_folder, read_table
from posec3d_cli.train.harder import harder
from posec3d_cli.train.loop import Progress, Recipe, fit
from posec3d_cli.train.packs import read_pack
from posec3d_cli.weights import fetch, load_state_dict

HELD_OUT = "held_out.txt"
SHORTEST = 8  # frames of a clip that can be learnt from


@dataclass(frozen=True)
class Training:
    """How to train.

    Attributes:
        recipe: the settings of the loop.
        architecture: of the network.
        network: its options.
        networks: how many of them are trained, from different first weights; the model averages their answers.
        window_seconds: the stretch that the classifier reads at once; None for the whole video.
        people: "together" or "each".
        held_out: the part of the clips to validate on, drawn by `split`.
        held_out_names: the clips to validate on instead, by name.
        command: what was typed.
        start: a model folder to start from, of as many networks, like these and of the same labels; None starts from
            chance.
    """

    recipe: Recipe
    architecture: str = "slowonly"
    network: Mapping[str, Any] | None = None
    networks: int = 1
    window_seconds: float | None = None
    people: str = "each"
    held_out: float = 0.12
    held_out_names: tuple[str, ...] = ()
    command: str = ""
    start: Path | None = None


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


def train(
    training: Training,
    examples: Sequence[Example],
    out: Path,
    *,
    device: str = "cpu",
    precision: str = "fp32",
    workers: int = 0,
    report: Callable[[Progress], None] = lambda progress: None,
) -> dict[str, Any]:
    """Train, write the model folder after every epoch, and measure it on the held-out clips.

    Returns:
        The figures of the validation: as they are, and lengthened, re-framed and composed.

    Raises:
        OutputError: the folder cannot be made.
    """
    try:
        out.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise OutputError(f"{out} cannot be made: {error.strerror}", hint="choose another folder") from error
    recipe = training.recipe
    classes = sorted({example.label for example in examples})
    if training.held_out_names:
        learned, held = named(examples, training.held_out_names)
    else:
        learned, held = split(examples, training.held_out, recipe.seed)
    (out / HELD_OUT).write_text("".join(f"{example.name}\n" for example in held), encoding="utf-8")
    options = {"in_channels": len(recipe.joints), **(training.network or {})}
    fresh = [_build(training, len(classes), options, recipe.seed + number) for number in range(training.networks)]
    if training.start is not None:
        _load(fresh, training.start, classes)
    counts = {
        part: dict(Counter(one.origin for one in some)) for part, some in (("training", learned), ("held_out", held))
    }
    trained = Trained(
        classes,
        training.architecture,
        options,
        recipe,
        training.window_seconds,
        training.people,
        training.command,
        counts,
        {},
    )

    finished: list[nn.Module] = []

    def after_epoch(progress: Progress, averaged: nn.Module) -> None:
        write_card(
            out,
            replace(trained, figures={"epoch": progress.epoch, "top1": progress.accuracy}),
            [*finished, averaged],
        )
        earlier = len(finished) * progress.epochs
        report(replace(progress, epoch=earlier + progress.epoch, epochs=training.networks * progress.epochs))

    for number, network in enumerate(fresh):
        finished.append(
            fit(
                network,
                learned,
                held,
                classes,
                replace(recipe, seed=recipe.seed + number),
                device=device,
                precision=precision,
                workers=workers,
                report=after_epoch,
            )
        )
    figures = measure(out, held) if held else {}
    write_card(out, replace(trained, figures=figures), finished)
    return figures


def _build(training: Training, classes: int, options: Mapping[str, Any], seed: int) -> Recognizer:
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        return build_network(training.architecture, classes, options)


def _load(networks: Sequence[Recognizer], model: Path, classes: Sequence[str]) -> None:
    """Give networks the weights of a model folder.

    Raises:
        BadDataset: the model has other labels, or another number of networks.
        WeightsMismatch: the model has other networks.
    """
    card = load_card(model, "classifier")
    if list(card.labels) != list(classes):
        odd = sorted(set(card.labels) ^ set(classes))
        raise BadDataset(f"{model} and the clips differ in the labels {', '.join(odd)}")
    files = fetch(card).values()
    if len(files) != len(networks):
        raise BadDataset(f"{model} has {len(files)} networks, and {len(networks)} are to be trained")
    for network, file in zip(networks, files, strict=True):
        state = load_state_dict(file)
        check_state(network, state, name=str(file))
        network.load_state_dict(state)


def measure(model: Path, held: Sequence[Example]) -> dict[str, Any]:
    """Evaluate a model folder on held-out clips, source by source, and on their harder copies."""
    actions = ActionReader.from_card(model)
    parts: dict[str, list[Example]] = {}
    for example in held:
        parts.setdefault(example.name.partition("/")[0], []).append(example)
        parts.setdefault("all", []).append(example)
    figures = {name: evaluate(actions, part).figures() for name, part in sorted(parts.items())}
    figures["all, harder"] = evaluate(actions, harder(held)).figures()
    return figures
