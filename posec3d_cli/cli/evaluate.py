"""`posec3d evaluate`: the accuracy of a classifier on labelled clips."""

from __future__ import annotations

from functools import partial
from pathlib import Path
from typing import Annotated, Any

import typer

from posec3d_cli.cli.batch_run import saying_read
from posec3d_cli.cli.comparison import (
    CompareOption,
    check_others,
    make_others,
    measure_others,
    numbered,
    print_comparison,
)
from posec3d_cli.cli.config import pipeline_config
from posec3d_cli.cli.engine import AddressOption, Engine, EngineOption, cluster_of
from posec3d_cli.cli.help_texts import INPUT, OUTPUT, RECOGNITION
from posec3d_cli.cli.labeled_clips import read_clips
from posec3d_cli.cli.open_set import of_other_actions, open_set_document, print_open_set
from posec3d_cli.cli.options import (
    CacheOption,
    ClassifierOption,
    DetectorOption,
    DeviceOption,
    EnsembleWeightsOption,
    FlipOption,
    JsonOption,
    LabelMapOption,
    MinScoreOption,
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
from posec3d_cli.cli.timeline_options import StrideOption
from posec3d_cli.cli.timeline_report import refuse_without_effect, run_timelines
from posec3d_cli.errors import BadDataset


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
    open_set: Annotated[
        list[Path] | None,
        typer.Option(
            "--open-set",
            metavar="DATA",
            help="Also measure on clips of other actions; may be repeated.",
            rich_help_panel=INPUT,
        ),
    ] = None,
    root: RootOption = None,
    views: ViewsOption = None,
    flip: FlipOption = None,
    window: WindowOption = None,
    stride: StrideOption = None,
    timeline: Annotated[
        bool,
        typer.Option(
            "--timeline",
            help="Measure the timelines of whole videos against rows with start and end.",
            rich_help_panel=RECOGNITION,
        ),
    ] = False,
    people: PeopleOption = None,
    min_score: MinScoreOption = None,
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
    scores: Annotated[
        list[Path] | None,
        typer.Option(
            "--scores",
            metavar="FILE",
            help="Write the scores of all labels as .npz, or as mmaction2's .pkl; may be repeated.",
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
    engine: EngineOption = Engine.local,
    address: AddressOption = None,
    cache: CacheOption = None,
    no_cache: NoCacheOption = False,
    pipeline: PipelineOption = "light",
    detector: DetectorOption = None,
    pose: PoseOption = None,
    classifier: ClassifierOption = None,
    compare: CompareOption = None,
    weights: EnsembleWeightsOption = None,
    device: DeviceOption = "auto",
    precision: PrecisionOption = Precision.auto,
    offline: OfflineOption = False,
    weights_dir: WeightsDirOption = None,
    as_json: JsonOption = False,
) -> None:
    """Measure the accuracy of a classifier on labelled clips.

    Prints top-1, top-5 and mean-class accuracy, and the recall and precision of each class. With --open-set, also how
    well the scores tell clips of other actions apart. With --compare, several classifiers stand in one table. With
    --timeline, it prints the F1, edit score, frame accuracy and mAP of segments instead.
    """
    from posec3d_cli.datasets import clip_lists, load
    from posec3d_cli.evaluation.evaluate import check_labels, clips_per_label, predict_clips
    from posec3d_cli.evaluation.evaluate import evaluate as measure
    from posec3d_cli.evaluation.open_set import OpenSetReport
    from posec3d_cli.evaluation.score_files import write_scores
    from posec3d_cli.hub.resolve import resolve
    from posec3d_cli.recognition.recognizer import ActionRecognizer

    cluster = cluster_of(engine, address)
    score_files = [[numbered(path, number) for path in scores or []] for number in range(1, len(compare or []) + 2)]
    check_outputs(confusion or [], predictions, [path for own in score_files for path in own], overwrite=overwrite)
    clip_names = None if clips is None else clip_lists.read_clip_list(clips)
    names = load.read_label_map(label_map) if label_map else {}
    dataset = load.load_dataset(sources, names, root=root, split=split, only=clip_names)
    for text in dataset.notes:
        note("note", one_line(text))
    config_of = partial(
        pipeline_config,
        pipeline=pipeline,
        detector=detector,
        pose=pose,
        views=views,
        flip=flip,
        window=window,
        stride=stride,
        timeline=timeline,
        people=people,
        min_score=min_score,
        device=device,
        precision=precision,
        cache=cache,
        no_cache=no_cache,
        offline=offline,
        weights_dir=weights_dir,
    )
    config = config_of(classifier=classifier, weights=weights)
    if timeline:
        refuse_without_effect(
            {
                "--open-set": open_set,
                "--compare": compare,
                "--pose-every": pose_every > 1,
                "--perturb": perturb,
                "--only-known": only_known,
                "--confusion": confusion,
                "--predictions": predictions,
                "--scores": scores,
                "--workers": workers,
            }
        )
        if not run_timelines(dataset, config, as_json=as_json):
            raise typer.Exit(1)
        return
    resolved = resolve(config)
    folders = [card.folder for card in resolved.classifiers]
    recognizer = ActionRecognizer.from_resolved(resolved)
    rivals = make_others(compare or [], lambda name: config_of(classifier=name, weights=None))
    known = set(recognizer.labels).intersection(*(rival.recognizer.labels for rival in rivals))
    foreign = {label: count for label, count in sorted(dataset.labels.items()) if label not in known}
    if only_known and foreign:
        note("note", f"left out clips whose labels the classifier does not have: {clips_per_label(foreign)}")
        dataset = dataset.of(known)
    check_labels(dataset.labels, recognizer.labels)
    check_others(rivals, dataset.labels)
    others = None
    if open_set:
        others = load.load_dataset(open_set, names, root=root)
        for text in others.notes:
            note("note", one_line(text))
        others = of_other_actions(others, recognizer.labels)
    read_poses = partial(
        read_clips, config=config, folders=folders, every=pose_every, workers=workers, cluster=cluster, perturb=perturb
    )
    labeled = read_poses(dataset)
    other_clips = None if others is None else read_poses(others)
    with saying_read() as read:
        report = measure(recognizer, labeled.clips, recognizer.sampling, read)
    name = classifier or "+".join(card.name for card in resolved.classifiers)
    compared = measure_others(name, report, rivals, labeled.clips)
    open_set_report = None
    if other_clips is not None:
        if not other_clips.clips:
            raise BadDataset("--open-set has no clip of another action that can be evaluated")
        with saying_read() as read:
            predicted = predict_clips(recognizer, other_clips.clips, recognizer.sampling, read)
        open_set_report = OpenSetReport.of(report.predictions, predicted, report.min_score)
    write_files(report, labeled.unreadable, confusion or [], predictions)
    for one, paths in zip(compared, score_files, strict=True):
        for path in paths:
            write_scores(one.report, path)
    if as_json:
        more: dict[str, Any] = {"left_out": dict(labeled.left_out), "learned_from": list(labeled.training_clips)}
        if open_set_report is not None and other_clips is not None:
            more["open_set"] = open_set_document(open_set_report, other_clips)
        if rivals:
            more["comparison"] = [one.figures() for one in compared]
        print_json(document(report, labeled.unreadable, foreign, pairs) | more)
    else:
        print_report(report, labeled.unreadable, foreign, pairs)
        if open_set_report is not None and other_clips is not None:
            print_open_set(open_set_report, len(other_clips.unreadable))
        if rivals:
            print_comparison(compared)
    if labeled.unreadable or (other_clips is not None and other_clips.unreadable):
        raise typer.Exit(1)
