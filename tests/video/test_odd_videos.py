"""Files as odd programs and devices write them: what is shown, how many frames, when, and what is said about it."""

from __future__ import annotations

from fractions import Fraction
from pathlib import Path

import av
import numpy as np
import odd_videos as odd
import pytest
import video_factory as factory

from posec3d_cli.errors import UnreadableVideo
from posec3d_cli.types import VideoInfo
from posec3d_cli.video import open_video, readers
from posec3d_cli.video.display import deinterlaced, plausible, squared
from posec3d_cli.video.packets import PacketInspector
from posec3d_cli.video.timing import without_leaps

FINE = {"b": "4000000"}
CLEAR = {"crf": "5", "g": "12"}

# a, b, c, d of every display matrix without a slant → degrees clockwise, and whether mirrored after that.
ORIENTATIONS = {
    (1, 0, 0, 1): (0, False),
    (0, 1, -1, 0): (90, False),
    (-1, 0, 0, -1): (180, False),
    (0, -1, 1, 0): (270, False),
    (-1, 0, 0, 1): (0, True),
    (1, 0, 0, -1): (180, True),
    (0, 1, 1, 0): (90, True),
    (0, -1, -1, 0): (270, True),
}


@pytest.fixture(scope="module", params=readers())
def reader(request: pytest.FixtureRequest) -> str:
    return str(request.param)


def shown(path: Path, wanted: list[int] | None = None, reader: str = "pyav") -> tuple[VideoInfo, list[factory.Picture]]:
    with open_video(path, reader=reader) as video:
        frames = list(video.frames() if wanted is None else video.read(wanted))
        assert video.lost == ()
        assert {frame.pixels.shape for frame in frames} == {(video.info.height, video.info.width, 3)}
        return video.info, [frame.pixels for frame in frames]


def numbers(path: Path, wanted: list[int] | None = None, reader: str = "pyav") -> list[int]:
    return [factory.number_of(pixels) for pixels in shown(path, wanted, reader)[1]]


def seconds(path: Path) -> list[float]:
    with open_video(path) as video:
        return [frame.seconds for frame in video.frames()]


def later(number: int, size: tuple[int, int], colour: tuple[int, int, int]) -> factory.Picture:
    return factory.draw(number + 20, size, colour)


@pytest.mark.parametrize("name", ["tag.avi", "tag.mp4", "tag.mkv"])
def test_a_tag_that_is_not_utf8_keeps_no_file_from_being_read(tmp_path, reader, name):
    assert numbers(odd.not_utf8(tmp_path / name), reader=reader) == list(range(12))


class TestOrientation:
    @pytest.mark.parametrize("matrix", ORIENTATIONS)
    @pytest.mark.parametrize("suffix", [".mp4", ".mov"])
    def test_every_display_matrix_gives_the_image_that_was_taken(self, tmp_path, matrix, suffix):
        path = factory.write(tmp_path / f"turned{suffix}", 14, matrix=matrix, options=CLEAR)
        info, images = shown(path)
        assert (info.width, info.height) == (80, 48)
        assert (info.rotation, info.mirrored) == ORIENTATIONS[matrix]
        for number, image in enumerate(images):
            assert np.abs(image.astype(int) - factory.draw(number, (80, 48))).mean() < 12
        assert numbers(path, [3, 13]) == [3, 13]

    @pytest.mark.parametrize("matrix", [matrix for matrix, (_, mirrored) in ORIENTATIONS.items() if mirrored])
    def test_decord_refuses_mirrored_images(self, tmp_path, matrix):
        path = factory.write(tmp_path / "mirrored.mp4", 3, matrix=matrix)
        with pytest.raises(UnreadableVideo, match="mirrored"):
            open_video(path, reader="decord")


