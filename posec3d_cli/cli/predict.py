"""`posec3d predict`: what is done in each video."""

from __future__ import annotations

import contextlib
import sys
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from posec3d_cli.catalog import DEFAULT_PIPELINE
from posec3d_cli.cli.options import (
    BuilderOption,
    CacheOption,
    ClassifierOption,
    DetectEveryOption,
    DetectorOption,
    DeviceOption,
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
    WeightsOption,
    WindowOption,
    offline_choice,
    pose_cache,
    ratio,
    stage_options,
)
from posec3d_cli.cli.outputs import Job, plan_outputs
from posec3d_cli.cli.render import download_progress, note, print_error, print_json, print_table, stderr_console
from posec3d_cli.errors import OutputError, PoseC3DError

if TYPE_CHECKING:
    from posec3d_cli.action_reader import ActionReader
    from posec3d_cli.pipeline import Pipeline
    from posec3d_cli.prediction import PosedVideo, Prediction
    from posec3d_cli.reading import Reading

HEADERS = ["video", "action", "probability"]


def predict(
    videos: Annotated[
        list[Path], typer.Argument(metavar="VIDEO...", help="Video files, and pose files of ours and of other tools.")
    ],
    json: JsonOption = False,
    top: Annotated[int, typer.Option("--top", min=1, metavar="K", help="Print the K most probable actions.")] = 5,
    details: Annotated[
        bool, typer.Option("--details", help="Also print the best action of each person and each window.")
    ] = False,
    pipeline: PipelineOption = DEFAULT_PIPELINE,
    detector: DetectorOption = None,
    pose: PoseOption = None,
    classifier: ClassifierOption = None,
    weights: WeightsOption = None,
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
            help="Write the video with skeletons, boxes and labels; a folder where there are several videos.",
        ),
    ] = None,
    save_poses: Annotated[
        Path | None,
        typer.Option(
            "--save-poses",
            metavar="OUT.npz",
            help="Write the poses found, as .npz, .json or .pkl; a folder where there are several videos.",
        ),
    ] = None,
    overwrite: Annotated[bool, typer.Option("--overwrite", help="Replace output files that are there.")] = False,
    cache: CacheOption = None,
    no_cache: NoCacheOption = False,
    offline: OfflineOption = False,
    weights_dir: WeightsDirOption = None,
) -> None:
    """Say what is done in each video.

    Exits with 0 when every video was answered, also with "no person", and with 1 when one could not be read.
    """
    jobs = plan_outputs(videos, save_video, save_poses)
    options = stage_options(settings, max_people=max_people, score_threshold=detector_threshold)
    with download_progress() as progress:
        common: dict[str, Any] = {
            "classifier": classifier,
            "weights": ratio(weights),
            "builder": builder,
            "device": device,
            "precision": precision.value,
            "classifier_options": options.pop("classifier_options"),
            "offline": offline_choice(offline),
            "weights_dir": weights_dir,
            "progress": progress,
        }
        if all(job.posed for job in jobs):
            stages, actions = None, _make_reader(pipeline, **common)
        else:
            stages = _make(
                pipeline,
                detector=detector,
                pose=pose,
                reader=reader.value,
                detect_every=detect_every,
                cache=pose_cache(cache, no_cache),
                **options,
                **common,
            )
            actions = stages.actions
    reading = actions.reading_with(views=views, flip=flip, window=window, people=people.value if people else None)
    note("read", describe(reading, actions))
    entries: list[dict[str, Any]] = []
    answered = failed = 0
    for path, answer in (one for job in jobs for one in _answers(stages, actions, reading, job, min_score, overwrite)):
        if isinstance(answer, PoseC3DError):
            failed += 1
            _say_failed(path, answer)
            entries.append(_failure(path, answer))
            continue
        answered += 1
        for warning in answer.warnings:
            note("note", f"{path}: {warning}")
        if json:
            entries.append(_entry(answer, top, min_score))
        else:
            _print_answer(answer, top, min_score, details, first=answered == 1)
    if stages is not None and stages.extractor.cache is not None and stages.extractor.cache.problem:
        note("note", stages.extractor.cache.problem)
    if json:
        from posec3d_cli.output import document

        print_json(document(entries, actions.used))
    if failed:
        if answered + failed > 1:
            note("error", f"{failed} of {answered + failed} videos could not be answered")
        raise typer.Exit(1)


def describe(reading: Reading, actions: ActionReader) -> str:
    """How the videos will be read, in a few words."""
    whom = "each person alone" if reading.people == "each" else "everybody together"
    span = "the whole video as one" if reading.window_seconds is None else f"windows of {reading.window_seconds:g} s"
    views = "1 view" if reading.views == 1 else f"{reading.views} views"
    mirrored = " and mirror images" if reading.flip else ""
    model = actions.used.models["classifier"]
    precision = f" in {actions.used.precision}" if actions.used.precision else ""
    shares = [f"{share:.2g}" for share in actions.used.fusion.values()]
    parts = f" ({' + '.join(shares)})" if shares else ""
    return f"{whom}, {span}, {views}{mirrored}; {model.name}{parts} on {model.device}{precision}"


