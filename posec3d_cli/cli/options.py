"""The options that several commands share, spelled once."""

from __future__ import annotations

import tomllib
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from posec3d_cli.config import MOST_DETECT_EVERY
from posec3d_cli.hub.cards import KINDS

if TYPE_CHECKING:
    from posec3d_cli.extraction.cache import PoseCache


class Precision(StrEnum):
    """In which numbers the classifier's network computes."""

    auto = "auto"
    fp32 = "fp32"
    bf16 = "bf16"


class People(StrEnum):
    """How the classifier takes the people."""

    together = "together"
    each = "each"


class Reader(StrEnum):
    """Which decoder reads the videos."""

    pyav = "pyav"
    decord = "decord"


DeviceOption = Annotated[
    str,
    typer.Option("--device", metavar="auto|cpu|cuda[:N]|mps", help="Where the networks run; auto takes a GPU if any."),
]
OfflineOption = Annotated[
    bool, typer.Option("--offline", help="Never touch the network; POSEC3D_OFFLINE=1 says the same.")
]
WeightsDirOption = Annotated[
    Path | None,
    typer.Option(
        "--weights-dir",
        metavar="DIR",
        help="Look for weights here before anything is downloaded; POSEC3D_WEIGHTS may name several folders.",
    ),
]
PipelineOption = Annotated[
    str, typer.Option("--pipeline", metavar="NAME", help="Which detector, pose model and classifier go together.")
]
DetectorOption = Annotated[
    str | None, typer.Option("--detector", metavar="MODEL", help="Use this detector instead of the pipeline's.")
]
PoseOption = Annotated[
    str | None, typer.Option("--pose", metavar="MODEL", help="Use this pose model instead of the pipeline's.")
]
ClassifierOption = Annotated[
    str | None,
    typer.Option(
        "--classifier",
        metavar="MODEL[+MODEL]",
        help="Use this classifier, a name or a folder, instead of the pipeline's; several are averaged.",
    ),
]
WeightsOption = Annotated[
    str | None,
    typer.Option("--ensemble-weights", metavar="A:B", help="The part of each of several classifiers; by default 1:1."),
]
PrecisionOption = Annotated[
    Precision,
    typer.Option("--precision", help="Numbers of the classifier; auto takes bf16 where the hardware computes in it."),
]
BuilderOption = Annotated[
    str | None,
    typer.Option(
        "--builder", metavar="STAGE", help="How poses become volumes: heatmap, the usual one, or estimator-heatmap."
    ),
]
PeopleOption = Annotated[
    People | None,
    typer.Option("--people", help="Read everybody in one volume, or each person alone; else as the model's card."),
]
WindowOption = Annotated[
    float | None,
    typer.Option(
        "--window", min=0, metavar="SECONDS", help="Read in windows of this length; 0 reads the video as one."
    ),
]
ViewsOption = Annotated[int | None, typer.Option("--views", min=1, metavar="N", help="Samples of each window.")]
FlipOption = Annotated[bool | None, typer.Option("--flip/--no-flip", help="Read mirror images too.")]
MinScoreOption = Annotated[
    float,
    typer.Option(
        "--min-score", min=0, max=1, metavar="SCORE", help="Answer `unknown` where the best action is less probable."
    ),
]
MaxPeopleOption = Annotated[
    int | None, typer.Option("--max-people", min=1, metavar="N", help="Detect at most N people per frame.")
]
ThresholdOption = Annotated[
    float | None,
    typer.Option("--detector-threshold", min=0, max=1, metavar="SCORE", help="Smallest score of a person that counts."),
]
SetOption = Annotated[
    list[str] | None,
    typer.Option(
        "--set",
        metavar="STAGE.KEY=VALUE",
        help="Set a setting of a stage (detector, pose or classifier) in place of the card's; repeat it for more.",
    ),
]
DetectEveryOption = Annotated[
    int,
    typer.Option(
        "--detect-every",
        min=1,
        max=MOST_DETECT_EVERY,
        metavar="N",
        help="Look for people in every N-th of the frames posed only; in between, boxes move from look to look.",
    ),
]
ReaderOption = Annotated[
    Reader, typer.Option("--reader", help="Which decoder reads the videos; pyav reads all, decord whole files.")
]
FromFileOption = Annotated[
    Path | None,
    typer.Option(
        "--from-file",
        metavar="LIST",
        help="Also what this list names: one path a line, or the column video of a .csv.",
    ),
]
RootOption = Annotated[
    Path | None,
    typer.Option(
        "--root",
        metavar="DIR",
        help="Folder in which relative paths of tables and lists begin; by default that of the table or list.",
    ),
]
GlobOption = Annotated[
    str | None,
    typer.Option("--glob", metavar="PATTERN", help="Take the files of folders that match, not those named as videos."),
]
WorkersOption = Annotated[
    int | None,
    typer.Option(
        "--workers",
        min=1,
        metavar="N",
        help="Videos done at the same time; by default one per processor or GPU, at most 8, if memory allows.",
    ),
]
TimeoutOption = Annotated[
    float,
    typer.Option("--timeout", min=0.1, metavar="SECONDS", help="Give a video up if nothing moves for so long."),
]
RetryOption = Annotated[bool, typer.Option("--retry-failed", help="Do the videos that failed once more.")]
OverwriteOption = Annotated[
    bool,
    typer.Option(
        "--overwrite",
        help="Replace files that are there and that no run on this output made, and changes to the table.",
    ),
]
FailFastOption = Annotated[bool, typer.Option("--fail-fast", help="Stop at the first video that fails.")]
QuietOption = Annotated[bool, typer.Option("--quiet", "-q", help="Show no progress.")]
CacheOption = Annotated[
    Path | None,
    typer.Option(
        "--cache", metavar="DIR", help="Where estimated poses are kept for the next time, instead of the user's cache."
    ),
]
NoCacheOption = Annotated[bool, typer.Option("--no-cache", help="Keep no poses, and use none that were kept.")]
JsonOption = Annotated[bool, typer.Option("--json", help="Print JSON for machines.")]


