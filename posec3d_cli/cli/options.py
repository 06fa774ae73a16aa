"""The options that several commands share, spelled once."""

from __future__ import annotations

from enum import StrEnum
from typing import Annotated

import typer


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
JsonOption = Annotated[bool, typer.Option("--json", help="Print JSON for machines.")]


def offline_choice(offline: bool) -> bool | None:
    """What the library's `offline` argument gets: without the flag, the environment decides."""
    return True if offline else None
