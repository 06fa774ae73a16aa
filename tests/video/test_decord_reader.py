"""decord reads the right pictures, or refuses: in every container and codec that the FFmpeg inside PyAV writes."""

from __future__ import annotations

import av
import pytest
import video_factory

from posec3d_cli.errors import UnreadableVideo
from posec3d_cli.video import open_video

CONTAINERS = ("avi", "mp4", "mkv", "mov", "ts", "mpg", "flv", "webm", "ogv", "wmv", "3gp", "gif", "m4v", "mxf", "nut")
LONG = {"g": "25"}
X265 = "log-level=none:keyint=25:min-keyint=25:"
WRITTEN = {
    "h264 without B": ("libx264", {**LONG, "bf": "0"}, "yuv420p"),
    "h264 intra": ("libx264", {"g": "1", "bf": "0"}, "yuv420p"),
    "h264 one key": ("libx264", {"g": "250", "bf": "0"}, "yuv420p"),
    "h264 zero latency": ("libx264", {**LONG, "tune": "zerolatency"}, "yuv420p"),
    "h264 with B": ("libx264", {**LONG, "bf": "3"}, "yuv420p"),
    "h264 open": ("libx264", {"x264-params": "open-gop=1:keyint=25:min-keyint=25:bframes=3"}, "yuv420p"),
    "hevc without B": ("libx265", {"x265-params": f"{X265}bframes=0"}, "yuv420p"),
    "hevc with B": ("libx265", {"x265-params": f"{X265}bframes=3:open-gop=0"}, "yuv420p"),
    "hevc open": ("libx265", {"x265-params": f"{X265}bframes=3:open-gop=1"}, "yuv420p"),
    "mpeg4 without B": ("mpeg4", LONG, "yuv420p"),
    "mpeg4 with B": ("mpeg4", {**LONG, "bf": "2"}, "yuv420p"),
    "mpeg2 without B": ("mpeg2video", {"g": "12"}, "yuv420p"),
    "mpeg2 with B": ("mpeg2video", {"g": "12", "bf": "2"}, "yuv420p"),
    "mpeg1 with B": ("mpeg1video", {"g": "12", "bf": "2"}, "yuv420p"),
    "vp8": ("libvpx", {**LONG, "deadline": "realtime", "cpu-used": "8"}, "yuv420p"),
    "vp9": ("libvpx-vp9", {**LONG, "deadline": "realtime", "cpu-used": "8"}, "yuv420p"),
    "vp9 hidden frames": ("libvpx-vp9", {**LONG, "auto-alt-ref": "1", "lag-in-frames": "10"}, "yuv420p"),
    "av1": ("libsvtav1", {**LONG, "preset": "12", "crf": "5"}, "yuv420p"),
    "mjpeg": ("mjpeg", {}, "yuvj420p"),
    "flv1": ("flv", LONG, "yuv420p"),
    "wmv1": ("wmv1", LONG, "yuv420p"),
    "wmv2": ("wmv2", LONG, "yuv420p"),
    "msmpeg4": ("msmpeg4", LONG, "yuv420p"),
    "theora": ("libtheora", LONG, "yuv420p"),
    "ffv1": ("ffv1", {}, "yuv420p"),
    "png": ("png", {}, "rgb24"),
    "gif": ("gif", {}, "rgb8"),
    "prores": ("prores_ks", {}, "yuv422p10le"),
}
UNREAD = {"hevc with B"}
"""Refused in every container: decord loses frames of closed groups."""
COUNT = 60
WANTED = ([1], [13], [30], [37], [COUNT - 1], [3, 10, 26, 27, 52], list(range(0, COUNT, 7)), list(range(COUNT)))


def is_written(codec):
    return codec in av.codecs_available and av.Codec(codec, "w").is_encoder


def written(path, kind):
    """Whether FFmpeg writes this codec into the container that the name asks for."""
    codec, options, pix_fmt = WRITTEN[kind]
    try:
        video_factory.write(path, COUNT, codec=codec, options=dict(options), pix_fmt=pix_fmt)
    except (av.error.FFmpegError, ValueError):
        return False
    return True


def wrong(path):
    """The requests that decord answers with other pictures than FFmpeg does."""
    with open_video(path) as video:
        right = [video_factory.number_of(frame.pixels) for frame in video.frames()]
    with open_video(path, reader="decord") as video:
        assert video.info.frame_count == len(right)
        return [
            wanted
            for wanted in WANTED
            if [video_factory.number_of(frame.pixels) for frame in video.read(wanted)] != [right[one] for one in wanted]
        ]


@pytest.mark.parametrize("kind", [kind for kind, (codec, *_) in WRITTEN.items() if is_written(codec)])
def test_every_image_is_the_right_one_or_the_file_is_refused(tmp_path, kind):
    answered: dict[str, list[list[int]]] = {}
    refused: list[UnreadableVideo] = []
    for suffix in CONTAINERS:
        path = tmp_path / f"clip.{suffix}"
        if not written(path, kind):
            continue
        try:
            answered[suffix] = wrong(path)
        except UnreadableVideo as error:
            refused.append(error)
    assert not any(answered.values()), answered
    assert answered or kind in UNREAD
    assert all("clip." in error.what and error.hint for error in refused)


@pytest.mark.parametrize("kind", ["h264 without B", "h264 intra", "h264 one key", "h264 zero latency"])
def test_h264_in_avi_without_b_frames_is_refused_with_the_way_out(tmp_path, kind):
    path = tmp_path / "clip.avi"
    assert written(path, kind)
    with pytest.raises(UnreadableVideo, match=r"it misnumbers the frames of H\.264 in AVI files") as caught:
        open_video(path, reader="decord")
    assert caught.value.hint == "--reader pyav"


def test_a_codec_that_nobody_knows_is_an_error_for_both_readers(tmp_path):
    path = tmp_path / "clip.mpg"
    assert written(path, "wmv2")  # no number in a program stream stands for it
    for reader in ("pyav", "decord"):
        with pytest.raises(UnreadableVideo, match=r"holds frames in a codec that is not known here"):
            open_video(path, reader=reader)
