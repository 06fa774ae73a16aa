import os
import tempfile
import tracemalloc
import zlib
from collections.abc import Callable, Iterator
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
import pytest
import video_factory as factory
from hypothesis import given, settings
from hypothesis import strategies as st

from posec3d_cli.config import DEFAULT_READER
from posec3d_cli.errors import EmptyVideo, InputError, OutputError, UnreadableVideo
from posec3d_cli.pose_files.checks import rate as read_rate
from posec3d_cli.video import VideoWriter, decord_reader, open_video, readers
from posec3d_cli.video.packets import (
    ONE_FRAME_PER_PACKET,
    InspectedPacket,
    PacketInspector,
    is_cut_short,
    nal_length_size,
)
from posec3d_cli.video.timing import time_frames

B_FRAMES = {"g": "12", "bf": "3", "crf": "10"}
OPEN_GROUPS = {**B_FRAMES, "x264-params": "open-gop=1"}
UNEVEN = [500 + 40 * i + 13 * (i % 3) + (200 if i > 20 else 0) for i in range(30)]
FINE = {"b": "4000000"}

Make = Callable[[Path], Path]

# File name → how it is made. Each holds frames 0 to n - 1, upright 80 x 48 unless its name says otherwise.
INTACT: dict[str, Make] = {
    "b_frames.mp4": lambda p: factory.write(p, 40, options=B_FRAMES),
    "index_first.mp4": lambda p: factory.write(p, 40, options=B_FRAMES, index_first=True),
    "b_frames.mkv": lambda p: factory.write(p, 40, options=B_FRAMES),
    "b_frames.avi": lambda p: factory.write(p, 40, options=B_FRAMES),
    "b_frames_mpeg4.avi": lambda p: factory.write(p, 30, codec="mpeg4", options={**FINE, "bf": "2"}),
    "open_groups.mp4": lambda p: factory.write(p, 40, options=OPEN_GROUPS),
    "open_groups_hevc.mp4": lambda p: factory.write(
        p, 40, codec="libx265", options={"x265-params": "log-level=none:keyint=12:crf=10"}
    ),
    "uneven.mkv": lambda p: factory.write(p, 30, options=B_FRAMES, ticks=UNEVEN),
    "uneven.mp4": lambda p: factory.write(p, 30, options=B_FRAMES, ticks=UNEVEN),
    "turned_90.mp4": lambda p: factory.write(p, 12, options=B_FRAMES, rotation=90),
    "turned_180.mp4": lambda p: factory.write(p, 12, options=B_FRAMES, rotation=180),
    "turned_270.mp4": lambda p: factory.write(p, 12, options=B_FRAMES, rotation=270),
    "animation.gif": lambda p: factory.write(p, 20, codec="gif", pix_fmt="rgb8"),
    "one_frame.mp4": lambda p: factory.write(p, 1),
    "odd_33x17.mkv": lambda p: factory.write(p, 20, codec="ffv1", pix_fmt="bgr0", size=(33, 17)),
    "odd_33x17.mp4": lambda p: factory.write(p, 20, pix_fmt="yuv444p", size=(33, 17), options=B_FRAMES),
    "odd_33x17.avi": lambda p: factory.write(p, 20, codec="rawvideo", pix_fmt="bgr24", size=(33, 17)),
    "every_frame_a_key.avi": lambda p: factory.write(p, 20, codec="mjpeg", pix_fmt="yuvj420p"),
    "hidden_pictures.webm": lambda p: factory.write(
        p, 30, codec="libvpx", options={"b": "500000", "auto-alt-ref": "1", "lag-in-frames": "16"}
    ),
    "vp9.webm": lambda p: factory.write(
        p, 20, codec="libvpx-vp9", options={"b": "900000", "deadline": "realtime", "cpu-used": "8"}
    ),
    "full_range.mp4": lambda p: factory.write(p, 5, pix_fmt="yuvj420p"),
    "bt709.mp4": lambda p: factory.write(p, 5, colorspace=1),
}


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], Path]:
    folder = tmp_path_factory.mktemp("videos")

    def path_of(name: str) -> Path:
        path = folder / name
        return path if path.exists() else INTACT[name](path)

    return path_of


@pytest.fixture(scope="module", params=readers())
def reader(request: pytest.FixtureRequest) -> str:
    return str(request.param)


def numbers(path: Path, reader: str, wanted: list[int] | None = None) -> list[int]:
    with open_video(path, reader=reader) as video:
        frames = video.frames() if wanted is None else video.read(wanted)
        return [factory.number_of(frame.pixels) for frame in frames]


