"""`posec3d train`: train a classifier of the user's own actions."""

from __future__ import annotations

import shlex
import sys
from pathlib import Path
from typing import Annotated

import typer

from posec3d_cli.cli.batch_run import find_people
from posec3d_cli.cli.config import pipeline_config
from posec3d_cli.cli.help_texts import INPUT, MODELS, OUTPUT, PERFORMANCE, RECOGNITION, RUN, TRAINING
from posec3d_cli.cli.options import (
    CacheOption,
    DetectEveryOption,
    DetectorOption,
    DeviceOption,
    LabelMapOption,
    NoCacheOption,
    ObjectsOption,
    ObjectUse,
    OfflineOption,
    People,
    PipelineOption,
    PoseOption,
    Precision,
    PrecisionOption,
    RootOption,
    Stream,
    WeightsDirOption,
    WorkersOption,
    check_choice,
    given,
)
from posec3d_cli.cli.progress import one_line
from posec3d_cli.cli.render import note
from posec3d_cli.cli.report import print_dataset_report, print_figures
from posec3d_cli.cli.training_options import AddOption, JointLossOption, LateralOption, PretrainedOption
from posec3d_cli.registry import NETWORKS

VAL_SHARE = 0.1
DETECT_EVERY = 4  # of the frames with poses; a golf swing takes several of them


