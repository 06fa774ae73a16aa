"""Crops of frames for builders that need pixels: one pass over the video, in which only the crops are kept."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator, Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol

import numpy as np

from posec3d_cli.config import DEFAULT_READER
from posec3d_cli.errors import EmptyVideo, UnreadableVideo, counted
from posec3d_cli.files.digests import content_digest
from posec3d_cli.transforms.heatmaps import Crop
from posec3d_cli.transforms.pixels import crop_pixels
from posec3d_cli.types import Frame, Ints, Pixels
from posec3d_cli.video import VideoReader, open_video


@dataclass(frozen=True, eq=False)
class CropRequest:
    """The same crop of some frames of a video.

    Attributes:
        clips: `(V, T)` frame numbers, in any order, with repetition.
        crop: in pixels of the frame.
        size: (H, W) that the crop is scaled to.
    """

    clips: Ints
    crop: Crop
    size: tuple[int, int]


class FrameSource(Protocol):
    """Where the frames of a video, or of a labeled clip, can be read."""

    def crops(self, requests: Sequence[CropRequest]) -> Iterator[Pixels]:
        """The crops `(V, T, H, W, 3)` of each request, in order.

        Raises:
            UnreadableVideo, EmptyVideo: the frames cannot be read.
        """
        ...


@dataclass(frozen=True)
class VideoFrames:
    """The frames of a video file.

    Attributes:
        path: the file.
        start: the frame of the file that is frame 0 of the requests.
        reader: the name of the video reader.
        video: the file, where it is open already.
        sha256: of the file that the poses are of; empty where nothing says it.
    """

    path: Path
    start: int = 0
    reader: str = DEFAULT_READER
    video: VideoReader | None = field(default=None, repr=False, compare=False)
    sha256: str = ""

    def crops(self, requests: Sequence[CropRequest]) -> Iterator[Pixels]:
        """The crops of each request; see `FrameSource`. Memory holds those of overlapping requests.

        Raises:
            UnreadableVideo: it is another file than the poses are of; or as `FrameSource.crops`.
        """
        if self.sha256 and content_digest(self.path) not in ("", self.sha256):
            raise UnreadableVideo(
                f"{self.path} was changed since its poses were estimated, so they do not fit its frames",
                hint="run the command again: the poses of the other videos are in the cache",
            )
        opened: AbstractContextManager[VideoReader]
        opened = open_video(self.path, reader=self.reader) if self.video is None else nullcontext(self.video)
        with opened as video:
            last = video.info.frame_count - 1
            needed = [np.minimum(np.unique(one.clips) + self.start, last) for one in requests]
            wanted = np.unique(np.concatenate([*needed, np.zeros(0, np.int64)])).tolist()
            yield from crops_of(video.read(wanted), requests, self.start, last, str(self.path))


def crops_of(
    frames: Iterator[Frame], requests: Sequence[CropRequest], start: int, last: int, name: str
) -> Iterator[Pixels]:
    """The crops of each request, from frames in ascending order. A frame that is not among them has the nearest's.

    Args:
        frames: the frames.
        requests: see `FrameSource.crops`.
        start: is added to their frame numbers.
        last: the largest frame number there is.
        name: of the video, for messages.

    Raises:
        EmptyVideo: there is none of the frames of a request.
    """
    waiting = deque(_Collected(one, start, last) for one in requests)
    for frame in frames:
        for one in waiting:
            one.add(frame)
        while waiting and waiting[0].stop <= frame.index:
            yield waiting.popleft().clips(name)
    for one in waiting:
        yield one.clips(name)


class _Collected:
    """The crops of a request that are there so far."""

    def __init__(self, request: CropRequest, start: int, last: int) -> None:
        self.request = request
        self.numbers, self.places = np.unique(np.minimum(request.clips + start, last), return_inverse=True)
        self.wanted = frozenset(self.numbers.tolist())
        self.stop = int(self.numbers[-1])
        self.found: dict[int, Pixels] = {}

    def add(self, frame: Frame) -> None:
        """Keep the crop of a frame, if it is one of the request's."""
        if frame.index in self.wanted:
            self.found[frame.index] = crop_pixels(frame.pixels, self.request.crop, self.request.size)

    def clips(self, name: str) -> Pixels:
        """The crops `(V, T, H, W, 3)`."""
        if not self.found:
            raise EmptyVideo(f"{name}: none of {counted(len(self.numbers), 'frame')} needed can be decoded")
        known = np.array(list(self.found))
        nearest = np.abs(self.numbers[:, None] - known).argmin(axis=1)
        crops = np.stack([self.found[known[place]] for place in nearest.tolist()])
        clips: Pixels = crops[self.places.reshape(self.request.clips.shape)]
        return clips
