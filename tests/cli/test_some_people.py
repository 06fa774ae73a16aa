"""`predict` with some of the people only, and crops of them."""

from __future__ import annotations

import json

import fakes
import pytest
import shot_factory

from posec3d_cli.pipeline import Pipeline
from posec3d_cli.tracking.selection import Selection
from posec3d_cli.video import open_video


@pytest.fixture(scope="module")
def two(tmp_path_factory):
    return shot_factory.write_still(tmp_path_factory.mktemp("clips") / "two.mp4", 60)


@pytest.fixture
def predict(posec3d, monkeypatch, two):
    """Runs `predict` on a video of two people, at x = 20 and x = 80."""
    fake = fakes.pipeline(lambda index: [20, 80])

    def configured(config, **options):
        fake.recognizer.selection = Selection(config.person, config.largest, config.roi)
        return fakes.configured(fake, config)

    monkeypatch.setattr(Pipeline, "from_config", configured)
    return lambda *arguments: posec3d("predict", two, "--people", "each", *arguments)


def people(ran):
    assert ran.code == 0, ran.err
    [video] = json.loads(ran.out)["videos"]
    return [one["id"] for one in video["people"]], video["answer"]


def test_one_person_is_read_by_the_id_that_outputs_have_or_by_the_place(predict):
    assert people(predict("--json"))[0] == [0, 1]
    assert people(predict("--json", "--person", 1)) == ([1], "right")
    assert people(predict("--json", "--roi", "0,0,40,100")) == ([0], "left")
    assert len(people(predict("--json", "--largest"))[0]) == 1


def test_a_person_who_is_not_there_is_said_and_a_wrong_rectangle_is_usage(predict):
    ran = predict("--json", "--person", 7)
    assert people(ran) == ([], "no_person")
    assert "person 7 is not in it" in ran.err
    ran = predict("--roi", "1,2,3")
    assert (ran.code, "--roi takes x,y,width,height" in ran.err) == (2, True)
    ran = predict("--roi", "1,2,0,3")
    assert (ran.code, "a width and a height above 0" in ran.err) == (2, True)


def test_crops_are_a_video_per_person(predict, tmp_path):
    ran = predict("--save-crops", tmp_path / "crops", "--json")
    assert ran.code == 0, ran.err
    made = sorted(path.name for path in (tmp_path / "crops").iterdir())
    assert made == ["person-0.mp4", "person-1.mp4"]
    with open_video(tmp_path / "crops" / "person-1.mp4") as video:
        assert (video.info.frame_count, video.info.width, video.info.height) == (60, 38, 38)
    again = predict("--save-crops", tmp_path / "crops")
    assert (again.code, "already there" in again.err) == (1, True)
    assert predict("--save-crops", tmp_path / "crops", "--overwrite", "--person", 0).code == 0


def test_crops_need_a_video(posec3d, tmp_path):
    (tmp_path / "poses.npz").write_bytes(b"")
    ran = posec3d("predict", tmp_path / "poses.npz", "--save-crops", tmp_path)
    assert (ran.code, "--save-crops needs a video" in ran.err) == (2, True)
