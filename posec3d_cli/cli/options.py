"""The options that several commands share, spelled once."""

from __future__ import annotations

from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from posec3d_cli.pose_cache import PoseCache


class Precision(StrEnum):
    """In which numbers the classifier's network computes."""

    auto = "auto"
    fp32 = "fp32"
    bf16 = "bf16"


DeviceOption = Annotated[
    str,
    typer.Option("--device", metavar="auto|cpu|cuda[:N]|mps", help="Where the networks run; auto takes a GPU if any."),
]
OfflineOption = Annotated[
    bool, typer.Option("--offline", help="Never touch the network; POSEC3D_OFFLINE=1 says the same.")
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
        "--classifier", metavar="MODEL", help="Use this classifier, a name or a folder, instead of the pipeline's."
    ),
]
PrecisionOption = Annotated[
    Precision,
    typer.Option("--precision", help="Numbers of the classifier; auto takes bf16 where the hardware computes in it."),
]
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


def pose_cache(folder: Path | None, off: bool) -> PoseCache | None:
    """The cache that the options ask for.

    Raises:
        typer.BadParameter: it is both named and switched off.
    """
    from posec3d_cli.pose_cache import PoseCache, default_folder

    if off and folder is not None:
        raise typer.BadParameter("--cache and --no-cache contradict each other")
    return None if off else PoseCache(folder or default_folder())