class TestPixelsThatAreNotSquare:
    @pytest.mark.parametrize(
        ("aspect", "size"),
        [
            (Fraction(2), (160, 48)),
            (Fraction(8, 9), (71, 48)),
            (Fraction(64, 45), (114, 48)),
            (Fraction(1, 2), (80, 96)),
            (Fraction(1), (80, 48)),
        ],
    )
    @pytest.mark.parametrize("name", ["wide.mp4", "wide.mkv"])
    def test_images_come_in_the_size_in_which_they_are_shown(self, tmp_path, reader, aspect, size, name):
        path = factory.write(tmp_path / name, 14, aspect=aspect, options=CLEAR)
        info, images = shown(path, reader=reader)
        assert (info.width, info.height) == size
        assert [factory.number_of(image) for image in images] == list(range(14))
        assert info.notes == ()

    @pytest.mark.parametrize("matrix", ORIENTATIONS)
    def test_pixels_are_squared_before_the_image_is_turned(self, tmp_path, matrix):
        path = factory.write(tmp_path / "turned.mp4", 6, aspect=Fraction(2), matrix=matrix, options=CLEAR)
        info, images = shown(path)
        assert (info.width, info.height) == ((160, 48) if matrix[0] else (80, 96))
        assert [factory.number_of(image) for image in images] == list(range(6))

    def test_an_aspect_that_no_camera_has_is_not_believed_and_said(self, tmp_path):
        info, _ = shown(factory.write(tmp_path / "absurd.mp4", 3, aspect=Fraction(20)))
        assert (info.width, info.height) == (80, 48)
        assert len(info.notes) == 1
        assert "20:1" in info.notes[0]

    @pytest.mark.parametrize("aspect", [None, Fraction(0), Fraction(-1), Fraction(1000), Fraction(1, 1000)])
    def test_aspects_that_mean_nothing_are_square(self, aspect):
        assert squared((720, 576), plausible(aspect)) == (720, 576)

    def test_no_side_vanishes(self):
        assert squared((1, 1), Fraction(3, 4)) == (1, 1)
        assert squared((720, 480), Fraction(8, 9)) == (640, 480)


class TestInterlacedPictures:
    @pytest.fixture(params=["fields.mp4", "fields.mpg"])
    def path(self, request, tmp_path):
        path = tmp_path / request.param
        if path.suffix == ".mp4":
            return factory.write(path, 20, draw=odd.combed, options={**CLEAR, "x264-params": "tff=1"})
        options = {**FINE, "flags": "+ildct+ilme", "g": "12"}
        return factory.write(path, 20, codec="mpeg2video", draw=odd.combed, options=options)

    def test_show_one_field_without_combs_and_keep_number_and_times(self, path):
        info, images = shown(path)
        assert [factory.number_of(image) for image in images] == list(range(20))
        assert max(odd.lines_differ(image) for image in images) < 10
        assert odd.lines_differ(odd.combed(0, (80, 48), factory.RED)) > 100
        assert (info.frame_count, info.fps) == (20, 25)
        assert seconds(path) == pytest.approx([number / 25 for number in range(20)])

    def test_are_the_same_however_they_are_reached(self, path):
        _, images = shown(path)
        for wanted in ([0], [7], [1, 13, 19]):
            assert all(
                np.array_equal(one, images[number]) for number, one in zip(wanted, shown(path, wanted)[1], strict=True)
            )

    def test_are_refused_by_decord(self, tmp_path):
        path = factory.write(tmp_path / "fields.mp4", 3, draw=odd.combed, options={"x264-params": "tff=1"})
        with pytest.raises(UnreadableVideo, match="interlaced"):
            open_video(path, reader="decord")

    def test_of_any_size_can_be_deinterlaced(self):
        for size in ((3, 3), (16, 4), (33, 17)):
            image = av.VideoFrame.from_ndarray(np.zeros((size[1], size[0], 3), np.uint8), format="rgb24")
            done = deinterlaced(image.reformat(format="yuv444p"))
            assert (done.width, done.height) == size


