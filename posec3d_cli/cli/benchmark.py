"""`posec3d benchmark`: the speed of a pipeline on this machine, and advice."""

from __future__ import annotations

from pathlib import Path
from time import perf_counter
from typing import TYPE_CHECKING, Annotated, Any

import typer

from posec3d_cli.cli.config import pipeline_config
from posec3d_cli.cli.help_texts import INPUT, PERFORMANCE
from posec3d_cli.cli.options import (
    ClassifierOption,
    DetectEveryOption,
    DetectorOption,
    DeviceOption,
    JsonOption,
    OfflineOption,
    PipelineOption,
    PoseOption,
    Precision,
    PrecisionOption,
    Reader,
    ReaderOption,
    SetOption,
    WeightsDirOption,
)
from posec3d_cli.cli.render import download_progress, note, print_json, print_table
from posec3d_cli.config import DEFAULT_PIPELINE
from posec3d_cli.errors import counted

if TYPE_CHECKING:
    from posec3d_cli.evaluation.speed import Speed

SAMPLE = "walk"
WAYS = {"all frames": True, "one prediction": False}


def benchmark(
    video: Annotated[
        Path | None, typer.Argument(metavar="[VIDEO]", help=f"Measure on this video; by default the sample {SAMPLE!r}.")
    ] = None,
    frames: Annotated[
        int,
        typer.Option("--frames", min=1, metavar="N", help="Measure on the first N frames.", rich_help_panel=INPUT),
    ] = 100,
    repeats: Annotated[
        int,
        typer.Option(
            "--repeats", min=1, metavar="N", help="Count N runs, after a warm-up.", rich_help_panel=PERFORMANCE
        ),
    ] = 3,
    json: JsonOption = False,
    pipeline: PipelineOption = DEFAULT_PIPELINE,
    detector: DetectorOption = None,
    pose: PoseOption = None,
    classifier: ClassifierOption = None,
    detect_every: DetectEveryOption = 1,
    settings: SetOption = None,
    device: DeviceOption = "auto",
    precision: PrecisionOption = Precision.auto,
    reader: ReaderOption = Reader.pyav,
    offline: OfflineOption = False,
    weights_dir: WeightsDirOption = None,
) -> None:
    """Measure the speed of a pipeline, stage by stage.

    Measures in one process: the poses of all frames, and one prediction.
    """
    from posec3d_cli.batch.pool import default_workers
    from posec3d_cli.evaluation.speed import advice, measure
    from posec3d_cli.hub.sample_clips import fetch_sample
    from posec3d_cli.pipeline import Pipeline

    config = pipeline_config(
        pipeline=pipeline,
        detector=detector,
        pose=pose,
        classifier=classifier,
        settings=settings,
        detect_every=detect_every,
        device=device,
        precision=precision,
        reader=reader,
        no_cache=True,
        offline=offline,
        weights_dir=weights_dir,
    )
    with download_progress() as progress:
        clip = video or fetch_sample(SAMPLE, offline=config.offline, progress=progress)
        start = perf_counter()
        stages = Pipeline.from_config(config, progress=progress)
        made = perf_counter() - start
    speeds = {
        name: measure(
            stages,
            clip,
            every_frame=every,
            frames=frames,
            repeats=repeats,
            done=lambda runs, name=name: note("run", f"{name}: {runs} of {repeats + 1}"),  # type: ignore[misc]
        )
        for name, every in WAYS.items()
    }
    models = {kind: f"{used.name} on {used.device}" for kind, used in stages.recognizer.used.models.items()}
    workers = default_workers(device).count
    hints = [
        *advice(list(speeds.values())),
        *([f"label and extract-poses do {workers} videos at the same time here"] if workers > 1 else []),
    ]
    if json:
        print_json({"video": str(clip), "models": models, "making_seconds": made, **_document(speeds), "advice": hints})
        return
    note("models", ", ".join(models.values()))
    _print(speeds)
    note("making", f"the models took {made:.1f} s")
    for hint in hints:
        note("advice", hint)


def _print(speeds: dict[str, Speed]) -> None:
    headers = ["stage", *(column for name in speeds for column in (f"{name}: ms", "ms per frame", "share"))]
    one = next(iter(speeds.values()))
    rows = [
        [stage, *(cell for speed in speeds.values() for cell in _cells(speed, speed.seconds[stage]))]
        for stage in one.seconds
    ]
    rows.append(["whole", *(cell for speed in speeds.values() for cell in _cells(speed, speed.whole))])
    print_table(headers, rows)
    for name, speed in speeds.items():
        note(
            name,
            f"{counted(speed.frames, 'frame')}, {counted(speed.people, 'person', 'people')} in them, "
            f"{speed.frames_per_second:.1f} frames per second; {1000 * speed.decoding:.0f} ms of decoding beside the "
            f"networks, which waited {1000 * speed.seconds['wait']:.0f} ms for it; "
            f"runs of {speed.fastest:.2f} to {speed.slowest:.2f} s",
        )


def _cells(speed: Speed, seconds: float) -> list[str]:
    return [f"{1000 * seconds:.0f}", f"{1000 * seconds / speed.frames:.1f}", f"{seconds / speed.whole:.0%}"]


def _document(speeds: dict[str, Speed]) -> dict[str, Any]:
    return {
        name.replace(" ", "_"): {
            "frames": speed.frames,
            "people": speed.people,
            "frames_per_second": speed.frames_per_second,
            "seconds": {**speed.seconds, "whole": speed.whole},
            "decoding_seconds": speed.decoding,
            "range_seconds": [speed.fastest, speed.slowest],
        }
        for name, speed in speeds.items()
    }
