"""Layers that the networks share: 3D convolution with batch norm, classification head, weight initialization."""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar

import torch
from torch import Tensor, nn

Triple = tuple[int, int, int]


class ConvBN(nn.Module):
    """A bias-free 3D convolution and its batch normalisation, named `conv` and `bn`; no activation.

    The padding keeps T, H and W where the stride is 1.

    Args:
        inputs: channels read.
        outputs: channels written.
        kernel: odd extents over (T, H, W).
        stride: steps over (T, H, W).
        groups: as in `torch.nn.Conv3d`.
        zero: start from the scale 0, so that a residual block starts as the identity (as upstream).
    """

    def __init__(
        self,
        inputs: int,
        outputs: int,
        kernel: Triple,
        *,
        stride: Triple = (1, 1, 1),
        groups: int = 1,
        zero: bool = False,
    ) -> None:
        super().__init__()
        padding = (kernel[0] // 2, kernel[1] // 2, kernel[2] // 2)
        self.conv = nn.Conv3d(inputs, outputs, kernel, stride, padding, groups=groups, bias=False)
        self.bn = nn.BatchNorm3d(outputs)
        if zero:
            nn.init.zeros_(self.bn.weight)

    def forward(self, x: Tensor) -> Tensor:
        """(B, inputs, T, H, W) -> (B, outputs, T / t, H / s, W / s)."""
        normalised: Tensor = self.bn(self.conv(x))
        return normalised


class Head(nn.Module):
    """The mean over time and place, dropout, and one linear layer named `fc_cls`."""

    def __init__(self, channels: int, num_classes: int, dropout: float) -> None:
        super().__init__()
        self.dropout = nn.Dropout(dropout)
        self.fc_cls = nn.Linear(channels, num_classes)

    def forward(self, x: Tensor) -> Tensor:
        """(B, channels, T, H, W), or people, time and joints in place of the last three -> (B, C)."""
        logits: Tensor = self.fc_cls(self.dropout(self.pool(x)))  # (B, C)
        return logits

    @staticmethod
    def pool(x: Tensor) -> Tensor:
        """(B, channels, T, H, W), or people, time and joints in place of the last three -> (B, channels)."""
        return x.mean(dim=(2, 3, 4))


class Recognizer(nn.Module):
    """A backbone and a head, named `backbone` and `cls_head`: a batch of what it reads -> (B, C) logits.

    A batch is (B, K, T, H, W) heatmaps in [0, 1], (B, M, T, 17, C) joints or (B, 3, T, H, W) normalized frames, or both
    frames and heatmaps, as two arguments: the class attribute `reads` says which. A network of several heads has the
    logits of all: (B, heads, C).

    Fresh weights are drawn as upstream: 3D convolutions from He's normal distribution over the fan-out, the linear
    layer from a normal distribution of standard deviation 0.01, 2D convolutions as torch does by itself. On the "meta"
    device there is nothing to draw, and asking torch to would have it import its compiler, which takes seconds.

    Attributes:
        reads: "heatmaps", "joints", "rgb" or "rgb+heatmaps".
        heads: the names of its heads, where it has several.
        in_channels: K of heatmaps, also beside frames; C of joints; 3 of frames alone.
        layout: how its weights and its batches lie in memory best, for `to` and `contiguous`.
    """

    reads: ClassVar[str]
    heads: ClassVar[tuple[str, ...]] = ()
    layout: ClassVar[torch.memory_format] = torch.channels_last_3d

    def __init__(self, backbone: nn.Module, head: nn.Module, *, in_channels: int) -> None:
        super().__init__()
        self.in_channels = in_channels
        self.backbone = backbone
        self.cls_head = head
        for module in self.modules():
            if any(tensor.is_meta for tensor in module.parameters(recurse=False)):
                continue
            if isinstance(module, nn.Conv3d):
                nn.init.kaiming_normal_(module.weight, mode="fan_out", nonlinearity="relu")
            elif isinstance(module, nn.Linear):
                nn.init.normal_(module.weight, std=0.01)
                nn.init.zeros_(module.bias)

    def forward(self, *inputs: Tensor) -> Tensor:
        """The input of the backbone -> (B, C), or (B, heads, C)."""
        return self.logits(self.features(*inputs))

    def features(self, *inputs: Tensor) -> tuple[Tensor, ...]:
        """What the backbone makes of the input, for each head."""
        features: Tensor | tuple[Tensor, ...] = self.backbone(*inputs)
        return features if isinstance(features, tuple) else (features,)

    def logits(self, features: Sequence[Tensor]) -> Tensor:
        """Features -> (B, C), or (B, heads, C)."""
        logits: Tensor = self.cls_head(*features)
        return logits