class TestEveryReader:
    @pytest.mark.parametrize("name", INTACT)
    def test_gives_every_frame_once_in_display_order(self, made, reader, name):
        path = made(name)
        with open_video(path, reader=reader) as video:
            frames = list(video.frames())
            assert [frame.index for frame in frames] == list(range(video.info.frame_count))
            assert [factory.number_of(frame.pixels) for frame in frames] == [frame.index for frame in frames]
            assert {frame.pixels.shape for frame in frames} == {(video.info.height, video.info.width, 3)}
            assert all(frame.pixels.flags.c_contiguous for frame in frames)
            assert video.info.lost_frames == 0
            assert video.lost == ()

    @pytest.mark.parametrize("name", INTACT)
    def test_gives_red_as_red(self, made, reader, name):
        with open_video(made(name), reader=reader) as video:
            red, green, blue = factory.colour_of(next(video.frames()).pixels)
        assert red > 240
        assert max(green, blue) < 12

    @pytest.mark.parametrize("name", INTACT)
    def test_gives_the_frames_asked_for_and_no_neighbours(self, made, reader, name):
        path = made(name)
        with open_video(path, reader=reader) as video:
            wanted = list(range(0, video.info.frame_count, 7))
        assert numbers(path, reader, wanted) == wanted

    @settings(max_examples=15, deadline=None)
    @given(wanted=st.sets(st.integers(0, 39), min_size=1, max_size=12).map(sorted))
    @pytest.mark.parametrize(
        "name", ["b_frames.mp4", "b_frames.mkv", "b_frames.avi", "open_groups.mp4", "open_groups_hevc.mp4"]
    )
    def test_gives_any_selection_exactly(self, made, reader, name, wanted):
        assert numbers(made(name), reader, wanted) == wanted

    def test_gives_the_same_pixels_whether_a_frame_is_reached_alone_or_in_passing(self, made, reader):
        with open_video(made("open_groups.mp4"), reader=reader) as video:
            whole = [zlib.crc32(frame.pixels) for frame in video.frames()]
            for wanted in ([39], [11, 12, 13], [5, 25, 37]):
                assert [zlib.crc32(frame.pixels) for frame in video.read(wanted)] == [whole[i] for i in wanted]

    @pytest.mark.parametrize(
        ("name", "turn"), [("turned_90.mp4", 90), ("turned_180.mp4", 180), ("turned_270.mp4", 270)]
    )
    def test_stands_images_upright_and_says_by_how_much(self, made, reader, name, turn):
        with open_video(made(name), reader=reader) as video:
            assert (video.info.width, video.info.height, video.info.rotation) == (80, 48, turn)

    @pytest.mark.parametrize("name", ["uneven.mkv", "uneven.mp4"])
    def test_keeps_uneven_times_and_counts_them_from_the_first_frame(self, made, reader, name):
        with open_video(made(name), reader=reader) as video:
            seconds = [frame.seconds for frame in video.frames()]
            assert video.info.variable_rate
            assert float(video.info.fps) == pytest.approx(29 / seconds[-1], abs=0.01)
            assert video.info.duration > seconds[-1]
        assert seconds == pytest.approx([(tick - UNEVEN[0]) / 1000 for tick in UNEVEN], abs=1e-3)

    @pytest.mark.parametrize("name", ["b_frames.mp4", "b_frames.mkv", "b_frames.avi"])
    def test_spaces_even_frames_by_the_stated_rate(self, made, reader, name):
        with open_video(made(name), reader=reader) as video:
            assert (video.info.fps, video.info.variable_rate) == (25, False)
            assert video.info.duration == pytest.approx(1.6)
            assert [frame.seconds for frame in video.read([0, 10, 39])] == pytest.approx([0, 0.4, 1.56])

    def test_does_not_believe_a_wrong_count_in_the_header(self, made, reader, tmp_path):
        path = factory.with_wrong_count(made("every_frame_a_key.avi"), tmp_path / "liar.avi", claimed=35)
        with open_video(path, reader=reader) as video:
            assert (video.info.frame_count, video.info.lost_frames) == (20, 0)
        assert numbers(path, reader) == list(range(20))

    @pytest.mark.parametrize("wanted", [[-1], [40], [0, 3, 3], [5, 4]])
    def test_refuses_frames_that_do_not_exist_or_do_not_rise(self, made, reader, wanted):
        with open_video(made("b_frames.mp4"), reader=reader) as video, pytest.raises(InputError):
            video.read(wanted)

    def test_gives_nothing_when_asked_for_nothing(self, made, reader):
        with open_video(made("b_frames.mp4"), reader=reader) as video:
            assert list(video.read([])) == []

    def test_takes_numpy_indices(self, made, reader):
        assert numbers(made("b_frames.mp4"), reader, list(np.array([3, 30]))) == [3, 30]

    def test_lets_two_iterations_run_side_by_side(self, made, reader):
        with open_video(made("b_frames.mp4"), reader=reader) as video:
            pairs = zip(video.read([1, 20]), video.read([2, 30]), strict=True)
            assert [(a.index, b.index) for a, b in pairs] == [(1, 2), (20, 30)]

    def test_stops_iterating_once_closed(self, made, reader):
        video = open_video(made("b_frames.mp4"), reader=reader)
        frames = video.frames()
        next(frames)
        video.close()
        with pytest.raises(ValueError, match="closed"):
            next(frames)

    def test_holds_no_more_memory_for_a_longer_video(self, reader, tmp_path, monkeypatch):
        monkeypatch.setattr(decord_reader, "HELD_BYTES", 50 * 80 * 48 * 3)

        def peak(count: int) -> int:
            path = factory.write(tmp_path / f"{count}.mp4", count, options={"preset": "ultrafast", "g": "50"})
            with open_video(path, reader=reader) as video:
                tracemalloc.start()
                for _ in video.frames():
                    pass
                _, most = tracemalloc.get_traced_memory()
                tracemalloc.stop()
            return most

        peak(20)  # What is allocated once and for all.
        frame_bytes = 80 * 48 * 3
        assert peak(400) - peak(100) < 20 * frame_bytes

    def test_says_that_a_sound_file_holds_no_video_stream(self, reader, tmp_path):
        for name in ("sound.wav", "sound.mp4"):
            path = factory.write_sound(tmp_path / name)
            with pytest.raises(UnreadableVideo, match="holds no video stream"):
                open_video(path, reader=reader)

    def test_names_what_is_wrong_with_a_file_that_is_no_video(self, reader, tmp_path):
        (tmp_path / "none.mp4").write_bytes(b"")
        (tmp_path / "text.mp4").write_text("no video\n" * 200)
        (tmp_path / "text.txt").write_text("no video\n" * 200)
        (tmp_path / "list.m3u8").write_text("#EXTM3U\n#EXTINF:9,\nhttp://localhost:9/a.ts\n")
        for name, message in {
            "none.mp4": "0 bytes",
            "text.mp4": "cannot be read as a video",
            "text.txt": "is no video",
            "list.m3u8": "cannot be read as a video",
            ".": "is a folder",
            "missing.mp4": "there is no file",
            "nul\0.mp4": "cannot be opened",
        }.items():
            with pytest.raises(UnreadableVideo, match=message):
                open_video(tmp_path / name, reader=reader)

    def test_says_that_a_file_may_not_be_read(self, made, reader, ordinary_user):
        path = ordinary_user / "locked.mp4"
        with pytest.raises(UnreadableVideo, match="may not be read"):
            open_video(path, reader=reader)

    def test_reads_files_with_awkward_names(self, made, reader, tmp_path):
        for name in ("a:b.mp4", "[x] %03d – ü.mp4", "-i.mp4"):
            path = tmp_path / name
            path.write_bytes(made("b_frames.mp4").read_bytes())
            assert numbers(path, reader, [3]) == [3]

    def test_says_that_no_frame_can_be_decoded(self, made, reader, tmp_path):
        path = factory.zeroed(made("b_frames.mp4"), tmp_path / "black.mp4", range(40))
        with pytest.raises(EmptyVideo):
            open_video(path, reader=reader)

    def test_says_that_a_file_was_cut_off_before_its_index(self, made, reader, tmp_path):
        path = factory.truncated(made("b_frames.mp4"), tmp_path / "cut.mp4", 0.6)
        with pytest.raises(UnreadableVideo, match="cannot be read as a video"):
            open_video(path, reader=reader)

    @pytest.mark.shared
    def test_uses_what_decodes_of_the_clip_with_the_damaged_tail(self, shared, reader):
        # Its last pictures were damaged before they were encoded: each of the 280 decodes, and none is lost.
        with open_video(shared / "videos" / "arm_wrestling_damaged_tail.mp4", reader=reader) as video:
            assert video.info.frame_count + video.info.lost_frames == 280
            assert sum(1 for _ in video.frames()) == video.info.frame_count == 280


