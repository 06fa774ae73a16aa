"""`posec3d export`: write a classifier as one ONNX file."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from posec3d_cli.cli.help_texts import INPUT, OUTPUT
from posec3d_cli.cli.options import OfflineOption, WeightsDirOption, offline_choice
from posec3d_cli.cli.render import download_progress, note
from posec3d_cli.errors import counted

SAMPLE = "walk"


def export(
    model: Annotated[str, typer.Argument(metavar="MODEL", help="Export this classifier: a name, or a model folder.")],
    output: Annotated[
        Path,
        typer.Option("--output", "-o", metavar="FILE", help="Write the ONNX model here.", rich_help_panel=OUTPUT),
    ],
    check: Annotated[
        bool,
        typer.Option("--check", help="Compare the file with torch on the poses of a clip.", rich_help_panel=INPUT),
    ] = False,
    clip: Annotated[
        Path | None,
        typer.Option(
            "--clip",
            metavar="FILE",
            help=f"Check on this video or pose file; by default on the sample {SAMPLE!r}.",
            rich_help_panel=INPUT,
        ),
    ] = None,
    overwrite: Annotated[
        bool, typer.Option("--overwrite", help="Replace the file if it exists.", rich_help_panel=OUTPUT)
    ] = False,
    offline: OfflineOption = False,
    weights_dir: WeightsDirOption = None,
) -> None:
    """Export a classifier to one ONNX file.

    Prints the lines that make the model run on ONNX Runtime when they are added to its card.
    """
    from posec3d_cli.export import check_export, export_onnx
    from posec3d_cli.files.digests import sha256_of
    from posec3d_cli.hub.catalog import load_card
    from posec3d_cli.hub.sample_clips import fetch_sample
    from posec3d_cli.hub.weights import fetch

    if output.suffix.lower() != ".onnx":
        raise typer.BadParameter(f"--output writes a .onnx file, got {output}")
    if clip is not None and not check:
        raise typer.BadParameter("--clip names the clip of --check")
    card = load_card(model, "classifier")
    with download_progress() as progress:
        files = fetch(card, offline=offline_choice(offline), progress=progress, weights_dir=weights_dir)
        if check and clip is None:
            clip = fetch_sample(SAMPLE, offline=offline_choice(offline), progress=progress)
    export_onnx(card, files, output, overwrite=overwrite)
    if clip is not None:
        found = check_export(card, files, output, clip, offline=offline_choice(offline), weights_dir=weights_dir)
        note("check", f"{counted(found.views, 'view')}, logits differ by at most {found.difference:.1e}")
    typer.echo(f'\n[[files]]\nname = "onnx"\nsha256 = "{sha256_of(output)}"\nsize = {output.stat().st_size}')
    typer.echo(f'sources = ["file:{output.name}"]')
