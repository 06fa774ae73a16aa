"""ClipSampling: frames, views and windows that a classifier is shown of a video, and how people are taken."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from fractions import Fraction
from typing import Any, Self, cast

import numpy as np

from posec3d_cli.config import PEOPLE
from posec3d_cli.errors import BadCard
from posec3d_cli.sampling.indices import FLAVOURS, Flavour, uniform_test_indices, windows
from posec3d_cli.types import Ints, ShapeRepr


@dataclass(frozen=True)
class ClipSampling:
    """Clip sampling of a classifier: its card says how it was trained, options may differ.

    Attributes:
        frames: frames per view.
        sampler: flavour of the uniform sampler, "pyskl" or "mmaction2".
        people: "together" draws everybody into one volume (the paper's way); "each" draws one volume per tracked
            person and combines the answers, see `weighted_mean`.
        views: views of each window, sampled independently.
        flip: read the mirror image of each view too.
        window_seconds: cut the video into windows of this length and average their answers; None reads it whole.
        stride_seconds: from the start of one window to the next; None: half a window.
        min_share: people found in a smaller part of a window's frames are not read.
    """

    frames: int = 48
    sampler: str = "pyskl"
    people: str = "together"
    views: int = 1
    flip: bool = False
    window_seconds: float | None = None
    stride_seconds: float | None = None
    min_share: float = 0.1

    def __post_init__(self) -> None:
        for name, permitted in (("people", PEOPLE), ("sampler", FLAVOURS)):
            if getattr(self, name) not in permitted:
                raise BadCard(f"{name} must be one of {', '.join(permitted)}, got {getattr(self, name)!r}")
        for name in ("frames", "views"):
            if getattr(self, name) < 1:
                raise BadCard(f"{name} must be at least 1, got {getattr(self, name)}")
        for name in ("window_seconds", "stride_seconds"):
            if getattr(self, name) is not None and not getattr(self, name) > 0:
                raise BadCard(f"{name} must be above 0, got {getattr(self, name)}")
        if self.stride_seconds is not None and self.stride_seconds > (self.window_seconds or 0):
            raise BadCard(f"stride_seconds must be at most window_seconds, got {self.stride_seconds}")
        if not 0 <= self.min_share <= 1:
            raise BadCard(f"min_share must lie in [0, 1], got {self.min_share}")

    @classmethod
    def from_recipe(cls, recipe: Mapping[str, Any]) -> Self:
        """From a classifier's card: `recipe["people"]` and the table `recipe["clip"]`.

        Raises:
            BadCard: a setting is unknown or out of range.
        """
        try:
            return cls(people=recipe.get("people", "together"), **recipe.get("clip", {}))
        except TypeError as error:
            raise BadCard(f"the recipe's clip table does not fit: {error}") from error

    def changed(
        self,
        *,
        views: int | None = None,
        flip: bool | None = None,
        window_seconds: float | None = None,
        people: str | None = None,
    ) -> Self:
        """The same with these settings replaced; None replaces nothing.

        A window of 0 seconds reads the video whole. With another window, the stride becomes half of it.
        """
        asked: dict[str, Any] = {"views": views, "flip": flip, "people": people}
        changes = {name: value for name, value in asked.items() if value is not None}
        if window_seconds is not None:
            changes |= {"window_seconds": window_seconds or None, "stride_seconds": None}
        return replace(self, **changes)

    def plan(self, frame_count: int, fps: Fraction) -> list[Window]:
        """Which frames to read, from the video's length alone."""
        spans = [(0, frame_count)]
        if self.window_seconds is not None:
            stride = self.stride_seconds or self.window_seconds / 2
            spans = windows(frame_count, fps, window_seconds=self.window_seconds, stride_seconds=stride)
        return [Window(start, stop, self._sample(start, stop)) for start, stop in spans]

    def _sample(self, start: int, stop: int) -> Ints:
        clips = uniform_test_indices(
            stop - start, clip_len=self.frames, num_clips=self.views, flavour=cast(Flavour, self.sampler)
        )
        return np.asarray(clips, np.int64) + start


@dataclass(frozen=True, eq=False, repr=False)
class Window(ShapeRepr):
    """A part of a video that is read as one.

    Attributes:
        start: its first frame.
        stop: the frame after its last.
        clips: `(V, T)` the frames that its views show, within the half-open range; frames may repeat.
    """

    start: int
    stop: int
    clips: Ints

    @property
    def indices(self) -> Ints:
        """The frames that its views show, each once, in order."""
        return np.unique(self.clips)

    def without(self, lost: Ints, seen: Ints) -> Window:
        """The same, each of the frames `lost` replaced by the nearest of the frames `seen` (both ascending)."""
        after = np.minimum(np.searchsorted(seen, self.clips), len(seen) - 1)
        before = np.maximum(after - 1, 0)
        closer = np.where(self.clips - seen[before] <= seen[after] - self.clips, seen[before], seen[after])
        return replace(self, clips=np.where(np.isin(self.clips, lost), closer, self.clips))


def used_frames(plan: Sequence[Window]) -> Ints:
    """The frames that a plan needs, each once, in order."""
    return np.unique(np.concatenate([window.indices for window in plan]))
