"""A drawn copy keeps the sound of its source, in time, and no fault of the sound costs an image."""

from __future__ import annotations

from fractions import Fraction
from pathlib import Path

import av
import fakes
import odd_videos as odd
import pytest
import video_factory as factory

from posec3d_cli.batch.find import InputFile
from posec3d_cli.batch.label_task import LabelTask
from posec3d_cli.batch.outputs import CurrentRun, unfinished_files
from posec3d_cli.config import PipelineConfig
from posec3d_cli.errors import OutputError
from posec3d_cli.files.marks import MARK, is_annotated
from posec3d_cli.output.video import save_video
from posec3d_cli.video import SoundOf, VideoWriter, open_video, sound


@pytest.fixture(scope="module")
def silent_video(tmp_path_factory):
    return factory.write(tmp_path_factory.mktemp("pictures") / "pictures.mp4", 40, options={"g": "12", "bf": "2"})


def redrawn(source: Path, target: Path) -> str:
    """Write the images of a video anew, with its sound; what is lost of that."""
    with open_video(source) as video:
        size = (video.info.width, video.info.height)
        with VideoWriter(
            target, fps=video.info.fps, size=size, sound=SoundOf(source, video.info.start), comment=MARK
        ) as out:
            for frame in video.frames():
                out.write(frame.pixels)
    return out.lost_sound


def sounds_of(path: Path) -> list[str]:
    with av.open(str(path)) as container:
        return [stream.codec_context.codec.canonical_name for stream in container.streams.audio]


def numbers(path: Path) -> list[int]:
    with open_video(path) as video:
        return [factory.number_of(frame.pixels) for frame in video.frames()]


@pytest.mark.parametrize(
    ("name", "codec", "rate", "kept"),
    [
        ("in.mp4", "aac", 16_000, "aac"),
        ("in.mkv", "libmp3lame", 16_000, "mp3"),
        ("in.mkv", "libopus", 48_000, "opus"),
        ("in.mkv", "flac", 44_100, "flac"),
        ("in.avi", "pcm_s16le", 16_000, "aac"),
        ("in.avi", "pcm_u8", 11_025, "aac"),
        ("in.wmv", "wmav2", 44_100, "aac"),
        ("in.ts", "mp2", 48_000, "aac"),
        ("in.ts", "aac", 48_000, "aac"),
    ],
)
def test_sound_is_copied_where_mp4_holds_it_and_aac_elsewhere_in_time(silent_video, tmp_path, name, codec, rate, kept):
    if name.endswith((".avi", ".wmv")):  # they cannot take the packets of an MP4 as they are
        codec_of_pictures = "mpeg4" if name.endswith(".avi") else "wmv2"
        silent_video = factory.write(
            tmp_path / f"pictures{name[2:]}", 40, codec=codec_of_pictures, options={"b": "4000000"}
        )
    source = factory.with_beep(silent_video, tmp_path / name, codec=codec, rate=rate)
    assert redrawn(source, tmp_path / "out.mp4") == ""
    assert sounds_of(tmp_path / "out.mp4") == [kept]
    assert is_annotated(tmp_path / "out.mp4")
    assert factory.beep_at(source) == pytest.approx((0.4, 0.5), abs=0.06)
    assert factory.beep_at(tmp_path / "out.mp4") == pytest.approx(factory.beep_at(source), abs=0.005)
    with open_video(tmp_path / "out.mp4") as video:
        assert (video.info.frame_count, video.info.fps, video.info.lost_frames) == (40, 25, 0)
        assert [frame.seconds for frame in video.read([0, 39])] == pytest.approx([0, 39 / 25])
    assert numbers(tmp_path / "out.mp4") == list(range(40))


