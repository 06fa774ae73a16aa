"""`posec3d cache`: the caches of poses, converted models, copies of videos for browsers, and fetched inputs."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from posec3d_cli.cli.commands import Commands
from posec3d_cli.cli.help_texts import INPUT
from posec3d_cli.cli.options import JsonOption
from posec3d_cli.cli.render import megabytes, print_json
from posec3d_cli.errors import counted

app = Commands(help="Show or clear the caches of poses, models and videos.")
FolderOption = Annotated[
    Path | None,
    typer.Option(
        "--cache",
        metavar="DIR",
        help="Take the poses kept in this folder instead of the user's cache.",
        rich_help_panel=INPUT,
    ),
]


@app.command("info")
def info(cache: FolderOption = None, json: JsonOption = False) -> None:
    """Print the cache folders, their content and size.

    Counts videos, converted models, copies of videos for `review` and inputs from addresses, standard input and
    pictures. With --cache, only the poses in that folder.
    """
    from posec3d_cli.extraction.cache import PoseCache, default_folder
    from posec3d_cli.hub.converted import converted_folder, kept_models
    from posec3d_cli.hub.weights import weights_cache
    from posec3d_cli.review import proxies
    from posec3d_cli.sources import cache as sources

    kept = PoseCache(cache or default_folder())
    videos, size = kept.videos, kept.size
    folder, models = converted_folder(weights_cache()), kept_models(weights_cache()) if cache is None else []
    bytes_of_models = sum(path.stat().st_size for path in models)
    copies = proxies.Proxies(proxies.default_folder())
    inputs = sources.SourceCache(sources.default_folder())
    if json:
        document = {"folder": str(kept.folder), "videos": videos, "bytes": size, "limit": kept.limit}
        if cache is None:
            document["converted"] = {"folder": str(folder), "models": len(models), "bytes": bytes_of_models}
            document["proxies"] = {"folder": str(copies.folder), "videos": len(copies.files()), "bytes": copies.size}
            document["sources"] = {"folder": str(inputs.folder), "inputs": len(inputs.files()), "bytes": inputs.size}
        return print_json(document)
    typer.echo(
        f"{kept.folder}: poses of {counted(videos, 'video')}, {megabytes(size)} of at most {megabytes(kept.limit)}"
    )
    if cache is None:
        typer.echo(f"{folder}: {counted(len(models), 'converted model')}, {megabytes(bytes_of_models)}")
        kept_copies = counted(len(copies.files()), "copy of a video", "copies of videos")
        typer.echo(f"{copies.folder}: {kept_copies} for browsers, {megabytes(copies.size)}")
        kept_inputs = counted(len(inputs.files()), "input")
        typer.echo(f"{inputs.folder}: {kept_inputs}, {megabytes(inputs.size)} of at most {megabytes(inputs.limit)}")


@app.command("clear")
def clear(cache: FolderOption = None) -> None:
    """Remove all cached poses, models, copied videos and inputs.

    They are made or fetched again when they are needed. With --cache, only the poses in that folder are removed.
    """
    from posec3d_cli.extraction.cache import PoseCache, default_folder
    from posec3d_cli.hub.converted import clear_converted, converted_folder
    from posec3d_cli.hub.weights import weights_cache
    from posec3d_cli.review import proxies
    from posec3d_cli.sources import cache as sources

    kept = PoseCache(cache or default_folder())
    typer.echo(f"{kept.folder}: poses of {counted(kept.clear(), 'video')} removed")
    if cache is None:
        removed = counted(clear_converted(weights_cache()), "converted model")
        typer.echo(f"{converted_folder(weights_cache())}: {removed} removed")
        copies = proxies.Proxies(proxies.default_folder())
        videos = counted(copies.clear(), "copy of a video", "copies of videos")
        typer.echo(f"{copies.folder}: {videos} for browsers removed")
        inputs = sources.SourceCache(sources.default_folder())
        typer.echo(f"{inputs.folder}: {counted(inputs.clear(), 'input')} removed")
