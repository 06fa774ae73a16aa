"""Live sources: the newest frame only, and a source that drops comes back."""

from __future__ import annotations

import gc
import subprocess
import sys
import time

import av
import av.logging
import live_senders
import pytest
import video_factory
import web_factory

from posec3d_cli.errors import InputError
from posec3d_cli.video.capture import Capture
from posec3d_cli.video.live_address import live_address

PATIENCE = 30.0
PAUSES = (0.1, 0.2, 0.4)


def capture(source, **options):
    return Capture(live_address(str(source)), **{"read_seconds": 1.0, "open_seconds": 5.0, "pauses": PAUSES, **options})


def until(reached, what):
    """Wait until `reached()`; fail after a while."""
    begun = time.monotonic()
    while not reached():
        assert time.monotonic() - begun < PATIENCE, what
        time.sleep(0.02)


class Told:
    """The states of a source, as they were told; `found` is where those that were asked for last begin."""

    def __init__(self, source):
        self.source, self.states, self.texts, self.pauses = source, [], [], []
        self.found = self.mark = 0

    def has(self, *states):
        """Whether these states were told one after the other, behind those that were asked for before."""
        for change in self.source.changes():
            self.states.append(change.state)
            self.texts.append(change.text)
            self.pauses.append(change.pause)
        for place in range(self.mark, len(self.states) - len(states) + 1):
            if self.states[place : place + len(states)] == list(states):
                self.found, self.mark = place, place + len(states)
                return True
        return False


def number_in(frame):
    return video_factory.number_of(frame.pixels())


def next_frame(source, after=-1):
    frame = source.next(after, PATIENCE)
    assert frame is not None
    return frame


def test_a_file_is_read_in_its_own_time_and_a_slow_reader_gets_the_newest_frame(tmp_path):
    path = video_factory.write(tmp_path / "a.mp4", 30, rate=live_senders.Fraction(20))
    with capture(path) as source:
        first = next_frame(source)
        begun = time.monotonic()
        time.sleep(0.5)
        second = next_frame(source, first.number)
        assert second.number - first.number > 3, "frames that came meanwhile are dropped"
        assert number_in(second) == second.number
        assert source.next(29, 0.01) is None
        seen = {first.number, second.number}
        while (frame := source.next(max(seen), PATIENCE)) is not None:
            seen.add(frame.number)
        assert time.monotonic() - begun > 1.0, "30 frames at 20 a second"
        assert (source.ended, source.decoded, max(seen)) == (True, 30, 29)
        told = Told(source)
        assert told.has("connecting", "live", "ended")


@pytest.mark.parametrize("rotation", [0, 90, 270])
def test_frames_are_upright(tmp_path, rotation):
    path = video_factory.write(tmp_path / "a.mp4", 3, size=(48, 80), rotation=rotation)
    with capture(path) as source:
        assert next_frame(source).pixels().shape == (80, 48, 3)


def test_frames_that_were_taken_do_not_wait_for_the_garbage_collector(tmp_path):
    path = video_factory.write(tmp_path / "a.mp4", 20, rate=live_senders.Fraction(50))
    before = {id(one) for one in gc.get_objects() if issubclass(type(one), av.VideoFrame)}
    gc.disable()
    try:
        with capture(path) as source:
            last = -1
            while (frame := source.next(last, PATIENCE)) is not None:
                last = frame.number
                frame.pixels()
            del frame
        left = [one for one in gc.get_objects() if issubclass(type(one), av.VideoFrame) and id(one) not in before]
    finally:
        gc.enable()
    assert len(left) <= 2, "the first, which was asked how it stands, and the newest"


def test_the_messages_of_decoders_are_left_off(tmp_path):
    """PyAV's own handling of them wants Python's lock in a decoder's thread, while who lets the decoder go holds it."""
    with capture(video_factory.write(tmp_path / "clip.mp4", 5)):
        assert av.logging.get_level() is None


def test_what_is_no_source_is_said_before_and_without_a_password(tmp_path):
    with pytest.raises(InputError, match="there is no file"):
        live_address(str(tmp_path / "none.mp4"))
    with pytest.raises(InputError, match="is no live source that is known") as info:
        live_address("gopher://me:secret@host/a")
    assert "secret" not in info.value.what
    address = live_address("rtsp://me:secret@camera/1")
    assert (address.shown, address.target) == ("rtsp://camera/1", "rtsp://me:secret@camera/1")
    assert "secret" not in repr(address)
    (tmp_path / "text.mp4").write_text("no video")
    with capture(tmp_path / "text.mp4") as source, pytest.raises(InputError, match="cannot be read as a live source"):
        source.next(-1, PATIENCE)
    sound = video_factory.with_beep(
        video_factory.write(tmp_path / "a.mp4", 3), tmp_path / "b.mkv", codec="mp2", rate=48_000
    )
    with av.open(str(sound)) as source, av.open(str(tmp_path / "c.mp2"), "w") as target:
        stream = target.add_stream_from_template(source.streams.audio[0])
        for packet in source.demux(source.streams.audio[0]):
            if packet.dts is not None:
                packet.stream = stream
                target.mux(packet)
    with capture(tmp_path / "c.mp2") as source, pytest.raises(InputError, match="it holds no video stream"):
        source.next(-1, PATIENCE)


@pytest.mark.parametrize(("source", "target"), [("0", "/dev/video0"), ("/dev/video7", "/dev/video7")])
@pytest.mark.skipif(sys.platform != "linux", reason="other names elsewhere")
def test_a_number_is_a_webcam(source, target):
    address = live_address(source)
    assert (address.kind, address.target, address.form) == ("webcam", target, "v4l2")


