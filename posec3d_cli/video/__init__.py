"""Video in and video out: the only package that imports a decoder or an encoder.

    with open_video("walk.mp4") as video:
        video.info.frame_count
        for frame in video.read([0, 12, 24]):
            ...

A sequence of pictures is opened by its list, see `posec3d_cli.video.pictures`.

Readers differ in the decoder that they drive, never in what they answer: the number, order, times and orientation of
the frames come from one probe that both share. A reader that cannot give the right frames of a file refuses it.

`pyav`, the default, reads everything that FFmpeg reads, damaged files among them, and measured no slower than `decord`
anywhere. `decord` reads whole, well-formed files and refuses the rest (see `DecordReader`); it is the better choice
only where frames must be decoded by the same code as in another tool that uses it.

Frames are given as they are meant to be shown: turned and mirrored as the display matrix says, with square pixels,
one field of interlaced ones, and all in the size of the first.

Pixels are RGB, converted by swscale with the matrix and range that the file states; where it states none, BT.601 and
limited range, which is FFmpeg's own rule.
"""

from __future__ import annotations

import difflib
from pathlib import Path

from posec3d_cli.config import DEFAULT_READER, READERS
from posec3d_cli.errors import InputError
from posec3d_cli.files.media import VIDEO_SUFFIXES, is_list
from posec3d_cli.types import VideoInfo
from posec3d_cli.video.browser import PROXY_VERSION, FrameTimes, frame_times, make_proxy, proxy_size
from posec3d_cli.video.pictures import PictureReader
from posec3d_cli.video.reader import VideoReader
from posec3d_cli.video.sound import SoundOf
from posec3d_cli.video.writer import VideoWriter

__all__ = [
    "PROXY_VERSION",
    "VIDEO_SUFFIXES",
    "FrameTimes",
    "SoundOf",
    "VideoInfo",
    "VideoReader",
    "VideoWriter",
    "frame_times",
    "make_proxy",
    "open_video",
    "proxy_size",
    "readers",
]


def readers() -> tuple[str, ...]:
    """The names that `open_video` takes."""
    return READERS


def open_video(path: str | Path, *, reader: str = DEFAULT_READER) -> VideoReader:
    """Open a video file for reading.

    Args:
        path: a file on this machine, a video or the list of a sequence of pictures.
        reader: one of `readers()`.

    Raises:
        UnreadableVideo: there is no such file, it cannot be opened, it holds no video stream, or this reader cannot
            give its frames correctly.
        EmptyVideo: it holds a video stream without a single decodable frame.
        InputError: no reader has this name.
    """
    if reader in readers() and is_list(Path(path)):
        return PictureReader(Path(path))
    if reader == "pyav":
        from posec3d_cli.video.pyav_reader import PyAVReader

        return PyAVReader(Path(path))
    if reader == "decord":
        from posec3d_cli.video.decord_reader import DecordReader

        return DecordReader(Path(path))
    near = difflib.get_close_matches(reader, readers(), n=1)
    hint = f"did you mean '{near[0]}'?" if near else f"the readers are {' and '.join(readers())}"
    raise InputError(f"no video reader is called '{reader}'", hint=hint)