class TestPackedBFrames:
    def test_every_image_is_there_and_nothing_is_called_damaged(self, tmp_path):
        path = odd.packed_b_frames(tmp_path / "packed.avi", 41)
        info, images = shown(path)
        assert [factory.number_of(image) for image in images] == list(range(41))
        assert (info.frame_count, info.lost_frames, info.fps, info.variable_rate) == (41, 0, 25, False)
        assert info.duration == pytest.approx(41 / 25)
        assert seconds(path) == pytest.approx([number / 25 for number in range(41)])
        assert numbers(path, [0, 7, 14, 39]) == [0, 7, 14, 39]

    def test_a_image_that_stays_is_no_loss_and_takes_its_time(self, tmp_path):
        path = odd.packed_b_frames(tmp_path / "skipping.avi", 41, skipped=(5, 9))
        info, images = shown(path)
        assert [factory.number_of(image) for image in images] == list(range(41))
        assert info.lost_frames == 0
        assert seconds(path)[-1] == pytest.approx(42 / 25)
        assert sorted(np.round(np.diff(seconds(path)) * 25).tolist()) == [1.0] * 38 + [2.0] * 2

    def test_without_b_frames_too(self, tmp_path):
        raw = factory.write(tmp_path / "raw.avi", 12, codec="mpeg4", options={**FINE, "g": "300"})
        packets = odd.packets_of(raw)
        path = odd.write_avi(tmp_path / "stays.avi", [*packets[:6], odd.PLACEHOLDER, *packets[6:]], (80, 48))
        info, images = shown(path)
        assert [factory.number_of(image) for image in images] == list(range(12))
        assert (info.frame_count, info.lost_frames) == (12, 0)
        assert seconds(path) == pytest.approx([number / 25 for number in [*range(6), *range(7, 13)]])

    def test_what_is_cut_off_is_still_counted_as_lost(self, tmp_path):
        whole = odd.packed_b_frames(tmp_path / "packed.avi", 41)
        cut = factory.truncated(whole, tmp_path / "cut.avi", 0.7)
        with open_video(cut) as video:
            assert 0 < video.info.frame_count < 41
            assert video.info.frame_count + video.info.lost_frames == pytest.approx(41, abs=1)

    def test_decord_refuses_them(self, tmp_path):
        with pytest.raises(UnreadableVideo, match="no frame, or two"):
            open_video(odd.packed_b_frames(tmp_path / "packed.avi", 41), reader="decord")

    def test_images_are_counted_by_what_they_hold(self, tmp_path):
        raw = factory.write(tmp_path / "raw.avi", 2, codec="mpeg4")
        first, second = odd.packets_of(raw)
        inspector = PacketInspector("mpeg4", None)
        assert [inspector.inspect(packet).frames for packet in (first, second, second + second)] == [1, 1, 2]
        assert [inspector.inspect(packet).frames for packet in (odd.PLACEHOLDER, odd.SKIPPED)] == [0, 0]
        assert inspector.inspect(odd.PLACEHOLDER).sound

    @pytest.mark.shared
    def test_published_clips_hold_what_they_hold(self, shared):
        clips = sorted((shared / "data" / "web" / "ut_interaction").glob("*.avi"))[:3]
        for clip, count in zip(clips, (121, 183, 119), strict=True):
            with open_video(clip) as video:
                assert (video.info.frame_count, video.info.lost_frames, video.info.notes) == (count, 0, ())


