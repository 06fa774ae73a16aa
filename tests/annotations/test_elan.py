"""ELAN: what its documents hold, and what an importer must check because the schema does not."""

from __future__ import annotations

import xml.etree.ElementTree as ET

import annotation_factory as factory
import pytest
from annotation_factory import essence, written

from posec3d_cli.annotations.elan import FORMAT
from posec3d_cli.annotations.formats import Choices
from posec3d_cli.annotations.segments import Segment
from posec3d_cli.errors import InputError


def eaf(tiers, slots="", header="", **attributes):
    root = " ".join(f'{name}="{value}"' for name, value in attributes.items())
    return (
        f'<ANNOTATION_DOCUMENT AUTHOR="" DATE="2026-01-02T03:04:05+01:00" VERSION="3.0" {root}>{header or HEADER}'
        f"<TIME_ORDER>{slots or SLOTS}</TIME_ORDER>{tiers}</ANNOTATION_DOCUMENT>"
    ).encode()


HEADER = (
    '<HEADER TIME_UNITS="milliseconds"><MEDIA_DESCRIPTOR MEDIA_URL="file:///C:/data/a%20b.mp4" MIME_TYPE="video/mp4" '
    'RELATIVE_MEDIA_URL="./x/a%20b.mp4"/></HEADER>'
)
SLOTS = "".join(f'<TIME_SLOT TIME_SLOT_ID="ts{n}" TIME_VALUE="{400 * n}"/>' for n in range(6))


def annotation(name, first, last, label="squat"):
    return (
        f'<ANNOTATION><ALIGNABLE_ANNOTATION ANNOTATION_ID="{name}" TIME_SLOT_REF1="{first}" TIME_SLOT_REF2="{last}">'
        f"<ANNOTATION_VALUE>{label}</ANNOTATION_VALUE></ALIGNABLE_ANNOTATION></ANNOTATION>"
    )


def tier(*inside, kind="action", name="t", more=""):
    return f'<TIER LINGUISTIC_TYPE_REF="{kind}" TIER_ID="{name}" {more}>{"".join(inside)}</TIER>'


def read(content):
    (found,) = FORMAT.read(content, Choices())
    return found


def test_slots_stand_in_order_of_time_and_are_shared_by_neighbours():
    one = factory.video(Segment("b", 20, 30), Segment("a", 0, 20))
    root = ET.fromstring(written(FORMAT, one))
    slots = [(slot.get("TIME_SLOT_ID"), slot.get("TIME_VALUE")) for slot in root.iter("TIME_SLOT")]
    assert slots == [("ts1", "0"), ("ts2", "800"), ("ts3", "1200")]
    refs = {(a.get("TIME_SLOT_REF1"), a.get("TIME_SLOT_REF2")) for a in root.iter("ALIGNABLE_ANNOTATION")}
    assert refs == {("ts1", "ts2"), ("ts2", "ts3")}


def test_segments_that_overlap_are_on_tiers_of_their_own():
    one = factory.video(Segment("a", 0, 20), Segment("b", 10, 30), Segment("c", 5, 9, "1"))
    root = ET.fromstring(written(FORMAT, one))
    assert [one.get("TIER_ID") for one in root.iter("TIER")] == ["action", "action (2)", "action@1"]


def test_predictions_have_this_program_as_annotator_and_ground_truth_its_reviewer():
    one = factory.video(Segment("a", 0, 9, "0", 0.5), Segment("b", 0, 9, "1", reviewed=True, reviewer="Ann"))
    root = ET.fromstring(written(FORMAT, one))
    assert [one.get("ANNOTATOR") for one in root.iter("TIER")] == ["posec3d", "Ann"]
    assert sorted(one.reviewer for one in read(written(FORMAT, one)).segments) == ["", "Ann"]


def test_every_label_of_the_model_can_be_chosen():
    (content,) = FORMAT.write([factory.video(Segment("run", 0, 3))], ["jump", "run"], Choices()).values()
    root = ET.fromstring(content)
    assert [value.text for value in root.iter("CVE_VALUE")] == ["jump", "run"]
    assert [one.get("CVE_REF") for one in root.iter("ALIGNABLE_ANNOTATION")] == ["cve1"]


def test_the_clock_of_the_media_is_added():
    header = HEADER.replace("MIME_TYPE", 'TIME_ORIGIN="2000" MIME_TYPE')
    (found,) = read(eaf(tier(annotation("a1", "ts1", "ts2")), header=header)).segments
    assert (found.start, found.stop) == (2.4, 2.8)


