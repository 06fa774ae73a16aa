"""Label Studio: predictions stay predictions, frames count from 1, and what its server lets through is refused."""

from __future__ import annotations

import json
import xml.etree.ElementTree as ET

import annotation_factory as factory
import pytest
from annotation_factory import written

from posec3d_cli.annotations.formats import Choices
from posec3d_cli.annotations.label_studio import FORMAT
from posec3d_cli.annotations.segments import Segment
from posec3d_cli.errors import InputError


def region(start=1, end=10, label="squat", **more):
    value = {"ranges": [{"start": start, "end": end}], "timelinelabels": [label]}
    return {"id": "r", "from_name": "timeline", "to_name": "video", "type": "timelinelabels", "value": value} | more


def task(*annotations, **data):
    return {"data": {"video": "/data/upload/1/a9c8f022-walk.mp4", "fps": 25} | data, "annotations": list(annotations)}


def annotation(*regions, **more):
    return {"result": list(regions), "was_cancelled": False, "completed_by": 1, "updated_at": "2026-01-02"} | more


def read(*tasks, **choices):
    return FORMAT.read(json.dumps(tasks).encode(), Choices(**choices))


def test_predictions_are_predictions_and_reviewed_segments_are_annotations():
    one = factory.video(Segment("a", 0, 10, "3", 0.75), Segment("b", 10, 50, reviewed=True))
    (task,) = json.loads(written(FORMAT, one))
    assert task["data"] == {"video": "/data/local-files/?d=walk/a%20b.mp4", "fps": 25.0, "posec3d_id": "walk/a b.mp4"}
    ((predicted,),) = [[one["result"][0] for one in task["predictions"]]]
    assert task["predictions"][0]["score"] == 0.75
    assert predicted["value"] == {"ranges": [{"start": 1, "end": 10}], "timelinelabels": ["a"]}
    assert predicted["meta"] == {"text": ["person 3"]}
    assert task["annotations"][0]["result"][0]["value"]["ranges"] == [{"start": 11, "end": 50}]


def test_predictions_are_not_read_as_truth():
    one = factory.video(Segment("a", 0, 10, "", 0.75))
    (found,) = FORMAT.read(written(FORMAT, one), Choices())
    assert found.segments == ()


def test_the_configuration_has_the_frame_rate_and_every_label():
    contents = FORMAT.write([factory.video()], ["a < b", "jump"], Choices())
    view = ET.fromstring(contents[".config.xml"])
    assert view.find("Video").get("frameRate") == "$fps"
    assert [label.get("value") for label in view.iter("Label")] == ["a < b", "jump"]


@pytest.mark.parametrize(
    ("one", "says"),
    [
        (factory.video(uneven=True), "those of this video are unevenly spaced"),
        (factory.video(start=0.5), "this video starts at 0.5 s"),
    ],
)
def test_a_video_whose_frames_it_would_number_wrongly_is_refused(one, says):
    with pytest.raises(InputError, match=says):
        FORMAT.check(one)


def test_frames_become_seconds_with_the_rate_of_the_project():
    (found,) = read(task(annotation(region(25, 48)), fps=24))
    assert [(one.start, one.stop) for one in found.segments] == [(1.0, 2.0)]
    (found,) = read(task(annotation(region(25, 48)), fps=30), fps=24.0)
    assert [(one.start, one.stop) for one in found.segments] == [(1.0, 2.0)]


def test_without_a_rate_nothing_is_guessed():
    (found,) = read(task(annotation(region()), fps=None))
    assert found.segments == ()
    assert found.problems == ("nothing tells the frame rate of the project (its fps is None): --fps RATE says it",)


def test_an_open_end_is_the_end_of_the_video():
    (found,) = read(task(annotation(region(5, None))))
    assert [(one.start, one.stop) for one in found.segments] == [(0.16, None)]


def test_a_video_is_known_by_the_name_written_for_it_then_by_that_of_its_upload():
    (found,) = read(task(posec3d_id="x/walk.mp4"))
    assert found.names == ("x/walk.mp4", "a9c8f022-walk.mp4", "walk.mp4")


def test_the_newest_annotation_of_a_person_counts_and_none_that_was_cancelled():
    old, new = annotation(region(label="old")), annotation(region(label="new"), updated_at="2026-01-03")
    gone = annotation(region(label="gone"), updated_at="2026-01-04", was_cancelled=True)
    (found,) = read(task(new, old, gone))
    assert [(one.label, one.reviewer, one.time) for one in found.segments] == [("new", "1", "2026-01-03")]


def test_annotations_of_two_people_are_never_merged():
    other = annotation(region(label="other"), completed_by={"id": 2, "email": "b@c.d"})
    (found,) = read(task(annotation(region()), other))
    assert found.segments == ()
    assert "2 people annotated it ('1', 'b@c.d')" in found.problems[0]
    (found,) = read(task(annotation(region()), other), annotator="b@c.d")
    assert [one.label for one in found.segments] == ["other"]


@pytest.mark.parametrize("ends", [(0, 5), (7, 3), (1.5, 4), (1, 2.5), (None, 4), ("1", 4), (True, 4)])
def test_a_range_that_its_server_lets_through_and_is_none_is_told(ends):
    (found,) = read(task(annotation(region(*ends), region(2, 3))))
    assert len(found.segments) == 1
    assert "must be from a frame of at least 1 to a later one" in found.problems[0]


def test_what_is_not_on_the_timeline_is_left_out_with_a_note():
    (found,) = read(task(annotation(region(), {"type": "videorectangle", "value": {}})))
    assert found.notes == ("1 regions that are not on the timeline are left out",)


@pytest.mark.parametrize(
    ("content", "says"),
    [(b"{}", "no list of tasks"), (b"no", "it is no JSON"), (b'[{"id": 1, "video": "a", "timeline": []}]', "JSON_MIN")],
)
def test_another_export_is_refused(content, says):
    with pytest.raises(InputError) as raised:
        FORMAT.read(content, Choices())
    assert says in raised.value.what + raised.value.hint
