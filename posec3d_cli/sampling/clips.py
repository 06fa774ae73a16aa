"""ClipSampling: the frames, views and windows of a video that a classifier reads, and how people are grouped."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from fractions import Fraction
from typing import Any, Self

import numpy as np
from msgspec import structs

from posec3d_cli.config import People
from posec3d_cli.errors import ConfigError
from posec3d_cli.sampling.indices import Flavour, uniform_test_indices, windows
from posec3d_cli.schema import BadSetting, Checked, Count, Positive, Share, read
from posec3d_cli.types import Doubles, Ints, ShapeRepr


class ClipSampling(Checked, frozen=True):
    """Clip sampling of a classifier: as its card states, or as options override it.

    Attributes:
        frames: frames with poses per view.
        sampler: flavour of the uniform sampler, "pyskl" or "mmaction2".
        people: "together" draws everybody into one volume (the paper's way); "each" draws one volume per tracked
            person and combines the answers, see `weighted_mean`.
        views: views of each window, sampled independently.
        flip: read the mirror image of each view too.
        window_seconds: cut the video into windows of this length and average their answers; None reads it whole.
        stride_seconds: from the start of one window to the next; None: half a window.
        min_share: people found in a smaller part of a window's frames are not read.
        rgb_frames: frames per view whose pixels are read, sampled apart from those with poses; None: no pixels are.
    """

    frames: Count = 48
    sampler: Flavour = "pyskl"
    people: People = "together"
    views: Count = 1
    flip: bool = False
    window_seconds: Positive | None = None
    stride_seconds: Positive | None = None
    min_share: Share = 0.1
    rgb_frames: Count | None = None

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.stride_seconds is not None and self.stride_seconds > (self.window_seconds or 0):
            raise BadSetting(f"stride_seconds must be at most window_seconds, got {self.stride_seconds}")

    @classmethod
    def from_recipe(cls, recipe: Mapping[str, Any], *, where: str = "") -> Self:
        """From a classifier's card: `recipe["people"]` and the table `recipe["clip"]`.

        Args:
            recipe: the table `recipe` of the card.
            where: the card's name, for messages.

        Raises:
            BadCard: a setting is unknown or out of range.
        """
        table = recipe.get("clip", {})
        if "people" in table:
            raise BadSetting(f"{where}: recipe.clip.people is not a setting", hint="use recipe.people")
        sampling = read(cls, table, where=where, key="recipe.clip")
        if "people" not in recipe:
            return sampling
        people: People = read(People, recipe["people"], where=where, key="recipe.people")  # type: ignore[arg-type]
        return structs.replace(sampling, people=people)

    def to_recipe(self) -> dict[str, Any]:
        """What `from_recipe` reads, as plain values for a card; settings that have their default are left out."""
        defaults = type(self)()
        settings = {name: value for name, value in structs.asdict(self).items() if value != getattr(defaults, name)}
        people = settings.pop("people", self.people)
        return {"people": people, "clip": {"frames": self.frames, "sampler": self.sampler, **settings}}

    def changed(
        self,
        *,
        views: int | None = None,
        flip: bool | None = None,
        window_seconds: float | None = None,
        stride_seconds: float | None = None,
        people: str | None = None,
    ) -> Self:
        """The same with these settings replaced; None replaces nothing.

        A window of 0 seconds reads the video whole. With another window, the stride becomes half of it unless it is
        given.

        Raises:
            ConfigError: the stride is longer than the window, or there are no windows.
        """
        asked: dict[str, Any] = {"views": views, "flip": flip, "people": people}
        changes = {name: value for name, value in asked.items() if value is not None}
        if window_seconds is not None:
            changes |= {"window_seconds": window_seconds or None, "stride_seconds": None}
        window = changes.get("window_seconds", self.window_seconds)
        if stride_seconds is not None:
            if stride_seconds > (window or 0):
                of = "there are no windows" if window is None else f"windows last {window:g} s"
                raise ConfigError(f"stride_seconds must be at most a window, got {stride_seconds:g}, and {of}")
            changes["stride_seconds"] = stride_seconds
        return structs.replace(self, **changes)

    def plan(self, frame_count: int, fps: Fraction, boundaries: Doubles | None = None) -> list[Window]:
        """The windows of a video with their frames, from its length alone, or from when its frames are shown."""
        spans = [(0, frame_count)]
        if self.window_seconds is not None:
            stride = self.stride_seconds or self.window_seconds / 2
            spans = windows(
                frame_count, fps, window_seconds=self.window_seconds, stride_seconds=stride, boundaries=boundaries
            )
        rgb = self.rgb_frames
        return [
            Window(
                start,
                stop,
                self._sample(start, stop, self.frames),
                None if rgb is None else self._sample(start, stop, rgb),
            )
            for start, stop in spans
        ]

    def _sample(self, start: int, stop: int, frames: int) -> Ints:
        clips = uniform_test_indices(stop - start, clip_len=frames, num_clips=self.views, flavour=self.sampler)
        return np.asarray(clips, np.int64) + start


@dataclass(frozen=True, eq=False, repr=False)
class Window(ShapeRepr):
    """A window of a video with the frames of its views.

    Attributes:
        start: its first frame.
        stop: the frame after its last.
        clips: `(V, T)` the frames whose poses its views show, within the half-open range; frames may repeat.
        rgb_clips: `(V, T')` the frames whose pixels they show, likewise; None: no pixels are read.
    """

    start: int
    stop: int
    clips: Ints
    rgb_clips: Ints | None = None

    @property
    def indices(self) -> Ints:
        """The frames whose poses its views show, each once, in order."""
        return np.unique(self.clips)

    def without(self, lost: Ints, seen: Ints) -> Window:
        """The same, each of the frames `lost` with poses replaced by the nearest of `seen` (both ascending)."""
        after = np.minimum(np.searchsorted(seen, self.clips), len(seen) - 1)
        before = np.maximum(after - 1, 0)
        closer = np.where(self.clips - seen[before] <= seen[after] - self.clips, seen[before], seen[after])
        return replace(self, clips=np.where(np.isin(self.clips, lost), closer, self.clips))


def used_frames(plan: Sequence[Window]) -> Ints:
    """The frames whose poses a plan needs, each once, in order."""
    return np.unique(np.concatenate([window.indices for window in plan]))
