"""FrameMemory: the memory of the frames that one iteration decodes, used again and again."""

from __future__ import annotations

from collections import deque
from fractions import Fraction
from typing import Any

import numpy as np
from av.filter import Graph

from posec3d_cli.types import Pixels

_KEPT = 16
"""Buffers that wait to be used again, of a size each: a 1080p frame takes 6 MB."""
_USUAL = ("yuv420p", "yuvj420p")
_ANY_CLOCK = Fraction(1, 1000)


class FrameMemory:
    """Turns images into RGB in memory that held earlier frames, which nobody holds any more.

    New memory comes zeroed from the system, page by page, which takes longer than the conversion of the pixels. One
    thread uses a FrameMemory; the frames may be let go in any.
    """

    def __init__(self) -> None:
        self._free: deque[Pixels] = deque(maxlen=_KEPT)
        self._reads: tuple[Any, ...] = ()
        self._graph: tuple[Graph, Any, Any]

    def rgb(self, av_frame: Any) -> Pixels:
        """A PyAV frame as `(H, W, 3)` RGB of its own size; the rows may lie apart.

        The pixels are those of PyAV's `reformat`, which takes new memory for each frame. It is used for all formats but
        those in which nearly every video is stored: in others the two place colours differently.
        """
        if av_frame.format.name not in _USUAL:
            return np.asarray(av_frame.reformat(format="rgb24").to_ndarray())
        reads = (av_frame.width, av_frame.height, av_frame.format.name, av_frame.colorspace, av_frame.color_range)
        if reads != self._reads:
            self._graph, self._reads = _converter(av_frame), reads
        _, source, sink = self._graph
        source.push(av_frame)
        pixels: Pixels = sink.pull().to_ndarray()
        return pixels

    def contiguous(self, pixels: Pixels) -> Pixels:
        """A copy of an image `(H, W, 3)` without gaps between its values."""
        buffer = self._free.pop() if self._free else None
        if buffer is None or buffer.size != pixels.size:
            buffer = np.empty(pixels.size, np.uint8)
        copy = np.asarray(_Lent(buffer, pixels.shape, self._free))
        np.copyto(copy, pixels)
        return copy


class _Lent:
    """What an array and its views rest on: when the last of them is gone, the buffer is free."""

    def __init__(self, buffer: Pixels, shape: tuple[int, ...], free: deque[Pixels]) -> None:
        self._buffer, self._free = buffer, free
        self.__array_interface__ = {**buffer.__array_interface__, "shape": shape}

    def __del__(self) -> None:
        self._free.append(self._buffer)


def _converter(av_frame: Any) -> tuple[Graph, Any, Any]:
    graph = Graph()
    graph.threads = 1
    source = graph.add_buffer(
        width=av_frame.width, height=av_frame.height, format=av_frame.format, time_base=_ANY_CLOCK
    )
    converted, colored, sink = (
        graph.add("scale", "flags=bilinear"),
        graph.add("format", "rgb24"),
        graph.add("buffersink"),
    )
    source.link_to(converted)
    converted.link_to(colored)
    colored.link_to(sink)
    graph.configure()
    return graph, source, sink
