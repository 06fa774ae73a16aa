"""The objects of single frames as rows of a few arrays, for files, and back."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from posec3d_cli.types import Floats, Ints, Objects

NOT_SEARCHED = -1


@dataclass(frozen=True, eq=False)
class ObjectRows:
    """The objects of T frames, one row per object and frame, in order of frame.

    Attributes:
        counts: `(T,)` int64, the number of objects in each frame; `NOT_SEARCHED` where only people were looked for.
        boxes: `(R, 4)` float32 x1, y1, x2, y2 in pixels.
        scores: `(R,)` float32.
        classes: `(R,)` int64, positions in `names`.
        names: of the classes that were looked for.
    """

    counts: Ints
    boxes: Floats
    scores: Floats
    classes: Ints
    names: tuple[str, ...]

    @classmethod
    def of(cls, frames: Sequence[Objects | None]) -> ObjectRows:
        """The rows of the objects of T frames."""
        searched = [objects for objects in frames if objects is not None]
        names = tuple(dict.fromkeys(name for objects in searched for name in objects.names))
        place = {name: number for number, name in enumerate(names)}
        return cls(
            np.array([NOT_SEARCHED if objects is None else len(objects) for objects in frames], np.int64),
            np.concatenate([np.zeros((0, 4), np.float32), *(objects.boxes for objects in searched)]),
            np.concatenate([np.zeros(0, np.float32), *(objects.scores for objects in searched)]),
            np.array([place[name] for objects in searched for name in objects.class_names], np.int64),
            names,
        )

    @property
    def any_searched(self) -> bool:
        """Whether objects were looked for in any frame."""
        return bool((self.counts != NOT_SEARCHED).any())

    def frames(self) -> list[Objects | None]:
        """The objects of each frame."""
        stops = np.cumsum(np.maximum(self.counts, 0)).tolist()
        found: list[Objects | None] = []
        for count, stop in zip(self.counts.tolist(), stops, strict=True):
            rows = slice(stop - count, stop)
            parts = self.boxes[rows], self.scores[rows], self.classes[rows]
            found.append(None if count == NOT_SEARCHED else Objects(*parts, self.names))
        return found
