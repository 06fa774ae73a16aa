"""HRNet, top-down on each detected box, as MMPose publishes it.

The recipe of its cards:

    width = 32                    # 32 or 48
    input_size = [192, 256]       # width, height in pixels
    convention = "1.x"            # "0.x" for the files of MMPose 0.x: how boxes are read and peaks refined
    decode = "quarter"            # or "dark", for networks trained for it
    flip_test = true              # average with the mirror image's heatmaps
    shift_heatmap = true          # move those by one pixel first
    crop_padding = 1.25           # the crop's sides as multiples of the box's
    batch = 16                    # people at once
    skeleton = "coco-17"

All but the first four have these defaults.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal, Self

import numpy as np
import torch
from msgspec import Meta
from torch import Tensor

from posec3d_cli.nets.checkpoints import check_tensors, fold_batch_norms, load_state_dict
from posec3d_cli.nets.hrnet import MULTIPLE, HRNet, modern_names
from posec3d_cli.runtime.device import resolve_precision
from posec3d_cli.schema import Checked, Count, Positive, read_settings
from posec3d_cli.skeletons import COCO_17, Skeleton
from posec3d_cli.stages.pose_estimators.batching import each_person
from posec3d_cli.stages.pose_estimators.heatmap_decoding import Decoding, decode_heatmaps
from posec3d_cli.stages.pose_estimators.person_crop import Convention, crop_image, person_crops, to_input
from posec3d_cli.types import Detections, Floats, Frame, JointHeatmaps, Pixels, Poses

if TYPE_CHECKING:
    from posec3d_cli.hub.cards import ModelCard

Side = Annotated[int, Meta(gt=0, multiple_of=MULTIPLE)]
InputSize = Annotated[tuple[Side, Side], Meta(description=f"[width, height], two multiples of {MULTIPLE}")]

MEAN = (123.675, 116.28, 103.53)  # of ImageNet's pixels: R, G, B from 0 to 255
DEVIATION = (58.395, 57.12, 57.375)
DTYPES = {"fp32": torch.float32, "bf16": torch.bfloat16, "fp16": torch.float16}


class HRNetPose:
    """Seventeen COCO joints of the person in each box.

    A joint's score is the peak of its heatmap: about 1 at best, sometimes a little above.

    Args:
        network: it is moved, put in evaluation mode, and its batch norms are folded in.
        settings: how it runs.
        device: "cpu", "cuda", "cuda:N" or "mps", already checked to exist.

    Raises:
        DeviceError: the device cannot run in this precision.
    """

    class Settings(Checked, frozen=True):
        """Settings of its cards.

        Attributes:
            width: channels of the finest branch, 32 for HRNet-W32.
            input_size: (w, h) of the network's input in pixels, multiples of 32.
            convention: "0.x" or "1.x"; see `posec3d_cli.stages.pose_estimators.person_crop` and
                `posec3d_cli.stages.pose_estimators.heatmap_decoding`.
            decode: "quarter" or "dark".
            flip_test: average the heatmaps with those of the mirror image.
            shift_heatmap: move the mirror image's heatmaps, turned back, right by one pixel: the two grids differ by
                it.
            crop_padding: the crop's sides as multiples of the box's.
            batch: people that pass the network at once; more need more memory and change no result beyond rounding.
            skeleton: for readers of the card.
            heatmaps: return the network's own heatmaps too, clipped to [0, 1].
            precision: "auto", "fp32", "bf16" or "fp16"; of the backbone, for the head is always fp32.
        """

        width: Count
        input_size: InputSize
        convention: Convention
        decode: Decoding
        flip_test: bool = True
        shift_heatmap: bool = True
        crop_padding: Positive = 1.25
        batch: Count = 16
        skeleton: Literal["coco-17"] = "coco-17"
        heatmaps: bool = False
        precision: str = "auto"

    skeleton: Skeleton = COCO_17

    def __init__(self, network: HRNet, settings: Settings, *, device: str = "cpu") -> None:
        self._settings = settings
        self.device = device
        self._device = torch.device(device)
        wanted = settings.precision
        self._precision = wanted if wanted == "fp16" else resolve_precision(wanted, device)
        self._dtype = DTYPES[self._precision]
        self._layout = torch.contiguous_format if self._device.type == "mps" else torch.channels_last
        network.eval().requires_grad_(False)
        fold_batch_norms(network)
        network.backbone.to(self._device, self._dtype, memory_format=self._layout)  # type: ignore[call-overload]
        network.head.to(self._device, torch.float32)
        self._network = network
        self._mean = torch.tensor(MEAN, device=self._device).view(3, 1, 1)
        self._deviation = torch.tensor(DEVIATION, device=self._device).view(3, 1, 1)

    @classmethod
    def from_card(cls, card: ModelCard, files: Mapping[str, Path], *, device: str = "cpu", **options: Any) -> Self:
        """Make the stage; options: its `Settings`.

        Raises:
            BadCard: the recipe lacks a setting, or one is unknown or out of range.
            WeightsMismatch: the tensors of the file are not those of the network.
            DeviceError: the device cannot run in this precision.
        """
        settings = read_settings(cls.Settings, card, options)
        with torch.device("meta"):  # nothing is drawn or allocated: the fresh weights would be thrown away
            network = HRNet(settings.width, len(COCO_17.joints))
        state = modern_names(load_state_dict(files["weights"]))
        hint = "the card's width must be that of the training, and the network HRNet with a head of one convolution"
        check_tensors(network, state, name=str(files["weights"]), hint=hint)
        network.load_state_dict(state, assign=True)
        return cls(network, settings, device=device)

    @property
    def precision(self) -> str:
        """ "fp32", "bf16" or "fp16": what the backbone is computed in."""
        return self._precision

    def estimate(self, frames: Sequence[Frame], detections: Sequence[Detections]) -> list[Poses]:
        """One `Poses` per frame, row n for box n; keypoints in pixels of the frame."""
        return each_person(frames, detections, self._pose, batch=self._settings.batch, joints=len(self.skeleton.joints))

    def _pose(self, frames: Sequence[Frame], boxes: Floats) -> Poses:
        use = self._settings
        regions = person_crops(boxes, use.input_size, padding=use.crop_padding, convention=use.convention)
        transforms = to_input(regions, use.input_size)
        crops = [
            crop_image(one.pixels, transform, use.input_size) for one, transform in zip(frames, transforms, strict=True)
        ]
        maps = self._run(np.stack(crops))
        cells, scores = decode_heatmaps(maps, decoding=use.decode, convention=use.convention)
        to_frame = regions.to_frame((maps.shape[3], maps.shape[2]))
        keypoints = np.einsum("nij,nkj->nki", to_frame[:, :, :2], cells) + to_frame[:, None, :, 2]
        heatmaps = JointHeatmaps(np.clip(maps, 0, 1), to_frame) if use.heatmaps else None
        return Poses(keypoints.astype(np.float32), scores, heatmaps)

    @torch.inference_mode()
    def _run(self, crops: Pixels) -> Floats:
        """(N, H, W, 3) -> (N, K, H / 4, W / 4)."""
        x = torch.from_numpy(crops).to(self._device).permute(0, 3, 1, 2).float()
        x = ((x - self._mean) / self._deviation).to(self._dtype).contiguous(memory_format=self._layout)
        heatmaps = self._forward(x)
        if self._settings.flip_test:
            mirrored = self._forward(x.flip(3)).flip(3)[:, list(self.skeleton.mirror)]
            if self._settings.shift_heatmap:
                mirrored = torch.cat([mirrored[..., :1], mirrored[..., :-1]], dim=3)
            heatmaps = (heatmaps + mirrored) / 2
        return heatmaps.cpu().contiguous().numpy()

    def _forward(self, x: Tensor) -> Tensor:
        features: Tensor = self._network.backbone(x)
        heatmaps: Tensor = self._network.head(features.float())
        return heatmaps
