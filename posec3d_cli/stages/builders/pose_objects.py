"""PoseObjectBuilder: heatmap volumes of joints or limbs, and of the objects in the same crop."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self

import numpy as np

from posec3d_cli.errors import BadCard
from posec3d_cli.schema import read
from posec3d_cli.stages.builders.heatmap import HeatmapBuilder, shown_columns, spec_of_card
from posec3d_cli.transforms.heatmaps import HeatmapSpec
from posec3d_cli.transforms.object_channels import ObjectSpec, draw_objects
from posec3d_cli.transforms.object_groups import GROUPS
from posec3d_cli.types import HeatmapVolume, Ints, PoseSequence

if TYPE_CHECKING:
    from posec3d_cli.hub.cards import ModelCard


class PoseObjectBuilder:
    """Draws what `HeatmapBuilder` draws, to the bit, and behind it a channel for each group of objects.

    Where nothing but people was looked for, and where nobody was found, the channels of objects are zeros.
    """

    def __init__(self, spec: HeatmapSpec, objects: ObjectSpec) -> None:
        """Make the builder.

        Raises:
            BadCard: mirror images are to be drawn from keypoints, not reversed.
        """
        if spec.flip != "array":
            raise BadCard(f"objects are mirrored as arrays, got {spec.flip}", hint='flip = "array"')
        self.people = HeatmapBuilder(spec)
        self.objects = objects

    @classmethod
    def from_card(cls, card: ModelCard, files: Mapping[str, Path], *, device: str = "cpu", **options: Any) -> Self:
        """Make the builder that a classifier asks for, by the tables `heatmaps` and `objects` of its recipe.

        Raises:
            BadCard: the recipe lacks one of them, or it is not correct.
        """
        recipe = card.recipe.get("objects")
        if not isinstance(recipe, Mapping):
            raise BadCard(f"{card.name}: the recipe has no table 'objects'", hint="it says how objects are drawn")
        return cls(spec_of_card(card, options), read(ObjectSpec, recipe, where=card.name, key="recipe.objects"))

    def build(self, sequence: PoseSequence, clips: Ints, *, flip: bool = False) -> HeatmapVolume:
        """Draw the views, all with the same crop; a sequence without anybody gives a volume of zeros.

        Raises:
            StageMismatch: the poses have another skeleton, or `clips` names a frame that was not posed.
        """
        spec = self.people.spec
        people = self.people.build(sequence, clips, flip=flip).values
        columns, views = shown_columns(sequence, clips, spec.joint_set)
        values = np.zeros((len(people), len(GROUPS), *people.shape[2:]), np.float32)
        if sequence.objects is not None and sequence.people:
            crop = self.people.crop(sequence, columns)
            drawn = draw_objects(sequence.objects, columns, crop, spec, self.objects)
            values[: len(views)] = drawn[views].swapaxes(1, 2)
            if flip:
                values[len(views) :] = values[: len(views), ..., ::-1]
        return HeatmapVolume(np.concatenate([people, values], axis=1))