@pytest.fixture
def ordinary_user() -> Iterator[Path]:
    """A folder with a file locked.mp4 that nobody may read, seen by a user without the administrator's rights."""
    with tempfile.TemporaryDirectory() as folder:
        locked = Path(folder) / "locked.mp4"
        locked.write_bytes(b"content")
        locked.chmod(0)
        Path(folder).chmod(0o755)
        administrator = os.geteuid() == 0
        if administrator:
            os.seteuid(65534)
        try:
            yield Path(folder)
        finally:
            if administrator:
                os.seteuid(0)


@pytest.mark.shared
@pytest.mark.parametrize("name", ["basketball.mp4", "flipping_a_pancake.mkv", "three_people_exercising.avi"])
def test_readers_agree_on_real_clips(shared, name):
    with open_video(shared / "videos" / name) as one, open_video(shared / "videos" / name, reader="decord") as other:
        assert one.info == other.info
        wanted = list(range(2, one.info.frame_count, 29))
        for a, b in zip(one.read(wanted), other.read(wanted), strict=True):
            assert (a.index, a.seconds) == (b.index, b.seconds)
            assert np.abs(a.pixels.astype(int) - b.pixels).max() <= 3


class TestDamage:
    """What is lost from damaged files; `decord` refuses each of them."""

    @pytest.fixture
    def damaged(self, made, tmp_path) -> Callable[[str], Path]:
        def make(kind: str) -> Path:
            mp4, mkv, avi = made("index_first.mp4"), made("b_frames.mkv"), made("b_frames.avi")
            return {
                "zeros in the middle": lambda: factory.zeroed(mp4, tmp_path / "middle.mp4", range(18, 21)),
                "zeros at the end": lambda: factory.zeroed(mp4, tmp_path / "end.mp4", range(36, 40)),
                "zeros at the start": lambda: factory.zeroed(mp4, tmp_path / "start.mp4", range(3)),
                "cut mp4": lambda: factory.truncated(mp4, tmp_path / "cut.mp4", 0.8),
                "cut mkv": lambda: factory.truncated(mkv, tmp_path / "cut.mkv", 0.7),
                "cut avi": lambda: factory.truncated(avi, tmp_path / "cut.avi", 0.9),
            }[kind]()

        return make

    KINDS = (
        "zeros in the middle",
        "zeros at the end",
        "zeros at the start",
        "cut mp4",
        "cut mkv",
        "cut avi",
    )

    @pytest.mark.parametrize("kind", KINDS)
    def test_every_frame_is_given_or_counted_as_lost(self, damaged, kind):
        with open_video(damaged(kind)) as video:
            assert 0 < video.info.frame_count < 40
            assert video.info.frame_count + video.info.lost_frames == 40
            assert sum(1 for _ in video.frames()) == video.info.frame_count
            assert video.lost == ()

    @pytest.mark.parametrize("kind", KINDS)
    def test_a_selection_gives_the_same_frames_as_the_whole(self, damaged, kind):
        with open_video(damaged(kind)) as video:
            whole = {frame.index: zlib.crc32(frame.pixels) for frame in video.frames()}
            wanted = list(range(0, video.info.frame_count, 3))
            assert [zlib.crc32(frame.pixels) for frame in video.read(wanted)] == [whole[index] for index in wanted]

    @pytest.mark.parametrize("kind", KINDS)
    def test_decord_refuses_and_names_the_reader_that_does_not(self, damaged, kind):
        with pytest.raises(UnreadableVideo, match="'decord' cannot give the right frames") as caught:
            open_video(damaged(kind), reader="decord")
        assert "--reader pyav" in caught.value.hint

    def test_frames_before_the_damage_are_those_that_were_written(self, damaged):
        assert numbers(damaged("zeros at the end"), "pyav")[:30] == list(range(30))

    def test_damage_that_shows_only_in_decoding_is_named_by_lost(self, made, tmp_path):
        path = factory.scrambled(made("index_first.mp4"), tmp_path / "scrambled.mp4", range(37, 38))
        with open_video(path) as video:
            given_indices = [frame.index for frame in video.frames()]
            assert len(given_indices) == 39
            assert len(video.lost) == 1
            assert sorted([*given_indices, *video.lost]) == list(range(40))
        with open_video(path, reader="decord") as video, pytest.raises(UnreadableVideo, match="did not decode"):
            list(video.frames())


