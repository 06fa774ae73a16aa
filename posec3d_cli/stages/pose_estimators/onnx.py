"""Top-down pose estimators on ONNX Runtime, cropped and decoded as in MMPose 1.x.

The recipe of a card:

    output = "simcc"              # what comes out; see `DECODERS`
    input_size = [192, 256]       # width and height of the crop of each person
    channels = "rgb"              # the order in which the model reads them
    mean = [123.675, 116.28, 103.53]        # in that order; 0 where it is left out
    std = [58.395, 57.12, 57.375]           # 1 where it is left out
    skeleton = "coco-17"          # the joints that come out, or "halpe-26", of which the COCO-17 are kept
    crop_padding = 1.25           # the crop's size as a multiple of the box
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, Self

import numpy as np

from posec3d_cli.errors import BadCard, counted
from posec3d_cli.runtime.onnx import ImageInput, answer, naming, only_processor, open_session
from posec3d_cli.runtime.threads import ThreadLanes
from posec3d_cli.schema import Count, Positive, read_settings
from posec3d_cli.skeletons import COCO_17, HALPE_26, Skeleton
from posec3d_cli.stages.pose_estimators import heatmap_decoding
from posec3d_cli.stages.pose_estimators.batching import crops_at_once, each_person
from posec3d_cli.stages.pose_estimators.person_crop import crop_image, person_crops, to_input
from posec3d_cli.types import Detections, Floats, Frame, Poses

if TYPE_CHECKING:
    from posec3d_cli.hub.cards import ModelCard

_JOINT_SETS = {one.name: one for one in (COCO_17, HALPE_26)}
Output = Literal["simcc", "heatmap"]
Decoder = Callable[[Sequence[Any], tuple[int, int]], tuple[Floats, Floats]]


class OnnxPose:
    """Seventeen COCO joints of the person in each box, from a pose estimator that was exported to ONNX.

    A model of a fixed batch of one reads crop by crop, any other several at a time.

    Args:
        model: a `.onnx` file, or a `.zip` with one `end2end.onnx` in it.
        settings: what it reads and returns.
        device: "cpu" or "cuda[:N]".
    """

    class Settings(ImageInput, frozen=True, kw_only=True):
        """What its cards set, besides what the model reads.

        Attributes:
            output: which of `DECODERS` reads what comes out.
            skeleton: the joints that it was trained for; those of COCO are kept.
            crop_padding: the crop's size as a multiple of the box, before it is widened to the shape of the input.
            threads: calls of a few crops each that run side by side; None: see
                `posec3d_cli.runtime.threads.network_threads`.
        """

        output: Output
        skeleton: Literal["coco-17", "halpe-26"] = "coco-17"
        crop_padding: Positive = 1.25
        threads: Count | None = None

    skeleton: Skeleton = COCO_17

    def __init__(self, model: Path, settings: Settings, *, device: str = "cpu") -> None:
        self._decode, outputs = DECODERS[settings.output]
        self._session = open_session(model, stage="onnx", device=device)
        self.device = device
        with naming(model):
            batch = settings.check(self._session, outputs)
        if batch not in (None, 1):
            raise BadCard(f"{model} must read one crop at a time or any number, but reads {batch}")
        self._model = model
        self._lanes = ThreadLanes(settings.threads, device=device)
        self._batch = batch or crops_at_once(device, self._lanes)
        self._input = self._session.get_inputs()[0].name
        self._image_input = settings
        self._joints = _JOINT_SETS[settings.skeleton]
        self._padding = settings.crop_padding

    @classmethod
    def prefers_processor(cls, card: ModelCard) -> bool:
        """Where ONNX Runtime runs nowhere else."""
        return only_processor()

    @classmethod
    def from_card(cls, card: ModelCard, files: Mapping[str, Path], *, device: str = "cpu", **options: Any) -> Self:
        """Make the stage; options: its `Settings`."""
        return cls(files["model"], read_settings(cls.Settings, card, options), device=device)

    def estimate(self, frames: Sequence[Frame], detections: Sequence[Detections]) -> list[Poses]:
        """One `Poses` per frame, row n for box n; keypoints in pixels of the frame."""
        joints = len(COCO_17.joints)
        return each_person(frames, detections, self._run, batch=self._batch, joints=joints, lanes=self._lanes)

    def _run(self, frames: Sequence[Frame], boxes: Floats) -> Poses:
        size = self._image_input.input_size
        regions = person_crops(boxes, size, padding=self._padding, convention="1.x")
        transforms = to_input(regions, size)
        crops = [crop_image(one.pixels, transform, size) for one, transform in zip(frames, transforms, strict=True)]
        seen = self._image_input.tensor(np.stack(crops))
        outputs = answer(self._session, {self._input: seen}, self._model)
        with naming(self._model):
            in_crop, scores = self._decode(outputs, size)
            if len(scores) != len(boxes):
                raise BadCard(f"the model returns {len(scores)} people for {len(boxes)} crops")
            if scores.shape[1] != len(self._joints.joints):
                raise BadCard(
                    f"the model returns {counted(scores.shape[1], 'joint')}, but {self._joints.name} has "
                    f"{len(self._joints.joints)}",
                    hint="the card's skeleton is the joint set that the model was trained for",
                )
        to_frame = regions.to_frame(size)
        keypoints = np.einsum("nij,nkj->nki", to_frame[:, :, :2], in_crop) + to_frame[:, None, :, 2]
        kept = [number for number in COCO_17.numbers_in(self._joints) if number is not None]
        # Peaks of heatmaps are no probabilities and may leave [0, 1]; below 0 nothing was found.
        return Poses(keypoints[:, kept].astype(np.float32), np.clip(scores[:, kept], 0, 1).astype(np.float32))


def decode_simcc(outputs: Sequence[Any], size: tuple[int, int]) -> tuple[Floats, Floats]:
    """Joints from one row of cells along x and one along y (SimCC; `get_simcc_maximum` of MMPose).

    Args:
        outputs: `(N, K, Wx)` and `(N, K, Wy)`, so many cells to each pixel of the crop.
        size: (w, h) of the crop.

    Returns:
        `(N, K, 2)` x, y in pixels of the crop, and `(N, K)` the smaller of the two largest values.

    Raises:
        BadCard: the outputs are no such pair.
    """
    along_x, along_y = outputs[:2]
    ranks = along_x.ndim == along_y.ndim == 3 and along_x.shape[:2] == along_y.shape[:2]
    if not ranks or not along_x.size or along_x.shape[2] * size[1] != along_y.shape[2] * size[0]:
        raise BadCard(
            f"the model returns {along_x.shape} and {along_y.shape}, not cells along x and y of a crop of {size}",
            hint='the card\'s output is "simcc"; is it of another kind?',
        )
    cells = np.stack([along_x.argmax(2), along_y.argmax(2)], axis=-1)
    positions = cells.astype(np.float32) * np.float32(size[0] / along_x.shape[2])
    return positions, np.minimum(along_x.max(2), along_y.max(2))


def decode_heatmaps(outputs: Sequence[Any], size: tuple[int, int]) -> tuple[Floats, Floats]:
    """Joints from heatmaps: the strongest cell, a quarter of a cell towards its stronger neighbours.

    Args:
        outputs: `(N, K, h, w)`.
        size: (w, h) of the crop.

    Returns:
        `(N, K, 2)` x, y in pixels of the crop, and `(N, K)` the largest values.

    Raises:
        BadCard: the output has another shape.
    """
    maps = outputs[0]
    if maps.ndim != 4 or not maps.size:
        raise BadCard(
            f"the model returns {maps.shape} where heatmaps (N, K, h, w) were expected",
            hint='the card\'s output is "heatmap"; is it of another kind?',
        )
    cells, scores = heatmap_decoding.decode_heatmaps(maps, decoding="quarter", convention="1.x")
    return cells * np.array([size[0] / maps.shape[3], size[1] / maps.shape[2]], np.float32), scores


DECODERS: dict[Output, tuple[Decoder, int]] = {"simcc": (decode_simcc, 2), "heatmap": (decode_heatmaps, 1)}
"""By the card's `output`: its decoder, and the number of outputs that the model must have."""
