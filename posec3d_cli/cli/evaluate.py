"""`posec3d evaluate`: the accuracy of a classifier on labelled clips."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from posec3d_cli.cli.batch_run import find_people, saying_read
from posec3d_cli.cli.config import pipeline_config
from posec3d_cli.cli.help_texts import INPUT, OUTPUT, RECOGNITION
from posec3d_cli.cli.options import (
    CacheOption,
    ClassifierOption,
    DetectorOption,
    DeviceOption,
    EnsembleWeightsOption,
    FlipOption,
    JsonOption,
    LabelMapOption,
    NoCacheOption,
    OfflineOption,
    PeopleOption,
    PipelineOption,
    PoseEveryOption,
    PoseOption,
    Precision,
    PrecisionOption,
    RootOption,
    ViewsOption,
    WeightsDirOption,
    WindowOption,
    WorkersOption,
)
from posec3d_cli.cli.progress import one_line
from posec3d_cli.cli.render import note, print_json
from posec3d_cli.cli.report import check_outputs, document, print_report, write_files


def evaluate(
    sources: Annotated[
        list[Path],
        typer.Argument(
            metavar="DATA...",
            help="Measure on folders with one sub-folder per action, tables and pyskl pickles.",
        ),
    ],
    label_map: LabelMapOption = None,
    split: Annotated[
        str | None,
        typer.Option("--split", metavar="NAME", help="Take only this split of the pickles.", rich_help_panel=INPUT),
    ] = None,
    clips: Annotated[
        Path | None,
        typer.Option(
            "--clips",
            metavar="FILE",
            help="Take only the clips of this list: names or paths, one per line.",
            rich_help_panel=INPUT,
        ),
    ] = None,
    root: RootOption = None,
    views: ViewsOption = None,
    flip: FlipOption = None,
    window: WindowOption = None,
    people: PeopleOption = None,
    pose_every: PoseEveryOption = 1,
    perturb: Annotated[
        bool,
        typer.Option(
            "--perturb",
            help="Perturb the clips: 10 seconds, pauses, moving camera, bystanders, jitter.",
            rich_help_panel=RECOGNITION,
        ),
    ] = False,
    only_known: Annotated[
        bool,
        typer.Option(
            "--only-known",
            help="Leave out clips whose label the classifier does not have.",
            rich_help_panel=INPUT,
        ),
    ] = False,
    confusion: Annotated[
        list[Path] | None,
        typer.Option(
            "--confusion",
            metavar="FILE",
            help="Write the confusion matrix as .csv or .png; may be repeated.",
            rich_help_panel=OUTPUT,
        ),
    ] = None,
    predictions: Annotated[
        Path | None,
        typer.Option(
            "--predictions",
            metavar="FILE.csv",
            help="Write the five best labels of every clip.",
            rich_help_panel=OUTPUT,
        ),
    ] = None,
    pairs: Annotated[
        int,
        typer.Option(
            "--pairs",
            min=0,
            metavar="N",
            help="Print the clips of the N most confused pairs of labels.",
            rich_help_panel=OUTPUT,
        ),
    ] = 5,
    overwrite: Annotated[
        bool, typer.Option("--overwrite", help="Replace existing output files.", rich_help_panel=OUTPUT)
    ] = False,
    workers: WorkersOption = None,
    cache: CacheOption = None,
    no_cache: NoCacheOption = False,
    pipeline: PipelineOption = "light",
    detector: DetectorOption = None,
    pose: PoseOption = None,
    classifier: ClassifierOption = None,
    weights: EnsembleWeightsOption = None,
    device: DeviceOption = "auto",
    precision: PrecisionOption = Precision.auto,
    offline: OfflineOption = False,
    weights_dir: WeightsDirOption = None,
    as_json: JsonOption = False,
) -> None:
    """Measure the accuracy of a classifier on labelled clips.

    Prints top-1, top-5 and mean-class accuracy, and the recall and precision of each class.
    """
    from posec3d_cli.datasets import clip_lists, load
    from posec3d_cli.datasets.checks import find_duplicates, summarize_notes
    from posec3d_cli.evaluation.evaluate import check_labels, clips_per_label
    from posec3d_cli.evaluation.evaluate import evaluate as measure
    from posec3d_cli.evaluation.perturb import perturb as harder_copies
    from posec3d_cli.hub.resolve import resolve
    from posec3d_cli.recognition.recognizer import ActionRecognizer
    from posec3d_cli.training.seen import learned_from, seen

    check_outputs(confusion or [], predictions, overwrite=overwrite)
    clip_names = None if clips is None else clip_lists.read_clip_list(clips)
    dataset = load.load_dataset(
        sources, load.read_label_map(label_map) if label_map else {}, root=root, split=split, only=clip_names
    )
    for text in dataset.notes:
        note("note", one_line(text))
    config = pipeline_config(
        pipeline=pipeline,
        detector=detector,
        pose=pose,
        classifier=classifier,
        weights=weights,
        views=views,
        flip=flip,
        window=window,
        people=people,
        device=device,
        precision=precision,
        cache=cache,
        no_cache=no_cache,
        offline=offline,
        weights_dir=weights_dir,
    )
    resolved = resolve(config)
    folders = [card.folder for card in resolved.classifiers]
    recognizer = ActionRecognizer.from_resolved(resolved)
    foreign = {label: count for label, count in sorted(dataset.labels.items()) if label not in recognizer.labels}
    if only_known and foreign:
        note("note", f"left out clips whose labels the classifier does not have: {clips_per_label(foreign)}")
        dataset = dataset.of(recognizer.labels)
    check_labels(dataset.labels, recognizer.labels)
    labeled_clips, unreadable = find_people(dataset, config, every=pose_every, workers=workers)
    for failed in unreadable:
        note("failed", one_line(f"{failed.name}: {failed.reason}"))
    for text in summarize_notes(labeled_clips):
        note("note", one_line(text))
    left_out = {name: reason for name, (_, reason) in find_duplicates(labeled_clips).items()}
    for name, reason in left_out.items():
        note("left out", one_line(f"{name}: {reason}"))
    labeled_clips = [clip for clip in labeled_clips if clip.name not in left_out]
    training_clips = seen(labeled_clips, learned_from(folders))
    if training_clips:
        note(
            "warning",
            f"{len(training_clips)} of {len(labeled_clips)} clips are training clips of this classifier, so that "
            f"the accuracy is too high; the first is {one_line(training_clips[0])}",
        )
    if perturb:
        labeled_clips = harder_copies(labeled_clips)
    with saying_read() as read:
        report = measure(
            recognizer,
            labeled_clips,
            recognizer.sampling,
            read,
        )
    write_files(report, unreadable, confusion or [], predictions)
    if as_json:
        more = {"left_out": left_out, "learned_from": training_clips}
        print_json(document(report, unreadable, foreign, pairs) | more)
    else:
        print_report(report, unreadable, foreign, pairs)
    if unreadable:
        raise typer.Exit(1)