def train(
    sources: Annotated[
        list[Path],
        typer.Argument(
            metavar="DATA...",
            help="Learn from folders with one sub-folder per action, tables and pyskl pickles.",
        ),
    ],
    output: Annotated[
        Path,
        typer.Option("-o", "--output", metavar="DIR", help="Write this model folder.", rich_help_panel=OUTPUT),
    ],
    pretrained: PretrainedOption = None,
    add: AddOption = False,
    architecture: Annotated[
        str | None,
        typer.Option(
            "--arch",
            metavar="NETWORK",
            help="Train this network, see `posec3d stages`; by default the pretrained one, or c3d-light.",
            rich_help_panel=MODELS,
        ),
    ] = None,
    stream: Annotated[
        Stream | None,
        typer.Option(
            "--stream",
            help="Learn from joints or from limbs (bones for stgcn++); by default joints.",
            rich_help_panel=MODELS,
        ),
    ] = None,
    lateral: LateralOption = None,
    joint_loss: JointLossOption = False,
    epochs: Annotated[
        int | None,
        typer.Option(
            "--epochs",
            min=1,
            metavar="N",
            help="Train for N epochs at most; by default 12 (24 from 2,000 clips on), 24 from scratch.",
            rich_help_panel=TRAINING,
        ),
    ] = None,
    patience: Annotated[
        int | None,
        typer.Option(
            "--patience",
            min=0,
            metavar="N",
            help="Wait N epochs for a better validation, 0: do all; by default 4, from scratch 0.",
            rich_help_panel=TRAINING,
        ),
    ] = None,
    batch_size: Annotated[
        int,
        typer.Option("--batch-size", min=2, metavar="N", help="Train on N samples per step.", rich_help_panel=TRAINING),
    ] = 16,
    learning_rate: Annotated[
        float | None,
        typer.Option(
            "--learning-rate",
            "--lr",
            min=0,
            metavar="RATE",
            help="Peak at this learning rate; by default 0.2 per 128 samples, to fine-tune 1/25 of that.",
            rich_help_panel=TRAINING,
        ),
    ] = None,
    size: Annotated[
        int | None,
        typer.Option(
            "--size",
            min=8,
            metavar="PIXELS",
            help="Draw heatmaps this high and wide; by default as pretrained, or 28 (published: 56).",
            rich_help_panel=RECOGNITION,
        ),
    ] = None,
    frames: Annotated[
        int | None,
        typer.Option(
            "--frames",
            min=4,
            metavar="N",
            help="Sample N frames per clip; by default as pretrained, or 16 (published: 48).",
            rich_help_panel=RECOGNITION,
        ),
    ] = None,
    width: Annotated[
        int | None,
        typer.Option(
            "--width",
            min=4,
            metavar="N",
            help="Give the first stage N channels; by default as published, 16 for c3d-light.",
            rich_help_panel=MODELS,
        ),
    ] = None,
    ensemble_size: Annotated[
        int | None,
        typer.Option(
            "--ensemble-size",
            min=1,
            metavar="N",
            help="Train and average N networks; by default 1, or as many as a named --pretrained has.",
            rich_help_panel=MODELS,
        ),
    ] = None,
    window: Annotated[
        float | None,
        typer.Option(
            "--window",
            min=0,
            metavar="SECONDS",
            help="Recognize windows of this length, 0 for the whole video; by default as pretrained, or 2.",
            rich_help_panel=RECOGNITION,
        ),
    ] = None,
    people: Annotated[
        People | None,
        typer.Option(
            "--people",
            help="Recognize all people together or each person alone; by default each.",
            rich_help_panel=RECOGNITION,
        ),
    ] = None,
    interactions: Annotated[
        str | None,
        typer.Option(
            "--interactions",
            metavar="LABEL,LABEL",
            help="Read two people together for these labels, such as hug,handshake.",
            rich_help_panel=RECOGNITION,
        ),
    ] = None,
    val_share: Annotated[
        float | None,
        typer.Option(
            "--val-share",
            min=0,
            max=0.9,
            metavar="SHARE",
            help="Validate on this share of the clips, where no split decides; by default 0.1.",
            rich_help_panel=TRAINING,
        ),
    ] = None,
    val_list: Annotated[
        Path | None,
        typer.Option(
            "--val-list",
            metavar="FILE",
            help="Validate on the clips of this list instead: names or paths, one per line.",
            rich_help_panel=TRAINING,
        ),
    ] = None,
    train_split: Annotated[
        str | None,
        typer.Option(
            "--train-split",
            metavar="NAME",
            help="Learn from this split of the pickles; by default train.",
            rich_help_panel=TRAINING,
        ),
    ] = None,
    val_split: Annotated[
        str | None,
        typer.Option(
            "--val-split",
            metavar="NAME",
            help="Validate on this split of the pickles; by default val, or else test.",
            rich_help_panel=TRAINING,
        ),
    ] = None,
    pseudo_labels: Annotated[
        bool,
        typer.Option(
            "--pseudo-labels",
            help="Learn also from labels that posec3d predicted.",
            rich_help_panel=INPUT,
        ),
    ] = False,
    group_by: Annotated[
        str | None,
        typer.Option(
            "--group-by",
            metavar="REGEX|COLUMN",
            help="Keep clips of one source together: by what matches in names, or by a column.",
            rich_help_panel=INPUT,
        ),
    ] = None,
    label_map: LabelMapOption = None,
    root: RootOption = None,
    pose_every: Annotated[
        int | None,
        typer.Option(
            "--pose-every",
            min=1,
            metavar="N",
            help="Estimate poses in every N-th frame; by default in those that training reads.",
            rich_help_panel=PERFORMANCE,
        ),
    ] = None,
    detect_every: DetectEveryOption = DETECT_EVERY,
    augmentation_strength: Annotated[
        float,
        typer.Option(
            "--augmentation-strength",
            min=0,
            metavar="FACTOR",
            help="Scale how strongly poses are distorted in training; 0 for not at all.",
            rich_help_panel=TRAINING,
        ),
    ] = 0.6,
    objects: ObjectsOption = ObjectUse.auto,
    seed: Annotated[
        int,
        typer.Option(
            "--seed",
            metavar="N",
            help="Seed the split, the initial weights and the sampling.",
            rich_help_panel=TRAINING,
        ),
    ] = 0,
    resume: Annotated[
        bool,
        typer.Option("--resume", help="Resume from the last checkpoint in the model folder.", rich_help_panel=RUN),
    ] = False,
    overwrite: Annotated[
        bool,
        typer.Option("--overwrite", help="Replace the training that is in the model folder.", rich_help_panel=OUTPUT),
    ] = False,
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
    """Train a classifier of your own actions on labelled clips.

    The result is a model folder that --classifier takes. By default the training starts from the pipeline's classifier.
    """
    from posec3d_cli.cli import training_start
    from posec3d_cli.cli.training_progress import training_progress
    from posec3d_cli.datasets import clip_lists, load
    from posec3d_cli.datasets.checks import check_dataset, check_labels
    from posec3d_cli.datasets.poses import PoseFrames
    from posec3d_cli.datasets.splits import Splits
    from posec3d_cli.runtime.device import resolve_device, resolve_precision
    from posec3d_cli.runtime.threads import processors
    from posec3d_cli.training import train
    from posec3d_cli.training.augment import Augmentation
    from posec3d_cli.training.config import TrainingConfig

    if resume and overwrite:
        raise typer.BadParameter("--resume and --overwrite contradict each other")
    training_start.check_validation(
        val_list, {"--val-split": val_split, "--val-share": val_share, "--group-by": group_by}, patience
    )
    if architecture is not None:
        check_choice("--arch", architecture, NETWORKS.names())
    asked = given(architecture=architecture, stream=stream and stream.value, size=size, frames=frames, width=width)
    training_start.check_add(add, pretrained, {**asked, **given(window=window, people=people, epochs=epochs)})
    # Folders and files are checked before models are loaded, and everything before a pose is estimated.
    train.check_out(output, ensemble_size or 1, resume=resume, overwrite=overwrite)
    validation_names = clip_lists.read_clip_list(val_list) if val_list else ()
    dataset = load.load_dataset(
        sources,
        load.read_label_map(label_map) if label_map else {},
        group_by=group_by,
        root=root,
        pseudo_labels=pseudo_labels,
        splits=Splits(train_split, val_split),
    )
    if validation_names:
        dataset = clip_lists.set_validation(dataset, validation_names)
    for sentence in dataset.notes:
        note("note", one_line(sentence))
    fewest = 1 if add else 2
    check_labels(dataset.clips, fewest)
    config = pipeline_config(
        pipeline=pipeline,
        detector=detector,
        pose=pose,
        detect_every=detect_every,
        device=device,
        cache=cache,
        no_cache=no_cache,
        offline=offline,
        weights_dir=weights_dir,
    )
    device_name = resolve_device(device)
    number_format = resolve_precision(precision.value, device_name)
    base = TrainingConfig(
        batch_size=batch_size,
        learning_rate=learning_rate,
        seed=seed,
        objects=objects.value,
        augmentation=Augmentation().scaled(augmentation_strength),
    )
    training = training_start.training_of(
        config,
        base,
        pretrained,
        {**asked, **given(window=window, people=people and people.value, networks=ensemble_size)},
        interactions=interactions,
        dataset=dataset,
        epochs=epochs,
        patience=patience,
        extends=add,
        lateral=lateral and lateral.value,
        joint_loss=joint_loss,
        held_out=VAL_SHARE if val_share is None else val_share,
        command="posec3d " + shlex.join(sys.argv[1:]),
    )
    train.check_out(output, training.networks, resume=resume, overwrite=overwrite)
    if resume:
        train.check_resume(output, training, number_format)
    training_start.check_videos(training, dataset.clips)
    training_start.announce(training, dataset.clips, device_name)
    pose_frames = PoseFrames(pose_every or 1, None if pose_every else training.frames_read)
    labeled_clips, unreadable = find_people(dataset, config, frames=pose_frames, workers=workers)
    labeled_clips, lonely = training_start.with_partners(labeled_clips, training.config.interactions)
    unreadable = [*unreadable, *lonely]
    report = check_dataset(labeled_clips, unreadable)
    print_dataset_report(report)
    report.check(fewest)
    with training_progress(training.config.epochs, training.networks) as callback:
        try:
            figures = train.train(
                training,
                report.clips,
                output,
                resume=resume,
                overwrite=overwrite,
                device=device_name,
                precision=number_format,
                workers=min(processors(), 8) if device_name.startswith("cuda") else 0,
                callback=callback,
            )
        except KeyboardInterrupt:
            note("stopped", f"the same command with --resume resumes from the last checkpoint in {output}")
            raise
    print_figures(figures)
    typer.echo(f"model: {output}")
    if unreadable:
        raise typer.Exit(1)
