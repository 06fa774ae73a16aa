"""MoveNet single-pose, top-down on each detected box, on ONNX Runtime."""

from __future__ import annotations

import itertools
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self

import cv2
import numpy as np

from posec3d_cli.device import network_threads
from posec3d_cli.errors import BadCard, StageUnavailable
from posec3d_cli.poses.tfjs import convert
from posec3d_cli.skeletons import COCO_17, Skeleton
from posec3d_cli.types import Detections, Floats, Frame, JointHeatmaps, Pixels, Poses

if TYPE_CHECKING:
    from posec3d_cli.catalog import ModelCard

_SCOPE = "StatefulPartitionedCall/"
IMAGES = f"{_SCOPE}stack"  # the graph's input, after it has been cast to float
HEADS = (
    f"{_SCOPE}Sigmoid",
    f"{_SCOPE}Sigmoid_1",
    f"{_SCOPE}kpt_regress_0/conv2d_6/BiasAdd",
    f"{_SCOPE}kpt_offset_0/conv2d_7/BiasAdd",
)
_DISTANCE_BIAS = np.float32(1.7998047)  # the graph's own constant, stored as float16
# Crops per call: more keep a thread no busier, and 16 take 500 MB more than 4.
_CROPS_PER_THREAD, _MOST_CROPS = 4, 16


class MoveNet:
    """Seventeen COCO joints of the person in each box.

    Args:
        topology: the TensorFlow.js graph, `.json`.
        weights: its weights, `.bin`.
        input_size: side of the square crop in pixels: 256 for Thunder, 192 for Lightning.
        crop_padding: the crop's side as a multiple of the longer side of the box.
        heatmaps: return the network's own heatmaps too.
        device: "cpu" or "cuda[:N]".
        threads: processor threads; None: see `posec3d_cli.device.network_threads`.
    """

    skeleton: Skeleton = COCO_17

    def __init__(
        self,
        topology: Path,
        weights: Path,
        *,
        input_size: int,
        crop_padding: float = 1.25,
        heatmaps: bool = False,
        device: str = "cpu",
        threads: int | None = None,
    ) -> None:
        try:
            import onnxruntime
        except ImportError as error:
            raise StageUnavailable(
                f"the stage 'movenet' needs the package onnxruntime, which does not import: {error}",
                hint="pip install onnxruntime",
            ) from error
        options = onnxruntime.SessionOptions()
        threads = threads or network_threads()
        options.intra_op_num_threads = threads
        model = convert(topology, weights, start=IMAGES, image_size=input_size, outputs=HEADS)
        self._session = onnxruntime.InferenceSession(model, options, providers=_providers(onnxruntime, device))
        self._size = input_size
        self._padding = crop_padding
        self._heatmaps = heatmaps
        self._batch = min(_CROPS_PER_THREAD * threads, _MOST_CROPS) if device == "cpu" else _MOST_CROPS

    @classmethod
    def from_card(cls, card: ModelCard, files: Mapping[str, Path], *, device: str = "cpu", **options: Any) -> Self:
        """Make the stage; options: crop_padding, heatmaps, threads."""
        settings = {**card.recipe, **options}
        if settings.pop("skeleton", COCO_17.name) != COCO_17.name:
            raise BadCard(f"{card.name}: MoveNet's skeleton is {COCO_17.name}, got {card.recipe['skeleton']!r}")
        try:
            return cls(files["topology"], files["weights"], device=device, **settings)
        except TypeError as error:
            raise BadCard(f"{card.name}: the stage 'movenet' does not know a setting: {error}") from error

    def estimate(self, frames: Sequence[Frame], detections: Sequence[Detections]) -> list[Poses]:
        """One `Poses` per frame, row n for box n; keypoints in pixels of the frame."""
        crops = [crop_transform(box, self._padding, self._size) for found in detections for box in found.boxes]
        owners = [frame for frame, found in zip(frames, detections, strict=True) for _ in found.boxes]
        people = [
            self._run(owners[start : start + self._batch], crops[start : start + self._batch])
            for start in range(0, len(crops), self._batch)
        ]
        every = _concatenate(people) if people else Poses.none(len(self.skeleton.joints))
        bounds = np.cumsum([0, *(len(found) for found in detections)])
        return [_rows(every, slice(a, b)) for a, b in itertools.pairwise(bounds)]

    def _run(self, frames: Sequence[Frame], to_crop: Sequence[Floats]) -> Poses:
        images = np.stack(
            [_warp(frame.pixels, transform, self._size) for frame, transform in zip(frames, to_crop, strict=True)]
        )
        heat, center, regress, offset = self._session.run(None, {"images": images.astype(np.float32)})
        cells, scores = decode(heat, center, regress, offset)
        stride = self._size / heat.shape[1]
        to_frame = np.stack([cv2.invertAffineTransform(transform) for transform in to_crop]).astype(np.float32)
        in_crop = cells * stride - 0.5  # from cell corners to pixel centres
        keypoints = np.einsum("nij,nkj->nki", to_frame[:, :, :2], in_crop) + to_frame[:, None, :, 2]
        heatmaps = None
        if self._heatmaps:
            cell_to_crop = np.array(
                [[stride, 0, stride / 2 - 0.5], [0, stride, stride / 2 - 0.5], [0, 0, 1]], np.float32
            )
            heatmaps = JointHeatmaps(np.ascontiguousarray(heat.transpose(0, 3, 1, 2)), to_frame @ cell_to_crop)
        return Poses(keypoints.astype(np.float32), scores, heatmaps)


