"""`posec3d live`: the actions of people in front of a camera, as they happen."""

from __future__ import annotations

import contextlib
import secrets
import shlex
import shutil
import sys
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from posec3d_cli.cli.config import pipeline_config
from posec3d_cli.cli.help_texts import ALERTS, INPUT, OUTPUT, PERFORMANCE
from posec3d_cli.cli.options import (
    BuilderOption,
    ClassifierOption,
    DetectorOption,
    DeviceOption,
    EnsembleWeightsOption,
    MaxPeopleOption,
    MinScoreOption,
    OfflineOption,
    PeopleOption,
    PipelineOption,
    PoseOption,
    Precision,
    PrecisionOption,
    QuietOption,
    SetOption,
    ThresholdOption,
    WeightsDirOption,
    WindowOption,
)
from posec3d_cli.cli.render import download_progress, note
from posec3d_cli.config import DEFAULT_PIPELINE
from posec3d_cli.errors import did_you_mean

if TYPE_CHECKING:
    from posec3d_cli.live.alerts import AlertRules
    from posec3d_cli.live.answers import Counts
    from posec3d_cli.live.run import LiveOutput
    from posec3d_cli.pipeline import Pipeline


def live(
    source: Annotated[
        str,
        typer.Argument(
            metavar="SOURCE",
            help="Read this webcam (0), address (such as rtsp://), - for stdin, or file.",
        ),
    ],
    stride: Annotated[
        float,
        typer.Option(
            "--stride",
            min=0.05,
            metavar="SECONDS",
            help="Give an answer every so many seconds.",
            rich_help_panel=OUTPUT,
        ),
    ] = 1.0,
    jsonl: Annotated[
        str | None,
        typer.Option(
            "--jsonl",
            metavar="FILE",
            help="Write answers, alerts and what happens to the source as lines of JSON; - for stdout.",
            rich_help_panel=OUTPUT,
        ),
    ] = None,
    serve: Annotated[
        bool,
        typer.Option("--serve", help="Serve a page with the annotated frames on this machine.", rich_help_panel=OUTPUT),
    ] = False,
    port: Annotated[
        int,
        typer.Option(
            "--port",
            min=0,
            max=65535,
            metavar="N",
            help="Serve the page on this port; by default a free one.",
            rich_help_panel=OUTPUT,
        ),
    ] = 0,
    show: Annotated[
        bool, typer.Option("--show", help="Show the annotated frames in a window.", rich_help_panel=OUTPUT)
    ] = False,
    save_video: Annotated[
        Path | None,
        typer.Option(
            "--save-video",
            metavar="OUT.mp4",
            help="Write the annotated frames to this video.",
            rich_help_panel=OUTPUT,
        ),
    ] = None,
    overwrite: Annotated[
        bool, typer.Option("--overwrite", help="Replace existing output files.", rich_help_panel=OUTPUT)
    ] = False,
    on_label: Annotated[
        list[str] | None,
        typer.Option(
            "--on-label",
            metavar="LABEL",
            help="Give an alert when a person begins this action; may be repeated.",
            rich_help_panel=ALERTS,
        ),
    ] = None,
    run: Annotated[
        str | None,
        typer.Option(
            "--run",
            metavar="COMMAND",
            help="Start this command for each alert; it gets the alert as JSON on its stdin.",
            rich_help_panel=ALERTS,
        ),
    ] = None,
    cooldown: Annotated[
        float,
        typer.Option(
            "--cooldown",
            min=0,
            metavar="SECONDS",
            help="Send no other alert of the same action for so long after one that was sent.",
            rich_help_panel=ALERTS,
        ),
    ] = 60.0,
    alerts_per_hour: Annotated[
        int,
        typer.Option(
            "--alerts-per-hour",
            min=1,
            metavar="N",
            help="Send at most N alerts within an hour.",
            rich_help_panel=ALERTS,
        ),
    ] = 12,
    give_up: Annotated[
        float | None,
        typer.Option(
            "--give-up",
            min=1,
            metavar="SECONDS",
            help="Fail when the source gives no frame for so long; by default, try again without end.",
            rich_help_panel=INPUT,
        ),
    ] = None,
    pipeline: PipelineOption = DEFAULT_PIPELINE,
    detector: DetectorOption = None,
    pose: PoseOption = None,
    classifier: ClassifierOption = None,
    weights: EnsembleWeightsOption = None,
    builder: BuilderOption = None,
    people: PeopleOption = None,
    window: WindowOption = None,
    min_score: MinScoreOption = None,
    max_people: MaxPeopleOption = None,
    detect_every: Annotated[
        int,
        typer.Option(
            "--detect-every",
            min=1,
            metavar="N",
            help="Detect people in every N-th processed frame, follow their joints in between.",
            rich_help_panel=PERFORMANCE,
        ),
    ] = 5,
    detector_threshold: ThresholdOption = None,
    settings: SetOption = None,
    device: DeviceOption = "auto",
    precision: PrecisionOption = Precision.auto,
    offline: OfflineOption = False,
    weights_dir: WeightsDirOption = None,
    quiet: QuietOption = False,
) -> None:
    """Recognize actions in front of a camera, as they happen.

    Answers are about the newest frames: what is not processed in time is dropped, never queued. A source that drops is
    opened again. Ctrl-C ends it with whole files and exit code 0; so does the end of a file or of standard input.
    """
    from posec3d_cli.live.classifiers import check_classifiers
    from posec3d_cli.live.run import LiveRun
    from posec3d_cli.pipeline import Pipeline
    from posec3d_cli.video.capture import Capture
    from posec3d_cli.video.live_address import live_address

    command = _command(run, on_label)
    address = live_address(source)
    _check_files(save_video, jsonl, overwrite=overwrite)
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
        window=window,
        people=people,
        min_score=min_score,
        device=device,
        precision=precision,
        no_cache=True,
        offline=offline,
        weights_dir=weights_dir,
    )
    check_classifiers(config)
    with download_progress() as progress:
        made = Pipeline.from_config(config, progress=progress)
    alerts = _alerts(on_label, made, cooldown, alerts_per_hour)
    stop = threading.Event()
    with _stopped_by_signals(stop), contextlib.ExitStack() as held:
        outputs: list[LiveOutput] = []
        if jsonl is not None:
            outputs.append(_json_lines(jsonl, held))
        outputs.append(_lines(quiet=quiet, err=jsonl == "-"))
        if command:
            from posec3d_cli.live.outputs import AlertCommand

            outputs.append(held.enter_context(AlertCommand(command)))
        if save_video is not None:
            from posec3d_cli.live.outputs import Recording

            outputs.append(held.enter_context(Recording(save_video)))
        if serve:
            outputs.append(_page(address.shown, port, held))
        if show:
            from posec3d_cli.live.screen import Screen

            screen = Screen(stop)
            held.callback(screen.close)
            outputs.append(screen)
        capture = Capture(address, give_up=give_up)
        running = LiveRun(capture, made, outputs, stride=stride, detect_every=detect_every, alerts=alerts)
        running.warm_up()
        with capture:
            running.run(stop)
        counts = running.counts
    told = f"{counts.decoded} frames decoded, {counts.processed} processed, {counts.dropped} dropped"
    note("live", f"{told}, {counts.damaged} packets damaged" if counts.damaged else told)
    if counts.decoded and not running.answered:
        note("note", _why_no_answer(address.kind, counts))
    if save_video is not None and not counts.processed:
        note("note", f"{save_video} was not written: no frame came")


