"""`posec3d samples`: clips to try posec3d on."""

from __future__ import annotations

from typing import Annotated

import typer

from posec3d_cli.cli.commands import Commands
from posec3d_cli.cli.options import JsonOption, OfflineOption, offline_choice
from posec3d_cli.cli.render import download_progress, megabytes, print_json, print_table

app = Commands(help="List and fetch sample clips.")


@app.command("list")
def list_clips(json: JsonOption = False) -> None:
    """List the sample clips."""
    from posec3d_cli.hub.sample_clips import list_samples

    samples = list_samples()
    if json:
        keys = ("name", "summary", "licence", "credit")
        return print_json(
            [{**{key: getattr(s, key) for key in keys}, "size": s.file.size, "path": str(s.path)} for s in samples]
        )
    rows = [[s.name, megabytes(s.file.size or 0), s.licence, f"{s.summary} ({s.credit})"] for s in samples]
    print_table(["sample", "size", "licence", "summary"], rows)


@app.command("fetch")
def fetch(
    name: Annotated[str, typer.Argument(metavar="NAME", help="Fetch this clip; `posec3d samples list` names all.")],
    offline: OfflineOption = False,
) -> None:
    """Fetch and verify one sample clip; print its path."""
    from posec3d_cli.hub.sample_clips import fetch_sample

    with download_progress() as progress:
        path = fetch_sample(name, offline=offline_choice(offline), progress=progress)
    typer.echo(path)
