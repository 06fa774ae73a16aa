"""Pose-SlowOnly-R50, the main network of PoseC3D.

Duan et al., "Revisiting Skeleton-based Action Recognition" (CVPR 2022), section 3.3: a ResNet-50 in 3D without its
last stage, with half the channels and no spatial stride in the stem. Parameter names, shapes and order are those of
the checkpoints published for MMAction2 and PYSKL, so that their files load as they are.
"""

from __future__ import annotations

from collections.abc import Sequence

from torch import Tensor, nn

from posec3d_cli.nets.layers import ConvBN, Head, Recognizer, Triple

EXPANSION = 4  # a bottleneck's output channels per inner channel


class Bottleneck(nn.Module):
    """Reduce, convolve in space, expand; the strides of both space and time sit on the middle convolution."""

    def __init__(self, inputs: int, planes: int, *, stride: Triple, inflate: bool, downsample: bool) -> None:
        super().__init__()
        outputs = planes * EXPANSION
        self.conv1 = ConvBN(inputs, planes, (3, 1, 1) if inflate else (1, 1, 1))
        self.conv2 = ConvBN(planes, planes, (1, 3, 3), stride=stride)
        self.conv3 = ConvBN(planes, outputs, (1, 1, 1), zero=True)
        self.downsample = ConvBN(inputs, outputs, (1, 1, 1), stride=stride) if downsample else None
        self.relu = nn.ReLU(inplace=True)

    def forward(self, x: Tensor) -> Tensor:
        """(B, inputs, T, H, W) -> (B, 4 planes, T / t, H / s, W / s)."""
        identity = x if self.downsample is None else self.downsample(x)
        y = self.relu(self.conv1(x))
        y = self.relu(self.conv2(y))
        y = self.conv3(y)
        activated: Tensor = self.relu(y + identity)
        return activated


class Backbone(nn.Module):
    """A stem and three stages of bottlenecks, each halving H and W; stages 2 and 3 also convolve over time."""

    def __init__(
        self, *, in_channels: int, base_channels: int, stage_blocks: Sequence[int], temporal_strides: Sequence[int]
    ) -> None:
        super().__init__()
        self.conv1 = ConvBN(in_channels, base_channels, (1, 7, 7))
        self.relu = nn.ReLU(inplace=True)
        self.pool = nn.MaxPool3d((1, 3, 3), stride=1, padding=(0, 1, 1))
        inner = (base_channels, base_channels * 2, base_channels * 4)
        outer = [planes * EXPANSION for planes in inner]
        blocks, strides = stage_blocks, temporal_strides
        self.layer1 = stage(base_channels, inner[0], blocks[0], stride=(strides[0], 2, 2), inflate=False)
        self.layer2 = stage(outer[0], inner[1], blocks[1], stride=(strides[1], 2, 2), inflate=True)
        self.layer3 = stage(outer[1], inner[2], blocks[2], stride=(strides[2], 2, 2), inflate=True)
        self.out_channels = outer[2]

    def forward(self, x: Tensor) -> Tensor:
        """(B, K, T, H, W) -> (B, 16 base_channels, T / 2, H / 8, W / 8)."""
        # The shapes are those of a 17 x 48 x 56 x 56 volume with the default options.
        x = self.relu(self.conv1(x))  # (B, 32, 48, 56, 56)
        x = self.pool(x)  # (B, 32, 48, 56, 56)
        x = self.layer1(x)  # (B, 128, 48, 28, 28)
        x = self.layer2(x)  # (B, 256, 48, 14, 14)
        x = self.layer3(x)  # (B, 512, 24, 7, 7)
        return x


def stage(inputs: int, planes: int, blocks: int, *, stride: Triple, inflate: bool) -> nn.Sequential:
    """`blocks` bottlenecks; the first one strides over (T, H, W) and has a shortcut of its own."""
    first = Bottleneck(inputs, planes, stride=stride, inflate=inflate, downsample=True)
    rest = [
        Bottleneck(planes * EXPANSION, planes, stride=(1, 1, 1), inflate=inflate, downsample=False)
        for _ in range(blocks - 1)
    ]
    return nn.Sequential(first, *rest)


class SlowOnly(Recognizer):
    """Pose-SlowOnly-R50: (B, K, T, H, W) heatmaps -> (B, C) logits.

    Args:
        num_classes: C, the actions to tell apart.
        in_channels: K, the joints or limbs of the volumes.
        base_channels: channels of the stem: 32 in the paper's main network, 16 for Volleyball, 64 for the wide one.
        stage_blocks: bottlenecks of the three stages: (4, 6, 3) for NTU and FineGYM, (3, 4, 6) for Kinetics, UCF101
            and HMDB51.
        temporal_strides: stride over time of each stage's first block.
        dropout: probability of dropping a channel before the linear layer, in training.

    Raises:
        ValueError: `stage_blocks` or `temporal_strides` does not name three stages.
    """

    reads = "heatmaps"

    def __init__(
        self,
        num_classes: int,
        *,
        in_channels: int = 17,
        base_channels: int = 32,
        stage_blocks: Sequence[int] = (4, 6, 3),
        temporal_strides: Sequence[int] = (1, 1, 2),
        dropout: float = 0.5,
    ) -> None:
        if len(stage_blocks) != 3 or len(temporal_strides) != 3:
            raise ValueError(f"SlowOnly has three stages, got blocks {stage_blocks} and strides {temporal_strides}")
        backbone = Backbone(
            in_channels=in_channels,
            base_channels=base_channels,
            stage_blocks=stage_blocks,
            temporal_strides=temporal_strides,
        )
        super().__init__(backbone, Head(backbone.out_channels, num_classes, dropout), in_channels=in_channels)