@pytest.mark.parametrize(("start", "picture_start"), [(0.5, 0.0), (0.0, 0.5), (3.0, 3.2), (0.0, 0.02)])
@pytest.mark.parametrize(("name", "codec"), [("in.mp4", "aac"), ("in.mkv", "libmp3lame"), ("in.mkv", "pcm_s16le")])
def test_images_and_sound_that_start_apart_stay_apart(silent_video, tmp_path, name, codec, start, picture_start):
    source = factory.with_beep(silent_video, tmp_path / name, codec=codec, start=start, picture_start=picture_start)
    assert redrawn(source, tmp_path / "out.mp4") == ""
    assert factory.beep_at(source) == pytest.approx(
        (0.4 + start - picture_start, 0.5 + start - picture_start), abs=0.06
    )
    assert factory.beep_at(tmp_path / "out.mp4") == pytest.approx(factory.beep_at(source), abs=0.005)
    assert numbers(tmp_path / "out.mp4") == list(range(40))
    with open_video(tmp_path / "out.mp4") as video:
        assert [frame.seconds for frame in video.read([0, 1])] == pytest.approx([0, 0.04])


def test_sound_before_the_first_image_is_heard(silent_video, tmp_path):
    source = factory.with_beep(silent_video, tmp_path / "in.mkv", codec="pcm_s16le", at=0.1, picture_start=0.6)
    redrawn(source, tmp_path / "out.mp4")
    assert factory.beep_at(tmp_path / "out.mp4") == pytest.approx((-0.5, -0.4), abs=0.01)


def test_frames_that_an_edit_list_hides_are_not_heard(silent_video, tmp_path):
    whole = factory.with_beep(silent_video, tmp_path / "whole.mp4", at=0.9)
    source = factory.trimmed(whole, tmp_path / "trimmed.mp4", first=15, sound=True)
    assert redrawn(source, tmp_path / "out.mp4") == ""
    assert factory.beep_at(tmp_path / "out.mp4") == pytest.approx((0.3, 0.4), abs=0.06)
    assert numbers(tmp_path / "out.mp4") == list(range(15, 40))


def test_sound_runs_on_where_the_clock_leaps(silent_video, tmp_path):
    parts = [
        factory.with_beep(
            silent_video, tmp_path / f"{start}.ts", codec="mp2", rate=48_000, start=start, picture_start=start
        )
        for start in (1, 3601)
    ]
    redrawn(odd.joined(tmp_path / "joined.ts", parts), tmp_path / "out.mp4")
    assert factory.beep_at(tmp_path / "out.mp4") == pytest.approx((0.4, 2.1), abs=0.06)


def test_names_with_colons_are_no_protocols(silent_video, tmp_path, monkeypatch):
    source = factory.with_beep(silent_video, tmp_path / "in.mp4")
    monkeypatch.chdir(tmp_path)
    Path("a:b").mkdir()
    assert redrawn(source, Path("a:b/c:d.mp4")) == ""
    assert sounds_of(tmp_path / "a:b" / "c:d.mp4") == ["aac"]


def test_a_video_without_sound_stays_without(silent_video, tmp_path):
    assert redrawn(silent_video, tmp_path / "out.mp4") == ""
    assert sounds_of(tmp_path / "out.mp4") == []
    assert [path.name for path in tmp_path.iterdir()] == ["out.mp4"]


@pytest.mark.parametrize(
    ("name", "codec", "said"),
    [("in.mp4", "aac", ""), ("in.mkv", "mp2", "could not be kept"), ("in.mkv", "ac3", "")],
)
def test_damaged_sound_costs_no_image(silent_video, tmp_path, name, codec, said):
    source = factory.with_beep(silent_video, tmp_path / name, codec=codec, rate=48_000)
    odd.spoil_sound(source, share=1.0)
    assert said in redrawn(source, tmp_path / "out.mp4")
    assert numbers(tmp_path / "out.mp4") == list(range(40))


def test_what_does_not_decode_is_silence_and_said(silent_video, tmp_path):
    source = factory.with_beep(silent_video, tmp_path / "in.mkv", codec="mp2", rate=48_000, at=1.2)
    odd.spoil_sound(source, share=0.5)
    assert "of the sound" in redrawn(source, tmp_path / "out.mp4")
    assert factory.beep_at(tmp_path / "out.mp4") == pytest.approx((1.2, 1.3), abs=0.06)


