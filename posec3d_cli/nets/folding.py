"""Batch norms of an evaluating network, multiplied into the convolutions before them."""

from __future__ import annotations

import itertools

from torch import nn
from torch.nn.utils.fusion import fuse_conv_bn_eval


def fold_batch_norms(network: nn.Module) -> None:
    """Fold, in place, every batch norm that directly follows a convolution among the children of one module."""
    for module in network.modules():
        for (name, conv), (following, norm) in itertools.pairwise(list(module.named_children())):
            if (isinstance(conv, nn.Conv2d) and isinstance(norm, nn.BatchNorm2d)) or (
                isinstance(conv, nn.Conv3d) and isinstance(norm, nn.BatchNorm3d)
            ):
                setattr(module, name, fuse_conv_bn_eval(conv, norm))
                setattr(module, following, nn.Identity())
