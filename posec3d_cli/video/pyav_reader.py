"""The reader over PyAV, which is FFmpeg's libraries called from Python."""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Iterator, Sequence
from itertools import chain
from pathlib import Path
from typing import Any

import numpy as np

from posec3d_cli.types import Frame, Ints, VideoInfo
from posec3d_cli.video.decoding import THREADS, configure_decoder, decode_packet, decoded, opened
from posec3d_cli.video.frame_memory import FrameMemory
from posec3d_cli.video.packet_table import PacketTable
from posec3d_cli.video.probe import FrameTable, probe
from posec3d_cli.video.reader import VideoReader

_PASS, _DECODE, _LEAVE_OUT = 0, 1, 2


class PyAVReader(VideoReader):
    """Reads everything that FFmpeg reads, damaged files among them.

    Frames are told apart by their times. Stretches between the requested frames are passed over by reading on to the
    next key frame without decoding, never by the container's own seeking, which lands in different places in different
    containers. In a damaged file, and where times do not tell frames apart, every frame before the last one requested
    is decoded.
    """

    def __init__(self, path: Path) -> None:
        super().__init__()
        self._table = probe(path)

    @property
    def info(self) -> VideoInfo:
        """Size, rate, number of frames and notes of the file."""
        return self._table.info

    def _decode(self, wanted: Sequence[int]) -> Iterator[Frame]:
        done, memory = 0, FrameMemory()
        if self._table.packets is not None:
            for frame in _by_time(self._table, self._table.packets, wanted, memory):
                if frame.index != wanted[done]:
                    break
                done += 1
                yield frame
            if done == len(wanted):
                return
        # Either frames can only be counted off, or one did not come out after a stretch that was passed over.
        rest = wanted[done:]
        place = 0
        for index, av_frame in _all_up_to(self._table, rest[-1]):
            while place < len(rest) and rest[place] < index:
                self._lost.add(rest[place])
                place += 1
            if place < len(rest) and rest[place] == index:
                place += 1
                yield _frame(self._table, av_frame, index, memory)
        self._lost.update(rest[place:])


def _by_time(table: FrameTable, packets: PacketTable, wanted: Sequence[int], memory: FrameMemory) -> Iterator[Frame]:
    """The frames `wanted`, decoding no more than they need."""
    assert table.ticks is not None
    use = _choose_packets(packets, table.ticks[np.asarray(wanted)])
    with opened(table.info.path) as (container, stream):
        configure_decoder(stream, threads=THREADS)
        for av_frame in _decode_chosen(container, stream, use):
            index = _index_at(table.ticks, av_frame.pts)
            if index is not None and wanted[bisect_left(wanted, index, hi=len(wanted) - 1)] == index:
                yield _frame(table, av_frame, index, memory)


def _choose_packets(packets: PacketTable, ticks: Ints) -> bytearray:
    """Which of the P packets to decode for the frames at `ticks`: `_PASS`, `_DECODE` or `_LEAVE_OUT` for each."""
    times = np.frombuffer(packets.ticks, np.int64)
    order = np.argsort(times)
    numbers = np.sort(order[np.searchsorted(times[order], ticks)])
    held = np.zeros(len(packets), np.uint8)
    held[numbers] = 1
    keys = [number for number, is_key in enumerate(packets.keys) if is_key]
    use = bytearray(len(packets))
    run_start = run_end = 0  # The last stretch of settled packets, half-open.
    for number in numbers.tolist():
        nearest = bisect_right(keys, number) - 1
        # A frame shown before a key frame that precedes it in the file is predicted from frames before that one.
        while nearest > 0 and packets.ticks[keys[nearest]] > packets.ticks[number]:
            nearest -= 1
        start = keys[nearest]
        if start > run_end:
            run_start = run_end = start
        for needed in chain(range(start, run_start), range(run_end, number + 1)):
            unneeded = packets.droppable[needed] and not held[needed]
            use[needed] = _LEAVE_OUT if unneeded else _DECODE
        run_start, run_end = min(start, run_start), number + 1
    return use


def _decode_chosen(container: Any, stream: Any, use: bytearray) -> Iterator[Any]:
    """The frames of the chosen packets, as PyAV frames; the decoder starts afresh after each stretch passed over."""
    context = stream.codec_context
    last = use.rfind(_DECODE)
    number, running = -1, False
    for packet in container.demux(stream):
        if packet.size:
            number += 1
            choice = use[number] if number <= last else _PASS
        else:
            choice = _PASS
        if choice == _DECODE:
            yield from decode_packet(context, packet)
            running = True
        elif choice == _PASS and running:
            yield from decode_packet(context, None)
            context.flush_buffers()
            running = False
        if number > last:
            return
    if running:
        yield from decode_packet(context, None)


def _all_up_to(table: FrameTable, last: int) -> Iterator[tuple[int, Any]]:
    """Every frame from the first to `last` that decodes, numbered, as PyAV frames."""
    by_time = table.ticks is not None and not table.counted_by_decoding
    with opened(table.info.path) as (container, stream):
        # As when the frames were counted: what becomes of a damaged frame must not differ.
        threads = 1 if table.counted_by_decoding else THREADS
        for counted, av_frame in enumerate(decoded(container, stream, threads=threads)):
            index = _index_at(table.ticks, av_frame.pts) if by_time else counted
            if index is not None and index <= last:
                yield index, av_frame
            if counted >= last and (index is None or index >= last):
                return


def _index_at(ticks: Ints | None, tick: int | None) -> int | None:
    """The frame shown at `tick`, if there is one."""
    if ticks is None or tick is None:
        return None
    index = int(np.searchsorted(ticks, tick))
    return index if index < len(ticks) and ticks[index] == tick else None


def _frame(table: FrameTable, av_frame: Any, index: int, memory: FrameMemory) -> Frame:
    return Frame(table.display.show(av_frame, memory), index, float(table.seconds[index]))
