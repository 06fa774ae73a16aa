"""EstimatorHeatmapBuilder: heatmap volumes from the heatmaps of the pose estimator."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self

import cv2
import numpy as np

from posec3d_cli.errors import BadCard, StageMismatch
from posec3d_cli.stages.builders.heatmap import shown_columns, spec_of_card
from posec3d_cli.transforms.heatmaps import Crop, HeatmapSpec, compact, mirror_volume, volume_scale
from posec3d_cli.types import Floats, HeatmapVolume, Ints, PoseSequence, SequenceHeatmaps

if TYPE_CHECKING:
    from posec3d_cli.hub.cards import ModelCard


class EstimatorHeatmapBuilder:
    """Resamples each person's heatmaps into the crop around everybody, and takes the maximum over people.

    The crop, the scale and the threshold are those of `HeatmapBuilder`; the Gaussians are not drawn but come from the
    network, and are as wide as it made them. Resampling is bilinear: where the crop is much wider than a person, a
    peak between two pixels comes out lower.
    """

    needs_heatmaps = True

    def __init__(self, spec: HeatmapSpec) -> None:
        """Make the builder.

        Raises:
            BadCard: the spec asks for limbs, or for mirror images drawn from keypoints.
        """
        if spec.channels != "joints" or spec.flip != "array":
            raise BadCard(
                f"the pose network's heatmaps give joints mirrored as arrays, got {spec.channels} and {spec.flip}",
                hint="choose the builder 'heatmap'",
            )
        self.spec = spec

    @classmethod
    def from_card(cls, card: ModelCard, files: Mapping[str, Path], *, device: str = "cpu", **options: Any) -> Self:
        """Make the builder for a classifier: `card` is the classifier's, its recipe's `heatmaps` the spec."""
        return cls(spec_of_card(card, options))

    def build(self, sequence: PoseSequence, clips: Ints, *, flip: bool = False) -> HeatmapVolume:
        """Draw the views, all with the same crop; a sequence without anybody gives a volume of zeros.

        Raises:
            StageMismatch: the sequence has no heatmaps or another skeleton, or `clips` names a frame without poses.
        """
        if sequence.heatmaps is None:
            raise StageMismatch(
                "the pose sequence holds no heatmaps",
                hint="choose a pose stage that gives its heatmaps, or the builder 'heatmap'",
            )
        columns, views = shown_columns(sequence, clips, self.spec.joint_set)
        joints = list(self.spec.numbers)
        scores = sequence.scores[:, columns][:, :, joints]
        crop = compact(sequence.keypoints[:, columns][:, :, joints], scores, sequence.frame_size, self.spec)
        drawn = _resample(sequence.heatmaps, columns, scores >= self.spec.score_threshold, crop, self.spec)
        values = np.ascontiguousarray(drawn[views].swapaxes(1, 2))
        if flip:
            values = np.concatenate([values, mirror_volume(values, self.spec.mirror)])
        return HeatmapVolume(values)


def _resample(
    heatmaps: SequenceHeatmaps, columns: Ints, seen: np.typing.NDArray[np.bool_], crop: Crop, spec: HeatmapSpec
) -> Floats:
    """`(F, K, H, W)` float32: the frames in `columns` as the crop shows them; of each person the joints `seen`."""
    height, width = spec.size
    drawn = np.zeros((len(columns), seen.shape[2], height, width), np.float32)
    to_volume = _crop_transform(crop, spec)
    for person, frame in np.argwhere(seen.any(axis=2)):
        column = columns[frame]
        joints = seen[person, frame]
        to_frame = np.vstack([heatmaps.to_frame[person, column], [0, 0, 1]])
        maps = heatmaps.values[person, column][list(spec.numbers)][joints]
        planes = np.ascontiguousarray(maps.transpose(1, 2, 0))
        moved = cv2.warpAffine(planes, to_volume @ to_frame, (width, height), flags=cv2.INTER_LINEAR)
        drawn[frame, joints] = np.maximum(drawn[frame, joints], moved.reshape(height, width, -1).transpose(2, 0, 1))
    return drawn


def _crop_transform(crop: Crop, spec: HeatmapSpec) -> np.typing.NDArray[np.float64]:
    """The `(2, 3)` affine from frame pixels to volume pixels."""
    scale, offset = volume_scale(crop, spec)
    shift = -np.array([crop.left, crop.top]) * scale - offset
    return np.column_stack([np.diag(scale), shift]).astype(np.float64)