def decode(heat: Floats, center: Floats, regress: Floats, offset: Floats) -> tuple[Floats, Floats]:
    """MoveNet's own decoding, for a batch: the joints of the person nearest the middle of the crop.

    The strongest centre (weighted towards the middle) gives a first guess of each joint by regression; the joint's
    heatmap, divided by the distance to that guess, gives the cell; the offset map refines it.

    Args:
        heat: `(N, h, w, K)` joint heatmaps in [0, 1].
        center: `(N, h, w, 1)` centre heatmap in [0, 1].
        regress: `(N, h, w, 2K)` y, x of each joint relative to the cell of the centre, in cells.
        offset: `(N, h, w, 2K)` y, x refinement in cells.

    Returns:
        `(N, K, 2)` x, y in cells, (0, 0) being the corner of the first cell, and `(N, K)` heatmap values.
    """
    people, rows, columns, joints = heat.shape
    person = np.arange(people)
    best = (center[..., 0] * center_weights(rows, columns)).reshape(people, -1).argmax(1)
    cell = np.stack([best // columns, best % columns], axis=1)
    guess = regress[person, cell[:, 0], cell[:, 1]].reshape(people, joints, 2) + cell[:, None]
    y = np.arange(rows, dtype=np.float32)[None, :, None, None]
    x = np.arange(columns, dtype=np.float32)[None, None, :, None]
    squared = (y - guess[:, None, None, :, 0]) ** 2 + (x - guess[:, None, None, :, 1]) ** 2
    near = heat / (np.sqrt(squared) + _DISTANCE_BIAS)
    where = near.reshape(people, -1, joints).argmax(1)
    row, column = where // columns, where % columns
    n, k = person[:, None], np.arange(joints)[None]
    shift = offset.reshape(people, rows, columns, joints, 2)[n, row, column, k]
    cells = np.stack([column + shift[..., 1], row + shift[..., 0]], axis=-1).astype(np.float32)
    return cells, heat[n, row, column, k].astype(np.float32)


def center_weights(rows: int, columns: int) -> Floats:
    """`(h, w)`: one over the distance from the middle, in the graph's own form."""
    y = np.arange(rows, dtype=np.float32)[:, None] - rows / 2
    x = np.arange(columns, dtype=np.float32)[None] - columns / 2
    return np.asarray(1 / (np.sqrt(y * y + x * x) + _DISTANCE_BIAS), np.float32)


def crop_transform(box: Floats, padding: float, size: int) -> Floats:
    """The affine `(2, 3)` from frame pixels to a square crop of `size` pixels around the middle of the box."""
    x1, y1, x2, y2 = (float(edge) for edge in box)
    side = max(padding * max(x2 - x1, y2 - y1), 1.0)
    scale = size / side
    # Box edges are positions between pixels, and pixel centres lie at whole numbers: half a pixel either side.
    left, top = (x1 + x2) / 2 - side / 2 - 0.5, (y1 + y2) / 2 - side / 2 - 0.5
    return np.array([[scale, 0, -left * scale - 0.5], [0, scale, -top * scale - 0.5]], np.float32)


def _warp(pixels: Pixels, transform: Floats, size: int) -> Pixels:
    return np.asarray(cv2.warpAffine(pixels, transform, (size, size), flags=cv2.INTER_LINEAR), np.uint8)


def _concatenate(parts: Sequence[Poses]) -> Poses:
    maps = [part.heatmaps for part in parts if part.heatmaps is not None]
    heatmaps = None
    if maps:
        values = np.concatenate([one.values for one in maps])
        heatmaps = JointHeatmaps(values, np.concatenate([one.to_frame for one in maps]))
    keypoints = np.concatenate([part.keypoints for part in parts])
    return Poses(keypoints, np.concatenate([part.scores for part in parts]), heatmaps)


def _rows(poses: Poses, rows: slice) -> Poses:
    heatmaps = None
    if poses.heatmaps is not None:
        heatmaps = JointHeatmaps(poses.heatmaps.values[rows], poses.heatmaps.to_frame[rows])
    return Poses(poses.keypoints[rows], poses.scores[rows], heatmaps)


def _providers(onnxruntime: Any, device: str) -> list[Any]:
    if device == "cpu":
        return ["CPUExecutionProvider"]
    kind, _, number = device.partition(":")
    if kind == "cuda" and "CUDAExecutionProvider" in onnxruntime.get_available_providers():
        return [("CUDAExecutionProvider", {"device_id": int(number or 0)}), "CPUExecutionProvider"]
    raise StageUnavailable(
        f"the stage 'movenet' cannot run on {device!r}: the installed ONNX Runtime offers "
        + ", ".join(onnxruntime.get_available_providers()),
        hint="use --device cpu, or install onnxruntime-gpu for CUDA",
    )