def _make(name: str, **options: Any) -> Pipeline:
    from posec3d_cli.pipeline import Pipeline

    return Pipeline.from_name(name, **options)


def _make_reader(pipeline: str, *, classifier: str | None, **options: Any) -> ActionReader:
    """The half of a pipeline that needs no picture."""
    from posec3d_cli.action_reader import ActionReader
    from posec3d_cli.catalog import load_pipeline

    return ActionReader.from_card(classifier or load_pipeline(pipeline).classifier, **options)


def _answers(
    stages: Pipeline | None, actions: ActionReader, reading: Reading, job: Job, min_score: float, overwrite: bool
) -> Iterator[tuple[Path, Prediction | PoseC3DError]]:
    """What is done in an input, or why it cannot be said: one answer, or one per clip of a pack."""
    try:
        if stages is not None and not job.posed:
            yield job.video, _answer(stages, reading, job, min_score, overwrite)
            return
        clips = _read_clips(job, overwrite)
    except PoseC3DError as error:
        yield job.video, error
        return
    for clip in clips:
        try:
            prediction = actions.read_file(clip, reading)
            _save_poses(prediction, job, overwrite)
        except PoseC3DError as error:
            yield clip.video.path, error
        else:
            yield clip.video.path, prediction


def _read_clips(job: Job, overwrite: bool) -> list[PosedVideo]:
    from posec3d_cli.output import check_free
    from posec3d_cli.pose_files import read_pose_file

    if job.poses is not None:
        check_free(job.poses, overwrite=overwrite, source=job.video)
    clips = read_pose_file(job.video)
    if job.poses is not None and len(clips) > 1:
        raise OutputError(f"{job.video} holds {len(clips)} clips, and {job.poses} has room for one")
    return clips


def _save_poses(prediction: Prediction, job: Job, overwrite: bool) -> None:
    from posec3d_cli.output import save_poses

    if job.poses is not None:
        save_poses(prediction, job.poses, overwrite=overwrite)


def _answer(stages: Pipeline, reading: Reading, job: Job, min_score: float, overwrite: bool) -> Prediction:
    from posec3d_cli.output import check_free, save_video

    for path in (job.annotated, job.poses):
        if path is not None:
            check_free(path, overwrite=overwrite, source=job.video)
    with _frame_progress(f"{job.video.name}: people") as progress:
        prediction = stages.predict_as(job.video, reading, every_frame=job.annotated is not None, progress=progress)
    _save_poses(prediction, job, overwrite)
    if job.annotated is not None:
        with _frame_progress(f"{job.video.name}: drawing") as progress:
            save_video(
                prediction,
                job.annotated,
                min_score=min_score,
                overwrite=overwrite,
                reader=stages.extractor.reader,
                progress=progress,
            )
    return prediction


def _entry(prediction: Prediction, top: int, min_score: float) -> dict[str, Any]:
    from posec3d_cli.output import entry, with_answers

    return with_answers(entry(prediction, top=top), min_score)


def _failure(video: Path, error: PoseC3DError) -> dict[str, Any]:
    from posec3d_cli.output import failure

    return failure(video, error)


def _say_failed(video: Path, error: PoseC3DError) -> None:
    what = error.what if str(video) in error.what else f"{video}: {error.what}"
    print_error(PoseC3DError(what, hint=error.hint))


def _print_answer(prediction: Prediction, top: int, min_score: float, details: bool, *, first: bool) -> None:
    from posec3d_cli.prediction import NO_PERSON

    video = str(prediction.path)
    answers = [(NO_PERSON, "")] if prediction.scores is None else _rows(prediction.scores.top(top), min_score)
    rows = [[video, *answer] for answer in answers]
    if details:
        rows += [[f"{video} {what}", *answer] for what, answer in _detailed(prediction, min_score)]
    if first or sys.stdout.isatty():
        print_table(HEADERS, rows)
        return
    for row in rows:
        typer.echo("\t".join(row))


def _rows(labels: Sequence[tuple[str, float]], min_score: float) -> list[tuple[str, str]]:
    """The actions, best first; where the best scores too little, its name stands behind `unknown`."""
    from posec3d_cli.prediction import UNKNOWN, is_named

    (best, most), *_ = labels
    first = best if is_named(most, min_score) else f"{UNKNOWN} ({best})"
    names = [first, *(label for label, _ in labels[1:])]
    return [(name, f"{100 * probability:.1f} %") for name, (_, probability) in zip(names, labels, strict=True)]


def _detailed(prediction: Prediction, min_score: float) -> list[tuple[str, tuple[str, str]]]:
    """The best action of each person who was read alone, and of each window where there are several."""
    from posec3d_cli.prediction import NO_PERSON

    lines = []
    for person in prediction.people:
        if person.scores is not None:
            lines.append((f"person {person.id}", _rows(person.scores.top(1), min_score)[0]))
    if len(prediction.windows) > 1:
        fps = float(prediction.video.fps)
        for window in prediction.windows:
            best = (NO_PERSON, "") if window.scores is None else _rows(window.scores.top(1), min_score)[0]
            lines.append((f"{window.start / fps:.1f}-{window.stop / fps:.1f} s", best))
    return lines


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
