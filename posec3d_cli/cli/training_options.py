"""Options of `posec3d train`: what it starts from, and how the pathways of a network of frames and poses are joined."""

from __future__ import annotations

from enum import StrEnum
from typing import Annotated

import typer

from posec3d_cli.cli.help_texts import MODELS, TRAINING


class Lateral(StrEnum):
    """The lateral connections of RGBPose-Conv3D."""

    none = "none"
    pose_to_rgb = "pose-to-rgb"
    rgb_to_pose = "rgb-to-pose"
    both = "both"


PretrainedOption = Annotated[
    str | None,
    typer.Option(
        "--pretrained",
        metavar="MODEL|none",
        help="Fine-tune this model, none: train anew, rgbpose: RGB+POSE; by default the pipeline's.",
        rich_help_panel=MODELS,
    ),
]
AddOption = Annotated[
    bool,
    typer.Option(
        "--add",
        help="Keep the labels of the pretrained model, and add those of DATA.",
        rich_help_panel=TRAINING,
    ),
]
LateralOption = Annotated[
    Lateral | None,
    typer.Option(
        "--lateral",
        help="Learn lateral connections of rgbpose in these directions; by default both.",
        rich_help_panel=MODELS,
    ),
]
JointLossOption = Annotated[
    bool,
    typer.Option(
        "--joint-loss",
        help="Give both heads of rgbpose one loss, for comparison; by default one each.",
        rich_help_panel=TRAINING,
    ),
]