class TestClocks:
    """Transport streams of 20 frames each, put one behind the other."""

    @pytest.fixture
    def part(self, tmp_path):
        def make(name: str, start: int, **options) -> Path:
            ticks = [start + 40 * number for number in range(20)]
            return factory.write(tmp_path / name, 20, options={"g": "12", "bf": "2"}, ticks=ticks, **options)

        return make

    @pytest.mark.parametrize("start", [3_600_000, 60_000, 0])
    def test_a_leap_is_closed_and_said(self, part, tmp_path, start):
        path = odd.joined(tmp_path / "joined.ts", [part("one.ts", 30_000), part("two.ts", start, draw=later)])
        info, images = shown(path)
        assert [factory.number_of(image) for image in images] == list(range(40))
        assert (info.frame_count, info.fps, info.lost_frames) == (40, 25, 0)
        assert info.duration == pytest.approx(1.6)
        assert seconds(path) == pytest.approx([number / 25 for number in range(40)], abs=1e-3)
        assert len(info.notes) == 1
        assert "frame 19" in info.notes[0]
        assert numbers(path, [18, 21, 39]) == [18, 21, 39]

    def test_a_short_gap_is_kept(self, part, tmp_path):
        path = odd.joined(tmp_path / "joined.ts", [part("one.ts", 1000), part("two.ts", 3000, draw=later)])
        info, _ = shown(path)
        assert info.notes == ()
        assert info.variable_rate
        assert seconds(path)[20] == pytest.approx(2.0, abs=1e-3)

    def test_a_long_gap_in_a_file_whose_clock_does_not_leap_is_kept_and_said(self, tmp_path):
        ticks = [40 * number + 3_600_000 * (number >= 10) for number in range(20)]
        info, _ = shown(factory.write(tmp_path / "held.mkv", 20, ticks=ticks))
        assert info.duration == pytest.approx(3600.8, abs=0.1)
        assert len(info.notes) == 1
        assert "3600 seconds" in info.notes[0]
        assert "frame 9" in info.notes[0]

    def test_a_long_gap_says_nothing_of_the_rate(self, tmp_path):
        ticks = [40 * number + 3_600_000 * (number >= 10) for number in range(20)]
        info, _ = shown(factory.write(tmp_path / "held.mkv", 20, ticks=ticks))
        assert (float(info.fps), info.variable_rate) == (pytest.approx(25, abs=0.1), True)

    def test_images_that_are_all_far_apart_have_the_rate_at_which_they_come(self, tmp_path):
        info, _ = shown(factory.write(tmp_path / "slow.mkv", 6, ticks=[20_000 * number for number in range(6)]))
        assert (float(info.fps), info.notes) == (pytest.approx(0.05), ())

    def test_a_clock_that_starts_below_zero_is_counted_from_the_first_frame(self, tmp_path):
        path = factory.write(tmp_path / "early.mkv", 20, ticks=[-400 + 40 * number for number in range(20)])
        assert numbers(path) == list(range(20))
        assert seconds(path) == pytest.approx([number / 25 for number in range(20)], abs=1e-3)

    def test_times_that_often_go_back_mean_nothing(self):
        ticks = np.array([0, 2, 1, 4, 3, 6, 5, 8], np.int64)
        assert without_leaps(ticks, Fraction(1, 25), may_leap=True)[0] is None
        repaired, leaps = without_leaps(np.arange(20) % 10, Fraction(1, 25), may_leap=False)
        assert repaired.tolist() == list(range(20))
        assert leaps.tolist() == [9]


class TestSizesThatChange:
    def test_images_keep_their_proportions_and_the_change_is_said(self, tmp_path):
        first = factory.write(tmp_path / "wide.ts", 20, options=CLEAR, ticks=[40 * n for n in range(20)])
        ticks = [800 + 40 * n for n in range(20)]
        other = factory.write(tmp_path / "tall.ts", 20, options=CLEAR, size=(48, 80), ticks=ticks, draw=later)
        path = odd.joined(tmp_path / "both.ts", [first, other])
        info, images = shown(path)
        assert (info.width, info.height, info.frame_count) == (80, 48, 40)
        assert any("80x48, 48x80" in note for note in info.notes)
        wanted = [5, 30]
        for image in (images[30], shown(path, wanted)[1][1]):
            # 48x80 becomes 29x48, with 25 black columns to its left and 26 to its right.
            assert image[:, :24].max() < 8
            assert image[:, 56:].max() < 8
            assert image[2:14, 28:51, 0].min() > 180
        assert [factory.number_of(image) for image in images[:20]] == list(range(20))

    @pytest.mark.parametrize("reorder", ["0", "2"])
    def test_pixels_that_change_their_shape_at_one_size_keep_their_proportions(self, tmp_path, reorder):
        options = {**CLEAR, "bf": reorder}
        parts = [
            factory.write(
                tmp_path / f"{n}.ts",
                20,
                options=options,
                aspect=aspect,
                ticks=[800 * n + 40 * k for k in range(20)],
                draw=later if n else factory.draw,
            )
            for n, aspect in enumerate([Fraction(1), Fraction(2)])
        ]
        path = odd.joined(tmp_path / "both.ts", parts)
        info, images = shown(path)
        assert (info.width, info.height, info.frame_count) == (80, 48, 40)
        assert any("shape of the pixels changes" in note for note in info.notes)
        # 160x48 becomes 80x24, with 12 black rows above and below it.
        for number, image in ((20, images[20]), (39, shown(path, [3, 39])[1][1])):
            assert image[:11].max() < 8
            assert image[37:].max() < 8
            assert factory.number_of(image[12:36]) == number
        assert [factory.number_of(image) for image in images[:20]] == list(range(20))

    def test_of_single_images_in_a_row_too(self, tmp_path):
        parts = [
            factory.write(tmp_path / f"{n}.mjpeg", 5, codec="mjpeg", pix_fmt="yuvj420p", size=size)
            for n, size in enumerate([(80, 48), (160, 96)])
        ]
        info, images = shown(odd.joined(tmp_path / "both.mjpeg", parts))
        assert (info.width, info.height, info.frame_count) == (80, 48, 10)
        assert any("80x48, 160x96" in note for note in info.notes)
        assert [factory.number_of(image) for image in images] == [*range(5), *range(5)]

    def test_the_headers_of_every_codec_tell_sizes_apart(self, tmp_path):
        for codec, suffix, options in (
            ("libx264", ".mkv", {}),
            ("libx265", ".mkv", {"x265-params": "log-level=none:repeat-headers=1"}),
            ("libx264", ".ts", {}),
            ("mpeg4", ".avi", {}),
            ("mjpeg", ".avi", {}),
            ("libvpx-vp9", ".webm", {"deadline": "realtime", "cpu-used": "8"}),
            ("libsvtav1", ".mkv", {"preset": "12"}),
        ):
            seen = []
            for size in ((160, 96), (80, 64), (160, 96)):
                path = tmp_path / f"{codec}{suffix}"
                pix_fmt = "yuvj420p" if codec == "mjpeg" else "yuv420p"
                factory.write(path, 1, codec=codec, size=size, options=options, pix_fmt=pix_fmt)
                with av.open(str(path)) as container:
                    context = container.streams.video[0].codec_context
                    inspector = PacketInspector(context.codec.canonical_name, context.extradata)
                    seen.append(inspector.inspect(next(bytes(packet) for packet in container.demux(video=0))).shape)
            in_every_packet = (codec, suffix) != ("libx264", ".mkv")  # there it stands in the header of the file
            assert seen[0] == seen[2]
            assert (seen[0] != seen[1]) is in_every_packet

    def test_the_same_header_again_is_no_change(self, tmp_path):
        path = factory.write(tmp_path / "steady.ts", 40, options={"g": "5"})
        with open_video(path) as video:
            assert video.info.notes == ()
            assert not video._table.counted_by_decoding  # frames are reached without decoding all before them


