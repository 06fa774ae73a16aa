"""Decode frames in a thread of their own while networks work on the frames before them."""

from __future__ import annotations

import threading
from collections.abc import Generator, Iterator
from queue import Full, Queue
from time import perf_counter

from posec3d_cli.runtime.stopwatch import Stopwatch
from posec3d_cli.types import Frame

AHEAD = 16  # frames that wait
AHEAD_BYTES = 2**26  # of pixels that wait; one frame may exceed it
_PATIENCE_SECONDS = 0.1  # after which a full queue is looked at again, lest nobody takes from it any more
_END = object()


def read_ahead(frames: Iterator[Frame], watch: Stopwatch) -> Generator[Frame, None, None]:
    """The same frames, decoded ahead in a thread, as far as `AHEAD` and `AHEAD_BYTES` allow.

    Adds up the seconds that decoding takes as "decode", and those that the caller waits for a frame as "wait". An error
    of `frames` is raised in its place. When the caller closes the generator, or it ends, the thread has ended too, and
    has closed `frames`.
    """
    waiting = Queue[object](AHEAD)
    room = _Room()
    stopped = threading.Event()

    def decode() -> None:
        last: object = _END
        try:
            while not stopped.is_set():
                start = perf_counter()
                frame = next(frames, None)
                watch.add("decode", perf_counter() - start)
                if frame is None or not room.take(frame.pixels.nbytes, stopped) or not _put(waiting, frame, stopped):
                    break
        except BaseException as error:
            last = error
        finally:
            if isinstance(frames, Generator):
                frames.close()
            _put(waiting, last, stopped)

    thread = threading.Thread(target=decode, name="decoder", daemon=True)
    thread.start()
    try:
        while True:
            with watch.time("wait"):
                frame = waiting.get()
            if isinstance(frame, BaseException):
                raise frame
            if not isinstance(frame, Frame):
                return
            room.give(frame.pixels.nbytes)
            yield frame
            del frame  # while the next one is waited for
    finally:
        stopped.set()
        thread.join()


class _Room:
    """The bytes of pixels that may wait."""

    def __init__(self) -> None:
        self._taken = 0
        self._changed = threading.Condition()

    def take(self, size: int, stopped: threading.Event) -> bool:
        """Wait until a frame of this size may wait, or nothing else does; whether it may."""
        with self._changed:
            while self._taken and self._taken + size > AHEAD_BYTES:
                if stopped.is_set():
                    return False
                self._changed.wait(_PATIENCE_SECONDS)
            self._taken += size
            return True

    def give(self, size: int) -> None:
        """A frame waits no longer."""
        with self._changed:
            self._taken -= size
            self._changed.notify()


def _put(waiting: Queue[object], one: object, stopped: threading.Event) -> bool:
    """Put something into the queue as soon as there is room; whether that came before the end."""
    while not stopped.is_set():
        try:
            waiting.put(one, timeout=_PATIENCE_SECONDS)
        except Full:
            continue
        return True
    return False
