"""`--shard` and `--merge`: a batch command on one part of its inputs, and on the results of all parts."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from posec3d_cli.cli.help_texts import RUN
from posec3d_cli.cli.render import note
from posec3d_cli.errors import ConfigError

if TYPE_CHECKING:
    from posec3d_cli.batch.shards import Shard

ShardOption = Annotated[
    str | None,
    typer.Option(
        "--shard",
        metavar="I/N",
        help="Process only part I of N, for several machines; --merge joins the parts.",
        rich_help_panel=RUN,
    ),
]
MergeOption = Annotated[
    bool,
    typer.Option("--merge", help="Process nothing; join what runs with --shard left.", rich_help_panel=RUN),
]


def shard_option(
    text: str | None, *, merge: bool, only_whole: dict[str, bool], only_parts: dict[str, bool]
) -> Shard | None:
    """The shard that a command line names, or None.

    Args:
        text: the value of --shard.
        merge: whether --merge was given.
        only_whole: options that need the results of all inputs, and whether they were given.
        only_parts: options about processing, and whether they were given.

    Raises:
        typer.BadParameter: it names none, or options contradict each other.
    """
    from posec3d_cli.batch.shards import Shard

    if text is not None and merge:
        raise typer.BadParameter("--shard makes one part, --merge joins all parts: give one of the two")
    if text is not None:
        for name in (name for name, given in only_whole.items() if given):
            raise typer.BadParameter(f"{name} needs the results of all shards: give it with --merge")
        try:
            return Shard.parse(text)
        except ConfigError as error:
            raise typer.BadParameter(f"--shard: {error.what}") from error
    for name in (name for name, given in only_parts.items() if given and merge):
        raise typer.BadParameter(f"--merge processes nothing: give {name} with --shard")
    return None


def say_shard(shard: Shard, mine: int, total: int, output: Path) -> None:
    """Print how many videos a shard has, and where its results go."""
    note("shard", f"{shard}: {mine} of {total} videos; the state is that of {output.name}")
