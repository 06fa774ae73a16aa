"""A live run over real streams: it begins, the source drops, comes back, and ends."""

from __future__ import annotations

import threading
import time

import fakes
import live_fakes
import live_senders
import pytest

from posec3d_cli.errors import InputError
from posec3d_cli.live.run import LiveRun
from posec3d_cli.sampling.clips import ClipSampling
from posec3d_cli.video.capture import Capture
from posec3d_cli.video.live_address import live_address

PATIENCE = 40.0


class Running:
    """A run in a thread, whose outputs are looked at."""

    def __init__(self, address, **options):
        self.kept, self.stop, self.error = live_fakes.Kept(), threading.Event(), None
        sampling = ClipSampling(frames=4, people="each", window_seconds=1.0)
        pipeline = fakes.pipeline(lambda index: [60], sampling=sampling)
        self.capture = Capture(live_address(address), read_seconds=1.0, pauses=(0.1, 0.3), **options)
        self.run = LiveRun(self.capture, pipeline, [self.kept], stride=0.3)
        self.thread = threading.Thread(target=self._go, daemon=True)

    def _go(self):
        try:
            with self.capture:
                self.run.run(self.stop)
        except InputError as error:
            self.error = error

    def __enter__(self):
        self.thread.start()
        return self

    def __exit__(self, *error):
        self.stop.set()
        self.thread.join(10)
        assert not self.thread.is_alive()

    def until(self, reached):
        begun = time.monotonic()
        while not reached():
            assert time.monotonic() - begun < PATIENCE, (self.kept.states, len(self.kept.answers), self.error)
            time.sleep(0.02)


def start_drop_come_back(running, drop, come_back):
    kept = running.kept
    running.until(lambda: len(kept.answers) >= 2)
    drop()
    running.until(lambda: "lost" in kept.states)
    time.sleep(1.0)
    before = len(kept.answers)
    come_back()
    running.until(lambda: len(kept.answers) >= before + 2)
    assert kept.states[:2] == ["connecting", "live"]
    assert kept.states[kept.states.index("lost") :][-1] == "live"
    assert {doing.person for answer in kept.answers for doing in answer.doings} == {0}, "the same person"
    assert all(answer.window_seconds <= 1.0 for answer in kept.answers)


@pytest.mark.rtsp
def test_rtsp_begins_drops_comes_back_and_ends():
    with live_senders.rtsp_server() as server, Running(server.address, give_up=10.0) as running:
        start_drop_come_back(running, server.kill, server.start)
        server.kill()
        running.until(lambda: running.error is not None)
        assert "gave no frame for" in running.error.what


def test_a_transport_stream_begins_drops_and_comes_back():
    address = f"udp://127.0.0.1:{live_senders.free_port()}"
    with Running(address) as running:
        with live_senders.Sender(address) as first:
            start_drop_come_back(running, first.stop, first.start)
        counts = running.run.counts
        assert counts.decoded >= counts.processed > 0
