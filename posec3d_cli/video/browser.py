"""Videos in browsers: the frame times that a page looks frames up in, and copies that every browser plays.

A browser must show the same frame N as posec3d. It does for plain H.264, VP8, VP9 and AV1 in MP4 and WebM whose clock
starts at 0; for everything else there is `make_proxy`.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from posec3d_cli.errors import OutputError, UnreadableVideo
from posec3d_cli.video.decoding import opened
from posec3d_cli.video.display import SQUARE, Display, stretched
from posec3d_cli.video.probe import FrameTable, probe
from posec3d_cli.video.pyav_reader import PyAVReader
from posec3d_cli.video.timing import Seconds
from posec3d_cli.video.writer import VideoWriter

PROXY_VERSION = 1
"""Of `make_proxy`: proxies of another version are made again."""
_SUFFIXES = {".mp4": "video/mp4", ".m4v": "video/mp4", ".mov": "video/mp4", ".webm": "video/webm"}
_CODECS = {"h264", "vp8", "vp9", "av1"}
_PIXELS = {"yuv420p", "yuvj420p"}
_LONGEST_SIDE = 1280  # pixels of a proxy
_KEYFRAME_EVERY = 12  # frames; 5 % more bytes than x264's default, and seeks take a tenth of the time
_TOLERANCE = 2e-4  # seconds; the clock of a proxy has at least 10,000 ticks per second


@dataclass(frozen=True, eq=False)
class FrameTimes:
    """The frames of a video as a page needs them.

    Attributes:
        path: the video.
        width: of a frame in pixels as posec3d shows it: upright, with square pixels.
        height: likewise.
        seconds: `(N,)` float64, when each frame is shown, from the first one.
        start: seconds on the file's own clock at which frame 0 is shown.
        duration: seconds from the start of the first frame to the end of the last.
        media_type: of the file, for a browser.
        obstacle: why a browser does not play the file, or not with the same frames; empty if nothing is known.
    """

    path: Path
    width: int
    height: int
    seconds: Seconds
    start: float
    duration: float
    media_type: str
    obstacle: str

    def __len__(self) -> int:
        """N, the number of frames."""
        return len(self.seconds)

    def at(self, frame: int) -> float:
        """Seconds on the file's own clock at which a frame begins; for N, at which the last frame ends."""
        end = self.duration if frame == len(self) else float(self.seconds[frame])
        return self.start + end


def frame_times(path: Path) -> FrameTimes:
    """The frames of a video.

    Raises:
        UnreadableVideo, EmptyVideo: see `posec3d_cli.video.open_video`.
    """
    table = probe(path)
    info = table.info
    return FrameTimes(
        path,
        info.width,
        info.height,
        table.seconds,
        info.start,
        info.duration,
        _SUFFIXES.get(path.suffix.lower(), "application/octet-stream"),
        _obstacle(table, path),
    )


def make_proxy(times: FrameTimes, target: Path, progress: Callable[[int, int], object] | None = None) -> None:
    """Write a copy of a video that every browser plays: H.264, no sound, upright, the same frames at the same times.

    Args:
        times: of the video.
        target: the copy; a file that is there is replaced.
        progress: called with the number of frames that are done, and of all.

    Raises:
        UnreadableVideo: frames do not decode, or the copy does not have the frames and times of the video.
        OutputError: it cannot be written.
    """
    part = target.with_name(f"{target.stem}.unchecked{target.suffix}")
    try:
        _copy(times, part, progress)
        check_proxy(times, part)
        part.replace(target)
    except OSError as error:
        raise OutputError(f"{target} cannot be written: {error.strerror}", hint="free some space") from error
    finally:
        part.unlink(missing_ok=True)


def proxy_size(times: FrameTimes) -> tuple[int, int]:
    """The width and height of the proxy, both even, as H.264 has it."""
    share = min(1.0, _LONGEST_SIDE / max(times.width, times.height))
    width, height = (max(2, 2 * round(side * share / 2)) for side in (times.width, times.height))
    return width, height


def check_proxy(times: FrameTimes, proxy: Path) -> None:
    """Refuse a copy that has other frames or other times than the video.

    Raises:
        UnreadableVideo: it has.
    """
    copied = probe(proxy).seconds
    if len(copied) != len(times):
        raise UnreadableVideo(f"a copy of {times.path} has {len(copied)} frames, and the video {len(times)}")
    away = float(np.abs(copied - times.seconds).max(initial=0.0))
    if away > _TOLERANCE:
        raise UnreadableVideo(
            f"the frames of a copy of {times.path} are up to {away:.4f} s away from those of the video"
        )


def _copy(times: FrameTimes, part: Path, progress: Callable[[int, int], object] | None) -> None:
    size = proxy_size(times)
    with PyAVReader(times.path) as video:
        with VideoWriter(part, fps=video.info.fps, size=size, keyframe_every=_KEYFRAME_EVERY) as out:
            for frame in video.frames():
                out.write(stretched(frame.pixels, size), seconds=frame.seconds)
                if progress is not None:
                    progress(frame.index + 1, len(times))
        if video.lost:
            raise UnreadableVideo(
                f"{times.path}: frame {video.lost[0]} does not decode, so no copy has the same frames"
            )


def _obstacle(table: FrameTable, path: Path) -> str:
    """Why a browser would not play the file, or show other frames or times than posec3d."""
    info, step = table.info, np.diff(table.seconds)
    if path.suffix.lower() not in _SUFFIXES:
        return f"browsers do not play {path.suffix or 'such'} files"
    if info.codec not in _CODECS:
        return f"browsers do not play {info.codec}"
    with opened(path) as (_, stream):
        pixels = stream.codec_context.pix_fmt
    if pixels not in _PIXELS:
        return f"not every browser plays pixels of the kind {pixels}"
    if table.display != Display(table.display.stored, SQUARE, inner_aspect=table.display.inner_aspect):
        return "its frames are turned, stretched or of several sizes"
    if table.interlaced:
        return "its frames are interlaced"
    if info.start or table.hidden:
        return "its clock does not start with its first frame"
    if table.ticks is None or table.counted_by_decoding or table.damaged or info.lost_frames or (step <= 0).any():
        return "its frames are damaged, or have no times of their own"
    return ""
