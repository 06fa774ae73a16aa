"""Capture: a thread that decodes every frame of a live source and keeps the newest only.

What is slower than the source gets fewer frames, never older ones. The thread alone opens, reads and closes the source:
closing a container that another thread reads ends the process. A source that is silent or gone is opened again.
"""

from __future__ import annotations

import logging
import threading
import time
from collections import deque
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from fractions import Fraction
from typing import Any, Literal

import av
import av.error

from posec3d_cli.errors import InputError, PoseC3DError, unexpected
from posec3d_cli.types import Pixels
from posec3d_cli.video.display import Display, Orientation, orientation_of, plausible
from posec3d_cli.video.live_address import LiveAddress

logger = logging.getLogger("posec3d")
OPEN_SECONDS = 10.0
READ_SECONDS = 5.0
"""Silence after which a source is opened again."""
PAUSES = (0.5, 1.0, 2.0, 4.0, 8.0, 16.0, 30.0)
"""Seconds from one try to open a source to the next; the last one repeats."""
MOST_CHANGES = 100
GRAY_AT_FIRST = ("mpeg4", "h263", "flv1")
"""Codecs that draw gray pictures where a stream begins between two key frames; the others wait for one themselves."""

CaptureState = Literal["connecting", "live", "lost", "ended"]


@dataclass(frozen=True)
class StateChange:
    """A source came, went, or ended.

    Attributes:
        state: of the source from then on.
        text: what happened, in a clause.
        seconds: when, on the monotonic clock.
        pause: seconds until the next try; 0 where there is none.
    """

    state: CaptureState
    text: str
    seconds: float
    pause: float = 0.0


@dataclass(frozen=True, eq=False)
class LiveFrame:
    """The newest frame of a source.

    Attributes:
        number: how many frames were decoded before it, over all connections.
        seconds: when it arrived, on the monotonic clock.
        session: the number of the connection, from 0.
    """

    number: int
    seconds: float
    session: int
    _av_frame: Any = field(repr=False)
    _aspect: Fraction = field(repr=False)
    _orientation: Orientation = field(repr=False)

    def pixels(self) -> Pixels:
        """`(H, W, 3)` RGB, upright and with square pixels; made anew at each call."""
        size = (self._av_frame.width, self._av_frame.height)
        return Display(size, self._aspect, self._orientation).show(self._av_frame)


