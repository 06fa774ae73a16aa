"""VIA 3: projects that the application loads, and what it loads although it must not be."""

from __future__ import annotations

import json

import annotation_factory as factory
import pytest
from annotation_factory import written

from posec3d_cli.annotations.formats import Choices
from posec3d_cli.annotations.segments import Segment
from posec3d_cli.annotations.via import FORMAT
from posec3d_cli.errors import InputError


def project(change=lambda project: None):
    one = factory.video(Segment("run", 0, 10, reviewed=True), Segment("jump", 10, 20, "1", reviewed=True))
    found = json.loads(written(FORMAT, one))
    change(found)
    return json.dumps(found).encode()


def test_a_project_has_what_the_application_refuses_to_be_without():
    found = json.loads(project())
    assert found["project"]["vid_list"] == ["1"]
    assert found["config"]["ui"]
    assert found["view"] == {"1": {"fid_list": ["1"]}}
    assert found["attribute"]["1"]["options"] == {"0": "jump", "1": "run"}
    assert [one["z"] for one in found["metadata"].values()] == [[0.0, 0.4], [0.4, 0.8]]
    assert found["file"]["1"]["loc"] == 3


def test_videos_may_be_fetched_from_an_address():
    found = json.loads(written(FORMAT, factory.video(), media_url="http://127.0.0.1:8000/"))
    assert (found["file"]["1"]["loc"], found["file"]["1"]["src"]) == (2, "http://127.0.0.1:8000/walk/a%20b.mp4")


def test_an_attribute_of_text_is_read_as_it_is():
    def as_text(found):
        found["attribute"]["1"] |= {"type": 1, "options": {}}
        for one in found["metadata"].values():
            one["av"]["1"] = "free"

    assert {one.label for one in FORMAT.read(project(as_text), Choices())[0].segments} == {"free"}


@pytest.mark.parametrize(
    ("key", "value", "says"),
    [
        ("z", [0.8, 0.4], "must end after its start"),
        ("z", [0.4, 0.4], "must end after its start"),
        ("z", [-1, 0.4], "must end after its start"),
        ("z", [0, "x"], "must end after its start"),
        ("av", {"1": "7"}, "has no action, or one that is no option"),
        ("av", {}, "has no action, or one that is no option"),
        ("vid", "9", "is in the view '9', which shows no one file"),
    ],
)
def test_what_the_application_takes_silently_is_told_and_the_rest_is_read(key, value, says):
    def spoil(found):
        next(iter(found["metadata"].values()))[key] = value

    videos = FORMAT.read(project(spoil), Choices())
    assert [len(one.segments) for one in videos] == [1, 0]
    (problem,) = [text for one in videos for text in one.problems]
    assert says in problem


def test_regions_and_moments_are_left_out_with_a_note():
    def more(found):
        found["metadata"] |= {"1_x": {"vid": "1", "z": [1.0], "xy": [], "av": {}}}
        found["metadata"] |= {"1_y": {"vid": "1", "z": [1.0, 2.0], "xy": [2, 0, 0, 1, 1], "av": {}}}

    videos = FORMAT.read(project(more), Choices())
    assert videos[-1].notes == ("2 regions and moments, which are no segments, are left out",)
    assert len(videos[0].segments) == 2


@pytest.mark.parametrize("content", [b"[]", b"{}", b"no", b'{"attribute": {}, "file": [], "view": {}}'])
def test_another_json_is_refused(content):
    with pytest.raises(InputError):
        FORMAT.read(content, Choices())


def test_two_attributes_that_may_be_the_action_are_refused():
    def rename(found):
        found["attribute"]["1"]["aname"] = "a"
        found["attribute"]["2"]["aname"] = "b"

    with pytest.raises(InputError, match="2 attributes of temporal segments may be the action"):
        FORMAT.read(project(rename), Choices())
