"""ELAN: EAF 3.0, one XML document per video.

Checked against the schema EAFv3.0.xsd. Times are whole milliseconds from the first frame. Segments of one tier must
not overlap, so there is a tier per person and layer.
"""

from __future__ import annotations

import datetime
import os
import re
import xml.etree.ElementTree as ET
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from urllib.parse import quote, unquote, urlsplit

from posec3d_cli.annotations.formats import Choices, FoundSegment, FoundVideo
from posec3d_cli.annotations.segments import AnnotatedVideo, Segment, layers
from posec3d_cli.annotations.xml import parse, text_of
from posec3d_cli.errors import InputError
from posec3d_cli.files.writing import printable

TYPE = "action"
"""The linguistic type of our tiers."""
OURS = "posec3d"
_VIDEO = "posec3d_video"  # the property that holds the name of the video
_MIME = {".mp4": "video/mp4", ".m4v": "video/mp4", ".mov": "video/quicktime", ".avi": "video/x-msvideo",
         ".webm": "video/webm", ".mkv": "video/x-matroska", ".mpg": "video/mpeg", ".mpeg": "video/mpeg"}  # fmt: skip
_XSI = "http://www.w3.org/2001/XMLSchema-instance"


class Elan:
    """One `.eaf` per video."""

    suffix, per_video = ".eaf", True

    def check(self, video: AnnotatedVideo) -> None:
        """Nothing is refused but frames of less than a millisecond."""
        for one in video.segments:
            video.times.milliseconds(one.start), video.times.milliseconds(one.stop)

    def write(self, videos: Sequence[AnnotatedVideo], vocabulary: Sequence[str], choices: Choices) -> dict[str, bytes]:
        """The document of the one video."""
        (video,) = videos
        return {"": text_of(_document(video, vocabulary, choices))}

    def read(self, content: bytes, choices: Choices) -> list[FoundVideo]:
        """The segments of the tiers of the type `action`, and of all tiers where none is of it."""
        root = parse(content, "ANNOTATION_DOCUMENT")
        header = root.find("HEADER")
        unit = "milliseconds" if header is None else header.get("TIME_UNITS", "milliseconds")
        if unit != "milliseconds":
            raise InputError(f"its times are {unit}, and only milliseconds are read", hint="save it again with ELAN")
        media = [] if header is None else header.findall("MEDIA_DESCRIPTOR")
        properties = [] if header is None else header.findall("PROPERTY")
        named = [(one.text or "").strip() for one in properties if one.get("NAME") == _VIDEO]
        names = [name for one in media for name in _media_names(one)]
        origin = _milliseconds(media[0].get("TIME_ORIGIN", "0"), "TIME_ORIGIN") if media else 0
        problems: list[str] = []
        notes: list[str] = []
        segments = _Tiers(root, origin, problems, notes).segments()
        return [
            FoundVideo((*names, *filter(None, named)), tuple(segments), problems=tuple(problems), notes=tuple(notes))
        ]


