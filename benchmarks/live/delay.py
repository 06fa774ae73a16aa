"""How late, how fast and how dear `posec3d live` is: a stream on this machine whose frames carry the sender's clock.

    python benchmarks/live/delay.py clip.mp4 --seconds 120
    python benchmarks/live/delay.py clip.mp4 --seconds 120 --detector efficientdet-lite0 --pose movenet-lightning

The clip is sent over and over, as MPEG-TS over UDP, with a strip of black and white blocks that spell the time in
milliseconds at which the frame was drawn. It is read back of every frame that is processed, so that a delay counts from
there to the answer: encoding, sending, decoding, waiting, and the models. Sender and reader share the processors.
"""

from __future__ import annotations

import argparse
import os
import resource
import subprocess
import sys
import threading
import time
from dataclasses import dataclass, field
from fractions import Fraction
from pathlib import Path

import av
import numpy as np

from posec3d_cli.config import PipelineConfig
from posec3d_cli.live.answers import LiveAnswer
from posec3d_cli.live.outputs import Quiet
from posec3d_cli.live.run import LiveRun
from posec3d_cli.pipeline import Pipeline
from posec3d_cli.runtime.memory import return_large_blocks
from posec3d_cli.types import Pixels
from posec3d_cli.video import open_video
from posec3d_cli.video.capture import Capture, LiveFrame
from posec3d_cli.video.live_address import LiveAddress, live_address

PARTS = 10  # of the time, for which memory and processor time are printed one by one
BITS, STRIP = 24, 16  # blocks of the clock, and their height in pixels
KEPT = 150  # frames of the clip that are sent over and over


def stamp(pixels: Pixels, milliseconds: int) -> None:
    edges = np.linspace(0, pixels.shape[1], BITS + 1).astype(int)
    for bit in range(BITS):
        pixels[:STRIP, edges[bit] : edges[bit + 1]] = 255 * (milliseconds >> (BITS - 1 - bit) & 1)


def stamped(pixels: Pixels) -> int:
    edges = np.linspace(0, pixels.shape[1], BITS + 1)
    columns = ((edges[:-1] + edges[1:]) / 2).astype(int)
    bits = pixels[STRIP // 2, columns].mean(axis=1) > 127
    return int("".join("1" if bit else "0" for bit in bits), 2)


def clock() -> int:
    return round(time.time() * 1000) % (1 << BITS)


def since(milliseconds: int) -> float:
    """Seconds since a stamp."""
    return ((clock() - milliseconds) % (1 << BITS)) / 1000


def send(target: str, clip: Path, rate: int) -> None:
    with open_video(clip) as video:
        frames = [frame.pixels for frame in video.read(range(min(KEPT, video.info.frame_count)))]
    height, width = (side - side % 2 for side in frames[0].shape[:2])
    options = {
        "preset": "ultrafast",
        "tune": "zerolatency",
        "x264-params": "sliced-threads=0",
        "g": str(rate),
    }
    with av.open(target, "w", format="mpegts") as container:
        stream = container.add_stream("libx264", rate=rate, options=options)
        stream.width, stream.height, stream.pix_fmt = width, height, "yuv420p"
        begun, sent = time.monotonic(), 0
        while True:
            pixels = np.ascontiguousarray(frames[sent % len(frames)][:height, :width])
            stamp(pixels, clock())
            frame = av.VideoFrame.from_ndarray(pixels, format="rgb24")
            frame.pts, frame.time_base = sent, Fraction(1, rate)
            container.mux(stream.encode(frame))
            sent += 1
            time.sleep(max(0.0, begun + sent / rate - time.monotonic()))


class Stamps(Capture):
    """A capture that reads the clock of each frame that it hands out."""

    latest = 0

    def __init__(self, address: LiveAddress) -> None:
        super().__init__(address)
        self.arrivals: list[float] = []

    def next(self, after: int, timeout: float) -> LiveFrame | None:
        frame = super().next(after, timeout)
        if frame is not None:
            self.latest = stamped(frame.pixels())
            self.arrivals.append(since(self.latest))
        return frame


@dataclass
class Delays(Quiet):
    """The time from the clock of the newest frame to the answer."""

    capture: Stamps
    whole: list[float] = field(default_factory=list)
    own: list[float] = field(default_factory=list)
    rates: list[float] = field(default_factory=list)

    def answer(self, answer: LiveAnswer) -> None:
        self.whole.append(since(self.capture.latest))
        self.own.append(answer.delay)
        self.rates.append(answer.fps)


def memory() -> float:
    """Megabytes that this process holds."""
    lines = Path("/proc/self/status").read_text().splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith("VmRSS")) / 1024