def test_the_video_is_looked_for_beside_the_document_first():
    names = read(eaf(tier(annotation("a1", "ts1", "ts2")))).names
    assert names == ("x/a b.mp4", "/C:/data/a b.mp4", "a b.mp4")


def test_slots_without_a_time_are_spread_evenly_between_their_neighbours():
    slots = (
        '<TIME_SLOT TIME_SLOT_ID="b" TIME_VALUE="1000"/><TIME_SLOT TIME_SLOT_ID="x"/><TIME_SLOT TIME_SLOT_ID="y"/>'
        '<TIME_SLOT TIME_SLOT_ID="e" TIME_VALUE="2500"/>'
    )
    inside = annotation("a1", "b", "x"), annotation("a2", "x", "y"), annotation("a3", "y", "e")
    spans = [(found.start, found.stop) for found in read(eaf(tier(*inside), slots)).segments]
    assert spans == [(1.0, 1.5), (1.5, 2.0), (2.0, 2.5)]


def test_an_annotation_of_another_has_its_time():
    child = (
        '<ANNOTATION><REF_ANNOTATION ANNOTATION_ID="a2" ANNOTATION_REF="a1">'
        "<ANNOTATION_VALUE>child</ANNOTATION_VALUE></REF_ANNOTATION></ANNOTATION>"
    )
    tiers = tier(annotation("a1", "ts1", "ts2"), kind="speech", name="p") + tier(child, more='PARENT_REF="p"')
    found = read(eaf(tiers))
    assert [(one.label, one.start) for one in found.segments] == [("child", 0.4)]
    assert found.notes == ("tiers of another type than 'action' are left out: 'p'",)


def test_without_a_tier_of_actions_every_tier_counts():
    tiers = tier(annotation("a1", "ts1", "ts2"), kind="x", name="p") + tier(annotation("a2", "ts1", "ts2"), kind="y")
    assert len(read(eaf(tiers)).segments) == 2


@pytest.mark.parametrize(
    ("tiers", "says"),
    [
        (tier(annotation("a1", "ts2", "ts1")), "'squat' in the tier 't' ends at 400 ms and starts at 800 ms"),
        (tier(annotation("a1", "ts1", "ts1")), "ends at 400 ms and starts at 400 ms"),
        (
            tier(annotation("a1", "ts1", "ts3"), annotation("a2", "ts2", "ts4", "run")),
            "'run' in the tier 't' overlaps 'squat'",
        ),
    ],
)
def test_what_the_schema_accepts_and_no_segment_is_is_told_and_the_rest_is_read(tiers, says):
    found = read(eaf(tiers + tier(annotation("a9", "ts4", "ts5"), name="other")))
    assert len(found.problems) == 1
    assert says in found.problems[0]
    assert (found.segments[-1].start, found.segments[-1].stop) == (1.6, 2.0)


@pytest.mark.parametrize(
    ("content", "says"),
    [
        (eaf(tier(annotation("a1", "ts1", "gone"))), "is at the time slot 'gone', which has no time"),
        (eaf(tier(annotation("a1", "ts1", "ts2"), annotation("a1", "ts2", "ts3"))), "two annotations have the id 'a1'"),
        (eaf("", '<TIME_SLOT TIME_SLOT_ID="ts1" TIME_VALUE="1.5"/>'), "'1.5', and must be whole milliseconds"),
        (eaf("", '<TIME_SLOT TIME_SLOT_ID="ts1" TIME_VALUE="-5"/>'), "must be whole milliseconds of at least 0"),
        (eaf("", header='<HEADER TIME_UNITS="PAL-frames"/>'), "its times are PAL-frames"),
        (b"<x/>", "its root is <x>"),
        (b"no", "it is no XML"),
        (b'<!DOCTYPE x [<!ENTITY a "b">]><ANNOTATION_DOCUMENT/>', "declares a document type"),
    ],
)  # fmt: skip
def test_a_document_that_cannot_be_believed_is_refused(content, says):
    with pytest.raises(InputError, match=says.replace(".", "\\.")):
        FORMAT.read(content, Choices())


def test_a_saved_document_of_elan_is_read():
    one = factory.video(Segment("a", 0, 9), Segment("b", 9, 11, "1"))
    content = written(FORMAT, one).replace(b" />", b"/>")
    assert essence(factory.read_back(FORMAT, content, one)) == essence(one.segments)
