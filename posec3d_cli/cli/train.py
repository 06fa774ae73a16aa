"""`posec3d train`: a classifier for the user's own actions."""

from __future__ import annotations

import shlex
import sys
from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from posec3d_cli.cli.batch_run import find_people
from posec3d_cli.cli.options import (
    CacheOption,
    DetectorOption,
    DeviceOption,
    NoCacheOption,
    OfflineOption,
    People,
    PipelineOption,
    PoseOption,
    Precision,
    PrecisionOption,
    RootOption,
    WeightsDirOption,
    WorkersOption,
    given,
    offline_choice,
    pose_cache,
)
from posec3d_cli.cli.progress import one_line
from posec3d_cli.cli.render import note
from posec3d_cli.cli.report import print_survey


class Architecture(StrEnum):
    """Which of the published networks."""

    c3d_light = "c3d-light"
    slowonly = "slowonly"
    x3d_shallow = "x3d-shallow"
    stgcn = "stgcn++"


class Input(StrEnum):
    """What the network reads of the people."""

    joint = "joint"
    limb = "limb"


def train(
    sources: Annotated[
        list[Path],
        typer.Argument(
            metavar="DATA…",
            help="Folders of videos and pose files with one sub-folder per action (or a labels.csv), tables with the "
            "columns video,label, and pose packs (.pkl); several are joined by the names of their labels.",
        ),
    ],
    output: Annotated[Path, typer.Option("-o", "--output", metavar="DIR", help="The model folder to write.")],
    pretrained: Annotated[
        str | None,
        typer.Option(
            "--pretrained",
            metavar="MODEL",
            help="Begin from this classifier's weights, a name or a folder; where the labels differ, with a new head.",
        ),
    ] = None,
    architecture: Annotated[
        Architecture | None,
        typer.Option("--arch", help="The network; by default c3d-light, which learns fastest from few clips."),
    ] = None,
    stream: Annotated[
        Input | None,
        typer.Option("--stream", help="Joints, or the limbs between them (the bones of stgcn++); by default joints."),
    ] = None,
    epochs: Annotated[
        int, typer.Option(min=1, help="Epochs; each shows a clip up to 10 times, fewer where there are many clips.")
    ] = 24,
    batch_size: Annotated[int, typer.Option(min=2, help="Samples per step.")] = 16,
    learning_rate: Annotated[
        float | None,
        typer.Option(
            "--learning-rate",
            "--lr",
            min=0,
            help="Highest learning rate; by default 0.2 per 128 samples of a step, as published.",
        ),
    ] = None,
    size: Annotated[
        int | None, typer.Option(min=8, help="Height and width of a volume in pixels; by default 28, published: 56.")
    ] = None,
    frames: Annotated[int | None, typer.Option(min=4, help="Frames of a volume; by default 16, published: 48.")] = None,
    width: Annotated[
        int | None,
        typer.Option(min=4, help="Channels of the network's first stage; by default as published, 16 for c3d-light."),
    ] = None,
    ensemble_size: Annotated[
        int | None,
        typer.Option(
            "--ensemble-size",
            min=1,
            metavar="N",
            help="Train N networks from different first weights, average their answers; by default 1, or as many as "
            "the model of --pretrained has.",
        ),
    ] = None,
    window: Annotated[
        float | None,
        typer.Option(min=0, help="Seconds that the model reads at once; 0: the whole video; by default 2."),
    ] = None,
    people: Annotated[
        People | None, typer.Option(help="One volume per person, or one of all; by default each.")
    ] = None,
    val_share: Annotated[
        float,
        typer.Option(
            "--val-share", min=0, max=0.9, help="The part of the clips to validate on, where no split says which."
        ),
    ] = 0.1,
    val_list: Annotated[
        Path | None,
        typer.Option(
            "--val-list", metavar="FILE", help="Validate on these clips instead: names or paths, one per line."
        ),
    ] = None,
    train_split: Annotated[
        str | None,
        typer.Option(
            "--train-split",
            metavar="NAME",
            help="Learn from this split of the packs; by default train, where a pack has train and val or test.",
        ),
    ] = None,
    val_split: Annotated[
        str | None,
        typer.Option(
            "--val-split",
            metavar="NAME",
            help="Validate on this split of the packs; by default val, or else test, where a pack has train too.",
        ),
    ] = None,
    pseudo_labels: Annotated[
        bool,
        typer.Option("--pseudo-labels", help="Learn from the labels that posec3d predicted, where a table holds such."),
    ] = False,
    group_by: Annotated[
        str | None,
        typer.Option(
            metavar="REGEX|COLUMN",
            help="What clips of one source have in common in their names, or in this column of the table; they stay "
            "together.",
        ),
    ] = None,
    label_map: Annotated[
        Path | None,
        typer.Option(
            "--label-map",
            metavar="CSV",
            help="Joint names of labels: columns source,label,action; an empty action leaves out, `unknown` is what "
            "shows none of the actions.",
        ),
    ] = None,
    root: RootOption = None,
    pose_every: Annotated[
        int, typer.Option("--pose-every", min=1, help="Estimate poses of every N-th frame, interpolate between.")
    ] = 1,
    augmentation_strength: Annotated[
        float,
        typer.Option(
            "--augmentation-strength", min=0, help="How much the faults of cameras and pose networks are exaggerated."
        ),
    ] = 0.6,
    seed: Annotated[int, typer.Option(help="Of the split, the first weights and the samples.")] = 0,
    resume: Annotated[
        bool, typer.Option("--resume", help="Go on behind the last epoch that DIR holds, as if there was no stop.")
    ] = False,
    overwrite: Annotated[bool, typer.Option("--overwrite", help="Begin anew where DIR holds a training.")] = False,
    workers: WorkersOption = None,
    cache: CacheOption = None,
    no_cache: NoCacheOption = False,
    device: DeviceOption = "auto",
    precision: PrecisionOption = Precision.auto,
    pipeline: PipelineOption = "light",
    detector: DetectorOption = None,
    pose: PoseOption = None,
    offline: OfflineOption = False,
    weights_dir: WeightsDirOption = None,
) -> None:
    """Train a classifier on labelled clips; the result is a model that --classifier takes."""
    from posec3d_cli.batch.task import Models
    from posec3d_cli.cli.training_progress import training_progress
    from posec3d_cli.datasets import load
    from posec3d_cli.datasets.checks import check_dataset
    from posec3d_cli.datasets.splits import Splits
    from posec3d_cli.hub.catalog import load_card
    from posec3d_cli.runtime.device import resolve_device, resolve_precision
    from posec3d_cli.runtime.threads import processors
    from posec3d_cli.training import train
    from posec3d_cli.training.augment import Augmentation
    from posec3d_cli.training.config import TrainingConfig
    from posec3d_cli.training.finetune import start_from

    if resume and overwrite:
        raise typer.BadParameter("--resume and --overwrite contradict each other")
    if val_list and val_split:
        raise typer.BadParameter("--val-list and --val-split contradict each other")
    # What is wrong with folders and files is found before models are loaded.
    train.check_out(output, ensemble_size or 1, resume=resume, overwrite=overwrite)
    held_out = load.read_names(val_list) if val_list else ()
    found = load.labelled(
        sources,
        load.read_actions(label_map) if label_map else {},
        group_by=group_by,
        root=root,
        pseudo_labels=pseudo_labels,
        splits=Splits(train_split, val_split),
    )
    if held_out:
        found = load.hold_out(found, held_out)
    for remark in found.remarks:
        note("note", one_line(remark))
    place = resolve_device(device)
    numbers = resolve_precision(precision.value, place)
    base = TrainingConfig(
        epochs=epochs,
        batch_size=batch_size,
        rate=learning_rate,
        seed=seed,
        augmentation=Augmentation().scaled(augmentation_strength),
    )
    begun = (
        start_from(load_card(pretrained, "classifier"), base, offline=offline_choice(offline), weights_dir=weights_dir)
        if pretrained
        else None
    )
    training = train.make_training(
        base,
        begun,
        **given(
            architecture=architecture and architecture.value,
            stream=stream and stream.value,
            size=size,
            frames=frames,
            width=width,
            networks=ensemble_size,
            window=window,
            people=people and people.value,
        ),
        held_out=val_share,
        command="posec3d " + shlex.join(sys.argv[1:]),
    )
    models = Models(
        pipeline,
        detector,
        pose,
        device=device,
        offline=offline_choice(offline),
        weights_dir=weights_dir,
        cache=pose_cache(cache, no_cache),
    )
    examples, unreadable = find_people(found, models, every=pose_every, workers=workers)
    survey = check_dataset(examples, unreadable)
    print_survey(survey)
    survey.check()
    with training_progress(training.recipe.epochs, training.networks) as callback:
        try:
            figures = train.train(
                training,
                survey.examples,
                output,
                resume=resume,
                overwrite=overwrite,
                device=place,
                precision=numbers,
                workers=min(processors(), 8) if place.startswith("cuda") else 0,
                callback=callback,
            )
        except KeyboardInterrupt:
            note("stopped", f"the same command with --resume goes on behind the last epoch that {output} holds")
            raise
    for name, part in figures.items():
        if "top1" in part:
            low, high = part["top1_interval"]
            typer.echo(f"{name}: top-1 {part['top1']:.1%} ({low:.1%} to {high:.1%}) of {part['clips']} held-out clips")
    typer.echo(f"model: {output}")
    if unreadable:
        raise typer.Exit(1)
