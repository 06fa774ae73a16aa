"""HeatmapBuilder: heatmap volumes drawn from keypoints, as Gaussians at joints or along limbs."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self

import numpy as np

from posec3d_cli.errors import BadCard, StageMismatch, counted
from posec3d_cli.skeletons import Skeleton
from posec3d_cli.transforms.heatmaps import HeatmapSpec, compact, draw_views, fit
from posec3d_cli.types import HeatmapVolume, Ints, PoseSequence

if TYPE_CHECKING:
    from posec3d_cli.hub.cards import ModelCard


class HeatmapBuilder:
    """Draws a Gaussian at every joint, or along every limb, cropped around everybody in all frames shown."""

    def __init__(self, spec: HeatmapSpec) -> None:
        self.spec = spec

    @classmethod
    def from_card(cls, card: ModelCard, files: Mapping[str, Path], *, device: str = "cpu", **options: Any) -> Self:
        """Make the builder that a classifier asks for: `card` is the classifier's, its recipe's `heatmaps` the spec."""
        return cls(spec_of_card(card, options))

    def build(self, sequence: PoseSequence, clips: Ints, *, flip: bool = False) -> HeatmapVolume:
        """Draw the views, all with the same crop; a sequence without anybody gives a volume of zeros.

        Raises:
            StageMismatch: the poses have another skeleton, or `clips` names a frame that was not posed.
        """
        columns, views = shown_columns(sequence, clips, self.spec.joint_set)
        joints = list(self.spec.numbers)
        keypoints = sequence.keypoints[:, columns][:, :, joints].swapaxes(0, 1)
        scores = sequence.scores[:, columns][:, :, joints].swapaxes(0, 1)
        crop = compact(keypoints, scores, sequence.frame_size, self.spec)
        fitted = fit(keypoints, crop, self.spec)
        return HeatmapVolume(draw_views(fitted, scores, views, self.spec, flip=flip))


def spec_of_card(card: ModelCard, options: Mapping[str, Any]) -> HeatmapSpec:
    """The spec in the recipe of a classifier's card, with `options` in place of its own settings.

    Raises:
        BadCard: the recipe has no table `heatmaps`, or one that is not complete and correct.
    """
    recipe = card.recipe.get("heatmaps")
    if not isinstance(recipe, Mapping):
        raise BadCard(f"{card.name}: the recipe has no table 'heatmaps'", hint="it says how to draw the volumes")
    return HeatmapSpec.from_recipe({**recipe, **options}, where=card.name)


def shown_columns(sequence: PoseSequence, clips: Ints, joint_set: Skeleton) -> tuple[Ints, Ints]:
    """Which columns of a sequence the views show, `(F,)` without repetition, and `(V, T)` which of these each shows.

    Raises:
        StageMismatch: the skeleton is not `joint_set`, `clips` is no `(V, T)` table, or names a frame without poses.
    """
    if sequence.skeleton != joint_set:
        raise StageMismatch(
            f"the classifier reads {joint_set.name} poses, got {sequence.skeleton.name}",
            hint="choose a pose stage with that skeleton",
        )
    if clips.ndim != 2:
        raise StageMismatch(f"clips must have shape (V, T), got {clips.shape}")
    numbers, views = np.unique(clips, return_inverse=True)
    absent = np.setdiff1d(numbers, sequence.frame_indices)
    if len(absent):
        shown = ", ".join(str(number) for number in absent[:5]) + (", …" if len(absent) > 5 else "")
        raise StageMismatch(
            f"clips name {len(absent)} of {counted(len(numbers), 'frame')} that have no poses: {shown}",
            hint="pose every frame that the clips name",
        )
    columns: Ints = np.searchsorted(sequence.frame_indices, numbers).astype(np.int64)
    return columns, views.reshape(clips.shape).astype(np.int64)
