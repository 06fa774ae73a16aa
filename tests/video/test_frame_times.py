"""What a page is told of a video's frames, and the copies that browsers play."""

from __future__ import annotations

from dataclasses import replace
from fractions import Fraction

import numpy as np
import pytest
import video_factory

from posec3d_cli.errors import OutputError, UnreadableVideo
from posec3d_cli.video import frame_times, make_proxy, open_video, proxy_size
from posec3d_cli.video.browser import check_proxy

COUNT = 12


@pytest.mark.parametrize(
    ("name", "settings", "obstacle"),
    [
        ("a.mp4", {}, ""),
        ("a.mov", {}, ""),
        ("a.webm", {"codec": "libvpx-vp9"}, ""),
        ("a.mp4", {"rate": Fraction(30000, 1001)}, ""),
        ("a.mkv", {}, "browsers do not play .mkv files"),
        ("a.avi", {}, "browsers do not play .avi files"),
        ("a.mp4", {"codec": "mpeg4"}, "browsers do not play mpeg4"),
        ("a.mp4", {"pix_fmt": "yuv444p"}, "not every browser plays pixels of the kind yuv444p"),
        ("a.mp4", {"rotation": 270}, "its frames are turned"),
        ("a.mp4", {"aspect": Fraction(4, 3)}, "its frames are turned, stretched"),
        ("a.mp4", {"ticks": [80 + 40 * number for number in range(COUNT)]}, "its clock does not start"),
    ],
)
def test_a_page_knows_which_videos_a_browser_shows_with_the_same_frames(tmp_path, name, settings, obstacle):
    times = frame_times(video_factory.write(tmp_path / name, COUNT, **settings))
    assert times.obstacle.startswith(obstacle)
    assert bool(times.obstacle) == bool(obstacle)
    assert len(times) == COUNT
    assert times.seconds[0] == 0


def test_frames_that_an_edit_list_hides_are_no_frames(tmp_path):
    video = video_factory.trimmed(video_factory.write(tmp_path / "a.mp4", COUNT), tmp_path / "b.mp4", 4)
    times = frame_times(video)
    assert (len(times), times.obstacle) == (COUNT - 4, "its clock does not start with its first frame")
    make_proxy(times, tmp_path / "copy.mp4")
    with open_video(tmp_path / "copy.mp4") as copy:
        assert [video_factory.number_of(frame.pixels) for frame in copy.frames()] == list(range(4, COUNT))


def test_times_are_those_of_the_files_own_clock(tmp_path):
    ticks = [500, 540, 570, *range(600, 960, 40)]
    times = frame_times(video_factory.write(tmp_path / "a.mp4", COUNT, ticks=ticks))
    assert [times.at(frame) for frame in range(COUNT)] == pytest.approx([tick / 1000 for tick in ticks])
    assert times.at(COUNT) == pytest.approx(0.96, abs=0.011)


def test_a_copy_with_other_frames_or_times_is_refused(tmp_path):
    times = frame_times(video_factory.write(tmp_path / "a.avi", COUNT, codec="mpeg4"))
    make_proxy(times, tmp_path / "copy.mp4")
    check_proxy(times, tmp_path / "copy.mp4")
    fewer = replace(times, seconds=times.seconds[:-1])
    with pytest.raises(UnreadableVideo, match=r"has 12 frames, and the video 11"):
        check_proxy(fewer, tmp_path / "copy.mp4")
    later = replace(times, seconds=times.seconds + np.where(np.arange(COUNT) == 5, 0.003, 0))
    with pytest.raises(UnreadableVideo, match=r"up to 0.0030 s away"):
        make_proxy(later, tmp_path / "other.mp4")
    assert sorted(path.name for path in tmp_path.iterdir()) == ["a.avi", "copy.mp4"]
    with pytest.raises(OutputError):
        make_proxy(times, tmp_path / "nowhere" / "copy.mp4")


def test_a_large_video_gets_a_smaller_copy_with_even_sides(tmp_path):
    times = frame_times(video_factory.write(tmp_path / "a.mp4", 3, size=(2562, 402)))
    assert proxy_size(times) == (1280, 200)
    make_proxy(times, tmp_path / "copy.mp4")
    with open_video(tmp_path / "copy.mp4") as copy:
        assert (copy.info.width, copy.info.height) == (1280, 200)
    assert proxy_size(replace(times, width=81, height=49)) == (80, 48)