def offline_choice(offline: bool) -> bool | None:
    """What the library's `offline` argument gets: without the flag, the environment decides."""
    return True if offline else None


def given(**options: Any) -> dict[str, Any]:
    """Those options that were given."""
    return {name: value for name, value in options.items() if value is not None}


def ratio(text: str | None) -> tuple[float, ...] | None:
    """The numbers of "2:1".

    Raises:
        typer.BadParameter: the text is no ratio.
    """
    if text is None:
        return None
    try:
        return tuple(float(part) for part in text.split(":"))
    except ValueError:
        raise typer.BadParameter(f"--ensemble-weights is a ratio such as 2:1, got {text!r}") from None


def stage_options(settings: list[str] | None, *, stages: tuple[str, ...] = KINDS, **detector: Any) -> dict[str, Any]:
    """What `--set` and the options of the detector ask for: "detector_options" and so on, one table per stage.

    A value is read as TOML writes it, so `0.3`, `true`, `[1, 2]` and `{"a.b" = 1}` are what they look like; anything
    else is a text.

    Args:
        settings: texts such as "detector.score_threshold=0.3".
        stages: those that the command has.
        detector: settings of the detector by options of their own, None where they were not given.

    Raises:
        typer.BadParameter: a text is no such assignment, names another stage, or sets what is set already.
    """
    options: dict[str, dict[str, Any]] = {stage: {} for stage in stages}
    options["detector"] |= given(**detector)
    for setting in settings or []:
        name, equals, value = setting.partition("=")
        stage, dot, key = name.strip().partition(".")
        if not (equals and dot and key) or stage not in stages:
            raise typer.BadParameter(
                f"--set takes STAGE.KEY=VALUE, STAGE being one of {', '.join(stages)}; got {setting!r}"
            )
        if key in options[stage]:
            raise typer.BadParameter(f"{stage}.{key} is set twice: {setting!r} comes after {options[stage][key]!r}")
        options[stage][key] = _value(value.strip())
    return {f"{stage}_options": table for stage, table in options.items()}


def _value(text: str) -> Any:
    try:
        read = tomllib.loads(f"value = {text}")
    except ValueError:
        return text
    value = read["value"]
    return value if len(read) == 1 and isinstance(value, bool | int | float | str | list | dict) else text


def pose_cache(folder: Path | None, off: bool) -> PoseCache | None:
    """The cache that the options ask for.

    Raises:
        typer.BadParameter: it is both named and switched off.
    """
    from posec3d_cli.extraction.cache import PoseCache, default_folder

    if off and folder is not None:
        raise typer.BadParameter("--cache and --no-cache contradict each other")
    return None if off else PoseCache(folder or default_folder())
