"""Set up a training of a network that reads frames: its settings from options, or from the two halves it starts as."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from msgspec import structs

from posec3d_cli.errors import BadCard
from posec3d_cli.nets import network_class
from posec3d_cli.training.config import JOINT, NONE, TrainingConfig, heatmap_spec
from posec3d_cli.training.finetune import SLOWER, Pretrained, slower
from posec3d_cli.training.settings import Training
from posec3d_cli.transforms.heatmaps import HeatmapSpec
from posec3d_cli.transforms.pixels import RGBSpec

FINER = 4
"""The frames are so many times as high and wide as the heatmaps, and so many times fewer, as published."""
SIZE, FRAMES, WIDTH = 28, 16, 16  # half, half and a quarter of what is published: for a processor
REPEATS = 4  # of a clip in an epoch: a sample of frames takes several times as long as one of poses
SMALLEST = 16  # heatmaps of 16 x 16 pixels: frames of 64 x 64, of which the last stage still has 2 x 2


def frames_training(
    base: TrainingConfig,
    architecture: str,
    *,
    stream: str | None = None,
    size: int | None = None,
    frames: int | None = None,
    width: int | None = None,
    networks: int | None = None,
    window: float | None = None,
    people: str | None = None,
    epochs: int | None = None,
    patience: int | None = None,
    lateral: str | None = None,
    joint_loss: bool = False,
    halves: tuple[Pretrained, Pretrained] | None = None,
    **others: Any,
) -> Training:
    """The training run of a network of frames; the options are those of `posec3d_cli.training.setup.make_training`.

    Raises:
        BadCard: an option does not suit the network, or the halves do not fit together.
    """
    both = network_class(architecture).reads == "rgb+heatmaps"
    if not both and (lateral is not None or joint_loss or halves is not None):
        raise BadCard(f"{architecture} has no pathways to join", hint="choose --arch rgbpose")
    spec = structs.replace(heatmap_spec(stream or JOINT, size or SIZE), crop_exact=False, crop_min_size=10)
    rgb, options = RGBSpec((FINER * spec.size[0], FINER * spec.size[1])), _network(both, width or WIDTH)
    frames = frames or FRAMES
    if halves is not None:
        if size or frames != FRAMES or width or stream:
            raise BadCard("the halves decide size, frames, width and stream", hint="leave these options out")
        spec, rgb, options, frames = _joined(*halves)
    if min(spec.size) < SMALLEST:
        raise BadCard(f"heatmaps beside frames must be at least {SMALLEST} pixels high and wide, got {spec.size}")
    if frames % FINER:
        raise BadCard(f"frames must be a multiple of {FINER}, for a {FINER}th of them is read as pixels, got {frames}")
    if lateral is not None:
        options["lateral"] = lateral
    sampling = base.sampling.changed(window_seconds=window, people=people)
    sampling = structs.replace(sampling, frames=frames, rgb_frames=frames // FINER)
    config = replace(
        base if halves is None else slower(base, SLOWER),
        architecture=architecture,
        sampling=sampling,
        spec=spec,
        rgb=rgb,
        objects=NONE,
        repeats=min(base.repeats, REPEATS),
        joint_loss=joint_loss,
        epochs=base.epochs if epochs is None else epochs,
        patience=base.patience if patience is None else patience,
    )
    return Training(config, options, networks or 1, halves=halves, **others)


def _network(both: bool, width: int) -> dict[str, Any]:
    return {"rgb_channels": width, "pose_channels": max(1, width // 2)} if both else {"base_channels": width}


def _joined(rgb: Pretrained, pose: Pretrained) -> tuple[HeatmapSpec, RGBSpec, dict[str, Any], int]:
    """What a whole reads that starts as two halves, and the options of its network."""
    spec, frames = pose.config.spec, pose.config.sampling.frames
    if rgb.config.rgb is None or rgb.config.architecture != "rgb-only":
        raise BadCard(f"{rgb.card.name} is no model of frames alone", hint="the first half is one of --arch rgb-only")
    if not isinstance(spec, HeatmapSpec) or pose.config.architecture != "slowonly":
        raise BadCard(f"{pose.card.name} is no SlowOnly of heatmaps", hint="the second half is one of --arch slowonly")
    if rgb.config.rgb.size != (FINER * spec.size[0], FINER * spec.size[1]) or frames != FINER * (
        rgb.config.sampling.rgb_frames or 0
    ):
        raise BadCard(
            f"{rgb.card.name} reads {rgb.config.sampling.rgb_frames} frames of {rgb.config.rgb.size}, and "
            f"{pose.card.name} heatmaps of {frames} frames of {spec.size}",
            hint=f"frames must be {FINER} times as high and wide, and {FINER} times fewer",
        )
    names = {"base_channels": "channels", "stage_blocks": "blocks"}
    options = {
        f"{half}_{ours}": network[theirs]
        for half, network in (("rgb", rgb.network), ("pose", pose.network))
        for theirs, ours in names.items()
        if theirs in network
    }
    return structs.replace(spec, crop_exact=False), rgb.config.rgb, options, frames
