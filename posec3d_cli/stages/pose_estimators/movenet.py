"""MoveNet single-pose, top-down on each detected box, on ONNX Runtime."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, Self

import cv2
import numpy as np

from posec3d_cli.hub.converted import converted
from posec3d_cli.runtime.onnx import only_processor, open_session
from posec3d_cli.runtime.threads import ThreadLanes
from posec3d_cli.schema import Checked, Count, Positive, read_settings
from posec3d_cli.skeletons import COCO_17, Skeleton
from posec3d_cli.stages.pose_estimators.batching import crops_at_once, each_person
from posec3d_cli.types import Detections, Floats, Frame, JointHeatmaps, Pixels, Poses

if TYPE_CHECKING:
    from posec3d_cli.hub.cards import ModelCard

_DISTANCE_BIAS = np.float32(1.7998047)  # the graph's own constant, stored as float16


class MoveNet:
    """Seventeen COCO joints of the person in each box.

    Args:
        model: the ONNX model that the hub converted, or its content. It reads `(N, S, S, 3)` float32, 0 to 255, and
            returns the four maps that `decode_joints` takes; S is 256 for Thunder, 192 for Lightning.
        settings: how it runs.
        device: "cpu" or "cuda[:N]".
    """

    class Settings(Checked, frozen=True):
        """Settings of its cards.

        Attributes:
            crop_padding: the crop's side as a multiple of the longer side of the box.
            heatmaps: return the network's own heatmaps too.
            skeleton: for readers of the card.
            threads: calls of a few crops each that run side by side; None: see
                `posec3d_cli.runtime.threads.network_threads`.
        """

        crop_padding: Positive = 1.25
        heatmaps: bool = False
        skeleton: Literal["coco-17"] = "coco-17"
        threads: Count | None = None

    skeleton: Skeleton = COCO_17

    def __init__(self, model: Path | bytes, settings: Settings, *, device: str = "cpu") -> None:
        self._session = open_session(model, stage="movenet", device=device)
        self.device = device
        self._size = int(self._session.get_inputs()[0].shape[1])
        self._padding = settings.crop_padding
        self._heatmaps = settings.heatmaps
        self._lanes = ThreadLanes(settings.threads, device=device)
        # On a processor thread four crops at once take a tenth longer than one after the other.
        self._batch = 1 if device == "cpu" else crops_at_once(device, self._lanes)

    @classmethod
    def prefers_processor(cls, card: ModelCard) -> bool:
        """Where ONNX Runtime runs nowhere else."""
        return only_processor()

    @classmethod
    def from_card(cls, card: ModelCard, files: Mapping[str, Path], *, device: str = "cpu", **options: Any) -> Self:
        """Make the stage; options: its `Settings`."""
        settings = read_settings(cls.Settings, card, options)
        return cls(converted(card, files), settings, device=device)

    def estimate(self, frames: Sequence[Frame], detections: Sequence[Detections]) -> list[Poses]:
        """One `Poses` per frame, row n for box n; keypoints in pixels of the frame."""
        joints = len(self.skeleton.joints)
        return each_person(frames, detections, self._run, batch=self._batch, joints=joints, lanes=self._lanes)

    def _run(self, frames: Sequence[Frame], boxes: Floats) -> Poses:
        to_crop = [crop_transform(box, self._padding, self._size) for box in boxes]
        images = np.stack(
            [_warp(frame.pixels, transform, self._size) for frame, transform in zip(frames, to_crop, strict=True)]
        )
        heat, center, regress, offset = self._session.run(None, {"images": images.astype(np.float32)})
        cells, scores = decode_joints(heat, center, regress, offset)
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


def decode_joints(heat: Floats, center: Floats, regress: Floats, offset: Floats) -> tuple[Floats, Floats]:
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
