"""The options that several commands share, spelled once."""

from __future__ import annotations

from collections.abc import Iterable
from enum import StrEnum
from pathlib import Path
from typing import Annotated, Any

import typer

from posec3d_cli.cli.help_texts import INPUT, MODELS, OUTPUT, PERFORMANCE, RECOGNITION, RUN, TRAINING
from posec3d_cli.config import MOST_DETECT_EVERY, help_of


class Precision(StrEnum):
    """The number format in which the classifier's network computes."""

    auto = "auto"
    fp32 = "fp32"
    bf16 = "bf16"


class People(StrEnum):
    """Whether the classifier is shown all people together or each person alone."""

    together = "together"
    each = "each"


class Stream(StrEnum):
    """The input stream of the network of a training."""

    joint = "joint"
    limb = "limb"


class ObjectUse(StrEnum):
    """Whether a training may learn what objects mean."""

    auto = "auto"
    none = "none"


class Reader(StrEnum):
    """The decoder that reads the videos."""

    pyav = "pyav"
    decord = "decord"


DeviceOption = Annotated[
    str,
    typer.Option(
        "--device",
        metavar="auto|cpu|cuda[:N]|mps",
        help=help_of("device"),
        rich_help_panel=PERFORMANCE,
    ),
]
OfflineOption = Annotated[
    bool,
    typer.Option(
        "--offline",
        help=help_of("offline"),
        rich_help_panel=RUN,
    ),
]
WeightsDirOption = Annotated[
    Path | None,
    typer.Option(
        "--weights-dir",
        metavar="DIR",
        help=help_of("weights_dir"),
        rich_help_panel=MODELS,
    ),
]
PipelineOption = Annotated[
    str,
    typer.Option(
        "--pipeline",
        metavar="NAME",
        help=help_of("pipeline"),
        rich_help_panel=MODELS,
    ),
]
DetectorOption = Annotated[
    str | None,
    typer.Option("--detector", metavar="MODEL", help=help_of("detector"), rich_help_panel=MODELS),
]
PoseOption = Annotated[
    str | None,
    typer.Option("--pose", metavar="MODEL", help=help_of("pose"), rich_help_panel=MODELS),
]
ClassifierOption = Annotated[
    str | None,
    typer.Option(
        "--classifier",
        metavar="MODEL[+MODEL]",
        help=help_of("classifiers"),
        rich_help_panel=MODELS,
    ),
]
EnsembleWeightsOption = Annotated[
    str | None,
    typer.Option(
        "--ensemble-weights",
        metavar="A:B",
        help=help_of("ensemble_weights"),
        rich_help_panel=MODELS,
    ),
]
PrecisionOption = Annotated[
    Precision,
    typer.Option(
        "--precision",
        help=help_of("precision"),
        rich_help_panel=PERFORMANCE,
    ),
]
BuilderOption = Annotated[
    str | None,
    typer.Option(
        "--builder",
        metavar="STAGE",
        help=help_of("builder"),
        rich_help_panel=MODELS,
    ),
]
PeopleOption = Annotated[
    People | None,
    typer.Option(
        "--people",
        help=help_of("people"),
        rich_help_panel=RECOGNITION,
    ),
]
WindowOption = Annotated[
    float | None,
    typer.Option(
        "--window",
        min=0,
        metavar="SECONDS",
        help=help_of("window_seconds"),
        rich_help_panel=RECOGNITION,
    ),
]
ViewsOption = Annotated[
    int | None,
    typer.Option(
        "--views",
        min=1,
        metavar="N",
        help=help_of("views"),
        rich_help_panel=RECOGNITION,
    ),
]
FlipOption = Annotated[
    bool | None,
    typer.Option(
        "--flip/--no-flip",
        help=help_of("flip"),
        rich_help_panel=RECOGNITION,
    ),
]
MinScoreOption = Annotated[
    float | None,
    typer.Option(
        "--min-score",
        min=0,
        max=1,
        metavar="SCORE",
        help=help_of("min_score"),
        rich_help_panel=RECOGNITION,
    ),
]
MaxPeopleOption = Annotated[
    int | None,
    typer.Option(
        "--max-people",
        min=1,
        metavar="N",
        help="Keep at most N people per frame; the model decides by default.",
        rich_help_panel=RECOGNITION,
    ),
]
ThresholdOption = Annotated[
    float | None,
    typer.Option(
        "--detector-threshold",
        min=0,
        max=1,
        metavar="SCORE",
        help="Keep detections of at least this score; the model decides by default.",
        rich_help_panel=RECOGNITION,
    ),
]
SetOption = Annotated[
    list[str] | None,
    typer.Option(
        "--set",
        metavar="STAGE.KEY=VALUE",
        help="Override a setting of a model card (detector, pose, classifier); may be repeated.",
        rich_help_panel=MODELS,
    ),
]
ObjectsOption = Annotated[
    ObjectUse,
    typer.Option(
        "--objects",
        help="Read objects beside poses where that helps on validation clips; none: poses alone.",
        rich_help_panel=TRAINING,
    ),
]
DetectEveryOption = Annotated[
    int,
    typer.Option(
        "--detect-every",
        min=1,
        max=MOST_DETECT_EVERY,
        metavar="N",
        help=help_of("detect_every"),
        rich_help_panel=PERFORMANCE,
    ),
]
ReaderOption = Annotated[
    Reader,
    typer.Option(
        "--reader",
        help=help_of("reader"),
        rich_help_panel=PERFORMANCE,
    ),
]
DrawObjectsOption = Annotated[
    bool,
    typer.Option(
        "--draw-objects",
        help="Also draw the objects that the detector finds into the videos.",
        rich_help_panel=OUTPUT,
    ),
]
FromFileOption = Annotated[
    Path | None,
    typer.Option(
        "--from-file",
        metavar="LIST",
        help="Add the paths of this list: one per line, or the column video of a .csv.",
        rich_help_panel=INPUT,
    ),
]
FpsOption = Annotated[
    float | None,
    typer.Option(
        "--fps",
        min=0.01,
        max=1000,
        metavar="N",
        help="Read folders of pictures, and patterns such as frames/%06d.jpg, at N pictures per second.",
        rich_help_panel=INPUT,
    ),
]
MaxDownloadOption = Annotated[
    float,
    typer.Option(
        "--max-download",
        min=0.001,
        metavar="GB",
        help="Read no input from an address or standard input that is larger.",
        rich_help_panel=INPUT,
    ),
]
TruthOption = Annotated[
    Path | None,
    typer.Option(
        "--truth",
        metavar="CSV",
        help="Measure the accuracy against this ground truth: columns video,label.",
        rich_help_panel=INPUT,
    ),
]
RootOption = Annotated[
    Path | None,
    typer.Option(
        "--root",
        metavar="DIR",
        help="Resolve relative paths of tables and lists here; by default, beside the table.",
        rich_help_panel=INPUT,
    ),
]
GlobOption = Annotated[
    str | None,
    typer.Option(
        "--glob",
        metavar="PATTERN",
        help="Take the files of folders that match, not those with a video's suffix.",
        rich_help_panel=INPUT,
    ),
]
LabelMapOption = Annotated[
    Path | None,
    typer.Option(
        "--label-map",
        metavar="CSV",
        help="Rename labels by this table: columns source,label,action; empty actions drop clips.",
        rich_help_panel=INPUT,
    ),
]
PoseEveryOption = Annotated[
    int,
    typer.Option(
        "--pose-every",
        min=1,
        metavar="N",
        help="Estimate poses in every N-th frame, interpolate in between.",
        rich_help_panel=PERFORMANCE,
    ),
]
WorkersOption = Annotated[
    int | None,
    typer.Option(
        "--workers",
        min=1,
        metavar="N",
        help="Process N videos at the same time; by default what CPUs, GPUs and memory allow.",
        rich_help_panel=PERFORMANCE,
    ),
]
TimeoutOption = Annotated[
    float,
    typer.Option(
        "--timeout",
        min=0.1,
        metavar="SECONDS",
        help="Fail a video without progress for so long.",
        rich_help_panel=RUN,
    ),
]
RetryOption = Annotated[
    bool, typer.Option("--retry-failed", help="Process the videos that failed again.", rich_help_panel=RUN)
]
OverwriteOption = Annotated[
    bool,
    typer.Option(
        "--overwrite",
        help="Replace files of other origin, and edits of the table.",
        rich_help_panel=OUTPUT,
    ),
]
FailFastOption = Annotated[
    bool, typer.Option("--fail-fast", help="Stop at the first video that fails.", rich_help_panel=RUN)
]
QuietOption = Annotated[bool, typer.Option("--quiet", "-q", help="Show no progress.", rich_help_panel=RUN)]
CacheOption = Annotated[
    Path | None,
    typer.Option(
        "--cache",
        metavar="DIR",
        help=help_of("cache_dir"),
        rich_help_panel=PERFORMANCE,
    ),
]
NoCacheOption = Annotated[
    bool,
    typer.Option("--no-cache", help="Estimate poses anew, and keep none in the cache.", rich_help_panel=PERFORMANCE),
]
JsonOption = Annotated[bool, typer.Option("--json", help="Print JSON.", rich_help_panel=OUTPUT)]


def offline_choice(offline: bool) -> bool | None:
    """The value of `offline` of the library: None without the flag, so that the environment decides."""
    return True if offline else None


def check_choice(flag: str, value: str, names: Iterable[str]) -> None:
    """Refuse a value that is none of `names`, which plugins may add to.

    Raises:
        typer.BadParameter: it is none; the message names all.
    """
    known = list(names)
    if value not in known:
        raise typer.BadParameter(f"{flag} is one of {', '.join(known)}, got {value!r}")


def given(**options: Any) -> dict[str, Any]:
    """The options that were given."""
    return {name: value for name, value in options.items() if value is not None}
