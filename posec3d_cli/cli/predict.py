"""`posec3d predict`: the action in each video."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

import typer

from posec3d_cli.cli.answers import Answers, describe
from posec3d_cli.cli.config import pipeline_config
from posec3d_cli.cli.help_texts import OUTPUT
from posec3d_cli.cli.jobs import Job, plan_outputs
from posec3d_cli.cli.options import (
    BuilderOption,
    CacheOption,
    ClassifierOption,
    DetectEveryOption,
    DetectorOption,
    DeviceOption,
    DrawObjectsOption,
    EnsembleWeightsOption,
    FlipOption,
    FpsOption,
    JsonOption,
    MaxDownloadOption,
    MaxPeopleOption,
    MinScoreOption,
    NoCacheOption,
    OfflineOption,
    PeopleOption,
    PipelineOption,
    PoseOption,
    Precision,
    PrecisionOption,
    Reader,
    ReaderOption,
    SetOption,
    ThresholdOption,
    ViewsOption,
    WeightsDirOption,
    WindowOption,
)
from posec3d_cli.cli.progress import FrameProgress, frame_progress
from posec3d_cli.cli.render import download_progress, note
from posec3d_cli.cli.sources import local_copies, rate
from posec3d_cli.cli.timeline_options import (
    LargestOption,
    PersonOption,
    RoiOption,
    StrideOption,
    TimelineOption,
)
from posec3d_cli.config import DEFAULT_PIPELINE
from posec3d_cli.errors import PoseC3DError, unexpected

if TYPE_CHECKING:
    from posec3d_cli.batch.find import InputFile
    from posec3d_cli.batch.label_task import LabelTask
    from posec3d_cli.config import PipelineConfig
    from posec3d_cli.results import ClipResult, PipelineInfo, WindowScores
    from posec3d_cli.types import VideoInfo


def predict(
    videos: Annotated[
        list[str],
        typer.Argument(
            metavar="VIDEO...",
            help="Read these videos, addresses of videos, - for standard input, or pose files.",
        ),
    ],
    fps: FpsOption = None,
    max_download: MaxDownloadOption = 4.0,
    json: JsonOption = False,
    timeline: TimelineOption = False,
    top: Annotated[
        int | None,
        typer.Option(
            "--top",
            min=1,
            metavar="K",
            help="Print the K most probable actions; 5 by default, none with a timeline.",
            rich_help_panel=OUTPUT,
        ),
    ] = None,
    details: Annotated[
        bool,
        typer.Option(
            "--details",
            help="Also print the best action of each person and each window.",
            rich_help_panel=OUTPUT,
        ),
    ] = False,
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
    save_video: Annotated[
        Path | None,
        typer.Option(
            "--save-video",
            metavar="OUT.mp4",
            help="Draw skeletons, boxes and labels into this video; a folder for several.",
            rich_help_panel=OUTPUT,
        ),
    ] = None,
    draw_objects: DrawObjectsOption = False,
    save_poses: Annotated[
        Path | None,
        typer.Option(
            "--save-poses",
            metavar="OUT.npz",
            help="Write the poses as .npz, .json or .pkl; a folder for several videos.",
            rich_help_panel=OUTPUT,
        ),
    ] = None,
    save_crops: Annotated[
        Path | None,
        typer.Option(
            "--save-crops",
            metavar="DIR",
            help="Write a video of each person, cut out around them, into this folder.",
            rich_help_panel=OUTPUT,
        ),
    ] = None,
    overwrite: Annotated[
        bool, typer.Option("--overwrite", help="Replace existing output files.", rich_help_panel=OUTPUT)
    ] = False,
    cache: CacheOption = None,
    no_cache: NoCacheOption = False,
    offline: OfflineOption = False,
    weights_dir: WeightsDirOption = None,
) -> None:
    """Recognize the action in each video.

    Exits with 0 when every video has a result, also "no person", and with 1 when one failed.
    """
    from posec3d_cli.batch.find import only_pose_files

    if overwrite and save_video is None and save_poses is None and save_crops is None:
        raise typer.BadParameter("--overwrite needs --save-video, --save-poses or --save-crops")
    if draw_objects and save_video is None:
        raise typer.BadParameter("--draw-objects needs --save-video")
    jobs = plan_outputs(_inputs(videos, fps, max_download, offline=offline), save_video, save_poses, save_crops)
    config = pipeline_config(
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
    )
    if only_pose_files(job.file for job in jobs):
        asked = {
            "--detector": detector,
            "--pose": pose,
            "--max-people": max_people,
            "--detector-threshold": detector_threshold,
            "--detect-every": detect_every if detect_every > 1 else None,
            "--reader": reader if reader is not Reader.pyav else None,
        }
        _refuse_without_videos(asked, settings or ())
    answers = Answers(json=json, top=top, details=details, timeline=timeline)
    pipeline_info = None
    try:
        ready = _checked(enumerate(jobs), answers, overwrite)
        # An address is fetched when its turn comes, and the models are made for the first input that is there.
        task = None
        for index, job in _with_copies(ready, answers, overwrite):
            if task is None:
                task = _task(config, [job for _, job in ready])
                with download_progress() as progress:
                    task.prepare(progress)
                pipeline_info = task.recognizer.used
                note("read", describe(task.recognizer))
            _run_job(task, job, index, answers, overwrite=overwrite, draw_objects=draw_objects)
    except KeyboardInterrupt:
        answers.interrupt(pipeline_info or _unused(pipeline), len(jobs))
        raise
    if not answers.finish(pipeline_info or _unused(pipeline)):
        raise typer.Exit(1)


def _inputs(texts: list[str], fps: float | None, max_download: float, *, offline: bool) -> list[InputFile]:
    """The inputs as files; addresses are fetched later."""
    from posec3d_cli.batch.inputs import input_of, split

    split(texts)
    copies = local_copies(max_download, offline=offline)
    return [input_of(text, copies, rate(fps)) for text in texts]


def _task(config: PipelineConfig, jobs: Sequence[Job]) -> LabelTask:
    from posec3d_cli.batch.label_task import LabelTask

    keep: Literal["used", "every"] | None = None if jobs[0].poses is None else "used"
    if jobs[0].every_frame:
        keep = "every"
    return LabelTask.of(config, [job.file for job in jobs], keep_poses=keep)


def _unused(pipeline: str) -> PipelineInfo:
    """The pipeline of a document without results: no input could be used, so no model was loaded."""
    from posec3d_cli.results import PipelineInfo

    return PipelineInfo(pipeline)


def _refuse_without_videos(options: Mapping[str, object], settings: Sequence[str]) -> None:
    """Refuse options of the detector, the pose model or the reader where there is no video."""
    asked = [flag for flag, value in options.items() if value is not None]
    asked += [f"--set {one}" for one in settings if one.partition(".")[0].strip() in ("detector", "pose")]
    if asked:
        raise typer.BadParameter(f"{asked[0]} has no effect: every input is a pose file, and no frame is read")


def _with_copies(jobs: Iterable[tuple[int, Job]], answers: Answers, overwrite: bool) -> Iterator[tuple[int, Job]]:
    """The jobs, each address fetched when its turn comes; the errors of those that cannot be are printed."""
    from posec3d_cli.batch.inputs import with_copy

    for index, job in jobs:
        if job.file.address is None:
            yield index, job
        else:
            yield from _checked([(index, replace(job, file=with_copy(job.file)))], answers, overwrite)


def _checked(jobs: Iterable[tuple[int, Job]], answers: Answers, overwrite: bool) -> list[tuple[int, Job]]:
    """The valid jobs with their indices; the errors of the others are printed."""
    ready = []
    for index, job in jobs:
        try:
            job.check(overwrite=overwrite)
        except PoseC3DError as error:
            answers.add(index, _failed(job, error))
        else:
            ready.append((index, job))
    return ready


def _failed(job: Job, error: PoseC3DError) -> ClipResult:
    from posec3d_cli.results import ClipResult, Failure

    return ClipResult.failed(job.file.path, Failure.of(error), name=job.file.name)


def _run_job(task: LabelTask, job: Job, index: int, answers: Answers, *, overwrite: bool, draw_objects: bool) -> None:
    """Recognize the action in an input, print the result, then write its output files."""
    for result in _results(task, job):
        answers.add(index, result)
        if result.error is not None:
            continue
        for save in _saves(task.config, job, result, overwrite, draw_objects):
            error = _attempt(save)
            if error is not None:
                answers.unwritten(error)


def _results(task: LabelTask, job: Job) -> Iterator[ClipResult]:
    """The results of an input: one, or one per clip of a pose file."""
    from posec3d_cli.batch.task import attempt

    if not job.posed:
        title = f"{job.file.path.name}: people"
        with frame_progress(title) as progress:
            task.windows = partial(_tell, job.file.path.name, progress)
            results = list(attempt(task, job.file, progress))
        yield from results
        return
    error = _attempt(job.check_clips)
    if error is not None:
        yield task.failed(job.file, error)
        return
    yield from attempt(task, job.file, lambda done, total: None)


def _tell(name: str, progress: FrameProgress, info: VideoInfo, windows: Sequence[WindowScores]) -> None:
    """Say what is done in the newest window of a long video."""
    from posec3d_cli.results import NO_PERSON_IN_WORDS

    last = windows[-1]
    if last.stop < info.frame_count:
        label = NO_PERSON_IN_WORDS if last.scores is None else last.scores.top(1)[0][0]
        progress.tell(f"{name} at {info.seconds(last.stop):.0f} of {info.seconds(info.frame_count):.0f} s: {label}")


def _saves(
    config: PipelineConfig, job: Job, result: ClipResult, overwrite: bool, draw_objects: bool
) -> Iterator[Callable[[], None]]:
    """Functions that write the requested output files."""
    from posec3d_cli.output.poses import save_poses

    if job.poses is not None:
        yield partial(save_poses, result.video_poses, job.poses, overwrite=overwrite)
    if job.annotated is not None:
        options = {"draw_objects": draw_objects, "overwrite": overwrite, "reader": config.reader}
        options["timeline"] = config.timeline
        yield partial(_draw, result, job.annotated, **options)
    if job.crops is not None:
        yield partial(_crop, result, job.crops, overwrite=overwrite, reader=config.reader)


def _attempt(write: Callable[[], None]) -> PoseC3DError | None:
    """Call a function; returns its error or None, so that other files are still processed."""
    try:
        write()
    except PoseC3DError as error:
        return error
    except Exception as error:
        return unexpected(error)
    return None


def _draw(result: ClipResult, target: Path, **options: Any) -> None:
    from posec3d_cli.output.video import save_video

    with frame_progress(f"{result.path.name}: drawing") as progress:
        unkept = save_video(result, target, progress=progress, **options)
    for sentence in unkept:
        note("note", f"{target}: {sentence}")


def _crop(result: ClipResult, folder: Path, **options: Any) -> None:
    from posec3d_cli.output.crops import save_crops

    with frame_progress(f"{result.path.name}: cropping") as progress:
        made = save_crops(result, folder, progress=progress, **options)
    if not made:
        note("note", f"{folder}: nobody is in {result.name}, and nothing is cut out")
