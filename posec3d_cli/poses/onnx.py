"""Top-down pose estimators on ONNX Runtime, cropped and decoded as in MMPose 1.x.

The recipe of a card:

    output = "simcc"              # what comes out; see `DECODERS`
    input_size = [256, 192]       # height and width of the crop of each person
    channels = "rgb"              # the order in which the model reads them
    mean = [123.675, 116.28, 103.53]        # in that order; 0 where it is left out
    std = [58.395, 57.12, 57.375]           # 1 where it is left out
    skeleton = "coco-17"          # the joints that come out, or "halpe-26", of which the COCO-17 are kept
    crop_padding = 1.25           # the crop's size as a multiple of the box
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self

import cv2
import numpy as np

from posec3d_cli.errors import BadCard
from posec3d_cli.onnx_input import PictureInput
from posec3d_cli.onnx_session import open_session
from posec3d_cli.pose_files.joints import HALPE_26
from posec3d_cli.poses.batches import pose_in_batches
from posec3d_cli.skeletons import COCO_17, Skeleton
from posec3d_cli.types import Detections, Floats, Frame, Pixels, Poses

if TYPE_CHECKING:
    from posec3d_cli.catalog import ModelCard

_BATCH = 16  # crops per call where the model takes any number
_JOINT_SETS = {one.name: one for one in (COCO_17, HALPE_26)}
Decoder = Callable[[Sequence[Any], tuple[int, int]], tuple[Floats, Floats]]


class OnnxPose:
    """Seventeen COCO joints of the person in each box, from a pose estimator that was exported to ONNX.

    A model of a fixed batch of one reads crop by crop, any other sixteen at a time.

    Args:
        model: a `.onnx` file, or a `.zip` with one `end2end.onnx` in it.
        output: which of `DECODERS` reads what comes out.
        picture: what the model reads.
        skeleton: the joints that it was trained for, "coco-17" or "halpe-26".
        crop_padding: the crop's size as a multiple of the box, before it is widened to the shape of the input.
        device: "cpu" or "cuda[:N]".
        threads: processor threads; None: see `posec3d_cli.device.network_threads`.
    """

    skeleton: Skeleton = COCO_17

    def __init__(
        self,
        model: Path,
        *,
        output: str,
        picture: PictureInput,
        skeleton: str = COCO_17.name,
        crop_padding: float = 1.25,
        device: str = "cpu",
        threads: int | None = None,
    ) -> None:
        if output not in DECODERS:
            raise BadCard(f"no output of a pose model is called {output!r}", hint=f"there are: {', '.join(DECODERS)}")
        if skeleton not in _JOINT_SETS:
            raise BadCard(
                f"the stage 'onnx' cannot make {COCO_17.name} of the joints of {skeleton!r}",
                hint=f"it reads models of {' and '.join(_JOINT_SETS)}",
            )
        self._decode, outputs = DECODERS[output]
        self._session = open_session(model, stage="onnx", device=device, threads=threads)
        batch = picture.check(self._session, outputs)
        if batch not in (None, 1):
            raise BadCard(f"{model} must read one crop at a time or any number, but reads {batch}")
        self._batch = batch or _BATCH
        self._input = self._session.get_inputs()[0].name
        self._picture = picture
        self._joints = _JOINT_SETS[skeleton]
        self._padding = crop_padding

    @classmethod
    def from_card(cls, card: ModelCard, files: Mapping[str, Path], *, device: str = "cpu", **options: Any) -> Self:
        """Make the stage; options: crop_padding, threads."""
        settings = {**card.recipe, **options}
        seen = ("input_size", "channels", "mean", "std")
        shown = {name: settings.pop(name) for name in seen if name in settings}
        try:
            return cls(files["model"], picture=PictureInput(**shown), device=device, **settings)
        except TypeError as error:
            raise BadCard(f"{card.name}: a setting of the stage 'onnx' is missing or unknown: {error}") from error

    def estimate(self, frames: Sequence[Frame], detections: Sequence[Detections]) -> list[Poses]:
        """One `Poses` per frame, row n for box n; keypoints in pixels of the frame."""
        return pose_in_batches(frames, detections, self._run, joints=len(COCO_17.joints), batch=self._batch)

    def _run(self, frames: Sequence[Frame], boxes: Floats) -> Poses:
        height, width = self._picture.input_size
        middles, widths = crop_regions(boxes, self._padding, (height, width))
        crops = np.stack([crop(*one, (height, width)) for one in zip(frames, middles, widths, strict=True)])
        seen = self._picture.tensor(crops)
        in_crop, scores = self._decode(self._session.run(None, {self._input: seen}), (height, width))
        if scores.shape != (len(boxes), len(self._joints.joints)):
            raise BadCard(
                f"the model returns {scores.shape[1]} joints, but {self._joints.name} has {len(self._joints.joints)}",
                hint="the card's skeleton is the joint set that the model was trained for",
            )
        from_middle = (in_crop - np.array([width / 2, height / 2], np.float32)) / width
        keypoints = middles[:, None] + from_middle * widths[:, None, None]
        kept = [number for number in COCO_17.numbers_in(self._joints) if number is not None]
        # Peaks of heatmaps are no probabilities and may leave [0, 1]; below 0 nothing was found.
        return Poses(keypoints[:, kept].astype(np.float32), np.clip(scores[:, kept], 0, 1).astype(np.float32))


def crop_regions(boxes: Floats, padding: float, size: tuple[int, int]) -> tuple[Floats, Floats]:
    """Which part of the frame each crop shows: the padded box, widened or heightened to the shape of the crop.

    Args:
        boxes: `(N, 4)` x1, y1, x2, y2 in pixels of the frame.
        padding: how many times as large as the box.
        size: (H, W) of the crop.

    Returns:
        `(N, 2)` middles and `(N,)` widths in pixels of the frame.
    """
    height, width = size
    sides = (boxes[:, 2:] - boxes[:, :2]) * np.float32(padding)
    widths = np.maximum(sides[:, 0], sides[:, 1] * np.float32(width / height))
    return (boxes[:, :2] + boxes[:, 2:]) * np.float32(0.5), np.maximum(widths, 1)


def crop(frame: Frame, middle: Floats, width: float, size: tuple[int, int]) -> Pixels:
    """The `(H, W, 3)` picture of one region of a frame, black where it reaches outside.

    `middle`, taken for a position of pixel centres, comes to (W / 2, H / 2) of the crop.

    From three points in float32, as in MMPose (`get_warp_matrix`): OpenCV rounds positions to 1/32 of a pixel, and
    a matrix that is more exact gives other grey values.
    """
    half, centre = size[1] / 2, size[0] / 2
    left = np.array([float(middle[0]) - width / 2, middle[1]], np.float32)
    corner = np.array([left[0], left[1] + (middle[0] - left[0])], np.float32)
    target = np.array([(half, centre), (0, centre), (0, centre + half)], np.float32)
    transform = cv2.getAffineTransform(np.stack([middle, left, corner]), target)
    return np.asarray(cv2.warpAffine(frame.pixels, transform, size[::-1], flags=cv2.INTER_LINEAR), np.uint8)


def decode_simcc(outputs: Sequence[Any], size: tuple[int, int]) -> tuple[Floats, Floats]:
    """Joints from one row of cells along x and one along y (SimCC; `get_simcc_maximum` of MMPose).

    Args:
        outputs: `(N, K, Wx)` and `(N, K, Wy)`, so many cells to each pixel of the crop.
        size: (H, W) of the crop.

    Returns:
        `(N, K, 2)` x, y in pixels of the crop, and `(N, K)` the smaller of the two largest values.

    Raises:
        BadCard: the outputs are no such pair.
    """
    along_x, along_y = outputs[:2]
    ranks = along_x.ndim == along_y.ndim == 3 and along_x.shape[:2] == along_y.shape[:2]
    if not ranks or along_x.shape[2] * size[0] != along_y.shape[2] * size[1]:
        raise BadCard(
            f"the model returns {along_x.shape} and {along_y.shape}, not cells along x and y of a crop of {size}",
            hint='the card\'s output is "simcc"; is it of another kind?',
        )
    cells = np.stack([along_x.argmax(2), along_y.argmax(2)], axis=-1)
    positions = cells.astype(np.float32) * np.float32(size[1] / along_x.shape[2])
    return positions, np.minimum(along_x.max(2), along_y.max(2))


def decode_heatmaps(outputs: Sequence[Any], size: tuple[int, int]) -> tuple[Floats, Floats]:
    """Joints from heatmaps: the strongest cell, a quarter of a cell towards its stronger neighbour.

    `refine_keypoints` of MMPose, with its own idea of where a cell is too near the edge to be refined.

    Args:
        outputs: `(N, K, h, w)`.
        size: (H, W) of the crop.

    Returns:
        `(N, K, 2)` x, y in pixels of the crop, and `(N, K)` the largest values.

    Raises:
        BadCard: the output has another shape.
    """
    maps = outputs[0]
    if maps.ndim != 4:
        raise BadCard(
            f"the model returns {maps.shape} where heatmaps (N, K, h, w) were expected",
            hint='the card\'s output is "heatmap"; is it of another kind?',
        )
    people, joints, rows, columns = maps.shape
    best = maps.reshape(people, joints, -1).argmax(2)
    y, x = best // columns, best % columns
    around = np.pad(maps, ((0, 0), (0, 0), (1, 1), (1, 1)))
    n, k = np.arange(people)[:, None], np.arange(joints)[None]
    dx = around[n, k, y + 1, x + 2] - around[n, k, y + 1, x]
    dy = around[n, k, y + 2, x + 1] - around[n, k, y, x + 1]
    shift_x = np.where((x > 1) & (x < columns - 1) & (y > 0), np.sign(dx), 0) / 4
    shift_y = np.where((y > 1) & (y < rows - 1) & (x > 0), np.sign(dy), 0) / 4
    cells = np.stack([x + shift_x, y + shift_y], axis=-1)
    positions = cells * np.array([size[1] / columns, size[0] / rows])
    return positions.astype(np.float32), maps[n, k, y, x]


DECODERS: dict[str, tuple[Decoder, int]] = {"simcc": (decode_simcc, 2), "heatmap": (decode_heatmaps, 1)}
"""By the card's `output`: what reads it, and how many outputs the model has to have."""
