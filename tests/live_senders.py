"""Sources of live streams on this machine: MPEG-TS over TCP and UDP by PyAV, RTSP by GStreamer's server."""

from __future__ import annotations

import contextlib
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from fractions import Fraction
from pathlib import Path

import av
import pytest
import video_factory

RATE = 15
SIZE = (160, 96)
RTSP_SERVER = Path(__file__).with_name("rtsp_server.py")
SYSTEM_PYTHON = "/usr/bin/python3"
"""GStreamer's Python comes with the system, not from PyPI."""


def free_port() -> int:
    with socket.socket() as sock:
        sock.bind(("127.0.0.1", 0))
        return int(sock.getsockname()[1])


class Sender:
    """Sends numbered pictures, as `video_factory` draws them, in real time until it is stopped; a context manager.

    In a process of its own: PyAV holds the interpreter while it waits for somebody to listen.
    """

    def __init__(self, target: str, first: int = 0, count: int = 1000) -> None:
        self._words = [sys.executable, __file__, target, str(first), str(count)]

    def start(self) -> None:
        self._process = subprocess.Popen(self._words)

    def stop(self) -> None:
        self._process.kill()
        self._process.wait()

    def __enter__(self) -> Sender:
        self.start()
        return self

    def __exit__(self, *error: object) -> None:
        self.stop()


def send(target: str, first: int, count: int) -> None:
    """Send `count` pictures."""
    options = {"preset": "ultrafast", "tune": "zerolatency", "x264-params": "sliced-threads=0:threads=1", "g": "8"}
    # Whoever listens may go before the sender does.
    with contextlib.suppress(av.error.FFmpegError), av.open(target, "w", format="mpegts") as container:
        stream = container.add_stream("libx264", rate=RATE, options=options)
        stream.width, stream.height, stream.pix_fmt = *SIZE, "yuv420p"
        begun = time.monotonic()
        for sent in range(count):
            frame = av.VideoFrame.from_ndarray(video_factory.draw((first + sent) % 1024, SIZE), format="rgb24")
            frame.pts, frame.time_base = sent, Fraction(1, RATE)
            container.mux(stream.encode(frame))
            time.sleep(max(0.0, begun + (sent + 1) / RATE - time.monotonic()))


class RtspServer:
    """GStreamer's RTSP server, which serves a ball that moves at `rtsp://127.0.0.1:PORT/ball`; a context manager."""

    def __init__(self) -> None:
        self.port = free_port()
        self._process: subprocess.Popen[str] | None = None

    @property
    def address(self) -> str:
        return f"rtsp://127.0.0.1:{self.port}/ball"

    def start(self) -> None:
        self._process = subprocess.Popen(
            [SYSTEM_PYTHON, str(RTSP_SERVER), str(self.port)],
            stdout=subprocess.PIPE,
            text=True,
            env={name: value for name, value in os.environ.items() if not name.startswith("PYTHON")},
        )
        assert self._process.stdout is not None
        assert self._process.stdout.readline() == "ready\n"

    def kill(self) -> None:
        if self._process is not None:
            assert self._process.stdout is not None
            self._process.kill()
            self._process.wait()
            self._process.stdout.close()
            self._process = None

    def freeze(self) -> None:
        """Say nothing more, with every connection open."""
        assert self._process is not None
        self._process.send_signal(signal.SIGSTOP)

    def __enter__(self) -> RtspServer:
        self.start()
        return self

    def __exit__(self, *error: object) -> None:
        self.kill()


@contextlib.contextmanager
def rtsp_server() -> Iterator[RtspServer]:
    """A running server; skips the test where GStreamer's is not installed."""
    told = subprocess.run([SYSTEM_PYTHON, str(RTSP_SERVER), "--check"], capture_output=True, check=False)
    if told.returncode:
        if os.environ.get("POSEC3D_REQUIRE_RTSP") == "1":
            pytest.fail("POSEC3D_REQUIRE_RTSP=1, but GStreamer's RTSP server is not installed: `make rtsp`")
        pytest.skip("GStreamer's RTSP server is not installed: `make rtsp`")
    with RtspServer() as server:
        yield server


if __name__ == "__main__":
    send(sys.argv[1], int(sys.argv[2]), int(sys.argv[3]))