def _document(video: AnnotatedVideo, vocabulary: Sequence[str], choices: Choices) -> ET.Element:
    ET.register_namespace("xsi", _XSI)
    now = datetime.datetime.now(datetime.UTC).isoformat(timespec="seconds")
    root = ET.Element(
        "ANNOTATION_DOCUMENT",
        {
            "AUTHOR": OURS,
            "DATE": now,
            "FORMAT": "3.0",
            "VERSION": "3.0",
            f"{{{_XSI}}}noNamespaceSchemaLocation": "http://www.mpi.nl/tools/elan/EAFv3.0.xsd",
        },
    )
    header = ET.SubElement(root, "HEADER", {"MEDIA_FILE": "", "TIME_UNITS": "milliseconds"})
    address = choices.media_url + quote(video.name) if choices.media_url else _file_address(video.path)
    ET.SubElement(
        header,
        "MEDIA_DESCRIPTOR",
        {
            "MEDIA_URL": address,
            "MIME_TYPE": _MIME.get(video.path.suffix.lower(), "video/*"),
            "RELATIVE_MEDIA_URL": "./" + quote(os.fsencode(video.path.name)),
        },
    )
    tiers = [
        (person, layer)
        for person in video.people
        for layer in layers([s for s in video.segments if s.person == person])
    ]
    ET.SubElement(header, "PROPERTY", {"NAME": "lastUsedAnnotationId"}).text = str(len(video.segments))
    ET.SubElement(header, "PROPERTY", {"NAME": _VIDEO}).text = printable(video.name)
    slots = _time_order(root, video)
    entries = {label: f"cve{place}" for place, label in enumerate(vocabulary)}
    names: list[str] = []
    number = 0
    for person, layer in tiers or [("", [])]:
        name = _tier_name(person, names)
        names.append(name)
        attributes = {"LINGUISTIC_TYPE_REF": TYPE, "TIER_ID": name}
        if person:
            attributes["PARTICIPANT"] = person
        tier = ET.SubElement(root, "TIER", attributes | _annotator(layer))
        for one in layer:
            number += 1
            _annotation(tier, one, f"a{number}", slots, entries)
    ET.SubElement(
        root,
        "LINGUISTIC_TYPE",
        {
            "CONTROLLED_VOCABULARY_REF": "actions",
            "GRAPHIC_REFERENCES": "false",
            "LINGUISTIC_TYPE_ID": TYPE,
            "TIME_ALIGNABLE": "true",
        },
    )
    ET.SubElement(root, "LANGUAGE", {"LANG_ID": "und", "LANG_LABEL": "undetermined"})
    known = ET.SubElement(root, "CONTROLLED_VOCABULARY", {"CV_ID": "actions"})
    ET.SubElement(known, "DESCRIPTION", {"LANG_REF": "und"})
    for label, entry_id in entries.items():
        entry = ET.SubElement(known, "CV_ENTRY_ML", {"CVE_ID": entry_id})
        ET.SubElement(entry, "CVE_VALUE", {"DESCRIPTION": "", "LANG_REF": "und"}).text = label
    return root


def _file_address(path: Path) -> str:
    return "file://" + quote(os.fsencode(Path(os.path.abspath(path)).as_posix()))


def _tier_name(person: str, taken: Sequence[str]) -> str:
    first = f"{TYPE}@{person}" if person else TYPE
    name, number = first, 1
    while name in taken:
        number += 1
        name = f"{first} ({number})"
    return name


def _annotator(layer: Sequence[Segment]) -> dict[str, str]:
    """Who set the segments of a tier, where that is one person, or this program."""
    by = {one.reviewer if one.reviewed else OURS for one in layer}
    return {"ANNOTATOR": by.pop()} if len(by) == 1 and "" not in by else {}


def _time_order(root: ET.Element, video: AnnotatedVideo) -> dict[int, str]:
    """Write a slot per boundary of a segment; the names of the slots by boundary."""
    order = ET.SubElement(root, "TIME_ORDER")
    boundaries = sorted({edge for one in video.segments for edge in (one.start, one.stop)})
    slots = {}
    for number, boundary in enumerate(boundaries, start=1):
        slots[boundary] = f"ts{number}"
        value = str(video.times.milliseconds(boundary))
        ET.SubElement(order, "TIME_SLOT", {"TIME_SLOT_ID": slots[boundary], "TIME_VALUE": value})
    return slots


def _annotation(
    tier: ET.Element, one: Segment, name: str, slots: Mapping[int, str], entries: Mapping[str, str]
) -> None:
    attributes = {"ANNOTATION_ID": name, "TIME_SLOT_REF1": slots[one.start], "TIME_SLOT_REF2": slots[one.stop]}
    if one.label in entries:
        attributes["CVE_REF"] = entries[one.label]
    inner = ET.SubElement(ET.SubElement(tier, "ANNOTATION"), "ALIGNABLE_ANNOTATION", attributes)
    ET.SubElement(inner, "ANNOTATION_VALUE").text = one.label


def _media_names(media: ET.Element) -> Iterator[str]:
    """The paths of a media descriptor: beside the document, then the whole path."""
    for key in ("RELATIVE_MEDIA_URL", "MEDIA_URL"):
        address = media.get(key, "")
        if address:
            path = urlsplit(address).path if "://" in address else address
            yield os.fsdecode(unquote(path, errors="surrogateescape")).removeprefix("./")
    address = media.get("MEDIA_URL", "")
    if address:
        yield unquote(address).replace("\\", "/").rpartition("/")[2]


def _milliseconds(text: str, what: str) -> int:
    if not re.fullmatch(r"\s*\d+\s*", text):
        raise InputError(f"{what} is {text!r}, and must be whole milliseconds of at least 0")
    return int(text)


