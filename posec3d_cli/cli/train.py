"""`posec3d train`: a classifier for the user's own actions."""

from __future__ import annotations

import shlex
import sys
from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

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
    WeightsDirOption,
    offline_choice,
    pose_cache,
)
from posec3d_cli.cli.posing import find_people
from posec3d_cli.cli.render import note
from posec3d_cli.cli.survey import print_survey


class Architecture(StrEnum):
    """Which of the published networks."""

    c3d_light = "c3d-light"
    slowonly = "slowonly"
    x3d_shallow = "x3d-shallow"


def train(
    sources: Annotated[
        list[Path],
        typer.Argument(
            metavar="DATA…",
            help="Folders of videos and pose files with one sub-folder per action (or a labels.csv with video,label), "
            "and pose packs (.pkl).",
        ),
    ],
    out: Annotated[Path, typer.Option("--out", "-o", metavar="DIR", help="The model folder to write.")],
    actions: Annotated[
        Path | None,
        typer.Option(
            metavar="CSV", help="Joint names of labels: columns source,label,action; an empty action leaves out."
        ),
    ] = None,
    architecture: Annotated[
        Architecture, typer.Option("--arch", help="The network; c3d-light learns fastest from few clips.")
    ] = Architecture.c3d_light,
    epochs: Annotated[int, typer.Option(min=1, help="Passes over the clips at the small size.")] = 24,
    final_epochs: Annotated[int, typer.Option(min=0, help="Passes at the size of inference, afterwards.")] = 6,
    small: Annotated[int, typer.Option(min=8, help="Volume height and width of the first epochs, in pixels.")] = 28,
    size: Annotated[int, typer.Option(min=8, help="Volume height and width at inference, in pixels.")] = 40,
    frames: Annotated[int, typer.Option(min=4, help="Frames of a volume.")] = 16,
    width: Annotated[int, typer.Option(min=4, help="Channels of the network's first stage; published: 32.")] = 32,
    networks: Annotated[
        int,
        typer.Option(min=1, metavar="N", help="Train N networks from different first weights, average their answers."),
    ] = 1,
    rate: Annotated[float, typer.Option(min=0, help="Peak learning rate.")] = 2e-3,
    batch_size: Annotated[int, typer.Option(min=2, help="Volumes per step.")] = 16,
    window: Annotated[
        float, typer.Option(min=0, help="Seconds that the model reads at once; 0: the whole video.")
    ] = 2.0,
    people: Annotated[People, typer.Option(help="One volume per person, or one of all.")] = People.each,
    held_out: Annotated[
        float, typer.Option("--val", min=0, max=0.9, help="The part of the clips to validate on.")
    ] = 0.12,
    held_out_names: Annotated[
        Path | None,
        typer.Option("--held-out", metavar="FILE", help="Validate on these clips, one name per line, instead."),
    ] = None,
    group_by: Annotated[
        str | None,
        typer.Option(
            metavar="REGEX", help="What clips of one source have in common in their names; they stay together."
        ),
    ] = None,
    every: Annotated[int, typer.Option(min=1, help="Estimate poses of every N-th frame, interpolate between.")] = 1,
    start: Annotated[
        Path | None,
        typer.Option("--from", metavar="DIR", help="Go on from this model's weights; same labels and width."),
    ] = None,
    strength: Annotated[
        float, typer.Option(min=0, help="How much the faults of cameras and pose networks are exaggerated.")
    ] = 1.0,
    seed: Annotated[int, typer.Option(help="Of the split, the first weights and the samples.")] = 0,
    workers: Annotated[int, typer.Option(min=0, help="Processes that draw samples; 0: between the steps.")] = 0,
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
    from posec3d_cli.batch.work import Models
    from posec3d_cli.device import resolve_device, resolve_precision
    from posec3d_cli.train import data, run
    from posec3d_cli.train.augment import Augmentation
    from posec3d_cli.train.loop import Phase, Progress, Recipe
    from posec3d_cli.train.survey import learnable

    place = resolve_device(device)
    numbers = resolve_precision(precision.value, place)
    phases = [Phase(epochs, small if final_epochs else size, rate)]
    if final_epochs:
        phases.append(Phase(final_epochs, size, rate / 4))
    training = run.Training(
        recipe=Recipe(
            tuple(phases), frames=frames, batch_size=batch_size, seed=seed, augmentation=Augmentation().scaled(strength)
        ),
        architecture=architecture.value,
        network={"base_channels": width},
        networks=networks,
        window_seconds=window or None,
        people=people.value,
        held_out=held_out,
        held_out_names=data.read_names(held_out_names) if held_out_names else (),
        start=start,
        command="posec3d " + shlex.join(sys.argv[1:]),
    )

    found = data.labelled(sources, data.read_actions(actions) if actions else {}, group_by=group_by)
    models = Models(
        pipeline,
        detector,
        pose,
        device=device,
        offline=offline_choice(offline),
        weights_dir=weights_dir,
        cache=pose_cache(cache, no_cache),
    )
    survey = learnable(*find_people(found, models, every=every, workers=None))
    print_survey(survey)
    survey.check()

    def report(progress: Progress) -> None:
        shown = ", ".join(f"{origin} {value:.1%}" for origin, value in progress.accuracy.items())
        note(
            "epoch",
            f"{progress.epoch} of {progress.epochs}: loss {progress.loss:.3f}, held-out top-1: {shown or 'none'}",
        )

    figures = run.train(training, survey.examples, out, device=place, precision=numbers, workers=workers, report=report)
    for name, part in figures.items():
        low, high = part["top1_interval"]
        typer.echo(f"{name}: top-1 {part['top1']:.1%} ({low:.1%} to {high:.1%}) of {part['clips']} held-out clips")
    typer.echo(f"model: {out}")
