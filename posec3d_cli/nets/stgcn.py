"""ST-GCN++, a graph network on joint coordinates.

Duan et al., "PYSKL: Towards Good Practices for Skeleton Action Recognition" (ACM MM 2022), section 3.1: ST-GCN (Yan et
al., AAAI 2018) with a graph that is learnt, a shortcut around each graph convolution, and six convolutions over time
side by side. Parameter names and shapes are those of PYSKL's checkpoints.
"""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor, nn

from posec3d_cli.nets.layers import Head, Recognizer
from posec3d_cli.skeletons import COCO_17, Limbs

JOINTS = len(COCO_17.joints)
INWARD: Limbs = (
    (15, 13), (13, 11), (11, 5), (16, 14), (14, 12), (12, 6), (9, 7), (7, 5), (10, 8), (8, 6), (5, 0), (6, 0),
    (3, 1), (1, 0), (4, 2), (2, 0),
)  # fmt: skip
"""Each joint and the next one towards the nose, as upstream."""
STAGES = 10
WIDER = (5, 8)
"""The stages, counted from 1, that double the channels and halve the time."""
DILATIONS = (1, 2, 3, 4)


def graph() -> Tensor:
    """`(3, 17, 17)`: each joint itself, the joint inward of it, the mean of those outward of it.

    Entry [k, v, w] is the weight of joint v in the sum at joint w; no column sums to more than 1.
    """
    edges = np.zeros((3, JOINTS, JOINTS), np.float32)
    edges[0] = np.eye(JOINTS)
    for outer, inner in INWARD:
        edges[1, inner, outer] = 1
        edges[2, outer, inner] = 1
    return torch.tensor(edges / np.maximum(edges.sum(axis=1, keepdims=True), 1))


class PointConv(nn.Conv2d):
    """A 1 x 1 convolution of every `frame_stride`-th frame.

    The frames are taken out first, because oneDNN's backward pass of a strided 1 x 1 convolution can write past its
    buffer: where the tensors are channels_last and the input channels fewer than one of its blocks, up to version 3.12
    at least (https://github.com/uxlfoundation/oneDNN/issues/6035).
    """

    def __init__(self, inputs: int, outputs: int, *, frame_stride: int = 1) -> None:
        super().__init__(inputs, outputs, 1)
        self.frame_stride = frame_stride

    def forward(self, x: Tensor) -> Tensor:
        """(B, inputs, T, K) -> (B, outputs, T / frame_stride, K), rounded up."""
        return super().forward(x[:, :, :: self.frame_stride])


