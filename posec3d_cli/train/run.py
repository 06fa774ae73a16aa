"""From labelled clips to a model folder: the work behind `posec3d train`."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import torch
from torch import nn

from posec3d_cli.action_reader import ActionReader
from posec3d_cli.catalog import load_card
from posec3d_cli.classifiers.posec3d import check_state
from posec3d_cli.errors import BadDataset, OutputError
from posec3d_cli.nets import build_network
from posec3d_cli.nets.layers import Recognizer
from posec3d_cli.train.card import Trained, write_card
from posec3d_cli.train.evaluate import evaluate
from posec3d_cli.train.examples import Example, named, split
from posec3d_cli.train.harder import harder
from posec3d_cli.train.loop import Progress, Recipe, fit
from posec3d_cli.weights import fetch, load_state_dict

HELD_OUT = "held_out.txt"


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
