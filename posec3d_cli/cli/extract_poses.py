"""`posec3d extract-poses`: the poses of every frame of many videos."""

from __future__ import annotations

from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from posec3d_cli.batch import TIMEOUT
from posec3d_cli.cli.batch_run import gather, print_summary, say_left_out, say_plan, start_workers, work_through
from posec3d_cli.cli.config import pipeline_config
from posec3d_cli.cli.engine import AddressOption, Engine, EngineOption, cluster_of
from posec3d_cli.cli.help_texts import INPUT, OUTPUT
from posec3d_cli.cli.options import (
    DetectEveryOption,
    DetectorOption,
    DeviceOption,
    FailFastOption,
    FpsOption,
    FromFileOption,
    GlobOption,
    MaxDownloadOption,
    MaxPeopleOption,
    OfflineOption,
    PipelineOption,
    PoseOption,
    QuietOption,
    Reader,
    ReaderOption,
    RetryOption,
    RootOption,
    SetOption,
    ThresholdOption,
    TimeoutOption,
    WeightsDirOption,
    WorkersOption,
    check_choice,
)
from posec3d_cli.cli.progress import one_line
from posec3d_cli.cli.render import note
from posec3d_cli.cli.shards import MergeOption, ShardOption, say_shard, shard_option
from posec3d_cli.cli.sources import local_copies
from posec3d_cli.config import DEFAULT_PIPELINE
from posec3d_cli.errors import OutputError, OutputExists, counted, together

if TYPE_CHECKING:
    from posec3d_cli.batch.find import InputFile
    from posec3d_cli.batch.pose_task import PoseTask
    from posec3d_cli.batch.state import RunState
    from posec3d_cli.datasets.write_pickle import Labels