@pytest.mark.parametrize("name", ["b_frames.mp4", "b_frames.avi", "open_groups_hevc.mp4", "animation.gif"])
def test_decord_gives_the_same_frames_in_small_blocks(made, monkeypatch, name):
    monkeypatch.setattr(decord_reader, "HELD_BYTES", 3 * 80 * 48 * 3)
    assert numbers(made(name), "decord", [0, 1, 6, 7, 12, 15, 19]) == [0, 1, 6, 7, 12, 15, 19]


class TestWhatDecordRefuses:
    def test_frames_that_an_edit_list_hides(self, made, tmp_path):
        path = factory.trimmed(made("b_frames.mp4"), tmp_path / "trimmed.mp4", first=15)
        assert numbers(path, "pyav") == list(range(15, 40))
        with pytest.raises(UnreadableVideo, match="edit list"):
            open_video(path, reader="decord")

    @pytest.mark.parametrize("name", ["stream.ts", "stream.mpg"])
    def test_transport_and_program_streams(self, tmp_path, name):
        options = B_FRAMES if name.endswith("ts") else {**FINE, "bf": "2"}
        codec = "libx264" if name.endswith("ts") else "mpeg2video"
        path = factory.write(tmp_path / name, 30, codec=codec, options=options)
        assert numbers(path, "pyav") == list(range(30))
        assert numbers(path, "pyav", [4, 21]) == [4, 21]
        with pytest.raises(UnreadableVideo, match="misnumbers"):
            open_video(path, reader="decord")


