"""Sequences of pictures are videos: which frame each picture is, and what is said of gaps and sizes."""

from __future__ import annotations

import json
from fractions import Fraction

import picture_factory
import pytest
import video_factory
from PIL import Image

from posec3d_cli.batch.find import is_sequence
from posec3d_cli.errors import EmptyVideo, InputError, UnreadableVideo
from posec3d_cli.video import open_video
from posec3d_cli.video.pictures import fitted, is_pattern, list_of


@pytest.fixture
def opened(tmp_path):
    """Opens a folder or pattern of pictures as a video."""

    def open_(source, fps=Fraction(25)):
        file = tmp_path / "list.pictures"
        file.write_bytes(list_of(source, fps))
        return open_video(file)

    return open_


def numbers(video):
    return {frame.index: video_factory.number_of(frame.pixels) for frame in video.frames()}


@pytest.mark.parametrize("name", ["{:06d}.png", "frame_{}.jpg", "a 1 {:03d} x.bmp", "{}.webp"])
def test_a_folder_is_read_in_order_of_its_numbers(opened, tmp_path, name):
    picture_factory.write(tmp_path / "frames", range(3, 15), name)
    with opened(tmp_path / "frames", Fraction(10)) as video:
        assert numbers(video) == dict(enumerate(range(3, 15)))
        assert (video.info.frame_count, video.info.fps, video.info.duration) == (12, 10, 1.2)
        assert (video.info.width, video.info.height) == (80, 48)
        assert [frame.seconds for frame in video.read([0, 5])] == [0, 0.5]
        assert (video.info.notes, video.lost) == ((), ())


def test_a_pattern_takes_the_pictures_that_it_names(opened, tmp_path):
    folder = picture_factory.write(tmp_path, range(1, 5), "left_{:03d}.png")
    picture_factory.write(tmp_path, range(7, 9), "right_{:03d}.png")
    picture_factory.write(tmp_path, [9], "left_{:02d}.png")
    with opened(folder / "left_%03d.png") as video:
        assert numbers(video) == {0: 1, 1: 2, 2: 3, 3: 4}
    with pytest.raises(UnreadableVideo, match="no picture matches"):
        opened(folder / "right_%d.png")


def test_a_missing_number_is_a_lost_frame_and_keeps_the_time(opened, tmp_path):
    picture_factory.write(tmp_path, [1, 2, 4, 5])
    with opened(tmp_path) as video:
        assert numbers(video) == {0: 1, 1: 2, 3: 4, 4: 5}
        assert video.info.frame_count == 5
        assert video.lost == (2,)


def test_numbers_may_go_up_in_steps(opened, tmp_path):
    picture_factory.write(tmp_path, [10, 20, 40])
    with opened(tmp_path) as video:
        assert numbers(video) == {0: 10, 1: 20, 3: 40}


def test_numbers_that_count_nothing_are_an_order_and_a_note_says_so(opened, tmp_path):
    picture_factory.write(tmp_path, [1, 7, 500])
    with opened(tmp_path) as video:
        assert numbers(video) == {0: 1, 1: 7, 2: 500}
        assert "numbered 1 to 500 and are only 3" in video.info.notes[0]


def test_names_without_a_number_are_read_in_their_order(opened, tmp_path):
    for name, number in (("a.png", 1), ("b.png", 2), ("take10_1.png", 4), ("take2_1.png", 3)):
        Image.fromarray(video_factory.draw(number, (80, 48))).save(tmp_path / name)
    with opened(tmp_path) as video:
        assert numbers(video) == {0: 1, 1: 2, 2: 3, 3: 4}


def test_a_picture_that_cannot_be_read_is_lost_and_named(opened, tmp_path):
    picture_factory.write(tmp_path, range(4))
    (tmp_path / "000002.png").write_bytes(b"no picture")
    with opened(tmp_path) as video:
        assert sorted(numbers(video)) == [0, 1, 3]
        assert video.info.notes == ("1 picture cannot be read: 000002.png",)


def test_a_picture_that_is_damaged_behind_its_head_is_lost(opened, tmp_path):
    picture_factory.write(tmp_path, range(3))
    whole = (tmp_path / "000001.png").read_bytes()
    (tmp_path / "000001.png").write_bytes(whole[:40])
    with opened(tmp_path) as video:
        assert sorted(numbers(video)) == [0, 2]
        assert video.lost == (1,)


