"""`--engine` and `--address`: where a batch command runs, on this machine or on a Ray cluster."""

from __future__ import annotations

from enum import StrEnum
from typing import Annotated

import typer

from posec3d_cli.cli.help_texts import PERFORMANCE


class Engine(StrEnum):
    """Where videos are processed."""

    local = "local"
    ray = "ray"


EngineOption = Annotated[
    Engine,
    typer.Option(
        "--engine", help="Process the videos on this machine, or on a Ray cluster.", rich_help_panel=PERFORMANCE
    ),
]
AddressOption = Annotated[
    str | None,
    typer.Option(
        "--address",
        metavar="ADDRESS",
        help="Use this Ray cluster: auto (the default), HOST:PORT, ray://HOST:PORT or local.",
        rich_help_panel=PERFORMANCE,
    ),
]


def cluster_of(engine: Engine, address: str | None) -> str | None:
    """The address of the cluster that a command line names; None: this machine.

    Raises:
        typer.BadParameter: an address without --engine ray.
    """
    if engine is Engine.ray:
        return address or "auto"
    if address is not None:
        raise typer.BadParameter("--address needs --engine ray")
    return None