def test_an_unknown_reader_is_refused_with_the_nearest_name(tmp_path):
    with pytest.raises(InputError) as caught:
        open_video(tmp_path, reader="decrod")
    assert "decord" in caught.value.hint
    assert DEFAULT_READER in readers()


class TestLookingAtPackets:
    @given(
        codec=st.sampled_from(sorted(ONE_FRAME_PER_PACKET)),
        payloads=st.lists(st.binary(min_size=1), min_size=1, max_size=3),
        extradata=st.none() | st.binary(),
    )
    def test_any_bytes_can_be_looked_at(self, codec, payloads, extradata):
        inspector = PacketInspector(codec, extradata)
        for payload in payloads:
            inspector.inspect(payload)

    @staticmethod
    def inspect(payload: bytes) -> InspectedPacket:
        return PacketInspector("h264", b"\1\x64\0\x0a\xff").inspect(payload)

    def test_a_unit_that_is_longer_than_its_packet_is_unsound(self):
        assert self.inspect(b"\0\0\0\2\x65\x88").sound
        assert not self.inspect(b"\0\0\0\3\x65\x88").sound
        assert not self.inspect(b"\0\0\0\2\xe5\x88").sound

    def test_only_images_that_others_do_not_use_may_be_dropped(self):
        assert self.inspect(b"\0\0\0\2\x01\x9e").droppable
        assert not self.inspect(b"\0\0\0\2\x41\x9a").droppable

    def test_the_length_field_is_read_from_the_stream_header(self):
        assert nal_length_size("h264", b"\1\x64\0\x0a\xff") == 4
        assert nal_length_size("h264", b"\0\0\0\1\x67") == 0
        assert nal_length_size("mpeg4", None) == 0


class TestTiming:
    @given(count=st.integers(2, 500), rate=st.sampled_from([Fraction(25), Fraction(30000, 1001), Fraction(24)]))
    def test_times_rounded_to_milliseconds_still_keep_the_stated_rate(self, count, rate):
        ticks = np.array([round(1000 * i / rate) for i in range(count)], np.int64)
        timing = time_frames(count, ticks, Fraction(1, 1000), rate)
        assert (timing.fps, timing.variable) == (rate, False)
        assert timing.frames_in(timing.duration) == count

    @given(
        count=st.integers(1, 500),
        parts=st.integers(10**8, 10**9),
        rate=st.sampled_from([Fraction(25), Fraction(30000, 1001)]),
    )
    def test_a_rate_that_is_stated_as_the_quotient_of_two_clocks_has_terms_that_pose_files_hold(
        self, count, parts, rate
    ):
        stated = Fraction(round(rate * parts) + 1, parts)
        ticks = np.array([round(1000 * i / rate) for i in range(count)], np.int64)
        fps = time_frames(count, ticks, Fraction(1, 1000), stated).fps
        assert abs(fps - stated) < Fraction(1, 10**6)
        assert read_rate([fps.numerator, fps.denominator]) == fps
        assert read_rate([stated.numerator, stated.denominator]) == stated

    def test_a_single_dropped_frame_makes_the_rate_variable(self):
        ticks = np.array([0, 1, 2, 4, 5], np.int64) * 512
        timing = time_frames(5, ticks, Fraction(1, 12800), Fraction(25))
        assert timing.variable
        assert timing.fps == 20


