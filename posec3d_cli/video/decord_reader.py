"""The reader over decord, in its maintained build `decord2`."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import count
from pathlib import Path
from typing import Any

import decord

from posec3d_cli.errors import UnreadableVideo, are, counted
from posec3d_cli.types import Frame, Pixels, VideoInfo
from posec3d_cli.video.decoding import THREADS
from posec3d_cli.video.display import stretched
from posec3d_cli.video.probe import FrameTable, probe
from posec3d_cli.video.reader import VideoReader

HELD_BYTES = 256 * 1024 * 1024
"""Pixels that are decoded before the first of them is handed out."""

_CONTAINERS = frozenset({"mp4", "matroska", "avi", "gif"})
_ERRORS = (decord.DECORDError, decord.DECORDLimitReachedError, RuntimeError)
_STRICT = 1e-6
"""Share of frames that decord may fill in with a copy of a neighbour before it gives up: none."""


class DecordReader(VideoReader):
    """Reads whole, well-formed MP4, MOV, Matroska, WebM, AVI and GIF files.

    decord counts packets and fills what does not decode with copies of neighbours, so it would answer with wrong
    frames for damaged files, for frames that an edit list hides, for packets with no frame or two, for transport and
    program streams, where its numbering goes astray, and for H.264 in AVI without B-frames, where it takes every frame
    after a jump for another one. It does not mirror, deinterlace or fit frames. All of these are refused. It seeks
    wrongly where frames carry no usable times (AVI with B-frames) and where frames after a key frame are shown before
    it (open GOPs, usual in HEVC), so those files are read from the start.

    While its caller is busy with a frame, decord decodes on in the background without limit. Therefore frames are read
    in blocks of `HELD_BYTES`, and decord is let go between blocks: memory stays bounded, and each block after the first
    costs the decoding from its key frame, or from the start of the file, once more. `pyav` has no such cost.
    """

    def __init__(self, path: Path) -> None:
        super().__init__()
        self._table = probe(path)
        _refuse_what_decord_gets_wrong(self._table)
        # decord counts for itself; where it disagrees, its frame numbers mean something else.
        there = len(_open(path))
        if there != self.info.frame_count:
            raise _refusal(path, f"it counts {counted(there, 'frame')} where {self.info.frame_count} can be decoded")

    @property
    def info(self) -> VideoInfo:
        """Size, rate, number of frames and notes of the file."""
        return self._table.info

    def _decode(self, wanted: Sequence[int]) -> Iterator[Frame]:
        block = max(1, HELD_BYTES // (self.info.width * self.info.height * 3))
        for start in range(0, len(wanted), block):
            yield from self._read_block(wanted[start : start + block])

    def _read_block(self, wanted: Sequence[int]) -> list[Frame]:
        path, display = self.info.path, self._table.display
        packets = self._table.packets
        source = _open(path)
        seek = packets is not None and packets.groups_are_closed
        numbered = _by_seeking(source, wanted) if seek else _by_counting(source, wanted)
        try:
            images = list(numbered)
        except (*_ERRORS, IndexError) as error:
            raise _refusal(path, "a frame did not decode") from error
        turned = display.turned(display.stored)
        for _, pixels in images:
            if (pixels.shape[1], pixels.shape[0]) != turned:
                raise _refusal(path, f"it gives frames of shape {pixels.shape}")
        if len(images) != len(wanted):
            raise _refusal(path, "frames are missing")
        seconds = self._table.seconds
        return [Frame(stretched(pixels, display.size), index, float(seconds[index])) for index, pixels in images]


def _by_seeking(source: Any, wanted: Sequence[int]) -> Iterator[tuple[int, Pixels]]:
    previous = -1
    for index in wanted:
        if index != previous + 1:
            source.seek_accurate(index)
        yield index, source.next().asnumpy()
        previous = index


def _by_counting(source: Any, wanted: Sequence[int]) -> Iterator[tuple[int, Pixels]]:
    place = 0
    for index in count():
        image = source.next()
        if index == wanted[place]:
            yield index, image.asnumpy()
            place += 1
            if place == len(wanted):
                return


def _open(path: Path) -> Any:
    decord.logging.set_level(decord.logging.QUIET)
    try:
        return decord.VideoReader(str(path.absolute()), num_threads=THREADS, fault_tol=_STRICT)
    except (*_ERRORS, AssertionError, UnicodeError) as error:
        raise _refusal(path, "it cannot open the file") from error


def _refuse_what_decord_gets_wrong(table: FrameTable) -> None:
    path, info = table.info.path, table.info
    if not _CONTAINERS.intersection(table.container.split(",")):
        raise _refusal(path, f"it misnumbers the frames of {table.container} files")
    if info.lost_frames:
        raise _refusal(path, f"the file is damaged: {counted(info.lost_frames, 'frame')} {are(info.lost_frames)} lost")
    if table.damaged:
        raise _refusal(path, "the file is damaged")
    if table.container == "avi" and info.codec == "h264" and table.packets is not None:
        raise _refusal(path, "it misnumbers the frames of H.264 in AVI files")
    if table.packets_differ:
        raise _refusal(path, "its packets hold no frame, or two, and it takes each for one")
    if table.display.orientation.mirrored:
        raise _refusal(path, "the file asks for a mirrored frame, and it would turn it")
    if table.display.changes:
        raise _refusal(path, "the size or the shape of the frames changes, and it would distort them")
    if table.interlaced:
        raise _refusal(path, "the frames are interlaced, and it would leave them combed")
    if table.hidden:
        raise _refusal(path, f"it would show {counted(table.hidden, 'frame')} that an edit list hides")


def _refusal(path: Path, why: str) -> UnreadableVideo:
    return UnreadableVideo(f"the reader 'decord' cannot give the right frames of {path}: {why}", hint="--reader pyav")
