"""Open containers and drive the decoders of FFmpeg; errors of FFmpeg become errors of posec3d here."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import av
import av.error
from av.stream import Disposition

from posec3d_cli.errors import UnreadableVideo
from posec3d_cli.files.input_paths import problem_of

THREADS = min(4, os.cpu_count() or 1)
"""Decoder threads; each holds a frame of its own, so more would cost memory."""

# Playlists open other files, and the terminal-art format takes any text for an image.
_NOT_VIDEO = frozenset({"tty", "concat", "hls", "applehttp", "dash", "lavfi"})


@contextmanager
def file_opened(path: Path) -> Iterator[Any]:
    """The container of a file; FFmpeg's errors become ours.

    Raises:
        UnreadableVideo: it cannot be opened.
    """
    _check_file(path)
    try:
        # An absolute path is never mistaken for a protocol, whatever colons it holds.
        # Titles and names are in any encoding; none is used, and none may keep a file from being read.
        container = av.open(
            os.path.abspath(path), container_options={"protocol_whitelist": "file"}, metadata_errors="replace"
        )
    except (av.error.FFmpegError, OSError) as error:
        raise UnreadableVideo(
            f"{path} cannot be read as a video: {_reason(error)}",
            hint="it may be no video, or a recording or download that was cut off before its index was written",
        ) from error
    with container:
        yield container


@contextmanager
def opened(path: Path) -> Iterator[tuple[Any, Any]]:
    """The container and its video stream; FFmpeg's errors become ours.

    Raises:
        UnreadableVideo: see `open_video`.
    """
    with file_opened(path) as container:
        if _NOT_VIDEO.intersection(container.format.name.split(",")):
            raise UnreadableVideo(
                f"{path} is no video, but text or a playlist ({container.format.name})", hint="give a video file"
            )
        streams = [one for one in container.streams.video if not one.disposition & Disposition.attached_pic]
        if not streams:
            kinds = "only sound" if container.streams.audio else "neither frames nor sound"
            raise UnreadableVideo(f"{path} holds no video stream: it holds {kinds}", hint="give a video file")
        readable = [one for one in streams if one.codec_context is not None]
        if not readable:
            raise UnreadableVideo(f"{path} holds frames in a codec that is not known here", hint="encode it again")
        best = container.streams.best("video")
        try:
            yield container, best if best in readable else readable[0]
        except av.error.FFmpegError as error:
            raise UnreadableVideo(f"{path} could be opened, but not read: {_reason(error)}") from error


def configure_decoder(stream: Any, *, threads: int) -> None:
    """Set a stream's decoder up; call it before the first packet."""
    stream.codec_context.thread_count = threads
    stream.thread_type = "AUTO"


def decode_packet(context: Any, packet: Any) -> Iterator[Any]:
    """The frames that the decoder gives out on a packet, or, on None, those it still holds; none where it fails."""
    try:
        yield from context.decode(packet)
    except av.error.FFmpegError:
        return


def decoded(container: Any, stream: Any, *, threads: int, failed: Callable[[], object] = lambda: None) -> Iterator[Any]:
    """Every frame in the decoder's order, as PyAV frames.

    Damaged packets are passed over, with a call of `failed` for each; where damage ends the file early, so do the
    frames.
    """
    configure_decoder(stream, threads=threads)
    context = stream.codec_context
    source = container.demux(stream)
    while True:
        try:
            packet = next(source, None)
        except av.error.FFmpegError:
            packet = None
        try:
            yield from context.decode(packet if packet and packet.size else None)
        except av.error.FFmpegError:
            failed()
        if packet is None or not packet.size:
            return


def _check_file(path: Path) -> None:
    problem = problem_of(path)
    if problem is not None:
        what, hint = problem
        raise UnreadableVideo(what, hint=hint)


def _reason(error: Exception) -> str:
    return getattr(error, "strerror", None) or str(error)
