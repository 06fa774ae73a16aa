"""CVAT: tracks in both styles, tags of images, and the rules of its own reader."""

from __future__ import annotations

import io
import xml.etree.ElementTree as ET
import zipfile

import annotation_factory as factory
import numpy as np
import pytest
from annotation_factory import written

from posec3d_cli.annotations.cvat import FORMAT
from posec3d_cli.annotations.formats import Choices
from posec3d_cli.annotations.segments import Segment
from posec3d_cli.errors import InputError

META = "<meta><task><name>x/a.mp4</name><stop_frame>99</stop_frame><frame_filter/><source>a.mp4</source></task></meta>"


def box(frame, action=None, **attributes):
    given = " ".join(f'{name}="{value}"' for name, value in attributes.items())
    inside = "" if action is None else f'<attribute name="action">{action}</attribute>'
    return f'<box frame="{frame}" xtl="0" ytl="0" xbr="1" ybr="1" {given}>{inside}</box>'


def document(*inside, meta=META):
    return f"<annotations><version>1.1</version>{meta}{''.join(inside)}</annotations>".encode()


def track(*boxes, label="person"):
    return f'<track id="0" label="{label}">{"".join(boxes)}</track>'


def spans(content):
    (found,) = FORMAT.read(content, Choices())
    assert found.problems == ()
    return [(one.label, one.start, one.stop) for one in found.segments]


def test_without_boxes_a_segment_is_a_track_around_the_whole_frame():
    root = ET.fromstring(written(FORMAT, factory.video(Segment("a", 0, 10), Segment("b", 10, 50))))
    boxes = [
        [(b.get("frame"), b.get("outside"), b.get("xbr"), b.get("ybr")) for b in t.iter("box")]
        for t in root.iter("track")
    ]
    assert [t.get("label") for t in root.iter("track")] == ["a", "b"]
    assert boxes == [[("0", "0", "80.00", "48.00"), ("10", "1", "80.00", "48.00")], [("10", "0", "80.00", "48.00")]]


def test_with_boxes_a_person_is_a_track_whose_action_changes():
    boxes = {"0": {frame: np.array([frame, 1, 30, 40], np.float32) for frame in range(2, 46)}}
    root = ET.fromstring(
        written(FORMAT, factory.video(Segment("a", 5, 10, "0"), Segment("b", 10, 20, "0"), boxes=boxes))
    )
    (only,) = root.iter("track")
    found = [
        (int(b.get("frame")), b.get("xtl"), b.get("outside"), b.findtext("attribute[@name='action']"))
        for b in only.iter("box")
    ]
    assert only.get("label") == "person"
    assert [(frame, outside, action) for frame, _, outside, action in found] == [
        (2, "0", "none"), (5, "0", "a"), (10, "0", "b"), (12, "0", "b"), (20, "0", "none"), (22, "0", "none"),
        (32, "0", "none"), (42, "0", "none"), (45, "0", "none"), (46, "1", "none"),
    ]  # fmt: skip
    assert found[1][1] == "5.00"
    assert all(b.get("keyframe") == "1" for b in only.iter("box"))


def test_an_action_called_none_is_told_from_no_action():
    boxes = {"0": {0: np.array([0, 1, 30, 40], np.float32)}}
    one = factory.video(Segment("none", 5, 10, "0"), boxes=boxes)
    assert spans(written(FORMAT, one)) == [("none", 5, 10)]


def test_an_attribute_holds_until_the_next_keyframe_and_boxes_between_keyframes_do_not_count():
    content = document(
        track(
            box(3, "run"),
            box(5, "jump", keyframe=0),
            box(9),
            box(12, "none"),
            box(15, "jump"),
            box(20, "jump", outside=1),
        )
    )
    assert spans(content) == [("run", 3, 12), ("jump", 15, 20)]


def test_a_track_without_an_end_runs_to_the_last_frame_of_the_task():
    assert spans(document(track(box(3), label="run"))) == [("run", 3, 100)]
    assert spans(document(track(box(3), label="run"), meta="")) == [("run", 3, None)]


def test_a_track_may_come_back():
    content = document(track(box(3), box(5, outside=1), box(8), box(9, outside=1), label="run"))
    assert spans(content) == [("run", 3, 5), ("run", 8, 9)]


def test_the_value_that_stands_for_no_action_is_the_default_of_the_attribute():
    meta = META.replace(
        "<source>",
        "<labels><label><name>person</name><attributes><attribute><name>action</name><default_value>idle</default_value>"
        "</attribute></attributes></label></labels><source>",
    )
    assert spans(document(track(box(0, "idle"), box(3, "none"), box(7, "idle")), meta=meta)) == [("none", 3, 7)]


def test_frames_one_after_the_other_with_one_tag_are_a_segment():
    images = (
        "".join(f'<image id="{frame}" name="f"><tag label="run"/></image>' for frame in (4, 5, 6, 9))
        + '<image id="5"><tag label="a"/><box label="x" xtl="0" ytl="0" xbr="1" ybr="1"/></image>'
    )
    assert sorted(spans(document(images))) == [("a", 5, 6), ("run", 4, 7), ("run", 9, 10)]


def test_tags_of_every_fifth_frame_hold_until_the_next():
    meta = META.replace("<frame_filter/>", "<frame_filter>step=5</frame_filter>")
    images = "".join(f'<image id="{frame}"><tag label="run"/></image>' for frame in (10, 15, 25))
    assert spans(document(images, meta=meta)) == [("run", 10, 20), ("run", 25, 30)]


def test_the_document_may_be_in_a_zip():
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w") as archive:
        archive.writestr("annotations.xml", document(track(box(3), label="run")))
    assert spans(packed.getvalue()) == [("run", 3, 100)]
    (found,) = FORMAT.read(packed.getvalue(), Choices())
    assert found.names == ("x/a.mp4", "a.mp4")


def _zip_without():
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w") as archive:
        archive.writestr("other.xml", b"")
    return packed.getvalue()


@pytest.mark.parametrize(
    ("content", "says"),
    [
        (_zip_without(), "holds no annotations.xml"),
        (b"PK\x03\x04broken", "it is no readable zip"),
        (document(meta="<meta><project><name>p</name></project></meta>"), "it holds a project"),
    ],
)
def test_what_is_no_task_is_refused(content, says):
    with pytest.raises(InputError, match=says):
        FORMAT.read(content, Choices())


def test_a_shape_at_no_frame_is_told():
    (found,) = FORMAT.read(document(track(box("1.5"), box(3), label="run")), Choices())
    assert found.problems == ("the track 0 has a shape at frame '1.5', which is no whole number",)
    assert len(found.segments) == 1
