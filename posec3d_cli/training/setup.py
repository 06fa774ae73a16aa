"""Set up a training: its settings from options and a pretrained model, and whether its network can be trained."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from time import perf_counter
from typing import Any

import torch
from msgspec import structs

from posec3d_cli.errors import BadCard
from posec3d_cli.nets import build_network, network_class
from posec3d_cli.nets.layers import Recognizer
from posec3d_cli.training.config import JOINT, TrainingConfig, heatmap_spec, joint_spec
from posec3d_cli.training.finetune import SLOWER, Pretrained, fine_tuning, load_halves, slower
from posec3d_cli.training.settings import Training
from posec3d_cli.training.setup_frames import frames_training
from posec3d_cli.transforms.heatmaps import HeatmapSpec
from posec3d_cli.transforms.joint_features import JointSpec

WIDTHS = {
    "c3d-light": 16
}  # half of the published one learns as much from some thousands of clips, in a third of the time
_TRIED = 2  # samples of the batch that is tried: batch normalisation needs two


def make_training(
    base: TrainingConfig,
    pretrained: Pretrained | None = None,
    *,
    architecture: str | None = None,
    stream: str | None = None,
    size: int | None = None,
    frames: int | None = None,
    width: int | None = None,
    networks: int | None = None,
    window: float | None = None,
    people: str | None = None,
    epochs: int | None = None,
    patience: int | None = None,
    clips: int = 0,
    lateral: str | None = None,
    joint_loss: bool = False,
    halves: tuple[Pretrained, Pretrained] | None = None,
    interactions: Sequence[str] = (),
    **others: Any,
) -> Training:
    """The training run for some options; other settings are those of the pretrained model, else the defaults.

    A pretrained model that reads the same input gets the schedule of `fine_tuning`; one that reads another stream, and
    a new network, that of `base`.

    Args:
        base: the settings of the loop.
        pretrained: a model to fine-tune; it fixes the architecture.
        architecture: the network.
        stream: "joint" or "limb".
        size: height and width of the volumes.
        frames: frames per sample.
        width: channels of the network's first stage.
        networks: number of networks.
        window: seconds; 0 for the whole video.
        people: "together" or "each".
        epochs: at most so many.
        patience: epochs without a better validation after which the training ends; 0: never.
        clips: the number of clips, for the schedule.
        lateral: the lateral connections of an RGBPose-Conv3D, see `posec3d_cli.nets.rgbpose.RGBPose`.
        joint_loss: whether its heads have one loss.
        halves: a model of frames and one of heatmaps that it starts as.
        interactions: the labels of what two people do together.
        others: attributes of `Training`.

    Raises:
        BadCard: an option contradicts the pretrained weights, `size` or `people` does not suit a graph network, or
            there are interactions and people are not read each alone, or frames are.
    """
    config = pretrained.config if pretrained else base
    options = dict(pretrained.network) if pretrained else {}
    kind = architecture or config.architecture
    reads = network_class(kind).reads
    if pretrained and config.rgb is not None:
        raise BadCard(
            f"{pretrained.card.name} reads frames, and is not fine-tuned",
            hint="--pretrained none, or --arch rgbpose with a model of frames and one of heatmaps: RGB+POSE",
        )
    if "rgb" in reads and interactions:
        raise BadCard(f"{kind} reads frames, and pairs of people are read in poses alone", hint="choose another --arch")
    if "rgb" in reads:
        return frames_training(
            base,
            kind,
            stream=stream,
            size=size,
            frames=frames,
            width=width,
            networks=networks,
            window=window,
            people=people,
            epochs=epochs,
            patience=patience,
            lateral=lateral,
            joint_loss=joint_loss,
            halves=halves,
            **others,
        )
    if lateral is not None or joint_loss or halves:
        raise BadCard(f"{kind} has no pathways to join", hint="choose --arch rgbpose")
    reads_joints = reads == "joints"
    if reads_joints:
        _check_graph(kind, size, people)
    sampling = config.sampling.changed(window_seconds=window, people=people)
    sampling = structs.replace(sampling, frames=frames or sampling.frames)
    config = replace(
        config,
        architecture=kind,
        sampling=sampling,
        spec=_spec(config, reads_joints, stream, size),
        interactions=tuple(interactions),
    )
    if interactions and sampling.people != "each":
        raise BadCard(
            "interactions are read in pairs of people, and everybody else alone; got people 'together'",
            hint="--people each",
        )
    if interactions and isinstance(config.spec, JointSpec):
        config = replace(config, spec=structs.replace(config.spec, people=max(2, config.spec.people)))
    if pretrained:
        _check_kind(pretrained, config, width)
        same = config.stream == pretrained.config.stream
        config = fine_tuning(config, clips) if same else slower(config, SLOWER)
    elif width or kind in WIDTHS:
        options["base_channels"] = width or WIDTHS[kind]
    config = replace(
        config,
        epochs=config.epochs if epochs is None else epochs,
        patience=config.patience if patience is None else patience,
    )
    count = networks or (len(pretrained.files) if pretrained else 1)
    return Training(config, options, count, pretrained=pretrained, **others)


def unlike(
    pretrained: Pretrained,
    *,
    architecture: str | None = None,
    stream: str | None = None,
    size: int | None = None,
    frames: int | None = None,
    width: int | None = None,
) -> str:
    """The first option that asks for another network or input than a pretrained model has, in words; else empty."""
    config = pretrained.config
    size_of = config.spec.size[0] if isinstance(config.spec, HeatmapSpec) else None
    asked = {
        "--arch": (architecture, config.architecture),
        "--stream": (stream, config.stream),
        "--size": (size, size_of),
        "--frames": (frames, config.sampling.frames),
        "--width": (width, pretrained.network.get("base_channels")),
    }
    for option, (wanted, existing) in asked.items():
        if wanted is not None and wanted != existing:
            return f"{option} {wanted} is not that of {pretrained.card.name}, {existing}"
    return ""


def build(training: Training, outputs: int, seed: int) -> Recognizer:
    """A network of a training with fresh weights; torch's global random state is left as it was.

    Raises:
        BadCard: the network cannot be built with these options.
    """
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        return build_network(training.config.architecture, outputs, training.options)


def try_training(training: Training, outputs: list[str], clips: int, *, device: str = "cpu") -> float:
    """Load the weights of each network and train it for two steps on nothing; returns an estimate of the training.

    Returns:
        The seconds that all epochs of all networks take on this number of clips, at most.

    Raises:
        BadCard: the network cannot be built or trained with these settings.
        WeightsMismatch: the pretrained weights do not fit the network.
    """
    config = training.config
    for number in range(training.networks):
        network = build(training, len(outputs), config.seed)
        if training.pretrained is not None:
            training.pretrained.load_into(network, number % len(training.pretrained.files), outputs)
        if training.halves is not None:
            load_halves(network, training.halves, outputs)
    shapes = view_shapes(config)
    seconds = 0.0
    network.to(device).to(memory_format=network.layout).train()  # type: ignore[call-overload]
    with torch.random.fork_rng(devices=[device] if device.startswith("cuda") else []):
        for _ in range(2):  # the first step makes what is made at first use
            start = perf_counter()
            batch = [torch.zeros((_TRIED, *shape), device=device) for shape in shapes]
            try:
                network(*(one.contiguous(memory_format=network.layout) for one in batch)).square().sum().backward()
            except RuntimeError as error:
                reason = str(error).partition("\n")[0]
                raise BadCard(
                    f"{config.architecture} cannot be trained on inputs of {' and '.join(map(str, shapes))}: {reason}",
                    hint="choose another --size, --frames or --width",
                ) from error
            seconds = (perf_counter() - start) / _TRIED
    epochs = 0 if training.extends else config.epochs
    return training.networks * epochs * config.samples(clips) * seconds


def view_shapes(config: TrainingConfig) -> list[tuple[int, ...]]:
    """The shape of each input of the network."""
    if isinstance(config.spec, JointSpec):
        return [(config.spec.people, config.sampling.frames, 17, config.in_channels)]
    heatmaps = (config.in_channels, config.sampling.frames, *config.spec.size)
    if config.rgb is None:
        return [heatmaps]
    rgb = (3, config.sampling.rgb_frames or 0, *config.rgb.size)
    return [rgb] if config.reads == "rgb" else [rgb, heatmaps]


def _spec(config: TrainingConfig, reads_joints: bool, stream: str | None, size: int | None) -> HeatmapSpec | JointSpec:
    """The input of the network: that of the config, with another stream or size if given."""
    if reads_joints:
        known = isinstance(config.spec, JointSpec) and stream in (None, config.stream)
        return config.spec if known else joint_spec(stream or JOINT)
    spec = config.spec if isinstance(config.spec, HeatmapSpec) else heatmap_spec()
    if stream not in (None, config.stream):
        default = heatmap_spec(stream or JOINT)
        spec = structs.replace(spec, channels=default.channels, joints=default.joints, limbs=default.limbs)
    return structs.replace(spec, size=(size, size)) if size else spec


def _check_graph(architecture: str, size: int | None, people: str | None) -> None:
    """Refuse options that a graph network does not have."""
    if people not in (None, "each"):
        raise BadCard(f"{architecture} reads each person alone, got people {people!r}", hint="leave out --people")
    if size is not None:
        raise BadCard(
            f"{architecture} reads joints, not heatmap volumes of a size; got size {size}",
            hint="leave out --size",
        )


def _check_kind(pretrained: Pretrained, config: TrainingConfig, width: int | None) -> None:
    """Refuse a network that the pretrained weights do not fit; joints may become as many limbs."""
    wanted = {
        "architecture": (pretrained.config.architecture, config.architecture),
        "base_channels": (pretrained.network.get("base_channels"), width),
        "in_channels": (pretrained.config.in_channels, config.in_channels),
    }
    for name, (existing, requested) in wanted.items():
        if None not in (existing, requested) and existing != requested:
            raise BadCard(
                f"{pretrained.card.name} has {name} {existing}, got {requested}",
                hint="leave out the option that sets it",
            )