def _why_no_answer(kind: str, counts: Counts) -> str:
    """Why a run ended without any answer, and what to do."""
    few = f"no answer came: {counts.processed} of {counts.decoded} frames were processed, too few for a window"
    if kind == "stdin":
        return f"{few}; what comes through - is read as fast as it comes, a file that is named in its own time"
    return f"{few}, or it ended too soon; lighter models process more frames, a longer --window is filled by fewer"


def _command(run: str | None, labels: list[str] | None) -> list[str]:
    """The words of the command that alerts start; none where there is none."""
    if run is None:
        return []
    if not labels:
        raise typer.BadParameter("--run needs --on-label, which says for what")
    try:
        words = shlex.split(run)
    except ValueError as error:
        raise typer.BadParameter(f"--run cannot be read as a command: {error}") from None
    if not words or shutil.which(words[0]) is None:
        raise typer.BadParameter(f"--run: there is no program {words[0] if words else run!r}")
    return words


def _check_files(video: Path | None, jsonl: str | None, *, overwrite: bool) -> None:
    from posec3d_cli.files.writing import check_free

    if video is not None:
        if video.suffix.lower() != ".mp4":
            raise typer.BadParameter(f"--save-video writes .mp4 files, got {video}")
        check_free(video, overwrite=overwrite)
    if jsonl not in (None, "-"):
        check_free(Path(jsonl), overwrite=overwrite)


def _alerts(labels: list[str] | None, pipeline: Pipeline, cooldown: float, per_hour: int) -> AlertRules | None:
    from posec3d_cli.answers import UNKNOWN
    from posec3d_cli.live.alerts import AlertRules

    if not labels:
        return None
    known = [label for label in dict.fromkeys(pipeline.recognizer.labels) if label != UNKNOWN]
    for label in labels:
        if label not in known:
            near = did_you_mean(label, known)
            names = ", ".join(known)
            raise typer.BadParameter(f"--on-label: the classifier has no label {label!r}; {near}it has {names}")
    return AlertRules(tuple(labels), cooldown, per_hour)


def _json_lines(target: str, held: contextlib.ExitStack) -> LiveOutput:
    from posec3d_cli.errors import OutputError
    from posec3d_cli.live.outputs import JsonLines

    if target == "-":
        return JsonLines(sys.stdout)
    try:
        return JsonLines(held.enter_context(Path(target).open("w", encoding="utf-8")))
    except OSError as error:
        raise OutputError(f"{target} cannot be written: {error.strerror}", hint="choose another place") from error


def _lines(*, quiet: bool, err: bool) -> LiveOutput:
    from posec3d_cli.cli.live_lines import Lines

    return Lines(quiet=quiet, err=err)


def _page(name: str, port: int, held: contextlib.ExitStack) -> LiveOutput:
    from posec3d_cli.live.page import Page, make_app
    from posec3d_cli.runtime.local_server import listen, serving

    sock = listen(port)
    token = secrets.token_urlsafe(32)
    page, port = Page(name), sock.getsockname()[1]
    held.enter_context(serving(make_app(page, token, port), sock))
    held.callback(page.end)
    note("page", f"http://127.0.0.1:{port}/?token={token}")
    return page


@contextlib.contextmanager
def _stopped_by_signals(stop: threading.Event) -> Iterator[None]:
    """The first Ctrl-C, or a SIGTERM, sets `stop`, so that files are finished; the second one interrupts."""
    import signal

    def ask(number: int, frame: object) -> None:
        if stop.is_set():
            raise KeyboardInterrupt
        stop.set()

    before = {number: signal.signal(number, ask) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
