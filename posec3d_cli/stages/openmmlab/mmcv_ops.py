"""Two of mmcv's compiled operators in torch and NumPy, used where mmcv has no compiled ones.

Top-down pose models and the usual detectors need exactly these two when they predict: greedy non-maximum suppression
(`nms`) and RoIAlign. Both keep the contract of mmcv 2's extension module, so that mmcv itself need not change.

torchvision has both, and is not asked: its wheels load their operators only beside a torch for CUDA (they need
`libc10_cuda.so`), its `nms` knows no `offset`, and these run beside any torch.
"""

from __future__ import annotations

from importlib.machinery import ModuleSpec
from types import ModuleType
from typing import Any, NoReturn

import numpy as np
import torch
from torch import Tensor

from posec3d_cli.errors import StageUnavailable

MODULE = "mmcv._ext"
_AVERAGE = 1  # mmcv's number of that pool mode


def nms(boxes: Tensor, scores: Tensor, *, iou_threshold: float, offset: int) -> Tensor:
    """Non-maximum suppression: the boxes that overlap no better box too much.

    Args:
        boxes: `(N, 4)` x1, y1, x2, y2.
        scores: `(N,)`; of equal ones, the first goes first.
        iou_threshold: a box goes where its intersection over union with a better one that stays exceeds this.
        offset: 1 where x2 and y2 are the last pixels that belong to the box, else 0.

    Returns:
        Their indices, best first, on the device of `boxes`.
    """
    # In NumPy, whose small operations cost a fraction of torch's.
    order = scores.detach().cpu().sort(descending=True, stable=True).indices
    x1, y1, x2, y2 = boxes.detach().cpu().float()[order].numpy().T
    areas = (x2 - x1 + offset) * (y2 - y1 + offset)
    waiting, kept = np.arange(len(order)), []
    while len(waiting):
        best, rest = waiting[0], waiting[1:]
        kept.append(best)
        width = np.minimum(x2[best], x2[rest]) - np.maximum(x1[best], x1[rest]) + offset
        height = np.minimum(y2[best], y2[rest]) - np.maximum(y1[best], y1[rest]) + offset
        shared = np.maximum(width, 0) * np.maximum(height, 0)
        with np.errstate(invalid="ignore"):  # two boxes without area share none
            waiting = rest[~(shared / (areas[best] + areas[rest] - shared) > iou_threshold)]
    return order[np.array(kept, np.int64)].to(boxes.device)


def roi_align_forward(
    features: Tensor,
    rois: Tensor,
    output: Tensor,
    argmax_y: Tensor,
    argmax_x: Tensor,
    *,
    aligned_height: int,
    aligned_width: int,
    spatial_scale: float,
    sampling_ratio: int,
    pool_mode: int,
    aligned: bool,
) -> None:
    """Sample each region of a feature map on a grid of bins, bilinearly, and average within each bin.

    Bilinear sampling is separable, so that one region is two small matrix products: rows, then columns.

    Args:
        features: `(B, C, H, W)`.
        rois: `(R, 5)` number in the batch, x1, y1, x2, y2 in pixels of the image.
        output: `(R, C, aligned_height, aligned_width)`, which is filled.
        argmax_y: of the maximum mode, not used.
        argmax_x: likewise.
        aligned_height: bins from top to bottom.
        aligned_width: bins from left to right.
        spatial_scale: cells of the feature map per pixel of the image.
        sampling_ratio: samples per bin and axis; 0 takes one per cell that the bin covers, rounded up.
        pool_mode: 1, average.
        aligned: shift by half a cell, so that positions are those of cell centres.

    Raises:
        StageUnavailable: the maximum of each bin was asked for.
    """
    if pool_mode != _AVERAGE:
        _missing("roi_align_forward in its maximum mode")
    shift = 0.5 if aligned else 0.0
    corners = rois[:, 1:] * spatial_scale - shift
    sizes = corners[:, 2:] - corners[:, :2]
    if not aligned:
        sizes = sizes.clamp(min=1)
    rows, columns = features.shape[2:]
    of_rows = _axis_weights(corners[:, 1], sizes[:, 1], aligned_height, rows, sampling_ratio)
    of_columns = _axis_weights(corners[:, 0], sizes[:, 0], aligned_width, columns, sampling_ratio)
    spans = zip(_used(of_rows), _used(of_columns), strict=True)
    for region, (image, (y, x)) in enumerate(zip(rois[:, 0].long().tolist(), spans, strict=True)):
        vertical, horizontal = of_rows[region][:, y], of_columns[region][:, x]
        output[region] = vertical @ features[image][:, y, x] @ horizontal.T


def _axis_weights(start: Tensor, size: Tensor, bins: int, cells: int, sampling_ratio: int) -> Tensor:
    """`(R, bins, cells)`: how much each cell along one axis counts in each bin."""
    per_bin = size / bins
    samples = torch.full_like(size, sampling_ratio) if sampling_ratio > 0 else per_bin.ceil()
    most = int(samples.max().clamp(min=1)) if len(samples) else 1
    count = samples.clamp(min=1)[:, None, None]
    number = torch.arange(most, device=size.device)
    bin_number = torch.arange(bins, device=size.device)
    at = start[:, None, None] + per_bin[:, None, None] * (bin_number[:, None] + (number + 0.5) / count)
    inside = (number < samples[:, None, None]) & (at >= -1) & (at <= cells)
    at = at.clamp(0, cells - 1)
    low = at.floor().long()
    high = (low + 1).clamp(max=cells - 1)
    upper = at - low
    share = inside / count
    weights = size.new_zeros((len(size), bins, cells))
    weights.scatter_add_(2, low, (1 - upper) * share)
    weights.scatter_add_(2, high, upper * share)
    return weights


def _used(weights: Tensor) -> list[slice]:
    """The range of cells with a weight above 0, for each region."""
    regions, _, cells = weights.shape
    counts = (weights != 0).any(1)
    first = torch.where(counts, torch.arange(cells, device=weights.device), cells).amin(1) if regions else counts
    last = torch.where(counts, torch.arange(1, cells + 1, device=weights.device), 0).amax(1) if regions else counts
    return [slice(a, max(a, b)) for a, b in zip(first.tolist(), last.tolist(), strict=True)]


class Operators(ModuleType):
    """A module with these two operators; every other name is a function that raises an error."""

    def __init__(self) -> None:
        super().__init__(MODULE, __doc__)
        # Without a loader: who asks whether the compiled mmcv is there looks for one.
        self.__spec__ = ModuleSpec(MODULE, None)
        self.nms = nms
        self.roi_align_forward = roi_align_forward

    def __getattr__(self, name: str) -> Any:
        if name.startswith("__"):
            raise AttributeError(f"module {MODULE!r} has no attribute {name!r}")
        return lambda *args, **kwargs: _missing(name)


def _missing(name: str) -> NoReturn:
    raise StageUnavailable(
        f"this model needs mmcv's compiled operator {name}, which mmcv-lite does not have",
        hint="install the full mmcv in its place, built for this torch, or choose a model without that operator",
    )
