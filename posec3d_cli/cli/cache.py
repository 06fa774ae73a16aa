"""`posec3d cache`: the cache of poses."""

from __future__ import annotations

import typer

from posec3d_cli.cli.commands import Commands
from posec3d_cli.cli.options import CacheOption, JsonOption
from posec3d_cli.cli.render import megabytes, print_json
from posec3d_cli.errors import counted

app = Commands(help="Show or clear the cache of poses.")


@app.command("info")
def info(cache: CacheOption = None, json: JsonOption = False) -> None:
    """Print the folder, the number of videos and the size."""
    from posec3d_cli.extraction.cache import PoseCache, default_folder

    kept = PoseCache(cache or default_folder())
    videos, size = len(kept.files()), kept.size
    if json:
        return print_json({"folder": str(kept.folder), "videos": videos, "bytes": size, "limit": kept.limit})
    typer.echo(
        f"{kept.folder}: poses of {counted(videos, 'video')}, {megabytes(size)} of at most {megabytes(kept.limit)}"
    )


@app.command("clear")
def clear(cache: CacheOption = None) -> None:
    """Remove all cached poses.

    They are estimated again when they are needed.
    """
    from posec3d_cli.extraction.cache import PoseCache, default_folder

    kept = PoseCache(cache or default_folder())
    typer.echo(f"{kept.folder}: poses of {counted(kept.clear(), 'video')} removed")
