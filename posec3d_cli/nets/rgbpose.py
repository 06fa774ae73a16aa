"""RGBPose-Conv3D: a pathway for pixels and one for heatmaps, with lateral connections; and its RGB half alone.

Duan et al., "Revisiting Skeleton-based Action Recognition" (CVPR 2022), section 3.4: SlowOnly-R50 on a few RGB frames
and Pose-SlowOnly on four times as many frames of heatmaps, joined after res3 and res4, each with a head of its own.
Parameter names, shapes and order are those of the checkpoints published for MMAction2 and PYSKL. The pose half alone
is `posec3d_cli.nets.slowonly.SlowOnly` with temporal strides of 1.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Literal

import torch
from torch import Tensor, nn

from posec3d_cli.nets.layers import ConvBN, Head, Recognizer
from posec3d_cli.nets.slowonly import EXPANSION, stage

Lateral = Literal["none", "pose-to-rgb", "rgb-to-pose", "both"]
LATERAL: tuple[str, ...] = ("none", "pose-to-rgb", "rgb-to-pose", "both")
RGB_BLOCKS = (3, 4, 6, 3)
POSE_BLOCKS = (4, 6, 3)
KERNEL = 7  # frames that a lateral connection spans
SHARE = 16  # the pose pathway gets a sixteenth of the channels of the RGB pathway


class Pathway(nn.Module):
    """A stem and stages of bottlenecks; the last two stages also convolve over time, at full frame rate.

    Args:
        in_channels: channels of the input.
        base_channels: channels of the stem.
        stage_blocks: bottlenecks of each stage, three or four.
        halves: whether the stem halves H and W twice and the first stage does not (RGB), or the stem keeps them and
            each stage halves them (heatmaps).
        guests: channels that a lateral connection adds before each of the last two stages.
    """

    def __init__(
        self,
        *,
        in_channels: int,
        base_channels: int,
        stage_blocks: Sequence[int],
        halves: bool,
        guests: tuple[int, int] = (0, 0),
    ) -> None:
        super().__init__()
        step = 2 if halves else 1
        self.conv1 = ConvBN(in_channels, base_channels, (1, 7, 7), stride=(1, step, step))
        self.relu = nn.ReLU(inplace=True)
        self.maxpool = nn.MaxPool3d((1, 3, 3), stride=(1, step, step), padding=(0, 1, 1))
        self.stages = len(stage_blocks)
        inputs = base_channels
        for number, blocks in enumerate(stage_blocks):
            planes, timed = base_channels * 2**number, number - self.stages + 2
            layer = stage(
                inputs + (guests[timed] if timed >= 0 else 0),
                planes,
                blocks,
                stride=(1, 1, 1) if halves and number == 0 else (1, 2, 2),
                inflate=timed >= 0,
            )
            self.add_module(f"layer{number + 1}", layer)
            inputs = planes * EXPANSION
        self.out_channels = inputs

    def until_fusion(self, x: Tensor) -> Tensor:
        """The stem and all stages but the last two."""
        x = self.maxpool(self.relu(self.conv1(x)))
        for number in range(1, self.stages - 1):
            x = self.get_submodule(f"layer{number}")(x)
        return x

    def last_but_one(self, x: Tensor) -> Tensor:
        """The last stage but one."""
        y: Tensor = self.get_submodule(f"layer{self.stages - 1}")(x)
        return y

    def last(self, x: Tensor) -> Tensor:
        """The last stage."""
        y: Tensor = self.get_submodule(f"layer{self.stages}")(x)
        return y

    def forward(self, x: Tensor) -> Tensor:
        """(B, in_channels, T, H, W) -> (B, out_channels, T, H / 32, W / 32) of RGB, (…, H / 8, W / 8) of heatmaps."""
        return self.last(self.last_but_one(self.until_fusion(x)))


class FromPose(nn.Module):
    """Pose features for the RGB pathway: one convolution with a stride over time."""

    def __init__(self, channels: int, speed: int) -> None:
        super().__init__()
        self.conv = nn.Conv3d(
            channels, channels, (KERNEL, 1, 1), stride=(speed, 1, 1), padding=(KERNEL // 2, 0, 0), bias=False
        )

    def forward(self, x: Tensor) -> Tensor:
        """(B, channels, speed x T, H, W) -> (B, channels, T, H, W)."""
        y: Tensor = self.conv(x)
        return y


class FromRGB(nn.Module):
    """RGB features for the pose pathway: a transposed convolution over time, batch normalisation and ReLU."""

    def __init__(self, channels: int, speed: int) -> None:
        super().__init__()
        self.speed = speed
        kernel, stride, padding = (KERNEL, 1, 1), (speed, 1, 1), (KERNEL // 2, 0, 0)
        self.conv = nn.ConvTranspose3d(channels, channels // SHARE, kernel, stride=stride, padding=padding, bias=False)
        self.bn = nn.BatchNorm3d(channels // SHARE)
        self.relu = nn.ReLU()

    def forward(self, x: Tensor) -> Tensor:
        """(B, channels, T, H, W) -> (B, channels / 16, speed x T, H, W)."""
        size = [self.speed * x.shape[2], *x.shape[3:]]
        y: Tensor = self.relu(self.bn(self.conv(x, output_size=size)))
        return y


class TwoPathways(nn.Module):
    """The backbone of RGBPose-Conv3D: (B, 3, T, H, W) frames and (B, K, T', h, w) heatmaps -> the features of both."""

    def __init__(
        self,
        *,
        in_channels: int,
        rgb_channels: int,
        pose_channels: int,
        rgb_blocks: Sequence[int],
        pose_blocks: Sequence[int],
        speed: int,
        lateral: Lateral,
    ) -> None:
        super().__init__()
        to_rgb, to_pose = lateral in ("pose-to-rgb", "both"), lateral in ("rgb-to-pose", "both")
        # What each pathway gives after res3 and after res4: four times the channels that its stages have inside.
        rgb, pose = [rgb_channels * 2 * EXPANSION], [pose_channels * EXPANSION]
        rgb.append(2 * rgb[0])
        pose.append(2 * pose[0])
        self.rgb_path = Pathway(
            in_channels=3,
            base_channels=rgb_channels,
            stage_blocks=rgb_blocks,
            halves=True,
            guests=(pose[0], pose[1]) if to_rgb else (0, 0),
        )
        self.pose_path = Pathway(
            in_channels=in_channels,
            base_channels=pose_channels,
            stage_blocks=pose_blocks,
            halves=False,
            guests=(rgb[0] // SHARE, rgb[1] // SHARE) if to_pose else (0, 0),
        )
        self.to_rgb, self.to_pose = to_rgb, to_pose
        if to_rgb:
            self.rgb_path.layer2_lateral = FromPose(pose[0], speed)
            self.rgb_path.layer3_lateral = FromPose(pose[1], speed)
        if to_pose:
            self.pose_path.layer1_lateral = FromRGB(rgb[0], speed)
            self.pose_path.layer2_lateral = FromRGB(rgb[1], speed)

    def forward(self, rgb: Tensor, pose: Tensor) -> tuple[Tensor, Tensor]:
        """(B, 3, T, H, W), (B, K, speed x T, H / 4, W / 4) -> (B, C, T, H / 32, W / 32), (B, c, T', H / 32, W / 32)."""
        # The shapes are those of 3 x 8 x 256 x 256 frames and 17 x 32 x 64 x 64 heatmaps with the default options.
        rgb = self.rgb_path.until_fusion(rgb)  # (B, 512, 8, 32, 32)
        pose = self.pose_path.until_fusion(pose)  # (B, 128, 32, 32, 32)
        rgb, pose = self._exchange(rgb, pose, "layer2_lateral", "layer1_lateral")  # 512 + 128 and 128 + 32 channels
        rgb = self.rgb_path.last_but_one(rgb)  # (B, 1024, 8, 16, 16)
        pose = self.pose_path.last_but_one(pose)  # (B, 256, 32, 16, 16)
        rgb, pose = self._exchange(rgb, pose, "layer3_lateral", "layer2_lateral")  # 1024 + 256 and 256 + 64 channels
        return self.rgb_path.last(rgb), self.pose_path.last(pose)  # (B, 2048, 8, 8, 8), (B, 512, 32, 8, 8)

    def _exchange(self, rgb: Tensor, pose: Tensor, for_rgb: str, for_pose: str) -> tuple[Tensor, Tensor]:
        """Append to each pathway what the lateral connection makes of the other one."""
        rgb_guests = [self.rgb_path.get_submodule(for_rgb)(pose)] if self.to_rgb else []
        pose_guests = [self.pose_path.get_submodule(for_pose)(rgb)] if self.to_pose else []
        return torch.cat([rgb, *rgb_guests], dim=1), torch.cat([pose, *pose_guests], dim=1)


class TwoHeads(nn.Module):
    """The mean over time and place of each pathway, dropout, and a linear layer each: `fc_rgb` and `fc_pose`."""

    def __init__(self, rgb_channels: int, pose_channels: int, num_classes: int, dropout: float) -> None:
        super().__init__()
        self.dropout = nn.Dropout(dropout)
        self.fc_rgb = nn.Linear(rgb_channels, num_classes)
        self.fc_pose = nn.Linear(pose_channels, num_classes)

    def forward(self, rgb: Tensor, pose: Tensor) -> Tensor:
        """The features of both pathways -> (B, 2, C), the logits of the RGB head and of the pose head."""
        heads = ((self.fc_rgb, rgb), (self.fc_pose, pose))
        return torch.stack([layer(self.dropout(Head.pool(features))) for layer, features in heads], dim=1)


class RGBPose(Recognizer):
    """RGBPose-Conv3D: frames and heatmaps -> (B, 2, C) logits, of the RGB head and of the pose head.

    The heatmaps have `speed` times as many frames as the RGB clip, and a quarter of its height and width.

    Args:
        num_classes: C, the actions to tell apart.
        in_channels: K, the joints or limbs of the volumes.
        rgb_channels: channels of the stem of the RGB pathway; 64 in the paper.
        pose_channels: channels of the stem of the pose pathway; 32 in the paper.
        rgb_blocks: bottlenecks of the four stages of the RGB pathway.
        pose_blocks: bottlenecks of the three stages of the pose pathway.
        speed: frames of heatmaps per RGB frame.
        lateral: which pathway the lateral connections lead to: "both", "pose-to-rgb", "rgb-to-pose" or "none".
        dropout: probability of dropping a channel before the linear layers, in training.

    Raises:
        ValueError: `lateral` is unknown, or the blocks do not name four and three stages.
    """

    reads = "rgb+heatmaps"
    heads = ("rgb", "pose")

    def __init__(
        self,
        num_classes: int,
        *,
        in_channels: int = 17,
        rgb_channels: int = 64,
        pose_channels: int = 32,
        rgb_blocks: Sequence[int] = RGB_BLOCKS,
        pose_blocks: Sequence[int] = POSE_BLOCKS,
        speed: int = 4,
        lateral: Lateral = "both",
        dropout: float = 0.5,
    ) -> None:
        if lateral not in LATERAL:
            raise ValueError(f"lateral must be one of {', '.join(LATERAL)}, got {lateral!r}")
        if len(rgb_blocks) != 4 or len(pose_blocks) != 3:
            raise ValueError(f"RGBPose has four RGB stages and three of poses, got {rgb_blocks} and {pose_blocks}")
        backbone = TwoPathways(
            in_channels=in_channels,
            rgb_channels=rgb_channels,
            pose_channels=pose_channels,
            rgb_blocks=rgb_blocks,
            pose_blocks=pose_blocks,
            speed=speed,
            lateral=lateral,
        )
        head = TwoHeads(backbone.rgb_path.out_channels, backbone.pose_path.out_channels, num_classes, dropout)
        super().__init__(backbone, head, in_channels=in_channels)


class RGBOnly(Recognizer):
    """SlowOnly-R50 on pixels, the RGB half of RGBPose-Conv3D: (B, 3, T, H, W) frames -> (B, C) logits.

    Args:
        num_classes: C, the actions to tell apart.
        in_channels: 3, the channels of the frames.
        base_channels: channels of the stem; 64 in the paper.
        stage_blocks: bottlenecks of the four stages.
        dropout: probability of dropping a channel before the linear layer, in training.

    Raises:
        ValueError: `stage_blocks` does not name four stages.
    """

    reads = "rgb"

    def __init__(
        self,
        num_classes: int,
        *,
        in_channels: int = 3,
        base_channels: int = 64,
        stage_blocks: Sequence[int] = RGB_BLOCKS,
        dropout: float = 0.5,
    ) -> None:
        if len(stage_blocks) != 4:
            raise ValueError(f"RGBOnly has four stages, got blocks {stage_blocks}")
        backbone = Pathway(in_channels=in_channels, base_channels=base_channels, stage_blocks=stage_blocks, halves=True)
        super().__init__(backbone, Head(backbone.out_channels, num_classes, dropout), in_channels=in_channels)


def merge_halves(network: Recognizer, rgb: Mapping[str, Tensor], pose: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """The state of an RGBPose that begins as its two halves side by side, as the published initial file does.

    The convolutions that read channels of a lateral connection have zeros for them; the lateral connections keep the
    weights that `network` has.

    Args:
        network: the whole, whose state is not changed.
        rgb: the tensors of an RGBOnly.
        pose: the tensors of a SlowOnly with temporal strides of 1.

    Raises:
        ValueError: a tensor of a half does not fit.
    """
    state = {name: tensor.clone() for name, tensor in network.state_dict().items()}
    halves = {"backbone.": ("backbone.rgb_path.", "backbone.pose_path."), "cls_head.fc_cls": ("fc_rgb", "fc_pose")}
    for number, half in enumerate((rgb, pose)):
        for name, tensor in half.items():
            if name.startswith("backbone."):
                merged = halves["backbone."][number] + name.removeprefix("backbone.")
            else:
                merged = name.replace("fc_cls", halves["cls_head.fc_cls"][number])
            state[merged] = _widened(merged, tensor, state.get(merged))
    return state


def _widened(name: str, tensor: Tensor, like: Tensor | None) -> Tensor:
    """`tensor` with zeros for the input channels that only `like` has."""
    if like is not None and tensor.ndim == like.ndim == 5 and tensor.shape[1] < like.shape[1]:
        wide = like.new_zeros(like.shape)
        if tensor.shape[0] == like.shape[0] and tensor.shape[2:] == like.shape[2:]:
            wide[:, : tensor.shape[1]] = tensor
            return wide
    if like is None or tensor.shape != like.shape:
        expected = "no such tensor" if like is None else f"shape {tuple(like.shape)}"
        raise ValueError(f"{name} of a half has shape {tuple(tensor.shape)}, the whole has {expected}")
    return tensor.clone()