def test_pictures_of_another_size_are_fitted_and_a_note_says_so(opened, tmp_path):
    picture_factory.write(tmp_path, [0])
    picture_factory.write(tmp_path, [1], size=(40, 48))
    with opened(tmp_path) as video:
        first, second = video.frames()
        assert second.pixels.shape == first.pixels.shape
        assert not second.pixels[:, :18].any(), "black on the left"
        assert "80x48, 40x48" in video.info.notes[0]


def test_pictures_are_turned_as_their_exif_data_say(opened, tmp_path):
    exif = Image.Exif()
    exif[0x0112] = 6  # to be turned clockwise by 90 degrees
    upright = Image.fromarray(video_factory.draw(5, (48, 80)))
    upright.transpose(Image.Transpose.ROTATE_90).save(tmp_path / "0.jpg", exif=exif, quality=95)
    with opened(tmp_path) as video:
        assert (video.info.width, video.info.height) == (48, 80)
        assert numbers(video) == {0: 5}


def test_grey_pictures_and_pictures_with_alpha_are_rgb(opened, tmp_path):
    Image.fromarray(video_factory.draw(3, (80, 48))).convert("L").save(tmp_path / "0.png")
    Image.fromarray(video_factory.draw(3, (80, 48))).convert("RGBA").save(tmp_path / "1.png")
    with opened(tmp_path) as video:
        assert [frame.pixels.shape for frame in video.frames()] == [(48, 80, 3)] * 2
        assert numbers(video) == {0: 3, 1: 3}


def test_the_list_changes_with_the_content_of_a_picture(tmp_path):
    picture_factory.write(tmp_path / "x", range(2))
    before = list_of(tmp_path / "x", Fraction(25))
    assert list_of(tmp_path / "x", Fraction(25)) == before
    picture_factory.write(tmp_path / "x", [8], "000001.png")
    assert list_of(tmp_path / "x", Fraction(25)) != before


def test_what_is_no_sequence_is_refused(opened, tmp_path):
    with pytest.raises(UnreadableVideo, match="holds no picture"):
        opened(tmp_path)
    with pytest.raises(UnreadableVideo, match="no picture matches"):
        opened(tmp_path / "%06d.jpg")
    with pytest.raises(UnreadableVideo, match="there is no folder"):
        opened(tmp_path / "none" / "%06d.jpg")
    (tmp_path / "a.jpg").write_bytes(b"")
    with pytest.raises(EmptyVideo, match="none of 1 picture can be read"):
        opened(tmp_path)


def test_a_list_that_is_none_or_whose_pictures_are_gone_says_so(opened, tmp_path):
    (tmp_path / "x.pictures").write_text("[]")
    with pytest.raises(UnreadableVideo, match="no list of pictures"):
        open_video(tmp_path / "x.pictures")
    (tmp_path / "x.pictures").write_text(json.dumps({"schema": "other"}))
    with pytest.raises(UnreadableVideo, match="its schema is 'other'"):
        open_video(tmp_path / "x.pictures")
    with pytest.raises(UnreadableVideo, match="cannot be read"):
        open_video(tmp_path / "y.pictures")
    with pytest.raises(InputError, match="no video reader"):
        open_video(tmp_path / "x.pictures", reader="none")
    folder = picture_factory.write(tmp_path / "frames", range(2))
    with opened(folder) as video:
        (folder / "000001.png").unlink()
        with pytest.raises(UnreadableVideo, match="is gone"):
            list(video.frames())


def test_patterns_and_folders_are_known(tmp_path):
    known = {name: is_pattern(tmp_path / name) for name in ("%06d.jpg", "a%d.PNG", "%s.jpg", "%d.mp4", "%d%d.jpg")}
    assert known == {"%06d.jpg": True, "a%d.PNG": True, "%s.jpg": False, "%d.mp4": False, "%d%d.jpg": False}
    (tmp_path / ".hidden.jpg").touch()
    assert not is_sequence(tmp_path)
    assert is_sequence(picture_factory.write(tmp_path, [0]))


def test_a_fitted_image_keeps_its_proportions():
    image = fitted(video_factory.draw(1, (40, 20)), (80, 80))
    assert image.shape == (80, 80, 3)
    assert not image[:19].any()
    assert image[22:38].any()
