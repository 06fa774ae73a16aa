from __future__ import annotations

import pytest
import torch
from torch import nn

from posec3d_cli.errors import BadCard
from posec3d_cli.nets import build_network
from posec3d_cli.nets.rgbpose import LATERAL, RGBOnly, RGBPose, merge_halves
from posec3d_cli.nets.slowonly import SlowOnly

NARROW = {"rgb_channels": 8, "pose_channels": 4, "rgb_blocks": (1, 1, 1, 1), "pose_blocks": (1, 1, 1)}


def batch_norm(name: str, channels: int) -> list[str]:
    vectors = [f"{name}.{part} ({channels},)" for part in ("weight", "bias", "running_mean", "running_var")]
    return [*vectors, f"{name}.num_batches_tracked ()"]


def conv(name: str, *shape: int) -> list[str]:
    return [f"{name}.conv.weight {shape}", *batch_norm(f"{name}.bn", shape[0])]


def pathway(prefix: str, channels: int, base: int, blocks: tuple[int, ...], guests: dict[int, int]) -> list[str]:
    """Names and shapes by rule: of a stem and stages, the last two of which convolve over time."""
    names = conv(f"{prefix}.conv1", base, channels, 1, 7, 7)
    inputs = base
    for stage in range(len(blocks)):
        planes, time = base * 2**stage, 3 if stage >= len(blocks) - 2 else 1
        inputs += guests.get(stage + 1, 0)
        for block in range(blocks[stage]):
            name = f"{prefix}.layer{stage + 1}.{block}"
            names += conv(f"{name}.conv1", planes, inputs, time, 1, 1)
            names += conv(f"{name}.conv2", planes, planes, 1, 3, 3)
            names += conv(f"{name}.conv3", planes * 4, planes, 1, 1, 1)
            if block == 0:
                names += conv(f"{name}.downsample", planes * 4, inputs, 1, 1, 1)
            inputs = planes * 4
    return names


def published_names(lateral: str) -> list[str]:
    """Names and shapes of the published checkpoint of the whole, and of one with fewer lateral connections."""
    to_rgb, to_pose = lateral in ("pose-to-rgb", "both"), lateral in ("rgb-to-pose", "both")
    names = pathway("backbone.rgb_path", 3, 64, (3, 4, 6, 3), {3: 128, 4: 256} if to_rgb else {})
    if to_rgb:
        names += [
            f"backbone.rgb_path.layer{n}_lateral.conv.weight ({c}, {c}, 7, 1, 1)" for n, c in ((2, 128), (3, 256))
        ]
    names += pathway("backbone.pose_path", 17, 32, (4, 6, 3), {2: 32, 3: 64} if to_pose else {})
    if to_pose:
        for number, inputs, outputs in ((1, 512, 32), (2, 1024, 64)):
            name = f"backbone.pose_path.layer{number}_lateral"
            names += [f"{name}.conv.weight ({inputs}, {outputs}, 7, 1, 1)", *batch_norm(f"{name}.bn", outputs)]
    return [
        *names,
        *("cls_head.fc_rgb.weight (60, 2048)", "cls_head.fc_rgb.bias (60,)"),
        *("cls_head.fc_pose.weight (60, 512)", "cls_head.fc_pose.bias (60,)"),
    ]


def names_of(network: nn.Module) -> list[str]:
    return [f"{name} {tuple(tensor.shape)}" for name, tensor in network.state_dict().items()]


def narrow(**options: object) -> RGBPose:
    torch.manual_seed(0)
    return RGBPose(5, **{**NARROW, **options}).eval()  # type: ignore[arg-type]


def clips(count: int = 2) -> tuple[torch.Tensor, torch.Tensor]:
    torch.manual_seed(1)
    return torch.randn(count, 3, 4, 64, 64), torch.rand(count, 17, 16, 16, 16)


def with_live_blocks(network: nn.Module) -> nn.Module:
    """Fresh residual blocks pass only their shortcut; with these scales every convolution counts."""
    for name, values in network.named_parameters():
        if name.endswith("conv3.bn.weight"):
            nn.init.constant_(values, 0.5)
    return network


@pytest.mark.parametrize("lateral", LATERAL)
def test_names_and_shapes_are_those_of_the_published_checkpoint(lateral) -> None:
    with torch.device("meta"):
        network = RGBPose(60, lateral=lateral)
    assert names_of(network) == published_names(lateral)


def test_the_rgb_half_has_the_names_and_shapes_of_its_checkpoint() -> None:
    with torch.device("meta"):
        network = RGBOnly(60)
    head = ["cls_head.fc_cls.weight (60, 2048)", "cls_head.fc_cls.bias (60,)"]
    assert names_of(network) == pathway("backbone", 3, 64, (3, 4, 6, 3), {}) + head


