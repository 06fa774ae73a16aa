"""Subtitles: what players take."""

from __future__ import annotations

import annotation_factory as factory
import pytest
from annotation_factory import videos, written
from hypothesis import given, settings

from posec3d_cli.annotations.segments import Segment
from posec3d_cli.annotations.subtitles import SRT, VTT
from posec3d_cli.errors import InputError

ONE = factory.video(Segment("sit & <stand>", 10, 34), Segment("squat", 0, 10))


def test_srt_counts_from_one_and_has_commas_and_an_empty_line_at_the_end():
    assert written(SRT, ONE).decode() == (
        "1\n00:00:00,000 --> 00:00:00,400\nsquat\n\n2\n00:00:00,400 --> 00:00:01,360\nsit & <stand>\n\n"
    )


def test_vtt_has_a_header_points_and_escaped_text():
    assert written(VTT, ONE).decode() == (
        "WEBVTT\n\nNOTE posec3d, video=walk/a b.mp4\n\n"
        "a1\n00:00:00.000 --> 00:00:00.400\nsquat\n\n"
        "a2\n00:00:00.400 --> 00:00:01.360\nsit &amp; &lt;stand&gt;\n\n"
    )


def test_people_are_named_where_there_are_several():
    one = factory.video(Segment("a", 0, 10, "1"), Segment("b", 0, 10, "2 & 3"))
    assert "\n1: a\n" in written(SRT, one).decode()
    assert "<v 2 &amp; 3>b" in written(VTT, one).decode()


def test_what_srt_has_no_way_to_write_is_refused():
    one = factory.video(Segment("a --> b", 0, 10))
    with pytest.raises(InputError, match="SRT cannot hold the label 'a --> b'"):
        SRT.check(one)
    VTT.check(one)
    assert "a --&gt; b" in written(VTT, one).decode()


def test_hours_have_at_least_two_digits():
    one = factory.video(Segment("a", 0, 1), boundaries=factory.times(1, factory.Fraction(1, 360_000)))
    assert "00:00:00,000 --> 100:00:00,000" in written(SRT, one).decode()


@settings(max_examples=60, deadline=None)
@given(data=videos())
def test_there_is_one_cue_of_one_line_per_segment(data):
    for form in (SRT, VTT):
        blocks = [block for block in written(form, data).decode().split("\n\n") if block][2 * (form is VTT) :]
        assert len(blocks) == len(data.segments)
        assert {len(block.split("\n")) for block in blocks} <= {3}
