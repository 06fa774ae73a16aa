"""RGBBuilder and RGBPoseBuilder: frames cropped around the people, alone or beside heatmap volumes of the same crop."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self

import numpy as np

from posec3d_cli.errors import BadCard, StageMismatch
from posec3d_cli.stages.builders.heatmap import shown_columns, spec_of_card
from posec3d_cli.transforms.heatmaps import Crop, HeatmapSpec, compact, draw_views, fit
from posec3d_cli.transforms.pixels import RGBSpec, normalized
from posec3d_cli.types import Floats, Ints, Pixels, PoseSequence, RGBClips, RGBPoseClips

if TYPE_CHECKING:
    from posec3d_cli.hub.cards import ModelCard


class _FrameBuilder:
    """What both builders share: the crop around everybody in all frames whose poses are shown.

    Args:
        spec: how heatmaps are drawn; its `crop_…` settings decide the crop of the frames too.
        rgb: how the RGB clips are made.

    Raises:
        BadCard: the crop has fractions of pixels, or the heatmaps show only a part of it.
    """

    def __init__(self, spec: HeatmapSpec, rgb: RGBSpec) -> None:
        if spec.crop_exact or spec.resize != "stretch":
            raise BadCard(
                "frames are cut out in whole pixels and scaled to their size, got crop_exact = "
                f"{str(spec.crop_exact).lower()} and resize = {spec.resize!r}",
                hint='the table heatmaps needs crop_exact = false and resize = "stretch"',
            )
        self.spec, self.rgb = spec, rgb

    @classmethod
    def from_card(cls, card: ModelCard, files: Mapping[str, Path], *, device: str = "cpu", **options: Any) -> Self:
        """Make the builder that a classifier asks for: `card` is its card, with the tables `heatmaps` and `rgb`.

        Raises:
            BadCard: the recipe lacks a table, or one is not complete and correct.
        """
        recipe = card.recipe.get("rgb")
        if not isinstance(recipe, Mapping):
            raise BadCard(f"{card.name}: the recipe has no table 'rgb'", hint="it says how to make the RGB clips")
        return cls(spec_of_card(card, options), RGBSpec.from_recipe(recipe, where=card.name))

    @property
    def frame_size(self) -> tuple[int, int]:
        """(H, W) that the crops of the frames are scaled to."""
        return self.rgb.size

    def crop(self, sequence: PoseSequence, clips: Ints) -> Crop:
        """The rectangle around everybody in all frames that the views show.

        Raises:
            StageMismatch: the poses have another skeleton, or `clips` names a frame that was not posed.
        """
        columns, _ = shown_columns(sequence, clips, self.spec.joint_set)
        keypoints, scores = self._shown(sequence, columns)
        return compact(keypoints, scores, sequence.frame_size, self.spec)

    def _shown(self, sequence: PoseSequence, columns: Ints) -> tuple[Floats, Floats]:
        """`(F, M, K, 2)` and `(F, M, K)`: the joints that are drawn, in these columns."""
        joints = list(self.spec.numbers)
        keypoints = sequence.keypoints[:, columns][:, :, joints].swapaxes(0, 1)
        return keypoints, sequence.scores[:, columns][:, :, joints].swapaxes(0, 1)

    def _normalized(self, frames: Pixels | None, clips: Ints, flip: bool) -> Floats:
        if frames is None:
            raise StageMismatch(
                "the classifier reads the frames of the video beside the poses, and there are poses alone",
                hint="give it the video, or choose a classifier of poses alone",
            )
        if frames.ndim != 5 or (len(frames), *frames.shape[2:]) != (len(clips), *self.frame_size, 3):
            wanted = f"({len(clips)}, T, {', '.join(map(str, self.frame_size))}, 3)"
            raise StageMismatch(f"frames must have shape {wanted}, got {frames.shape}")
        return normalized(frames, self.rgb, flip=flip)


class RGBBuilder(_FrameBuilder):
    """Gives the frames alone; the poses decide the crop."""

    def build(
        self, sequence: PoseSequence, clips: Ints, *, flip: bool = False, frames: Pixels | None = None
    ) -> RGBClips:
        """Give the views; see `posec3d_cli.stages.protocols.NeedsFrames`.

        Raises:
            StageMismatch: there are no frames, or frames of another shape.
        """
        return RGBClips(self._normalized(frames, clips, flip))

    def views(self, sequence: PoseSequence, clips: Ints, frames: Pixels, crop: Crop, *, flip: bool = False) -> RGBClips:
        """As `build`, of frames that show any crop."""
        return self.build(sequence, clips, flip=flip, frames=frames)


class RGBPoseBuilder(_FrameBuilder):
    """Gives the frames and the heatmaps in the same crop."""

    def build(
        self, sequence: PoseSequence, clips: Ints, *, flip: bool = False, frames: Pixels | None = None
    ) -> RGBPoseClips:
        """Give the views; see `posec3d_cli.stages.protocols.NeedsFrames`.

        Raises:
            StageMismatch: there are no frames, or frames of another shape; or as `crop`.
        """
        return self.views(sequence, clips, frames, self.crop(sequence, clips), flip=flip)

    def views(
        self, sequence: PoseSequence, clips: Ints, frames: Pixels | None, crop: Crop, *, flip: bool = False
    ) -> RGBPoseClips:
        """As `build`, of frames that show any crop."""
        rgb = self._normalized(frames, clips, flip)
        columns, views = shown_columns(sequence, clips, self.spec.joint_set)
        keypoints, scores = self._shown(sequence, columns)
        fitted = fit(keypoints, crop, self.spec)
        return RGBPoseClips(rgb, np.ascontiguousarray(draw_views(fitted, scores, views, self.spec, flip=flip)))
