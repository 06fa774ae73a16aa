"""C3D-light, the plain and still accurate network of PoseC3D.

Duan et al., "Revisiting Skeleton-based Action Recognition" (CVPR 2022), section 3.3: C3D without its last stage and
its fully connected layers, half the channels, no pooling over time. Parameter names, shapes and order are those of
PYSKL's checkpoints.
"""

from __future__ import annotations

import torch.nn.functional as F
from torch import Tensor, nn

from posec3d_cli.nets.layers import ConvBN, Head, Recognizer

CUBE = (3, 3, 3)


class Backbone(nn.Module):
    """Six 3 x 3 x 3 convolutions, H and W halved by mean pooling before three of them."""

    def __init__(self, *, in_channels: int, base_channels: int) -> None:
        super().__init__()
        base = base_channels
        self.conv1a = ConvBN(in_channels, base, CUBE)
        self.conv2a = ConvBN(base, base * 2, CUBE)
        self.conv3a = ConvBN(base * 2, base * 4, CUBE)
        self.conv3b = ConvBN(base * 4, base * 4, CUBE)
        self.conv4a = ConvBN(base * 4, base * 8, CUBE)
        self.conv4b = ConvBN(base * 8, base * 8, CUBE)
        self.relu = nn.ReLU(inplace=True)
        self.out_channels = base * 8

    def forward(self, x: Tensor) -> Tensor:
        """(B, K, T, H, W) -> (B, 8 base_channels, T, H / 8, W / 8)."""
        # The shapes are those of a 17 x 48 x 56 x 56 volume with the default options.
        x = self.relu(self.conv1a(x))  # (B, 32, 48, 56, 56)
        x = _halve(x)  # (B, 32, 48, 28, 28)
        x = self.relu(self.conv2a(x))  # (B, 64, 48, 28, 28)
        x = _halve(x)  # (B, 64, 48, 14, 14)
        x = self.relu(self.conv3a(x))  # (B, 128, 48, 14, 14)
        x = self.relu(self.conv3b(x))  # (B, 128, 48, 14, 14)
        x = _halve(x)  # (B, 128, 48, 7, 7)
        x = self.relu(self.conv4a(x))  # (B, 256, 48, 7, 7)
        x = self.relu(self.conv4b(x))  # (B, 256, 48, 7, 7)
        return x


def _halve(x: Tensor) -> Tensor:
    """(B, C, T, H, W) -> (B, C, T, H / 2, W / 2): the mean of 2 x 2 voxels.

    In 2D, frame by frame, because a CPU has no 3D mean pooling in bf16; in channels_last_3d nothing is copied.
    """
    frames = x.transpose(1, 2).flatten(0, 1)  # (B T, C, H, W)
    pooled = F.avg_pool2d(frames, 2)  # (B T, C, H / 2, W / 2)
    return pooled.reshape(x.shape[0], x.shape[2], *pooled.shape[1:]).transpose(1, 2)


class C3DLight(Recognizer):
    """C3D-light: (B, K, T, H, W) heatmaps -> (B, C) logits.

    Args:
        num_classes: C, the actions to tell apart.
        in_channels: K, the joints or limbs of the volumes.
        base_channels: channels of the first convolution.
        dropout: probability of dropping a channel before the linear layer, in training.
    """

    reads = "heatmaps"

    def __init__(
        self, num_classes: int, *, in_channels: int = 17, base_channels: int = 32, dropout: float = 0.5
    ) -> None:
        backbone = Backbone(in_channels=in_channels, base_channels=base_channels)
        super().__init__(backbone, Head(backbone.out_channels, num_classes, dropout), in_channels=in_channels)
