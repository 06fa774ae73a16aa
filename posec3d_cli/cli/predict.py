"""`posec3d predict`: the action in each video."""

from __future__ import annotations

import contextlib
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, TypeVar

import typer

from posec3d_cli.cli.answers import Answers
from posec3d_cli.cli.batch_run import Job, plan_outputs
from posec3d_cli.cli.config import pipeline_config
from posec3d_cli.cli.help_texts import OUTPUT
from posec3d_cli.cli.options import (
    BuilderOption,
    CacheOption,
    ClassifierOption,
    DetectEveryOption,
    DetectorOption,
    DeviceOption,
    EnsembleWeightsOption,
    FlipOption,
    JsonOption,
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
from posec3d_cli.cli.render import download_progress, note, stderr_console
from posec3d_cli.config import DEFAULT_PIPELINE
from posec3d_cli.errors import OutputError, PoseC3DError, counted, unexpected

if TYPE_CHECKING:
    from posec3d_cli.config import PipelineConfig
    from posec3d_cli.hub.download import DownloadCallback
    from posec3d_cli.pipeline import Pipeline
    from posec3d_cli.recognition.recognizer import ActionRecognizer
    from posec3d_cli.results import ClipResult, PipelineInfo, VideoPoses

T = TypeVar("T")


def predict(
    videos: Annotated[
        list[Path], typer.Argument(metavar="VIDEO...", help="Read these videos, or pose files of ours and other tools.")
    ],
    json: JsonOption = False,
    top: Annotated[
        int,
        typer.Option("--top", min=1, metavar="K", help="Print the K most probable actions.", rich_help_panel=OUTPUT),
    ] = 5,
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
    views: ViewsOption = None,
    flip: FlipOption = None,
    min_score: MinScoreOption = 0.0,
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
    save_poses: Annotated[
        Path | None,
        typer.Option(
            "--save-poses",
            metavar="OUT.npz",
            help="Write the poses as .npz, .json or .pkl; a folder for several videos.",
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
    if overwrite and save_video is None and save_poses is None:
        raise typer.BadParameter("--overwrite needs --save-video or --save-poses")
    jobs = plan_outputs(videos, save_video, save_poses)
    if all(job.posed for job in jobs):
        pictures = {
            "--detector": detector,
            "--pose": pose,
            "--max-people": max_people,
            "--detector-threshold": detector_threshold,
            "--detect-every": detect_every if detect_every > 1 else None,
            "--reader": reader if reader is not Reader.pyav else None,
        }
        _refuse_without_pictures(pictures, settings or ())
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
    answers = Answers(json=json, top=top, details=details, min_score=min_score)
    used = _unused(pipeline)
    try:
        ready = _checked(jobs, answers, overwrite)
        if ready:
            with download_progress() as progress:
                if all(job.posed for _, job in ready):
                    stages, actions = None, _make_recognizer(config, progress)
                else:
                    stages = _make(config, progress)
                    actions = stages.actions
            used = actions.used
            note("read", describe(actions))
            for place, job in ready:
                _do(stages, actions, job, place, answers, min_score=min_score, overwrite=overwrite)
    except KeyboardInterrupt:
        answers.interrupt(used, len(jobs))
        raise
    if not answers.finish(used):
        raise typer.Exit(1)


def describe(actions: ActionRecognizer) -> str:
    """How the videos will be read, in a few words."""
    sampling = actions.sampling
    whom = "each person alone" if sampling.people == "each" else "everybody together"
    span = "the whole video as one" if sampling.window_seconds is None else f"windows of {sampling.window_seconds:g} s"
    views = counted(sampling.views, "view")
    mirrored = " and mirror images" if sampling.flip else ""
    model = actions.used.models["classifier"]
    precision = f" in {actions.used.precision}" if actions.used.precision else ""
    shares = [f"{share:.2g}" for share in actions.used.ensemble.values()]
    parts = f" ({' + '.join(shares)})" if shares else ""
    return f"{whom}, {span}, {views}{mirrored}; {model.name}{parts} on {model.device}{precision}"


def _make(config: PipelineConfig, progress: DownloadCallback | None) -> Pipeline:
    from posec3d_cli.pipeline import Pipeline

    return Pipeline.from_config(config, progress=progress)


def _make_recognizer(config: PipelineConfig, progress: DownloadCallback | None) -> ActionRecognizer:
    """The half of a pipeline that needs no picture."""
    from posec3d_cli.recognition.recognizer import ActionRecognizer

    return ActionRecognizer.from_config(config, progress=progress)


def _unused(pipeline: str) -> PipelineInfo:
    """What the document says of a pipeline that was not made, for no input could be used."""
    from posec3d_cli.results import PipelineInfo

    return PipelineInfo(pipeline)


def _refuse_without_pictures(options: Mapping[str, object], settings: Sequence[str]) -> None:
    """Refuse what is asked of a detector, a pose model or a reader where there is no video."""
    asked = [flag for flag, value in options.items() if value is not None]
    asked += [f"--set {one}" for one in settings if one.partition(".")[0].strip() in ("detector", "pose")]
    if asked:
        raise typer.BadParameter(f"{asked[0]} has no effect: every input is a pose file, and no frame is read")


def _checked(jobs: Sequence[Job], answers: Answers, overwrite: bool) -> list[tuple[int, Job]]:
    """The jobs that can be begun, with their places; of the others is said why they cannot."""
    ready = []
    for place, job in enumerate(jobs):
        try:
            job.check(overwrite=overwrite)
        except PoseC3DError as error:
            answers.fail(place, job.video, error)
        else:
            ready.append((place, job))
    return ready


def _do(
    stages: Pipeline | None,
    actions: ActionRecognizer,
    job: Job,
    place: int,
    answers: Answers,
    *,
    min_score: float,
    overwrite: bool,
) -> None:
    """Answer an input, and then make the files of it: whatever becomes of these, the answer is said."""
    for path, answer in _answers(stages, actions, job):
        if isinstance(answer, PoseC3DError):
            answers.fail(place, path, answer)
            continue
        answers.add(place, answer)
        for save in _saves(stages, job, answer, min_score, overwrite):
            error = _attempt(save)
            if error is not None:
                answers.unwritten(path, error)


def _saves(
    stages: Pipeline | None, job: Job, result: ClipResult, min_score: float, overwrite: bool
) -> Iterator[Callable[[], None]]:
    """What writes the files that are asked for."""
    from posec3d_cli.output.poses import save_poses

    if job.poses is not None:
        yield partial(save_poses, result.video_poses, job.poses, overwrite=overwrite)
    if job.annotated is not None and stages is not None:
        reader = stages.extractor.reader
        yield partial(_draw, result, job.annotated, reader=reader, min_score=min_score, overwrite=overwrite)


def _answers(
    stages: Pipeline | None, actions: ActionRecognizer, job: Job
) -> Iterator[tuple[Path, ClipResult | PoseC3DError]]:
    """What is done in an input, or why it cannot be said: one answer, or one per clip of a pack."""
    if stages is not None and not job.posed:
        yield job.video, _attempt(partial(_predict, stages, job))
        return
    clips = _attempt(partial(_read_clips, job))
    if isinstance(clips, PoseC3DError):
        yield job.video, clips
        return
    for clip in clips:
        yield clip.video.path, _attempt(partial(actions.read_file, clip))


def _attempt(do: Callable[[], T]) -> T | PoseC3DError:
    """What comes of it, or why nothing does: whatever happens to one input, the others are answered."""
    try:
        return do()
    except PoseC3DError as error:
        return error
    except Exception as error:
        return unexpected(error)


def _predict(stages: Pipeline, job: Job) -> ClipResult:
    with _frame_progress(f"{job.video.name}: people") as progress:
        return stages.predict(job.video, every_frame=job.annotated is not None, progress=progress)


def _read_clips(job: Job) -> list[VideoPoses]:
    from posec3d_cli.pose_files import read_pose_file

    clips = read_pose_file(job.video)
    if job.poses is not None and len(clips) > 1:
        raise OutputError(f"{job.video} holds {len(clips)} clips, and {job.poses} has room for one")
    return clips


def _draw(result: ClipResult, target: Path, **options: Any) -> None:
    from posec3d_cli.output.video import save_video

    with _frame_progress(f"{result.path.name}: drawing") as progress:
        unkept = save_video(result, target, progress=progress, **options)
    for sentence in unkept:
        note("note", f"{target}: {sentence}")


@contextlib.contextmanager
def _frame_progress(title: str) -> Iterator[Callable[[int, int], None] | None]:
    """A callback that draws a bar of frames on stderr, or None where stderr is no terminal."""
    if not sys.stderr.isatty():
        yield None
        return
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

    columns = (
        TextColumn("{task.description}", markup=False),
        BarColumn(),
        MofNCompleteColumn(),
        TimeRemainingColumn(),
    )
    with Progress(*columns, console=stderr_console(), transient=True) as bars:
        task = bars.add_task(title, total=None)

        def report(done: int, total: int) -> None:
            bars.update(task, completed=done, total=total)

        yield report
