"""Make the PipelineConfig of a command from its options."""

from __future__ import annotations

import tomllib
from pathlib import Path
from typing import Any

import typer

from posec3d_cli.cli.options import People, Precision, Reader, given, offline_choice
from posec3d_cli.config import KINDS, PipelineConfig


def pipeline_config(
    *,
    stages: tuple[str, ...] = KINDS,
    settings: list[str] | None = None,
    max_people: int | None = None,
    detector_threshold: float | None = None,
    classifier: str | None = None,
    weights: str | None = None,
    window: float | None = None,
    stride: float | None = None,
    roi: str | None = None,
    people: People | None = None,
    precision: Precision = Precision.auto,
    reader: Reader = Reader.pyav,
    offline: bool = False,
    cache: Path | None = None,
    no_cache: bool = False,
    **fields: Any,
) -> PipelineConfig:
    """Make a PipelineConfig of the options of a command.

    Args:
        stages: those that `--set` may name.
        fields: options that are called like their field.

    Raises:
        typer.BadParameter: an option has no effect.
        ConfigError: a value is out of range, or two contradict each other.
    """
    from posec3d_cli.hub.resolve import ensemble_of

    if no_cache and cache is not None:
        raise typer.BadParameter("--cache and --no-cache contradict each other")
    options = stage_settings(settings, stages=stages, max_people=max_people, score_threshold=detector_threshold)
    return PipelineConfig(
        classifiers=() if classifier is None else ensemble_of(classifier),
        ensemble_weights=_ratio(weights),
        window_seconds=window,
        stride_seconds=stride,
        roi=None if roi is None else _rectangle(roi),
        people=None if people is None else people.value,
        precision=precision.value,
        reader=reader.value,
        offline=offline_choice(offline),
        cache_dir=None if no_cache else cache or "default",
        **options,
        **fields,
    )


def _rectangle(text: str) -> tuple[float, float, float, float]:
    """The numbers of "10,20,300,200".

    Raises:
        typer.BadParameter: the text is no rectangle.
    """
    try:
        x, y, width, height = (float(part) for part in text.split(","))
    except ValueError:
        raise typer.BadParameter(
            f"--roi takes x,y,width,height in pixels, such as 10,20,300,200; got {text!r}"
        ) from None
    return x, y, width, height


def _ratio(text: str | None) -> tuple[float, ...]:
    """The numbers of "2:1".

    Raises:
        typer.BadParameter: the text is no ratio.
    """
    if text is None:
        return ()
    try:
        return tuple(float(part) for part in text.split(":"))
    except ValueError:
        raise typer.BadParameter(f"--ensemble-weights takes a ratio such as 2:1, got {text!r}") from None


def stage_settings(settings: list[str] | None, *, stages: tuple[str, ...] = KINDS, **detector: Any) -> dict[str, Any]:
    """The settings of stages from `--set` and the options of the detector: "detector_settings" and so on.

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
    return {f"{stage}_settings": table for stage, table in options.items()}


def _value(text: str) -> Any:
    try:
        read = tomllib.loads(f"value = {text}")
    except ValueError:
        return text
    value = read["value"]
    return value if len(read) == 1 and isinstance(value, bool | int | float | str | list | dict) else text