def busy() -> float:
    """Seconds of processor time that this process has used."""
    used = resource.getrusage(resource.RUSAGE_SELF)
    return used.ru_utime + used.ru_stime


def measure(arguments: argparse.Namespace) -> None:
    return_large_blocks()  # as the program does
    target = f"udp://127.0.0.1:{arguments.port}"
    config = PipelineConfig(detector=arguments.detector, pose=arguments.pose, cache_dir=None)
    pipeline = Pipeline.from_config(config)
    words = [sys.executable, __file__, str(arguments.clip), "--send", target, "--rate", str(arguments.rate)]
    capture, stop = Stamps(live_address(target)), threading.Event()
    held: list[float] = []
    cores: list[float] = []
    delays = Delays(capture)
    running = LiveRun(capture, pipeline, [delays], detect_every=arguments.detect_every)
    running.warm_up()
    sender = subprocess.Popen(words)

    def watch() -> None:
        for _ in range(PARTS):
            begun, used = time.monotonic(), busy()
            time.sleep(arguments.seconds / PARTS)
            held.append(memory())
            cores.append((busy() - used) / (time.monotonic() - begun))
        stop.set()

    try:
        with capture:
            while capture.next(-1, 1.0) is None:
                pass
            capture.arrivals.clear()
            threading.Thread(target=watch, daemon=True).start()
            begun, before = time.monotonic(), capture.decoded
            running.run(stop)
            took, decoded = time.monotonic() - begun, capture.decoded - before
    finally:
        sender.kill()
        sender.wait()
    counts = running.counts
    print(f"{took:.0f} s, {len(delays.whole)} answers; {arguments.rate} frames/s were sent")
    measured = (
        ("frame drawn to answer, s", delays.whole),
        ("frame arrived to answer, s", delays.own),
        ("frame drawn to taken, s", capture.arrivals),
        ("frames processed per second", delays.rates),
    )
    for name, values in measured if delays.whole else ():
        low, middle, high, most = np.percentile(values, [5, 50, 95, 100])
        print(f"{name:28} median {middle:6.2f}   5 % {low:6.2f}   95 % {high:6.2f}   most {most:6.2f}")
    print(f"decoded {decoded / took:.1f} frames/s, processed {counts.processed / took:.1f}, dropped {counts.dropped}")
    print(f"in each tenth of the time: cores in use {' '.join(f'{share:.2f}' for share in cores)}")
    print(f"{'MB held at its end':>41} {' '.join(f'{megabytes:.0f}' for megabytes in held)}")
    print(f"load of the machine {' '.join(f'{load:.1f}' for load in os.getloadavg())}, of {os.cpu_count()} processors")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("clip", type=Path)
    parser.add_argument("--seconds", type=float, default=120)
    parser.add_argument("--rate", type=int, default=15)
    parser.add_argument("--port", type=int, default=9107)
    parser.add_argument("--detector")
    parser.add_argument("--pose")
    parser.add_argument("--detect-every", type=int, default=5)
    parser.add_argument("--send", help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.send:
        send(arguments.send, arguments.clip, arguments.rate)
    else:
        measure(arguments)


if __name__ == "__main__":
    main()