@pytest.mark.parametrize(
    ("lateral", "parameters", "gmacs"),
    [("none", 33_782_296, 69.32), ("pose-to-rgb", 35_502_616, 73.35), ("rgb-to-pose", 34_427_608, 71.74),
     ("both", 36_147_928, 75.76)],
)  # fmt: skip
def test_parameters_and_multiply_adds_of_the_whole(lateral, parameters, gmacs, count_macs) -> None:
    with torch.device("meta"):
        network = RGBPose(60, lateral=lateral)
    assert sum(values.numel() for values in network.parameters()) == parameters
    macs = count_macs(network, (3, 8, 256, 256), (17, 32, 64, 64))
    assert macs / 1e9 == pytest.approx(gmacs, abs=0.01)


def test_without_lateral_connections_the_whole_costs_what_its_halves_do(count_macs) -> None:
    with torch.device("meta"):
        whole, rgb, pose = RGBPose(60, lateral="none"), RGBOnly(60), SlowOnly(60, temporal_strides=(1, 1, 1))
    of_rgb, of_pose = count_macs(rgb, (3, 8, 256, 256)), count_macs(pose, (17, 32, 64, 64))
    assert sum(values.numel() for values in rgb.parameters()) == 31_757_436
    assert of_rgb / 1e9 == pytest.approx(54.52, abs=0.01)
    assert of_pose / 1e9 == pytest.approx(14.80, abs=0.01)  # as published
    assert count_macs(whole, (3, 8, 256, 256), (17, 32, 64, 64)) == of_rgb + of_pose


def test_the_rgb_half_has_the_published_size_of_slowonly_on_kinetics(count_macs) -> None:
    with torch.device("meta"):
        network = RGBOnly(400)
    assert sum(values.numel() for values in network.parameters()) / 1e6 == pytest.approx(32.45, abs=0.005)
    assert count_macs(network, (3, 8, 256, 256)) / 1e9 == pytest.approx(54.75, rel=0.01)


def test_the_features_have_the_documented_shapes() -> None:
    with torch.device("meta"):
        rgb, pose = RGBPose(60).features(torch.empty(2, 3, 8, 256, 256), torch.empty(2, 17, 32, 64, 64))
    assert (rgb.shape, pose.shape) == ((2, 2048, 8, 8, 8), (2, 512, 32, 8, 8))


def test_a_batch_becomes_the_logits_of_both_heads() -> None:
    assert narrow()(*clips()).shape == (2, 2, 5)
    assert RGBPose.heads == ("rgb", "pose")


@pytest.mark.parametrize("lateral", LATERAL)
def test_a_head_depends_on_the_other_input_only_through_its_lateral_connections(lateral) -> None:
    network = with_live_blocks(narrow(lateral=lateral))
    rgb, pose = clips()
    before = network(rgb, pose)
    other_pose, other_rgb = network(rgb, pose.flip(2)), network(rgb.flip(2), pose)
    rgb_head_moved = not torch.allclose(other_pose[:, 0], before[:, 0])
    pose_head_moved = not torch.allclose(other_rgb[:, 1], before[:, 1])
    assert rgb_head_moved == (lateral in ("pose-to-rgb", "both"))
    assert pose_head_moved == (lateral in ("rgb-to-pose", "both"))


def test_every_parameter_gets_a_gradient() -> None:
    network = narrow().train()
    network(*clips()).sum().backward()
    assert all(values.grad is not None for values in network.parameters())


@pytest.mark.parametrize("lateral", LATERAL)
def test_merged_halves_give_what_each_half_gives_alone(lateral) -> None:
    torch.manual_seed(2)
    rgb_half = with_live_blocks(RGBOnly(5, base_channels=8, stage_blocks=(1, 1, 1, 1))).eval()
    options = {"base_channels": 4, "stage_blocks": (1, 1, 1), "temporal_strides": (1, 1, 1)}
    pose_half = with_live_blocks(SlowOnly(5, **options)).eval()
    whole = narrow(lateral=lateral)
    whole.load_state_dict(merge_halves(whole, rgb_half.state_dict(), pose_half.state_dict()))
    rgb, pose = clips()
    logits = whole(rgb, pose)
    torch.testing.assert_close(logits[:, 0], rgb_half(rgb))
    torch.testing.assert_close(logits[:, 1], pose_half(pose))


def test_halves_of_another_width_or_kind_are_refused() -> None:
    whole = narrow()
    rgb_half = RGBOnly(5, base_channels=8, stage_blocks=(1, 1, 1, 1)).state_dict()
    wide = SlowOnly(5, base_channels=8, stage_blocks=(1, 1, 1)).state_dict()
    with pytest.raises(ValueError, match=r"backbone\.pose_path\.conv1\.conv\.weight of a half has shape"):
        merge_halves(whole, rgb_half, wide)
    with pytest.raises(ValueError, match="no such tensor"):
        merge_halves(whole, RGBOnly(5, base_channels=8).state_dict(), wide)


@pytest.mark.parametrize("options", [{"lateral": "left"}, {"rgb_blocks": (3, 4, 6)}, {"pose_blocks": (3, 4, 6, 3)}])
def test_options_that_make_no_network_are_refused(options) -> None:
    with pytest.raises(BadCard, match="cannot be built"):
        build_network("rgbpose", 5, options)
    with pytest.raises(BadCard, match="cannot be built"):
        build_network("rgb-only", 5, {"stage_blocks": (4, 6, 3)})
