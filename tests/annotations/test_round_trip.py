"""Every format that is read gives back what was written, whatever labels and frames are."""

from __future__ import annotations

import annotation_factory as factory
import numpy as np
import pytest
from annotation_factory import essence, read_back, videos, written
from hypothesis import given, settings

from posec3d_cli.annotations.by_name import readers
from posec3d_cli.annotations.segments import Segment, segment_label

FORMATS = readers()


def hard(label="squat"):
    """The last frame, one frame, two that touch, an overlap of two people, of one person, and the whole video."""
    return factory.video(
        Segment(label, 49, 50),
        Segment("jump", 10, 11),
        Segment(label, 11, 20, reviewed=True),
        Segment(label, 20, 30),
        Segment(label, 5, 25, "1"),
        Segment("jump", 8, 12, "2"),
        Segment("jump", 9, 40, "2"),
        Segment(label, 0, 50, "3"),
    )


@pytest.mark.parametrize("name", [name for name in FORMATS if name != "label-studio"])
@pytest.mark.parametrize("label", factory.ODD_LABELS, ids=lambda label: label[:12])
def test_hard_segments_with_odd_labels_come_back(name, label):
    one = hard(label)
    assert essence(read_back(FORMATS[name], written(FORMATS[name], one), one)) == essence(one.segments)


@pytest.mark.parametrize("name", [name for name in FORMATS if name != "label-studio"])
@settings(max_examples=60, deadline=None)
@given(data=videos())
def test_any_segments_come_back(name, data):
    assert essence(read_back(FORMATS[name], written(FORMATS[name], data), data)) == essence(data.segments)


@settings(max_examples=60, deadline=None)
@given(data=videos(uneven=False))
def test_any_segments_of_an_even_rate_come_back_through_label_studio(data):
    form = FORMATS["label-studio"]
    assert essence(read_back(form, written(form, data), data)) == essence(data.segments)


@settings(max_examples=60, deadline=None)
@given(data=videos(uneven=False))
def test_any_segments_of_people_with_boxes_come_back_through_cvat(data):
    boxes = {
        str(person): {frame: np.array([1, 2, 30, 40], np.float32) for frame in range(len(data.times))}
        for person in (0, 12)
    }
    one = factory.video(*data.segments, boundaries=data.times, boxes=boxes)
    assert essence(read_back(FORMATS["cvat"], written(FORMATS["cvat"], one), one)) == essence(one.segments)


@pytest.mark.parametrize("text", ["a\x07b", "a\nb", " a  b ", "a\ud800b", "a\ufffeb", "A\u0308", "\ufeffa"])
def test_a_label_is_one_line_that_every_format_can_hold(text):
    label = segment_label(text)
    one = factory.video(Segment(label, 0, 3, reviewed=True))
    for name, form in FORMATS.items():
        assert [found.label for found in read_back(form, written(form, one), one)] == [label], name
    assert label == segment_label(label)


def test_letters_that_are_newer_than_this_python_are_kept():
    assert segment_label("shake \U0001fae8 \U0001faea \U000e0fff") == "shake \U0001fae8 \U0001faea \U000e0fff"


def test_labels_that_differ_in_case_only_stay_two():
    one = factory.video(Segment("Walk", 0, 3, reviewed=True), Segment("walk", 3, 6, reviewed=True))
    for form in FORMATS.values():
        assert essence(read_back(form, written(form, one), one)) == essence(one.segments)