class Capture:
    """Reads a live source in a thread of its own; a context manager.

    Args:
        address: the source.
        open_seconds: after which an attempt to open it fails.
        read_seconds: of silence after which it is opened again.
        pauses: seconds between attempts to open it.
        give_up: seconds without a frame after which it is not opened again; None: never.
    """

    def __init__(
        self,
        address: LiveAddress,
        *,
        open_seconds: float = OPEN_SECONDS,
        read_seconds: float = READ_SECONDS,
        pauses: tuple[float, ...] = PAUSES,
        give_up: float | None = None,
    ) -> None:
        self.address = address
        self._timeout = (open_seconds, read_seconds)
        self._pauses, self._give_up = pauses, give_up
        self._condition = threading.Condition()
        self._stop = threading.Event()
        self._newest: LiveFrame | None = None
        self._changes: deque[StateChange] = deque(maxlen=MOST_CHANGES)
        self._decoded = self._damaged = 0
        self._sessions = 0
        self._error: PoseC3DError | None = None
        self._ended = self._recording = False
        self._thread = threading.Thread(target=self._run, name="capture", daemon=True)

    def __enter__(self) -> Capture:
        self._thread.start()
        return self

    def __exit__(self, *error: object) -> None:
        self._stop.set()
        # It may be waiting for a source that says nothing; it is a daemon and ends with the process.
        self._thread.join(1.0)

    @property
    def decoded(self) -> int:
        """The number of frames that were decoded."""
        return self._decoded

    @property
    def damaged(self) -> int:
        """The number of packets that did not decode."""
        return self._damaged

    @property
    def ended(self) -> bool:
        """Whether no frame will come after the newest one."""
        return self._ended

    def next(self, after: int, timeout: float) -> LiveFrame | None:
        """The newest frame, once there is one with a number above `after`; None if none comes in time.

        Raises:
            PoseC3DError: the source cannot be opened, and will not be tried again.
        """
        with self._condition:
            self._condition.wait_for(
                lambda: self._ended or (self._newest is not None and self._newest.number > after), timeout
            )
            if self._newest is not None and self._newest.number > after:
                return self._newest
            if self._error is not None:
                raise self._error
            return None

    def changes(self) -> list[StateChange]:
        """What happened to the source since the last call."""
        with self._condition:
            told = list(self._changes)
            self._changes.clear()
            return told

    def _run(self) -> None:
        try:
            self._read_until_the_end()
        except PoseC3DError as error:
            self._error = error
        except Exception as error:
            self._error = unexpected(error)
        finally:
            with self._condition:
                self._ended = True
                self._condition.notify_all()

    def _read_until_the_end(self) -> None:
        tries, last = 0, time.monotonic()
        while not self._stop.is_set():
            if not tries:
                self._note("connecting", "is opened")
            decoded = self._decoded
            why = self._read_once()
            if self._decoded > decoded:
                tries, last = 0, time.monotonic()
            if self._stop.is_set():
                return
            never = self.address.kind == "webcam" and not self._decoded
            if not self.address.reconnects or self._recording or never:
                if not self._decoded:
                    raise InputError(f"{self.address.shown} cannot be read as a live source: {why}")
                self._note("ended", why)
                return
            pause = self._pauses[min(tries, len(self._pauses) - 1)]
            silent = time.monotonic() - last
            if self._give_up is not None and silent + pause > self._give_up:
                raise InputError(
                    f"{self.address.shown} gave no frame for {silent:.0f} seconds: {why}",
                    hint="--give-up SECONDS waits longer",
                )
            tries += 1
            self._note("lost", why, pause)
            self._stop.wait(pause)

    def _read_once(self) -> str:
        """Read the source until it ends or fails; returns why it did."""
        session = self._sessions
        try:
            with self._opened() as (container, stream):
                aspect = plausible(stream.sample_aspect_ratio or stream.codec_context.sample_aspect_ratio)
                pace, orientation = self._pace(container), Orientation()
                for av_frame in self._frames(container, stream):
                    pace(av_frame)
                    if self._sessions == session:
                        self._sessions += 1
                        self._note("live", "gives frames")
                        # Of the first frame only: PyAV's frames and their side data refer to each other, and would
                        # pile up until the garbage collector looks for such circles.
                        orientation = orientation_of(av_frame)
                    arrived = time.monotonic()
                    self._publish(LiveFrame(self._decoded, arrived, session, av_frame, aspect, orientation))
                    if self._stop.is_set():
                        break
        except av.error.ExitError:
            opened = self._sessions > session
            waited = self._timeout[1 if opened else 0]
            return f"no frame for {waited:g} seconds" if opened else f"no answer within {waited:g} seconds"
        except (av.error.FFmpegError, OSError, ValueError) as error:
            # The text of FFmpeg's errors holds the address, and so perhaps a password; its reason does not.
            return getattr(error, "strerror", None) or str(error)
        return "it ended"

    @contextmanager
    def _opened(self) -> Iterator[tuple[Any, Any]]:
        address = self.address
        container = av.open(
            address.target,
            format=address.form,
            options=dict(address.options),
            timeout=None if address.kind in ("stdin", "webcam") else self._timeout,
            metadata_errors="replace",
        )
        with container:
            stream = container.streams.best("video")
            if stream is None:
                raise ValueError("it holds no video stream")
            yield container, stream

    def _frames(self, container: Any, stream: Any) -> Iterator[Any]:
        """Every frame that decodes. Packets before the first key frame do not, and are passed over."""
        waits = stream.codec_context.name in GRAY_AT_FIRST
        for packet in container.demux(stream):
            if waits and not packet.is_keyframe:
                continue
            waits = False
            try:
                yield from packet.decode()
            except av.error.InvalidDataError:
                self._damaged += 1
            if self._stop.is_set():
                return

    def _pace(self, container: Any) -> Callable[[Any], None]:
        """What waits until a frame is due: at once where they come live, else by the times of a recording."""
        self._recording = self.address.kind == "file" or (
            self.address.target.startswith("http") and container.duration is not None and container.duration > 0
        )
        start: list[float] = []

        def wait(av_frame: Any) -> None:
            if not self._recording or av_frame.time is None:
                return
            if not start:
                start.append(time.monotonic() - av_frame.time)
            self._stop.wait(max(0.0, start[0] + av_frame.time - time.monotonic()))

        return wait

    def _publish(self, frame: LiveFrame) -> None:
        with self._condition:
            self._newest = frame
            self._decoded += 1
            self._condition.notify_all()

    def _note(self, state: CaptureState, text: str, pause: float = 0.0) -> None:
        logger.info("%s: %s, %s", self.address.shown, state, text)
        with self._condition:
            self._changes.append(StateChange(state, text, time.monotonic(), pause))
            self._condition.notify_all()
