"""Options of timelines, and of who is read."""

from __future__ import annotations

from typing import Annotated

import typer

from posec3d_cli.cli.help_texts import RECOGNITION
from posec3d_cli.config import help_of

StrideOption = Annotated[
    float | None,
    typer.Option(
        "--stride",
        min=0.01,
        metavar="SECONDS",
        help=help_of("stride_seconds"),
        rich_help_panel=RECOGNITION,
    ),
]
TimelineOption = Annotated[bool, typer.Option("--timeline", help=help_of("timeline"), rich_help_panel=RECOGNITION)]
PersonOption = Annotated[
    int | None,
    typer.Option("--person", min=0, metavar="N", help=help_of("person"), rich_help_panel=RECOGNITION),
]
LargestOption = Annotated[bool, typer.Option("--largest", help=help_of("largest"), rich_help_panel=RECOGNITION)]
RoiOption = Annotated[
    str | None,
    typer.Option("--roi", metavar="X,Y,W,H", help=help_of("roi"), rich_help_panel=RECOGNITION),
]