class TestBareStreams:
    def test_the_rate_in_the_header_counts(self, tmp_path):
        path = factory.write(tmp_path / "bare.h264", 20, rate=Fraction(30))
        info, images = shown(path)
        assert (info.fps, info.frame_count, info.notes) == (30, 20, ())
        assert [factory.number_of(image) for image in images] == list(range(20))

    def test_a_rate_that_is_nowhere_is_called_a_guess(self, tmp_path):
        info, _ = shown(
            factory.write(tmp_path / "bare.mjpeg", 20, codec="mjpeg", pix_fmt="yuvj420p", rate=Fraction(30))
        )
        assert info.fps == 25
        assert len(info.notes) == 1
        assert "25 frames per second is a guess" in info.notes[0]


def test_an_avi_whose_clock_ticks_twice_per_frame_has_the_rate_of_its_frames(tmp_path):
    # FFmpeg writes so where B-frames wait: half of the packets are empty.
    path = factory.write(tmp_path / "slow.avi", 20, options={"bf": "2"}, rate=Fraction(25), ticks=None)
    doubled = odd.remuxed(path, tmp_path / "doubled.avi", every=2)
    info, images = shown(doubled)
    assert [factory.number_of(image) for image in images] == list(range(20))
    assert info.fps == 25
    assert info.duration == pytest.approx(0.8)


def test_a_windows_media_file_with_b_frames_keeps_every_frame(tmp_path):
    path = factory.write(tmp_path / "b_frames.wmv", 40, options={"g": "12", "bf": "2", "crf": "10"})
    info, images = shown(path)
    assert [factory.number_of(image) for image in images] == list(range(40))
    assert (info.frame_count, info.lost_frames, info.fps) == (40, 0, 25)
    assert seconds(path) == pytest.approx([number / 25 for number in range(40)], abs=1e-3)
    assert numbers(path, [0, 3, 17, 39]) == [0, 3, 17, 39]


def test_images_in_hdr_are_read_and_said_to_be_gray(tmp_path):
    path = factory.write(tmp_path / "hdr.mp4", 3, options={"x264-params": "transfer=smpte2084:colorprim=bt2020"})
    assert any("HDR" in note for note in shown(path)[0].notes)
