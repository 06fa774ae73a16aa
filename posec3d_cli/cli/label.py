"""`posec3d label`: a table of the actions in many videos."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from posec3d_cli.batch import TIMEOUT
from posec3d_cli.cli.batch_run import gather, say_left_out, say_plan, start_workers, work_through
from posec3d_cli.cli.config import pipeline_config
from posec3d_cli.cli.engine import AddressOption, Engine, EngineOption, cluster_of
from posec3d_cli.cli.help_texts import OUTPUT
from posec3d_cli.cli.label_summary import LabelSummary, confusion_files, print_accuracy
from posec3d_cli.cli.options import (
    BuilderOption,
    CacheOption,
    ClassifierOption,
    DetectEveryOption,
    DetectorOption,
    DeviceOption,
    DrawObjectsOption,
    EnsembleWeightsOption,
    FailFastOption,
    FlipOption,
    FpsOption,
    FromFileOption,
    GlobOption,
    MaxDownloadOption,
    MaxPeopleOption,
    MinScoreOption,
    NoCacheOption,
    OfflineOption,
    OverwriteOption,
    PeopleOption,
    PipelineOption,
    PoseOption,
    Precision,
    PrecisionOption,
    QuietOption,
    Reader,
    ReaderOption,
    RetryOption,
    RootOption,
    SetOption,
    ThresholdOption,
    TimeoutOption,
    TruthOption,
    ViewsOption,
    WeightsDirOption,
    WindowOption,
    WorkersOption,
)
from posec3d_cli.cli.render import note
from posec3d_cli.cli.shards import MergeOption, ShardOption, say_shard, shard_option
from posec3d_cli.cli.sources import local_copies
from posec3d_cli.cli.timeline_options import (
    LargestOption,
    PersonOption,
    RoiOption,
    StrideOption,
    TimelineOption,
)
from posec3d_cli.config import DEFAULT_PIPELINE
from posec3d_cli.errors import OutputExists, counted

if TYPE_CHECKING:
    from posec3d_cli.batch.find import InputFile
    from posec3d_cli.evaluation.ground_truth import GroundTruth


def label(
    output: Annotated[
        Path,
        typer.Option(
            "-o",
            "--output",
            metavar="OUT.csv",
            help="Write this table: .csv, .jsonl or .parquet.",
            rich_help_panel=OUTPUT,
        ),
    ],
    paths: Annotated[
        list[str] | None,
        typer.Argument(
            metavar="PATH...", help="Search these folders for videos and pose files, or read these files and addresses."
        ),
    ] = None,
    from_file: FromFileOption = None,
    root: RootOption = None,
    glob: GlobOption = None,
    fps: FpsOption = None,
    max_download: MaxDownloadOption = 4.0,
    save_videos: Annotated[
        Path | None,
        typer.Option(
            "--save-videos",
            metavar="DIR",
            help="Write each video with skeletons, boxes and labels.",
            rich_help_panel=OUTPUT,
        ),
    ] = None,
    draw_objects: DrawObjectsOption = False,
    save_poses: Annotated[
        Path | None,
        typer.Option(
            "--save-poses", metavar="DIR", help="Write the poses of each video, as .npz.", rich_help_panel=OUTPUT
        ),
    ] = None,
    truth: TruthOption = None,
    timeline: TimelineOption = False,
    workers: WorkersOption = None,
    engine: EngineOption = Engine.local,
    address: AddressOption = None,
    shard: ShardOption = None,
    merge: MergeOption = False,
    retry_failed: RetryOption = False,
    fail_fast: FailFastOption = False,
    overwrite: OverwriteOption = False,
    timeout: TimeoutOption = TIMEOUT,
    pipeline: PipelineOption = DEFAULT_PIPELINE,
    detector: DetectorOption = None,
    pose: PoseOption = None,
    classifier: ClassifierOption = None,
    weights: EnsembleWeightsOption = None,
    builder: BuilderOption = None,
    people: PeopleOption = None,
    window: WindowOption = None,
    stride: StrideOption = None,
    person: PersonOption = None,
    largest: LargestOption = False,
    roi: RoiOption = None,
    views: ViewsOption = None,
    flip: FlipOption = None,
    min_score: MinScoreOption = None,
    max_people: MaxPeopleOption = None,
    detect_every: DetectEveryOption = 1,
    detector_threshold: ThresholdOption = None,
    settings: SetOption = None,
    device: DeviceOption = "auto",
    precision: PrecisionOption = Precision.auto,
    reader: ReaderOption = Reader.pyav,
    cache: CacheOption = None,
    no_cache: NoCacheOption = False,
    offline: OfflineOption = False,
    weights_dir: WeightsDirOption = None,
    quiet: QuietOption = False,
) -> None:
    """Recognize the action in each video of a folder, as a table.

    The table has one row per video, also for a video that failed; with --timeline, one per segment. The same command
    again resumes a run that was interrupted, and processes again only what changed. Exits with 0 when every video has
    a result, also "no person", and with 1 when one failed.
    """
    cluster = cluster_of(engine, address)
    started = start_workers(paths or [], from_file, workers, cluster=cluster, merge=merge)
    # What follows takes a third of a second to import, while the workers import theirs.
    from posec3d_cli.batch import label_task, run
    from posec3d_cli.batch.corrections import kept_corrections, write_results
    from posec3d_cli.batch.find import with_stems
    from posec3d_cli.batch.lock import locked, state_of
    from posec3d_cli.batch.outputs import check_made
    from posec3d_cli.batch.resume import plan
    from posec3d_cli.batch.run import check_outputs
    from posec3d_cli.batch.shards import check_whole, take_shards
    from posec3d_cli.hub.resolve import resolve
    from posec3d_cli.output import tables

    processing = {"--retry-failed": retry_failed, "--fail-fast": fail_fast}
    part = shard_option(shard, merge=merge, only_whole={"--truth": truth is not None}, only_parts=processing)
    tables.check_table(output, timeline=timeline)
    if draw_objects and save_videos is None:
        raise typer.BadParameter("--draw-objects needs --save-videos")
    folders = [folder for folder in (save_videos, save_poses) if folder is not None]
    files, own = gather(
        paths or [],
        from_file,
        glob,
        poses=True,
        without=folders,
        root=root,
        fps=fps,
        copies=local_copies(max_download, offline=offline),
    )
    labels = None if truth is None else _ground_truth(truth, files, root)
    mine = files
    if part is not None:
        output, mine = part.output(output), part.of(files)
        say_shard(part, len(mine), len(files), output)
    task = label_task.LabelTask.of(
        pipeline_config(
            pipeline=pipeline,
            detector=detector,
            pose=pose,
            classifier=classifier,
            weights=weights,
            builder=builder,
            settings=settings,
            max_people=max_people,
            detector_threshold=detector_threshold,
            detect_every=detect_every,
            views=views,
            flip=flip,
            window=window,
            stride=stride,
            person=person,
            largest=largest,
            roi=roi,
            timeline=timeline,
            people=people,
            min_score=min_score,
            device=device,
            precision=precision,
            reader=reader,
            cache=cache,
            no_cache=no_cache,
            offline=offline,
            weights_dir=weights_dir,
        ),
        mine,
        videos=save_videos,
        draw_objects=draw_objects,
        poses=save_poses,
    )
    resolved = resolve(task.config)
    if output.exists() and not state_of(output).exists() and not overwrite:
        raise OutputExists(f"{output} is already there", hint="choose another name, or say --overwrite")
    with locked(output) as (run_state, before):
        kept_corrections(output, run_state, overwrite=overwrite)
        shards = take_shards(output, files, run_state, task.fingerprint(), overwrite=overwrite) if merge else []
        files = with_stems(files, run_state.paths())
        files = files if part is None else part.of(files)
        todo = plan(files, task, run_state, retry_failed=retry_failed)
        if merge:
            check_whole(todo, len(files), shards)
        if not overwrite:
            check_outputs(todo, task, run_state)
            check_made([] if labels is None else confusion_files(output), run_state)
        run_state.describe(task.fingerprint(), resolved.described())
        say_plan(todo, len(files), before)
        summary = LabelSummary(resolved.min_score)
        try:
            work_through(
                todo,
                len(files),
                task,
                run_state,
                workers=workers,
                cluster=cluster,
                timeout=timeout,
                fail_fast=fail_fast,
                overwrite=overwrite,
                quiet=quiet,
                started=started,
            )
        finally:
            results = summary.counted(run.results(files, todo, run_state))
            write_results(
                output, results, run_state, timeline=timeline, min_score=resolved.min_score, overwrite=overwrite
            )
        say_left_out(own)
        good = summary.print(output)
        if labels is not None:
            print_accuracy(
                run.results(files, todo, run_state), labels, resolved, output, run_state, overwrite=overwrite
            )
    if not good:
        raise typer.Exit(1)


def _ground_truth(table: Path, files: list[InputFile], root: Path | None) -> GroundTruth:
    from posec3d_cli.evaluation.ground_truth import count_unlabeled, read_ground_truth

    labels = read_ground_truth(table, files, root=root)
    if unknown := count_unlabeled(labels, files):
        total = counted(len(files), "file")
        note("note", f"{table} has no label for {unknown} of {total}; clips of a dataset pickle are called FILE: CLIP")
    return labels