def test_a_file_shorter_than_its_header_says_is_cut_short(made, tmp_path):
    for name in ("b_frames.mkv", "b_frames.avi"):
        assert not is_cut_short(made(name))
        assert is_cut_short(factory.truncated(made(name), tmp_path / name, 0.9))
    assert not is_cut_short(made("b_frames.mp4"))


class TestVideoWriter:
    @pytest.mark.parametrize("rate", [Fraction(25), Fraction(30000, 1001), Fraction(10), Fraction(29500, 1293)])
    def test_what_is_written_reads_back(self, tmp_path, rate):
        path = tmp_path / "out.mp4"
        with VideoWriter(path, fps=rate, size=(80, 48)) as out:
            for number in range(20):
                out.write(factory.draw(number, (80, 48)))
        for reader in readers():
            with open_video(path, reader=reader) as video:
                assert (video.info.width, video.info.height, video.info.codec) == (80, 48, "h264")
                assert float(video.info.fps) == pytest.approx(float(rate), rel=1e-3)
                red, green, blue = factory.colour_of(next(video.frames()).pixels)
                assert red > 245
                assert max(green, blue) < 10
            assert numbers(path, reader) == list(range(20))

    def test_uneven_times_are_kept(self, tmp_path):
        path = tmp_path / "out.mp4"
        times = [(tick - UNEVEN[0]) / 1000 for tick in UNEVEN]
        with VideoWriter(path, fps=Fraction(25), size=(80, 48)) as out:
            for number, seconds in enumerate(times):
                out.write(factory.draw(number, (80, 48)), seconds=seconds)
        with open_video(path) as video:
            assert [frame.seconds for frame in video.frames()] == pytest.approx(times, abs=1e-3)

    def test_an_odd_side_gets_a_copy_of_its_last_line(self, tmp_path):
        path = tmp_path / "out.mp4"
        with VideoWriter(path, fps=Fraction(25), size=(63, 35), quality=1) as out:
            out.write(np.tile(np.arange(0, 252, 4, dtype=np.uint8)[None, :, None], (35, 1, 3)))
        with open_video(path) as video:
            pixels = next(video.frames()).pixels.astype(int)
        assert pixels.shape == (36, 64, 3)
        assert abs(pixels[-1, -1] - 248).max() < 8

    def test_a_browser_can_play_it_while_it_loads(self, tmp_path):
        path = tmp_path / "out.mp4"
        with VideoWriter(path, fps=Fraction(25), size=(80, 48)) as out:
            out.write(factory.draw(0, (80, 48)))
        content = path.read_bytes()
        assert content.index(b"moov") < content.index(b"mdat")
        with av.open(str(path)) as container:
            context = container.streams.video[0].codec_context
            assert (context.name, context.pix_fmt) == ("h264", "yuv420p")

    def test_an_error_leaves_the_old_file_and_no_other(self, tmp_path):
        path = tmp_path / "out.mp4"
        path.write_text("old")
        with pytest.raises(OutputError), VideoWriter(path, fps=Fraction(25), size=(80, 48)) as out:
            out.write(factory.draw(0, (1, 1)))
        assert [(one.name, one.read_text()) for one in tmp_path.iterdir()] == [("out.mp4", "old")]

    def test_a_video_without_frames_is_refused(self, tmp_path):
        with (
            pytest.raises(OutputError, match="no frame"),
            VideoWriter(tmp_path / "o.mp4", fps=Fraction(1), size=(8, 8)),
        ):
            pass
        assert list(tmp_path.iterdir()) == []

    def test_wrong_images_and_times_are_refused(self, tmp_path):
        with VideoWriter(tmp_path / "out.mp4", fps=Fraction(25), size=(80, 48)) as out:
            with pytest.raises(OutputError, match=r"\(48, 80, 3\)"):
                out.write(np.zeros((80, 48, 3), np.uint8))
            out.write(factory.draw(0, (80, 48)), seconds=1.0)
            with pytest.raises(OutputError, match="cannot follow"):
                out.write(factory.draw(1, (80, 48)), seconds=1.0)

    def test_a_folder_that_does_not_exist_is_named(self, tmp_path):
        with pytest.raises(OutputError, match="missing"):
            VideoWriter(tmp_path / "missing" / "out.mp4", fps=Fraction(25), size=(80, 48))