class _Tiers:
    """The tiers of a document.

    Args:
        root: the document.
        origin: milliseconds from the first frame to the start of its clock.
        problems: sentences about segments that cannot be used are added here.
        notes: sentences about tiers that are left out are added here.
    """

    def __init__(self, root: ET.Element, origin: int, problems: list[str], notes: list[str]) -> None:
        self.origin, self.problems, self.notes = origin, problems, notes
        self.date = root.get("DATE", "")
        self.slots = {
            slot.get("TIME_SLOT_ID", ""): None
            if slot.get("TIME_VALUE") is None
            else _milliseconds(slot.get("TIME_VALUE", ""), f"the time of the slot {slot.get('TIME_SLOT_ID')}")
            for slot in root.iterfind("TIME_ORDER/TIME_SLOT")
        }
        self.tiers = root.findall("TIER")
        self.spans: dict[str, tuple[float, float]] = {}
        self.parents: dict[str, str] = {}
        ids: set[str] = set()
        for tier in self.tiers:
            times = self._times_of(tier)
            for one in tier.iterfind("ANNOTATION/*"):
                name = one.get("ANNOTATION_ID", "")
                if not name or name in ids:
                    raise InputError(f"two annotations have the id {name!r}" if name else "an annotation has no id")
                ids.add(name)
                if one.tag == "REF_ANNOTATION":
                    self.parents[name] = one.get("ANNOTATION_REF", "")
                else:
                    self.spans[name] = self._span(one, times)

    def segments(self) -> Iterator[FoundSegment]:
        """The segments of the tiers that hold actions."""
        ours = [tier for tier in self.tiers if tier.get("LINGUISTIC_TYPE_REF") == TYPE]
        chosen = ours or self.tiers
        left = [tier.get("TIER_ID", "") for tier in self.tiers if tier not in chosen]
        if left:
            self.notes.append(f"tiers of another type than {TYPE!r} are left out: {', '.join(map(repr, left))}")
        for tier in chosen:
            name = tier.get("TIER_ID", "")
            annotator = tier.get("ANNOTATOR", "")
            last: tuple[float, str] | None = None
            found = []
            for one in tier.iterfind("ANNOTATION/*"):
                label = one.findtext("ANNOTATION_VALUE") or ""
                start, stop = self._span_of(one.get("ANNOTATION_ID", ""))
                found.append((start, stop, label))
            for start, stop, label in sorted(found):
                if stop <= start:
                    self.problems.append(
                        f"{label!r} in the tier {name!r} ends at {stop:g} ms and starts at {start:g} ms"
                    )
                    continue
                if last is not None and start < last[0]:
                    self.problems.append(
                        f"{label!r} in the tier {name!r} overlaps {last[1]!r}: one tier holds one action at a time"
                    )
                    continue
                last = (stop, label)
                yield FoundSegment(
                    label, (start + self.origin) / 1000, (stop + self.origin) / 1000, tier.get("PARTICIPANT", ""),
                    "" if annotator == OURS else annotator, self.date,
                )  # fmt: skip

    def _span(self, one: ET.Element, times: Mapping[str, float]) -> tuple[float, float]:
        edges = []
        for key in ("TIME_SLOT_REF1", "TIME_SLOT_REF2"):
            slot = one.get(key, "")
            if slot not in times:
                raise InputError(
                    f"the annotation {one.get('ANNOTATION_ID')!r} is at the time slot {slot!r}, which has no time"
                )
            edges.append(times[slot])
        return edges[0], edges[1]

    def _span_of(self, name: str) -> tuple[float, float]:
        """The span of an annotation; one that refers to another has that one's."""
        seen = set()
        while name in self.parents and name not in seen:
            seen.add(name)
            name = self.parents[name]
        if name not in self.spans:
            raise InputError(f"an annotation refers to {name!r}, which has no time")
        return self.spans[name]

    def _times_of(self, tier: ET.Element) -> dict[str, float]:
        """The times of the slots; those of a tier that have none are spread evenly between their neighbours."""
        times = {name: float(value) for name, value in self.slots.items() if value is not None}
        follows = {
            one.get("TIME_SLOT_REF1", ""): one.get("TIME_SLOT_REF2", "")
            for one in tier.iterfind("ANNOTATION/ALIGNABLE_ANNOTATION")
        }
        for first in list(follows):
            if first not in times or follows[first] in times:
                continue
            between, place = [], follows[first]
            while place in follows and place not in times and place not in between:
                between.append(place)
                place = follows[place]
            if place in times:
                step = (times[place] - times[first]) / (len(between) + 1)
                times |= {name: times[first] + step * number for number, name in enumerate(between, start=1)}
        return times


FORMAT = Elan()