def extract_poses(
    output: Annotated[
        Path,
        typer.Option(
            "-o", "--output", metavar="DIR", help="Write one pose file per video here.", rich_help_panel=OUTPUT
        ),
    ],
    paths: Annotated[
        list[str] | None,
        typer.Argument(metavar="PATH...", help="Search these folders for videos, or read these videos and addresses."),
    ] = None,
    form: Annotated[
        str,
        typer.Option(
            "--format",
            metavar="SUFFIX",
            help="Write pose files in this format: npz, json, pkl or a plugin's.",
            rich_help_panel=OUTPUT,
        ),
    ] = "npz",
    from_file: FromFileOption = None,
    root: RootOption = None,
    glob: GlobOption = None,
    fps: FpsOption = None,
    max_download: MaxDownloadOption = 4.0,
    pyskl_pickle: Annotated[
        Path | None,
        typer.Option(
            "--pyskl-pickle",
            metavar="OUT.pkl",
            help="Also write a dataset pickle for pyskl and mmaction2.",
            rich_help_panel=OUTPUT,
        ),
    ] = None,
    labels: Annotated[
        Path | None,
        typer.Option(
            "--labels",
            metavar="CSV",
            help="Label the dataset pickle by this table (video,label,split); by default, by folder.",
            rich_help_panel=INPUT,
        ),
    ] = None,
    detect_every: DetectEveryOption = 1,
    workers: WorkersOption = None,
    engine: EngineOption = Engine.local,
    address: AddressOption = None,
    shard: ShardOption = None,
    merge: MergeOption = False,
    retry_failed: RetryOption = False,
    fail_fast: FailFastOption = False,
    overwrite: Annotated[
        bool,
        typer.Option("--overwrite", help="Replace files that no run on this folder made.", rich_help_panel=OUTPUT),
    ] = False,
    timeout: TimeoutOption = TIMEOUT,
    pipeline: PipelineOption = DEFAULT_PIPELINE,
    detector: DetectorOption = None,
    pose: PoseOption = None,
    max_people: MaxPeopleOption = None,
    detector_threshold: ThresholdOption = None,
    settings: SetOption = None,
    device: DeviceOption = "auto",
    reader: ReaderOption = Reader.pyav,
    offline: OfflineOption = False,
    weights_dir: WeightsDirOption = None,
    quiet: QuietOption = False,
) -> None:
    """Write the poses of each video of a folder, as files.

    There is one pose file per video, in folders like those of the videos. The same command again resumes a run that
    was interrupted, and processes again only what changed. Exits with 0 when every video was processed, also without
    a person, and with 1 when one failed.
    """
    cluster = cluster_of(engine, address)
    started = start_workers(paths or [], from_file, workers, cluster=cluster, merge=merge)
    # What follows takes a third of a second to import, while the workers import theirs.
    from posec3d_cli.batch import pose_task
    from posec3d_cli.batch.find import with_stems
    from posec3d_cli.batch.lock import locked, state_of
    from posec3d_cli.batch.outputs import check_made
    from posec3d_cli.batch.resume import plan
    from posec3d_cli.batch.run import check_outputs
    from posec3d_cli.batch.shards import check_whole, shards_beside, take_shards
    from posec3d_cli.files.writing import printable
    from posec3d_cli.pose_files import written_suffixes
    from posec3d_cli.results import FAILED, NO_PERSON

    processing = {"--retry-failed": retry_failed, "--fail-fast": fail_fast}
    part = shard_option(
        shard, merge=merge, only_whole={"--pyskl-pickle": pyskl_pickle is not None}, only_parts=processing
    )
    check_choice("--format", form, [suffix.removeprefix(".") for suffix in written_suffixes()])
    _check_outputs(output, pyskl_pickle, labels)
    inputs, own = gather(
        paths or [],
        from_file,
        glob,
        poses=False,
        without=[output],
        root=root,
        fps=fps,
        copies=local_copies(max_download, offline=offline),
    )
    clip_labels = None if pyskl_pickle is None else _labels(labels, inputs, root)
    task = pose_task.PoseTask(
        pipeline_config(
            stages=pose_task.PoseTask.kinds,
            pipeline=pipeline,
            detector=detector,
            pose=pose,
            settings=settings,
            max_people=max_people,
            detector_threshold=detector_threshold,
            detect_every=detect_every,
            device=device,
            reader=reader,
            no_cache=True,
            offline=offline,
            weights_dir=weights_dir,
        ),
        output,
        f".{form}",
    )
    own_state = output
    if part is not None:
        own_state = part.output(output)
        say_shard(part, len(part.of(inputs)), len(inputs), own_state)
    begun = state_of(output).exists() or ((merge or part is not None) and shards_beside(output))
    if output.is_dir() and any(output.iterdir()) and not begun and not overwrite:
        raise OutputExists(f"{output} is not empty", hint="choose another folder, or say --overwrite")
    with locked(own_state) as (run_state, before):
        shards = take_shards(output, inputs, run_state, task.fingerprint(), table=False) if merge else []
        inputs = with_stems(inputs, run_state.paths())
        inputs = inputs if part is None else part.of(inputs)
        todo = plan(inputs, task, run_state, retry_failed=retry_failed)
        if merge:
            check_whole(todo, len(inputs), shards)
        if not overwrite:
            check_outputs(todo, task, run_state)
            check_made([] if pyskl_pickle is None else [pyskl_pickle], run_state)
        say_plan(todo, len(inputs), before)
        work_through(
            todo,
            len(inputs),
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
        waiting = {one.file.path for one in todo}
        statuses: Counter[str] = Counter()
        with_poses, failures, said = [], [], []
        for video in inputs:
            record = None if video.path in waiting else run_state.get(video.path)
            if record is None:
                continue
            result = record.result
            statuses[result.status] += 1
            if result.status != FAILED:
                with_poses.append(video)
            if result.error is not None:
                failures.append((video.name, result.error.what))
            if lost := sum(one.lost_frames for one in result.results):
                said.append((printable(video.name), f"{lost} frames could not be decoded and have no poses"))
        if pyskl_pickle is not None and clip_labels is not None:
            nobody = statuses[NO_PERSON]
            _write_pickle(pyskl_pickle, with_poses, task, clip_labels, nobody, run_state, overwrite=overwrite)
    say_left_out(own)
    print_summary(statuses, failures)
    for line in together(said, "video"):
        note("note", one_line(line))
    if failures:
        raise typer.Exit(1)


def _check_outputs(output: Path, pyskl_pickle: Path | None, labels: Path | None) -> None:
    if output.exists() and not output.is_dir():
        raise OutputError(f"{output} is a file", hint="name a folder")
    if not output.parent.is_dir():
        raise OutputError(f"{output}: there is no folder {output.parent}", hint="make it first")
    if pyskl_pickle is None:
        if labels is not None:
            raise typer.BadParameter("--labels needs --pyskl-pickle: it labels the clips of a dataset pickle")
        return
    if pyskl_pickle.suffix.lower() not in (".pkl", ".pickle"):
        raise typer.BadParameter(f"--pyskl-pickle writes .pkl files, got {pyskl_pickle}")
    if pyskl_pickle.is_dir():
        raise OutputError(f"{pyskl_pickle} is a folder", hint="name a file in it")
    if not pyskl_pickle.parent.is_dir():
        raise OutputError(f"{pyskl_pickle}: there is no folder {pyskl_pickle.parent}", hint="make it first")


def _labels(table: Path | None, inputs: list[InputFile], root: Path | None) -> Labels:
    from posec3d_cli.datasets.write_pickle import labels_from_folders, read_pickle_labels

    if table is None:
        return labels_from_folders(inputs)
    return read_pickle_labels(table, inputs, root=root)


def _write_pickle(
    pyskl_pickle: Path,
    with_poses: list[InputFile],
    task: PoseTask,
    clip_labels: Labels,
    nobody: int,
    run_state: RunState,
    *,
    overwrite: bool,
) -> None:
    from posec3d_cli.batch.outputs import written_by_run
    from posec3d_cli.datasets.write_pickle import write_dataset_pickle
    from posec3d_cli.files.writing import printable

    files = [(printable(video.name), task.outputs(video)["poses"]) for video in with_poses]
    with written_by_run(pyskl_pickle, run_state, overwrite=overwrite) as part:
        written = write_dataset_pickle(part, files, clip_labels, videos=[video.path for video in with_poses])
    missing = f"; without {counted(nobody, 'video')} in which nobody was found" if nobody else ""
    note("note", f"{pyskl_pickle} holds {counted(written.clips, 'clip')}{missing}")
    for lost in written.lost:
        note("warning", one_line(f"{pyskl_pickle}: {lost}"))