def test_a_webcam_that_is_not_there_is_said_at_once():
    with capture("73") as source, pytest.raises(InputError, match="webcam 73 cannot be read"):
        source.next(-1, PATIENCE)


def test_a_stream_over_udp_drops_and_comes_back():
    address = f"udp://127.0.0.1:{live_senders.free_port()}"
    with capture(address) as source:
        told = Told(source)
        with live_senders.Sender(address):
            first = next_frame(source)
            assert (first.session, number_in(first) < 60) == (0, True)
            until(lambda: told.has("connecting", "live"), told.states)
        until(lambda: told.has("lost"), told.states)
        assert told.texts[told.found] == "no frame for 1 seconds"
        time.sleep(0.5)
        seen = source.decoded
        with live_senders.Sender(address, first=500):
            until(lambda: source.decoded > seen, "it comes back")
            frame = next_frame(source, seen - 1)
            assert (frame.session, number_in(frame) >= 500) == (1, True)
            until(lambda: told.has("live"), told.states)
            later = next_frame(source, frame.number)
            assert later.number > frame.number, "numbers rise over connections"
        assert source.damaged >= 0


def test_a_stream_over_tcp_ends_and_is_opened_again_with_growing_pauses():
    port = live_senders.free_port()
    with live_senders.Sender(f"tcp://127.0.0.1:{port}?listen=1", count=8), capture(f"tcp://127.0.0.1:{port}") as source:
        told = Told(source)
        until(lambda: told.has("live"), told.states)
        until(lambda: told.has("lost", "lost", "lost"), told.states)
        assert told.pauses[told.found : told.mark] == list(PAUSES)
        assert told.texts[told.found + 1] == "Connection refused"
        with live_senders.Sender(f"tcp://127.0.0.1:{port}?listen=1"):
            until(lambda: told.has("live"), told.states)


def test_a_source_that_stays_away_is_given_up_where_that_was_asked_for():
    with capture(f"tcp://127.0.0.1:{live_senders.free_port()}", give_up=0.5) as source:
        with pytest.raises(InputError, match="gave no frame for") as info:
            source.next(-1, PATIENCE)
        assert "Connection refused" in info.value.what
        assert source.ended


def test_a_recording_over_http_is_read_in_its_own_time_and_ends(tmp_path):
    path = video_factory.write(tmp_path / "a.mp4", 15, rate=live_senders.Fraction(20), index_first=True)
    with web_factory.serving() as web:
        web.pages["/a.mp4"] = web_factory.Page(path.read_bytes())
        with capture(f"{web.url}/a.mp4") as source:
            told = Told(source)
            begun = time.monotonic()
            until(lambda: source.ended, "it ends")
            assert time.monotonic() - begun > 0.5
            assert told.has("connecting", "live", "ended")
        with capture(f"{web.url}/none.mp4") as source:
            told = Told(source)
            until(lambda: told.has("lost"), told.states)
            assert "404" in told.texts[told.found]


def test_standard_input_is_read_to_its_end(tmp_path):
    path = video_factory.write(tmp_path / "a.ts", 12)
    program = (
        "from posec3d_cli.video.capture import Capture\n"
        "from posec3d_cli.video.live_address import live_address\n"
        "with Capture(live_address('-')) as source:\n"
        "    last = -1\n"
        "    while (frame := source.next(last, 20)) is not None:\n"
        "        last = frame.number\n"
        "    print(last, source.ended)\n"
    )
    with path.open("rb") as stdin:
        ran = subprocess.run([sys.executable, "-c", program], stdin=stdin, capture_output=True, text=True, check=True)
    assert (ran.stdout, ran.stderr) == ("11 True\n", "")


@pytest.mark.parametrize("codec", ["libx264", "mpeg2video", "mpeg4"])
def test_a_stream_that_is_joined_between_key_frames_begins_with_a_whole_picture(tmp_path, codec):
    path = video_factory.write(tmp_path / "a.ts", 60, codec=codec, size=(160, 96), options={"g": "25", "bf": "0"})
    content = path.read_bytes()
    packets = [packet for packet in demuxed(path) if packet.size]
    (tmp_path / "joined.ts").write_bytes(content[packets[5].pos // 188 * 188 :])
    with capture(tmp_path / "joined.ts") as source:
        frame = next_frame(source)
        assert number_in(frame) >= 25
        assert video_factory.colour_of(frame.pixels()) == pytest.approx(video_factory.RED, abs=8)


def demuxed(path):
    with av.open(str(path)) as container:
        return list(container.demux(video=0))


def test_leaving_a_silent_source_does_not_wait_for_it():
    begun = time.monotonic()
    with capture(f"udp://127.0.0.1:{live_senders.free_port()}", open_seconds=60.0) as source:
        assert source.next(-1, 0.1) is None
    assert time.monotonic() - begun < 5


@pytest.mark.rtsp
def test_rtsp_drops_by_silence_and_by_death_and_comes_back():
    with live_senders.rtsp_server() as server, capture(server.address) as source:
        told = Told(source)
        frame = next_frame(source)
        assert frame.pixels().any()
        until(lambda: told.has("connecting", "live"), told.states)
        server.freeze()
        until(lambda: told.has("lost"), told.states)
        assert told.texts[told.found] == "no frame for 1 seconds"
        server.kill()
        time.sleep(1.0)
        seen = source.decoded
        server.start()
        until(lambda: source.decoded > seen, "it comes back after a silence")
        assert next_frame(source, seen - 1).session == 1
        until(lambda: told.has("live"), told.states)
        server.kill()
        until(lambda: told.has("lost"), told.states)
        assert not source.ended, "the end of a network source is a loss"
