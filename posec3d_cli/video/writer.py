"""VideoWriter: H.264 in MP4 that browsers play."""

from __future__ import annotations

import contextlib
import math
import os
from fractions import Fraction
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import av
import av.error
import numpy as np
from av.video.reformatter import ColorRange, Colorspace

from posec3d_cli.errors import OutputError
from posec3d_cli.files.writing import atomic_write, remedy
from posec3d_cli.types import Pixels
from posec3d_cli.video.sound import SoundOf, with_sound

_LEAST_TICKS_PER_SECOND = 10_000
_MOST_TICKS_PER_SECOND = 1_000_000
_BT709 = 1  # ISO/IEC 23091-2: primaries, transfer and matrix all have this code for BT.709.


class VideoWriter:
    """Writes H.264 in MP4, 4:2:0, BT.709, limited range, with the index in front.

    H.264 in 4:2:0 has even sides only: a frame with an odd side gets one more column or row, a copy of its last.
    The file is written under a temporary name beside `path`, takes its place when the `with` block ends, and is removed
    if the block ends in an error. A file already at `path` is replaced.

    Attributes:
        lost_sound: once the block has ended, what of the sound that was asked for is missing, in a sentence; empty
            where all is there. Sound that cannot be kept costs no frame.

        with VideoWriter(Path("out.mp4"), fps=video.info.fps, size=(640, 360)) as out:
            for frame in video.frames():
                out.write(frame.pixels, seconds=frame.seconds)
    """

    def __init__(
        self,
        path: str | Path,
        *,
        fps: Fraction,
        size: tuple[int, int],
        quality: int = 20,
        sound: SoundOf | None = None,
        comment: str = "",
        keyframe_every: int | None = None,
    ) -> None:
        """Open the output.

        Args:
            path: where the video shall stand at the end.
            fps: frames per second; frames written without a time are spaced by it.
            size: (W, H) in pixels of the frames that will be written.
            quality: x264's constant rate factor, 0 (lossless) to 51 (worst).
            sound: the video whose sound is put beside the frames; none where it has none.
            comment: a text that the file carries.
            keyframe_every: a frame that is decoded by itself comes at least this often, and no frame is predicted from
                a later one, so that players jump quickly; None: as the encoder has it.

        Raises:
            OutputError: the file cannot be created, or `fps` or `size` is not positive.
        """
        if fps <= 0 or min(size) <= 0:
            raise OutputError(f"a video cannot have {fps} frames per second and {size[0]}x{size[1]} pixels")
        self._path = Path(path)
        self._sound = sound
        self.lost_sound = ""
        self._size = size
        self._step, self._time_base = _ticks(fps)
        self._last: int | None = None
        with contextlib.ExitStack() as held:
            self._part = held.enter_context(atomic_write(self._path, overwrite=True))
            try:
                self._container = av.open(
                    os.path.abspath(self._part), "w", format="mp4", container_options={"movflags": "faststart"}
                )
                held.callback(self._close)
                self._container.metadata["comment"] = comment
                self._stream = self._add_stream(fps, quality, keyframe_every)
            except (av.error.FFmpegError, OSError) as error:
                raise self._failure(error) from error
            self._held = held.pop_all()

    def write(self, pixels: Pixels, seconds: float | None = None) -> None:
        """Append one frame.

        Args:
            pixels: `(H, W, 3)` uint8 RGB of the size that was announced.
            seconds: when it is shown, later than the one before; where not given, one step of 1 / fps later.

        Raises:
            OutputError: the shape is another, the time does not rise, or the disk is full.
        """
        width, height = self._size
        if pixels.shape != (height, width, 3) or pixels.dtype != np.uint8:
            raise OutputError(f"a frame must be uint8 ({height}, {width}, 3), got {pixels.dtype} {pixels.shape}")
        if seconds is not None:
            tick = round(Fraction(seconds) / self._time_base)
        else:
            tick = 0 if self._last is None else self._last + self._step
        if self._last is not None and tick <= self._last:
            before = float(self._last * self._time_base)
            raise OutputError(f"a frame at {seconds} s cannot follow one at {before} s")
        self._last = tick
        padded = np.pad(pixels, ((0, height % 2), (0, width % 2), (0, 0)), mode="edge")
        av_frame = av.VideoFrame.from_ndarray(padded, format="rgb24").reformat(
            format="yuv420p", dst_colorspace=Colorspace.ITU709, dst_color_range=ColorRange.MPEG
        )
        av_frame.pts, av_frame.time_base, av_frame.duration = tick, self._time_base, self._step
        self._encode(av_frame)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        with self._held:
            if error is not None:
                raise error
            self._finish()

    def _add_stream(self, fps: Fraction, quality: int, keyframe_every: int | None) -> Any:
        width, height = self._size
        options = {"crf": str(quality), "preset": "veryfast"}
        if keyframe_every is not None:
            options |= {"g": str(keyframe_every), "sc_threshold": "0", "bf": "0"}
        stream: Any = self._container.add_stream("libx264", rate=fps, options=options)
        stream.width, stream.height = width + width % 2, height + height % 2
        stream.pix_fmt = "yuv420p"
        context = stream.codec_context
        context.time_base = self._time_base
        context.colorspace = context.color_primaries = context.color_trc = _BT709
        context.color_range = ColorRange.MPEG
        return stream

    def _encode(self, av_frame: Any) -> None:
        try:
            self._container.mux(self._stream.encode(av_frame))
        except (av.error.FFmpegError, OSError) as error:
            raise self._failure(error) from error

    def _finish(self) -> None:
        if self._last is None:
            raise OutputError(f"{self._path} was not written: it would hold no frame")
        self._encode(None)
        try:
            self._container.close()
            if self._sound is not None:
                complete = self._part.with_suffix(".sound")
                self._held.callback(complete.unlink, missing_ok=True)
                heard, self.lost_sound = with_sound(self._part, complete, self._sound)
                if heard:
                    complete.replace(self._part)
        except (av.error.FFmpegError, OSError) as error:
            raise self._failure(error) from error

    def _close(self) -> None:
        # Where it was not finished, the file is thrown away in any case; the first error is the one to report.
        with contextlib.suppress(av.error.FFmpegError, OSError):
            self._container.close()

    def _failure(self, error: Exception) -> OutputError:
        reason = getattr(error, "strerror", None) or str(error)
        hint = "choose a place that can be written"
        if isinstance(error, OSError):
            hint = remedy(error, "free some space, or choose another place", hint)
        return OutputError(f"{self._path} cannot be written: {reason}", hint=hint)


def _ticks(fps: Fraction) -> tuple[int, Fraction]:
    """Ticks from one frame to the next, and seconds per tick: fine enough for any time, exact for this rate."""
    rate = fps.limit_denominator(1001)
    if rate == 0 or rate.numerator > _MOST_TICKS_PER_SECOND:
        return max(1, round(_MOST_TICKS_PER_SECOND / fps)), Fraction(1, _MOST_TICKS_PER_SECOND)
    finer = math.ceil(_LEAST_TICKS_PER_SECOND / rate.numerator)
    return rate.denominator * finer, Fraction(1, rate.numerator * finer)
