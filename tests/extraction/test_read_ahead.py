"""Frames decoded ahead in a thread: the same frames, bounded, errors in their place, and no thread left behind."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator

import numpy as np
import pytest

from posec3d_cli.errors import UnreadableVideo
from posec3d_cli.extraction import read_ahead as module
from posec3d_cli.extraction.read_ahead import AHEAD, read_ahead
from posec3d_cli.runtime.stopwatch import Stopwatch
from posec3d_cli.types import Frame


def frame(index: int) -> Frame:
    return Frame(np.zeros((4, 6, 3), np.uint8), index, index / 25)


class Source:
    """Frames that are counted as they are decoded."""

    def __init__(self, count: int, *, fails_at: int | None = None) -> None:
        self.count, self.fails_at, self.decoded, self.closed = count, fails_at, 0, False

    def frames(self) -> Iterator[Frame]:
        try:
            for index in range(self.count):
                if index == self.fails_at:
                    raise UnreadableVideo("the file ends here")
                self.decoded += 1
                yield frame(index)
        finally:
            self.closed = True


def decoders() -> list[threading.Thread]:
    return [thread for thread in threading.enumerate() if thread.name == "decoder"]


def settled(source: Source) -> int:
    """How many frames are decoded when nothing more is taken."""
    before = -1
    while before != source.decoded:
        before = source.decoded
        time.sleep(0.3)
    return before


def test_the_frames_are_those_of_the_reader_in_their_order() -> None:
    source, watch = Source(50), Stopwatch()
    assert [one.index for one in read_ahead(source.frames(), watch)] == list(range(50))
    assert source.closed
    assert not decoders()
    assert set(watch.seconds) == {"decode", "wait"}


def test_no_frames_are_none() -> None:
    assert list(read_ahead(Source(0).frames(), Stopwatch())) == []


def test_no_more_frames_wait_than_allowed() -> None:
    source = Source(1000)
    frames = read_ahead(source.frames(), Stopwatch())
    next(frames)
    assert settled(source) <= 1 + AHEAD + 1  # one taken, those that wait, and one in hand
    frames.close()


def test_large_frames_are_fewer(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "AHEAD_BYTES", 3 * frame(0).pixels.nbytes)
    source = Source(1000)
    frames = read_ahead(source.frames(), Stopwatch())
    next(frames)
    assert settled(source) <= 1 + 3 + 1
    frames.close()


def test_a_frame_larger_than_all_may_wait_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "AHEAD_BYTES", 1)
    assert [one.index for one in read_ahead(Source(5).frames(), Stopwatch())] == list(range(5))


def test_an_error_comes_after_the_frames_before_it() -> None:
    source, seen = Source(9, fails_at=4), []
    with pytest.raises(UnreadableVideo, match="ends here"):
        seen.extend(one.index for one in read_ahead(source.frames(), Stopwatch()))
    assert seen == [0, 1, 2, 3]
    assert not decoders()
    assert source.closed


def test_whoever_ends_early_leaves_no_thread_and_no_open_file() -> None:
    source = Source(1000)
    frames = read_ahead(source.frames(), Stopwatch())
    next(frames)
    frames.close()
    assert not decoders()
    assert source.closed
    assert source.decoded < 1000


def test_decoding_goes_on_while_the_frames_are_worked_on() -> None:
    def slow() -> Iterator[Frame]:
        for index in range(10):
            time.sleep(0.02)
            yield frame(index)

    watch = Stopwatch()
    for _ in read_ahead(slow(), watch):
        time.sleep(0.03)
    assert watch.seconds["decode"] > 0.15
    assert watch.seconds["wait"] < watch.seconds["decode"]