class TimeConv(nn.Module):
    """A convolution of each joint over time, named `conv`, and a batch norm named `bn` where one is asked for."""

    def __init__(
        self, inputs: int, outputs: int, kernel: int, *, stride: int = 1, dilation: int = 1, norm: bool = False
    ) -> None:
        super().__init__()
        padding = dilation * (kernel // 2)
        self.conv = (
            PointConv(inputs, outputs, frame_stride=stride)
            if kernel == 1
            else nn.Conv2d(inputs, outputs, (kernel, 1), (stride, 1), (padding, 0), (dilation, 1))
        )
        self.bn = nn.BatchNorm2d(outputs) if norm else nn.Identity()

    def forward(self, x: Tensor) -> Tensor:
        """(B, inputs, T, K) -> (B, outputs, T / stride, K), rounded up."""
        convolved: Tensor = self.bn(self.conv(x))
        return convolved


class JointConv(nn.Module):
    """A convolution along the edges of the graph, which is a parameter named `A`, with a shortcut around it."""

    def __init__(self, inputs: int, outputs: int) -> None:
        super().__init__()
        self.A = nn.Parameter(graph())
        # Before the convolution, as upstream: it does not directly follow it, so it cannot be folded into it.
        self.bn = nn.BatchNorm2d(outputs)
        self.conv = nn.Conv2d(inputs, outputs * len(self.A), 1)
        self.down = (
            nn.Sequential(nn.Conv2d(inputs, outputs, 1), nn.BatchNorm2d(outputs))
            if inputs != outputs
            else nn.Identity()
        )

    def forward(self, x: Tensor) -> Tensor:
        """(B, inputs, T, K) -> (B, outputs, T, K)."""
        mixed = self.conv(x).unflatten(1, (len(self.A), -1))  # (B, 3, outputs, T, K)
        summed = torch.einsum("bectv,evw->bctw", mixed, self.A)
        activated: Tensor = torch.relu(self.bn(summed) + self.down(x))
        return activated


class TimeConvs(nn.Module):
    """Six branches over time side by side: convolutions of four reaches, a maximum over 3 frames, and each frame."""

    def __init__(self, channels: int, *, stride: int) -> None:
        super().__init__()
        if channels < 6:
            raise ValueError(f"six branches share the channels, so there must be at least 6, got {channels}")
        narrow = channels // 6
        wide = channels - 5 * narrow

        def branch(outputs: int, last: nn.Module) -> nn.Sequential:
            return nn.Sequential(nn.Conv2d(channels, outputs, 1), nn.BatchNorm2d(outputs), nn.ReLU(), last)

        sizes = (wide, narrow, narrow, narrow)
        self.branches = nn.ModuleList(
            [
                *(
                    branch(size, TimeConv(size, size, 3, stride=stride, dilation=dilation))
                    for size, dilation in zip(sizes, DILATIONS, strict=True)
                ),
                branch(narrow, nn.MaxPool2d((3, 1), (stride, 1), (1, 0))),
                PointConv(channels, narrow, frame_stride=stride),
            ]
        )
        self.transform = nn.Sequential(nn.BatchNorm2d(channels), nn.ReLU(), nn.Conv2d(channels, channels, 1))
        self.bn = nn.BatchNorm2d(channels)

    def forward(self, x: Tensor) -> Tensor:
        """(B, channels, T, K) -> (B, channels, T / stride, K), rounded up."""
        beside = torch.cat([branch(x) for branch in self.branches], dim=1)
        mixed: Tensor = self.bn(self.transform(beside))
        return mixed


class Block(nn.Module):
    """Joints, then time; all but the first block of a network are shortcut."""

    def __init__(self, inputs: int, outputs: int, *, stride: int = 1, shortcut: bool = True) -> None:
        super().__init__()
        self.gcn = JointConv(inputs, outputs)
        self.tcn = TimeConvs(outputs, stride=stride)
        self.shortcut = shortcut
        changes = inputs != outputs or stride != 1
        self.residual = (
            TimeConv(inputs, outputs, 1, stride=stride, norm=True) if shortcut and changes else nn.Identity()
        )

    def forward(self, x: Tensor) -> Tensor:
        """(B, inputs, T, K) -> (B, outputs, T / stride, K), rounded up."""
        y = self.tcn(self.gcn(x))
        return torch.relu(y + self.residual(x)) if self.shortcut else torch.relu(y)


class Backbone(nn.Module):
    """Ten blocks; the fifth and the eighth double the channels and halve the time."""

    def __init__(self, *, in_channels: int, base_channels: int) -> None:
        super().__init__()
        self.data_bn = nn.BatchNorm1d(JOINTS * in_channels)
        blocks = [Block(in_channels, base_channels, shortcut=False)]
        channels = base_channels
        for stage in range(2, STAGES + 1):
            wider = 2 if stage in WIDER else 1
            blocks.append(Block(channels, channels * wider, stride=wider))
            channels *= wider
        self.gcn = nn.ModuleList(blocks)
        self.in_channels = in_channels
        self.out_channels = channels

    def forward(self, x: Tensor) -> Tensor:
        """(B, M, T, 17, in_channels) -> (B, 4 base_channels, M, T / 4, 17), T rounded up."""
        batch, people, frames, joints, channels = x.shape
        # The shapes are those of 2 people over 100 frames with the default options.
        x = x.permute(0, 1, 3, 4, 2).reshape(batch * people, joints * channels, frames)  # (2 B, 51, 100)
        x = self.data_bn(x)
        x = x.view(-1, joints, channels, frames).permute(0, 2, 3, 1).contiguous()  # (2 B, 3, 100, 17)
        for block in self.gcn:
            x = block(x)  # (2 B, 64, 100, 17), from the fifth on (2 B, 128, 50, 17), at last (2 B, 256, 25, 17)
        return x.view(batch, people, *x.shape[1:]).transpose(1, 2)  # (B, 256, 2, 25, 17)


class STGCNPlusPlus(Recognizer):
    """ST-GCN++: (B, M, T, 17, in_channels) joints of COCO -> (B, C) logits.

    Args:
        num_classes: C, the actions to tell apart.
        in_channels: numbers per joint: x, y and score.
        base_channels: channels of the first four blocks.
        dropout: probability of dropping a channel before the linear layer, in training.
    """

    reads = "joints"
    layout = torch.contiguous_format

    def __init__(
        self, num_classes: int, *, in_channels: int = 3, base_channels: int = 64, dropout: float = 0.0
    ) -> None:
        backbone = Backbone(in_channels=in_channels, base_channels=base_channels)
        super().__init__(backbone, Head(backbone.out_channels, num_classes, dropout), in_channels=in_channels)
