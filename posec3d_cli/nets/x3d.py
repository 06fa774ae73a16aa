"""X3D-shallow, the smallest network of PoseC3D.

Duan et al., "Revisiting Skeleton-based Action Recognition" (CVPR 2022), section 3.3: X3D (Feichtenhofer, CVPR 2020)
without its first stage, its depth expansion, squeeze-and-excitation and swish. Parameter names, shapes and order are
those of PYSKL's checkpoints.
"""

from __future__ import annotations

from collections.abc import Sequence

from torch import Tensor, nn

from posec3d_cli.nets.layers import ConvBN, Head, Recognizer

EXPANSION = 2.25  # a block's inner channels per outer channel; X3D's gamma_b


class Stem(nn.Module):
    """A convolution over space alone, named `conv`: neither batch norm nor activation."""

    def __init__(self, inputs: int, outputs: int) -> None:
        super().__init__()
        self.conv = nn.Conv3d(inputs, outputs, (1, 3, 3), (1, 2, 2), (0, 1, 1), bias=False)

    def forward(self, x: Tensor) -> Tensor:
        """(B, inputs, T, H, W) -> (B, outputs, T, H / 2, W / 2)."""
        convolved: Tensor = self.conv(x)
        return convolved


class Block(nn.Module):
    """Expand, convolve each channel by itself over time and space, reduce; no activation before the reduction."""

    def __init__(self, inputs: int, outputs: int, *, spatial_stride: int) -> None:
        super().__init__()
        inner = int(outputs * EXPANSION)
        stride = (1, spatial_stride, spatial_stride)
        self.conv1 = ConvBN(inputs, inner, (1, 1, 1))
        self.conv2 = ConvBN(inner, inner, (3, 3, 3), stride=stride, groups=inner)
        self.conv3 = ConvBN(inner, outputs, (1, 1, 1), zero=True)
        self.downsample = ConvBN(inputs, outputs, (1, 1, 1), stride=stride) if spatial_stride != 1 else None
        self.relu = nn.ReLU(inplace=True)

    def forward(self, x: Tensor) -> Tensor:
        """(B, inputs, T, H, W) -> (B, outputs, T, H / s, W / s)."""
        identity = x if self.downsample is None else self.downsample(x)
        y = self.relu(self.conv1(x))
        y = self.conv3(self.conv2(y))
        activated: Tensor = self.relu(y + identity)
        return activated


class Backbone(nn.Module):
    """A stem, three stages of blocks and a last convolution; the stem and each stage halve H and W."""

    def __init__(self, *, in_channels: int, base_channels: int, stage_blocks: Sequence[int]) -> None:
        super().__init__()
        base, blocks = base_channels, stage_blocks
        self.conv1_s = Stem(in_channels, base)
        self.conv1_t = ConvBN(base, base, (5, 1, 1), groups=base)
        self.layer1 = _stage(base, base, blocks[0])
        self.layer2 = _stage(base, base * 2, blocks[1])
        self.layer3 = _stage(base * 2, base * 4, blocks[2])
        self.out_channels = int(base * 4 * EXPANSION)
        self.conv5 = ConvBN(base * 4, self.out_channels, (1, 1, 1))
        self.relu = nn.ReLU(inplace=True)

    def forward(self, x: Tensor) -> Tensor:
        """(B, K, T, H, W) -> (B, 9 base_channels, T, H / 16, W / 16), rounded up."""
        # The shapes are those of a 17 x 48 x 56 x 56 volume with the default options.
        x = self.conv1_s(x)  # (B, 24, 48, 28, 28)
        x = self.relu(self.conv1_t(x))  # (B, 24, 48, 28, 28)
        x = self.layer1(x)  # (B, 24, 48, 14, 14)
        x = self.layer2(x)  # (B, 48, 48, 7, 7)
        x = self.layer3(x)  # (B, 96, 48, 4, 4)
        x = self.relu(self.conv5(x))  # (B, 216, 48, 4, 4)
        return x


def _stage(inputs: int, outputs: int, blocks: int) -> nn.Sequential:
    """`blocks` blocks; the first halves H and W."""
    first = Block(inputs, outputs, spatial_stride=2)
    return nn.Sequential(first, *(Block(outputs, outputs, spatial_stride=1) for _ in range(blocks - 1)))


class X3DShallow(Recognizer):
    """X3D-shallow: (B, K, T, H, W) heatmaps -> (B, C) logits.

    Args:
        num_classes: C, the actions to tell apart.
        in_channels: K, the joints or limbs of the volumes.
        base_channels: channels of the stem.
        stage_blocks: blocks of the three stages; (5, 11, 7) is X3D's own depth.
        dropout: probability of dropping a channel before the linear layer, in training.

    Raises:
        ValueError: `stage_blocks` does not name three stages.
    """

    reads = "heatmaps"

    def __init__(
        self,
        num_classes: int,
        *,
        in_channels: int = 17,
        base_channels: int = 24,
        stage_blocks: Sequence[int] = (2, 5, 3),
        dropout: float = 0.5,
    ) -> None:
        if len(stage_blocks) != 3:
            raise ValueError(f"X3DShallow has three stages, got blocks {stage_blocks}")
        backbone = Backbone(in_channels=in_channels, base_channels=base_channels, stage_blocks=stage_blocks)
        super().__init__(backbone, Head(backbone.out_channels, num_classes, dropout), in_channels=in_channels)
