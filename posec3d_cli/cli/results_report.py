"""`posec3d report`: the results of a run as one HTML file."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from posec3d_cli.cli.batch_run import saying_read
from posec3d_cli.cli.help_texts import INPUT, OUTPUT
from posec3d_cli.cli.options import RootOption, TruthOption
from posec3d_cli.cli.progress import one_line
from posec3d_cli.cli.render import note
from posec3d_cli.errors import counted


def report(
    source: Annotated[
        Path, typer.Argument(metavar="RESULTS", help="Read a table of `label`, or the JSON of `predict`.")
    ],
    output: Annotated[
        Path,
        typer.Option("-o", "--output", metavar="OUT.html", help="Write this file.", rich_help_panel=OUTPUT),
    ],
    truth: TruthOption = None,
    root: RootOption = None,
    poses: Annotated[
        Path | None,
        typer.Option(
            "--poses",
            metavar="DIR",
            help="Draw the skeletons of these pose files; by default, of those that `label` wrote.",
            rich_help_panel=INPUT,
        ),
    ] = None,
    thumbnails: Annotated[
        int,
        typer.Option(
            "--thumbnails",
            min=0,
            metavar="N",
            help="Show the N least certain clips; 60 by default.",
            rich_help_panel=OUTPUT,
        ),
    ] = 60,
    overwrite: Annotated[
        bool, typer.Option("--overwrite", help="Replace an existing output file.", rich_help_panel=OUTPUT)
    ] = False,
) -> None:
    """Write the results of a run as one HTML file.

    The file needs no network, and can be sent by mail. It shows counts, labels, confidence, failures and why, clips
    with skeletons, settings and hashes; with --truth, the confusion matrix.
    """
    from posec3d_cli.batch.saved_results import read_results
    from posec3d_cli.files.writing import check_free
    from posec3d_cli.reports.content import ReportContent
    from posec3d_cli.reports.page import tiles_of, write_report

    check_free(output, overwrite=overwrite, source=source)
    content = ReportContent.of(read_results(source, root), truth, root)
    with saying_read() as read:
        tiles = tiles_of(content, thumbnails, poses, read)
    write_report(content, tiles, output, overwrite=overwrite)
    if without := [tile for tile in tiles if not tile.image]:
        first = f"{without[0].result.name}: {without[0].reason}"
        note("note", one_line(f"{counted(len(without), 'clip')} cannot be shown, the first is {first}"))
    typer.echo(one_line(str(output)))