def test_sound_that_cannot_be_written_is_said_and_the_images_are_there(silent_video, tmp_path, monkeypatch):
    monkeypatch.setattr(sound, "_COPIED", frozenset())
    monkeypatch.setattr(sound, "_aac", lambda container, stream: container.add_stream("aac", rate=7))
    source = factory.with_beep(silent_video, tmp_path / "in.mp4")
    assert redrawn(source, tmp_path / "out.mp4").startswith("the sound (aac) could not be kept: ")
    assert numbers(tmp_path / "out.mp4") == list(range(40))
    assert sorted(path.name for path in tmp_path.iterdir()) == ["in.mp4", "out.mp4"]


def test_a_full_disk_is_no_fault_of_the_sound(silent_video, tmp_path, monkeypatch):
    def full(*arguments):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(sound, "_write", full)
    source = factory.with_beep(silent_video, tmp_path / "in.mp4")
    with pytest.raises(OutputError, match="No space left"):
        redrawn(source, tmp_path / "out.mp4")
    assert [path.name for path in tmp_path.iterdir()] == ["in.mp4"]


@pytest.mark.parametrize("matrix", [(1, 0, 0, 1), (-1, 0, 0, 1), (0, 1, 1, 0)])
def test_the_drawn_copy_of_a_prediction_is_upright_square_and_heard(tmp_path, matrix):
    silent = factory.write(
        tmp_path / "silent.mp4", 40, matrix=matrix, aspect=Fraction(2), size=(160, 96), options={"crf": "5"}
    )
    source = factory.with_beep(silent, tmp_path / "in.mp4")
    result = fakes.pipeline(lambda index: []).predict(source, every_frame=True)
    assert save_video(result, tmp_path / "out.mp4") == ()
    assert factory.beep_at(tmp_path / "out.mp4") == pytest.approx((0.4, 0.5), abs=0.06)
    with open_video(tmp_path / "out.mp4") as video:
        info = video.info
        assert (info.width, info.height) == ((320, 96) if matrix[0] else (160, 192))
        assert (info.rotation, info.mirrored, info.fps, info.notes) == (0, False, 25, ())
        assert [factory.number_of(frame.pixels[info.height // 2 :]) for frame in video.read([30])] != []


def test_what_is_lost_of_the_sound_is_told(silent_video, tmp_path):
    source = factory.with_beep(silent_video, tmp_path / "in.mkv", codec="mp2", rate=48_000)
    odd.spoil_sound(source, share=1.0)
    result = fakes.pipeline().predict(source, every_frame=True)
    (told,) = save_video(result, tmp_path / "out.mp4")
    assert "the sound (mp2) could not be kept" in told


def test_what_the_file_leaves_open_is_among_the_warnings(tmp_path):
    path = factory.write(tmp_path / "bare.mjpeg", 40, codec="mjpeg", pix_fmt="yuvj420p")
    assert any("is a guess" in warning for warning in fakes.pipeline().predict(path).warnings)


def test_a_row_of_many_warns_of_sound_that_is_lost(silent_video, tmp_path):
    source = factory.with_beep(silent_video, tmp_path / "in.mkv", codec="mp2", rate=48_000)
    odd.spoil_sound(source, share=1.0)
    drawn = tmp_path / "drawn"
    pipeline = fakes.pipeline()
    with unfinished_files([drawn]) as run:
        current = CurrentRun(run, tmp_path / "state.sqlite")
        task = LabelTask(PipelineConfig(), videos=drawn, current_run=current)
        task.pipeline, task.recognizer = pipeline, pipeline.recognizer
        (result,) = task.run(InputFile(source, "in.mkv"), lambda done, total: None)
    assert any("the sound (mp2) could not be kept" in warning for warning in result.warnings)
    assert numbers(drawn / "in.mkv.mp4") == list(range(40))
