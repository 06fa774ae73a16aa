"""FrameEstimator: the people in frames of one video, from the cache or estimated, part by part."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import closing, suppress
from itertools import groupby
from threading import Thread
from typing import TYPE_CHECKING

from posec3d_cli.errors import PoseC3DError
from posec3d_cli.extraction.cache import PART, KnownFrames
from posec3d_cli.extraction.cuts import REACH, Signature, find_cuts, frames_to_check, is_sharp, signature
from posec3d_cli.extraction.read_ahead import read_ahead
from posec3d_cli.types import Detections, Frame, Ints, Poses
from posec3d_cli.video import VideoReader

if TYPE_CHECKING:
    from posec3d_cli.extraction.cache import PoseCache
    from posec3d_cli.runtime.stopwatch import Stopwatch

Estimate = Callable[[Iterable[Frame], Callable[[Frame, Frame], bool]], Iterator[tuple[Frame, Detections, Poses]]]
"""Detects people in frames and estimates their poses; the second argument says whether there is a cut between two."""


def part_of(frame: int) -> int:
    """The number of the part of a video that a frame lies in."""
    return frame // PART


class FrameEstimator:
    """Holds what is known of the frames of a video.

    Args:
        video: an open video.
        cache: the cache; None for none.
        key: of the video in the cache.
        watch: measures decoding, and waiting for it.

    Attributes:
        people: detections and poses by frame.
        lost: frames that were asked for and did not decode.
        signatures: what tells cuts, by frame.
    """

    def __init__(self, video: VideoReader, cache: PoseCache | None, key: str, watch: Stopwatch) -> None:
        self.video, self._cache, self._key, self._watch = video, cache, key, watch
        self.people: dict[int, tuple[Detections, Poses]] = {}
        self.lost: set[int] = set()
        self.signatures: dict[int, Signature] = {}
        self._loaded: set[int] = set()
        self._changed: set[int] = set()
        self._around: _Signatures | None = None

    def known(self, frames: Iterable[int]) -> frozenset[int]:
        """The frames that the cache holds, of the parts of these frames; nothing is loaded."""
        if self._cache is None:
            return frozenset()
        parts = dict.fromkeys(part_of(frame) for frame in frames)
        return frozenset().union(*(self._cache.frames(self._key, part) for part in parts))

    def load(self, part: int) -> None:
        """Load what the cache holds of a part; from now on it may be kept with what is added."""
        if self._cache is None:
            return
        self._loaded.add(part)
        kept = self._cache.load(self._key, part)
        self.people.update({frame: found for frame, found in kept.people.items() if part_of(frame) == part})
        self.lost.update(frame for frame in kept.lost if part_of(frame) == part)
        self.signatures.update({frame: one for frame, one in kept.signatures.items() if part_of(frame) == part})

    def store_all(self) -> None:
        """Keep every part that was loaded and has changed."""
        for part in sorted(self._changed & self._loaded):
            self._store(part)

    def _store(self, part: int) -> None:
        assert self._cache is not None
        self._changed.discard(part)
        self._cache.store(
            self._key,
            KnownFrames(
                {frame: found for frame, found in self.people.items() if part_of(frame) == part},
                frozenset(frame for frame in self.lost if part_of(frame) == part),
                {frame: one for frame, one in self.signatures.items() if part_of(frame) == part},
            ),
            part,
        )

    def forget(self, before: int) -> None:
        """Drop what is known of the frames before this one, but for the signatures that tell cuts at it.

        The parts that were loaded are no longer whole, and are not kept again.
        """
        self._loaded.clear()
        self._changed.clear()
        self.people = {frame: found for frame, found in self.people.items() if frame >= before}
        self.lost = {frame for frame in self.lost if frame >= before}
        self.signatures = {frame: one for frame, one in self.signatures.items() if frame >= before - 2 * REACH}

    def estimate(self, frames: Sequence[int], estimate: Estimate) -> Iterator[int]:
        """Estimate the people in frames, in order, and yield the number of each part that is done.

        Between two parts nothing is shared: what is found in a part does not depend on where a killed run began again.
        """
        if not frames:
            return
        # Signatures are made here, not in the thread that decodes: the dictionary is read and changed meanwhile.
        with closing(read_ahead(self.video.read(frames), self._watch)) as decoded:
            ahead = _Ahead(self._signed_to_the_end(decoded, frames))
            for part, group in groupby(frames, key=part_of):
                own = list(group)
                for frame, found, poses in estimate(ahead.until((part + 1) * PART), self._is_cut_between):
                    self.people[frame.index] = found, poses
                    del frame
                self.lost.update(index for index in own if index not in self.people)
                self._changed.add(part)
                yield part

    def find_cuts(self, frames: Sequence[int]) -> Ints:
        """The cuts between frames that are known; reads more frames where it needs them."""
        if self._around is not None:
            self._around.join()
            self.signatures |= self._around.found
            self._changed |= {part_of(frame) for frame in self._around.found}
            self._around = None
        for frame in self._signed(self.video.read(self._frames_to_check(frames))):
            self._changed.add(part_of(frame.index))
            del frame
        return find_cuts(self.signatures, frames)

    def _frames_to_check(self, frames: Sequence[int]) -> list[int]:
        needed: list[int] = frames_to_check(self.signatures, frames, self.video.info.frame_count).tolist()
        return needed

    def _signed_to_the_end(self, decoded: Iterator[Frame], frames: Sequence[int]) -> Iterator[Frame]:
        """As `_signed`; behind the last frame, what `find_cuts` needs is read while networks work on the last ones."""
        yield from self._signed(decoded)
        needed = self._frames_to_check([frame for frame in frames if frame in self.signatures])
        if needed:
            self._around = _Signatures(self.video, needed)
            self._around.start()

    def _signed(self, frames: Iterator[Frame]) -> Iterator[Frame]:
        for frame in frames:
            self.signatures[frame.index] = signature(frame.pixels)
            yield frame

    def _is_cut_between(self, before: Frame, after: Frame) -> bool:
        return is_sharp(self.signatures[before.index], self.signatures[after.index])


class _Signatures(Thread):
    """Makes the signatures of some frames; it ends early where the video is closed.

    A frame that it cannot read is read again, and the reason told, when it is needed.
    """

    def __init__(self, video: VideoReader, frames: Sequence[int]) -> None:
        super().__init__(name="signatures", daemon=True)
        self._video, self._frames = video, frames
        self.found: dict[int, Signature] = {}

    def run(self) -> None:
        """Read them."""
        with suppress(PoseC3DError, ValueError):
            for frame in self._video.read(self._frames):
                self.found[frame.index] = signature(frame.pixels)
                del frame


class _Ahead:
    """Frames of which one may be read too early and given later."""

    def __init__(self, frames: Iterator[Frame]) -> None:
        self._frames = frames
        self._next: Frame | None = None

    def until(self, limit: int) -> Iterator[Frame]:
        """The frames before `limit`."""
        while True:
            frame = next(self._frames, None) if self._next is None else self._next
            self._next = None
            if frame is not None and frame.index >= limit:
                self._next = frame
            if frame is None or self._next is not None:
                return
            yield frame
            del frame
