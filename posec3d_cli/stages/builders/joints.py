"""JointBuilder: joint or bone features for graph networks such as ST-GCN++."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self

import numpy as np

from posec3d_cli.errors import BadCard
from posec3d_cli.skeletons import COCO_17
from posec3d_cli.stages.builders.heatmap import shown_columns
from posec3d_cli.transforms.joint_features import JointSpec, graph_features, mirror_features, most_important
from posec3d_cli.types import Ints, JointClips, PoseSequence

if TYPE_CHECKING:
    from posec3d_cli.hub.cards import ModelCard


class JointBuilder:
    """Gives the joints or bones of the most important people, around the middle of them in all frames shown."""

    def __init__(self, spec: JointSpec) -> None:
        self.spec = spec

    @classmethod
    def from_card(cls, card: ModelCard, files: Mapping[str, Path], *, device: str = "cpu", **options: Any) -> Self:
        """Make the builder that a classifier asks for: `card` is the classifier's, its recipe's `graph` the spec.

        Raises:
            BadCard: the recipe has no table `graph`, or one that is not correct.
        """
        recipe = card.recipe.get("graph")
        if not isinstance(recipe, Mapping):
            raise BadCard(f"{card.name}: the recipe has no table 'graph'", hint="it says how to give the joints")
        return cls(JointSpec.from_recipe({**recipe, **options}, where=card.name))

    def build(self, sequence: PoseSequence, clips: Ints, *, flip: bool = False) -> JointClips:
        """Give the views, all with the same origin and unit; slots that nobody fills are zeros.

        Raises:
            StageMismatch: the poses have another skeleton, or `clips` names a frame that was not posed.
        """
        spec = self.spec
        columns, views = shown_columns(sequence, clips, COCO_17)
        keypoints, scores = sequence.keypoints[:, columns], sequence.scores[:, columns]
        chosen = most_important(keypoints, scores, spec.people, spec.score_threshold)
        features = np.zeros((spec.people, len(columns), len(COCO_17.joints), 3), np.float32)
        features[: len(chosen)] = graph_features(
            keypoints[chosen], scores[chosen], stream=spec.stream, score_threshold=spec.score_threshold
        )
        values = np.ascontiguousarray(features[:, views].swapaxes(0, 1))  # (V, M, T, K, 3)
        return JointClips(np.concatenate([values, mirror_features(values)]) if flip else values)
