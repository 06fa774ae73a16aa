"""Camera: another camera that looks at the people and objects of a clip."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from posec3d_cli.types import Floats, Objects

_CORNERS = [[0, 1], [2, 1], [0, 3], [2, 3]]


@dataclass(frozen=True, eq=False)
class Camera:
    """Another camera: turned, nearer, stretched, and perhaps panning and zooming.

    Attributes:
        middle: `(2,)` the point around which it turns and zooms.
        change: `(2, 2)` the change of the image plane; None for none.
        zoom: `(F,)` of each frame; None where the camera does not move.
        pan: `(F, 2)` in pixels, likewise.
    """

    middle: Floats
    change: Floats | None = None
    zoom: NDArray[Any] | None = None
    pan: NDArray[Any] | None = None

    def show(self, points: Floats, frame: int | None = None) -> Floats:
        """Points `(M, F, K, 2)` of all frames, or `(M, 1, K, 2)` of one of them, as the camera shows them."""
        placed: NDArray[Any] = points
        if self.change is not None:
            placed = (points - self.middle) @ self.change + self.middle
        if self.zoom is not None and self.pan is not None:
            frames = slice(None) if frame is None else slice(frame, frame + 1)
            placed = (placed - self.middle) * self.zoom[None, frames, None, None] + self.middle
            placed = placed + self.pan[None, frames, None]
        return np.asarray(placed, np.float32)

    def show_objects(
        self, objects: Objects | None, frame: int, *, mirrored_width: np.float32 | None = None
    ) -> Objects | None:
        """The objects of a frame as the camera shows them, in boxes around their corners.

        Args:
            objects: None where nobody looked for any.
            frame: the number of the frame.
            mirrored_width: mirrors them in an image of this width.
        """
        if objects is None:
            return None
        corners = self.show(objects.boxes[:, _CORNERS].reshape(1, 1, -1, 2), frame).reshape(-1, 4, 2)
        if mirrored_width is not None:
            corners = np.stack([mirrored_width - corners[..., 0], corners[..., 1]], axis=-1)
        boxes = np.concatenate([corners.min(axis=1), corners.max(axis=1)], axis=1)
        return replace(objects, boxes=boxes.astype(np.float32))
