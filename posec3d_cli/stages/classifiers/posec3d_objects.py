"""PoseC3D with objects: volumes of joints and of groups of objects in, action probabilities out.

The recipe of its cards is that of `posec3d_cli.stages.classifiers.posec3d`, and besides:

    [recipe.objects]              # how objects are drawn; read by the builder
"""

from __future__ import annotations

from typing import Any

from msgspec import field

from posec3d_cli.stages.classifiers.posec3d import PoseC3D


class PoseC3DWithObjects(PoseC3D):
    """PoseC3D networks: views are `(K + G, T, H, W)` heatmaps of K joints or limbs and G groups of objects."""

    class Settings(PoseC3D.Settings, frozen=True):
        """Settings of its cards, besides those of PoseC3D.

        Attributes:
            objects: how objects are drawn; read by the builder.
        """

        objects: dict[str, Any] = field(default_factory=dict)

    builder = "pose-objects"
