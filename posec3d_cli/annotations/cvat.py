"""CVAT for video 1.1: one XML document per video, whose task has that video.

CVAT has no intervals. Where boxes are known, a person is a track, and a mutable attribute `action` changes at the
frames where an action begins and ends; elsewhere a segment is a track with the action as its label and a box around
the whole frame. Frames are those of the video, from 0.
"""

from __future__ import annotations

import io
import re
import xml.etree.ElementTree as ET
import zipfile
from collections.abc import Iterator, Mapping, Sequence

from posec3d_cli.annotations.formats import Choices, FoundSegment, FoundVideo
from posec3d_cli.annotations.segments import AnnotatedVideo, Segment, layers
from posec3d_cli.annotations.xml import parse, text_of
from posec3d_cli.errors import InputError
from posec3d_cli.files.writing import printable
from posec3d_cli.types import Floats

ACTION, PERSON = "action", "person"
_STEP = 10  # frames between the boxes of a person; CVAT interpolates
_MOST = 1 << 28  # bytes of a document in a zip


class Cvat:
    """One `.xml` per video."""

    suffix, per_video = ".xml", True

    def check(self, video: AnnotatedVideo) -> None:
        """Nothing is refused."""

    def write(self, videos: Sequence[AnnotatedVideo], vocabulary: Sequence[str], choices: Choices) -> dict[str, bytes]:
        """The document of the one video."""
        (video,) = videos
        nothing = "none"
        while nothing in vocabulary:
            nothing += "_"
        root = ET.Element("annotations")
        ET.SubElement(root, "version").text = "1.1"
        drawn = any(person in video.boxes for person in video.people)
        root.append(_meta(video, vocabulary, nothing if drawn else ""))
        number = 0
        for person in video.people:
            own = [one for one in video.segments if one.person == person]
            if person in video.boxes:
                for layer in layers(own, apart=lambda before, after: before.label == after.label):
                    _append_person(root, number, video, person, layer, nothing)
                    number += 1
            else:
                for one in own:
                    _append_segment(root, number, video, one)
                    number += 1
        return {"": text_of(root)}

    def read(self, content: bytes, choices: Choices) -> list[FoundVideo]:
        """The segments that tracks and tags state."""
        root = parse(_unzipped(content), "annotations")
        task = root.find("meta/task")
        if root.find("meta/project") is not None:
            raise InputError("it holds a project", hint="export each of its tasks by itself")
        names = [] if task is None else [task.findtext("name"), task.findtext("source")]
        stop = None if task is None else task.findtext("stop_frame")
        end = int(stop) + 1 if stop and stop.isdigit() else None
        problems: list[str] = []
        segments: list[FoundSegment] = []
        for track in root.iterfind("track"):
            segments += _of_track(track, _no_action(root), end, problems)
        segments += _of_tags(root, problems)
        boxes = sum(1 for _ in root.iterfind("image/box"))
        notes = [f"{boxes} boxes of single images are left out"] if boxes else []
        return [
            FoundVideo(
                tuple(name for name in names if name), tuple(segments), in_frames=True,
                problems=tuple(problems), notes=tuple(notes),
            )
        ]  # fmt: skip


def _meta(video: AnnotatedVideo, vocabulary: Sequence[str], nothing: str) -> ET.Element:
    meta = ET.Element("meta")
    task = ET.SubElement(meta, "task")
    last = len(video.times) - 1
    for key, value in {
        "name": printable(video.name), "size": str(last + 1), "mode": "interpolation", "start_frame": "0",
        "stop_frame": str(last), "frame_filter": "",
    }.items():  # fmt: skip
        ET.SubElement(task, key).text = value
    labels = ET.SubElement(task, "labels")
    used = {one.label for one in video.segments if one.person not in video.boxes}
    for label in dict.fromkeys((*vocabulary, *sorted(used))):
        _label(labels, label, {})
    if nothing:
        _label(labels, PERSON, {ACTION: ("select", nothing, [nothing, *vocabulary])})
    size = ET.SubElement(task, "original_size")
    ET.SubElement(size, "width").text = str(video.info.width)
    ET.SubElement(size, "height").text = str(video.info.height)
    ET.SubElement(task, "source").text = printable(video.path.name)
    return meta


def _label(labels: ET.Element, name: str, mutable: Mapping[str, tuple[str, str, Sequence[str]]]) -> None:
    label = ET.SubElement(labels, "label")
    ET.SubElement(label, "name").text = name
    ET.SubElement(label, "type").text = "rectangle"
    attributes = ET.SubElement(label, "attributes")
    for key, (kind, default, values) in {**mutable, PERSON: ("text", "", [""])}.items():
        attribute = ET.SubElement(attributes, "attribute")
        ET.SubElement(attribute, "name").text = key
        ET.SubElement(attribute, "mutable").text = str(key in mutable)
        ET.SubElement(attribute, "input_type").text = kind
        ET.SubElement(attribute, "default_value").text = default
        ET.SubElement(attribute, "values").text = "\n".join(values)


def _append_segment(root: ET.Element, number: int, video: AnnotatedVideo, one: Segment) -> None:
    track = ET.SubElement(root, "track", {"id": str(number), "label": one.label, "source": "file"})
    whole = (0.0, 0.0, float(video.info.width), float(video.info.height))
    _box(track, one.start, whole, outside=False, attributes={PERSON: one.person})
    if one.stop < len(video.times):
        _box(track, one.stop, whole, outside=True, attributes={PERSON: one.person})


def _append_person(
    root: ET.Element, number: int, video: AnnotatedVideo, person: str, segments: Sequence[Segment], nothing: str
) -> None:
    """The track of a person, with the actions of one layer."""
    boxes = video.boxes[person]
    seen = sorted(boxes)
    actions = {}
    for one in segments:
        actions[one.stop] = nothing
    actions |= {one.start: one.label for one in segments}
    first = min(seen[0], *(one.start for one in segments))
    last = max(seen[-1] + 1, *(one.stop for one in segments))
    kept = [frame for place, frame in enumerate(seen) if place % _STEP == 0 or place == len(seen) - 1]
    track = ET.SubElement(root, "track", {"id": str(number), "label": PERSON, "source": "file"})
    action = nothing
    for frame in sorted({first, *kept, *actions}):
        action = actions.get(frame, action)
        if frame < last:
            _box(track, frame, _at(boxes, seen, frame), outside=False, attributes={ACTION: action, PERSON: person})
    if last < len(video.times):
        _box(track, last, _at(boxes, seen, last), outside=True, attributes={ACTION: nothing, PERSON: person})


def _at(boxes: Mapping[int, Floats], seen: Sequence[int], frame: int) -> tuple[float, ...]:
    """The box of the nearest frame that has one."""
    return tuple(boxes[min(seen, key=lambda one: abs(one - frame))].tolist())


def _box(
    track: ET.Element, frame: int, edges: Sequence[float], *, outside: bool, attributes: Mapping[str, str]
) -> None:
    box = ET.SubElement(
        track,
        "box",
        {"frame": str(frame), "keyframe": "1", "outside": str(int(outside)), "occluded": "0"}
        | {name: f"{edge:.2f}" for name, edge in zip(("xtl", "ytl", "xbr", "ybr"), edges, strict=True)}
        | {"z_order": "0"},
    )
    for name, value in attributes.items():
        ET.SubElement(box, "attribute", {"name": name}).text = value


def _unzipped(content: bytes) -> bytes:
    if not content.startswith(b"PK"):
        return content
    try:
        with zipfile.ZipFile(io.BytesIO(content)) as archive:
            inner = archive.getinfo("annotations.xml")
            if inner.file_size > _MOST:
                raise InputError(f"its annotations.xml is larger than {_MOST} bytes")
            return archive.read(inner)
    except KeyError as error:
        raise InputError("the zip holds no annotations.xml", hint="export as CVAT for video 1.1") from error
    except (zipfile.BadZipFile, EOFError, NotImplementedError, RuntimeError) as error:
        raise InputError(f"it is no readable zip: {error}") from error


def _no_action(root: ET.Element) -> set[str]:
    """The values of the attribute that mean that nothing is done: the default."""
    for attribute in root.iter("attribute"):
        if attribute.findtext("name") == ACTION:
            return {"", (attribute.findtext("default_value") or "").strip()}
    return {"", "none"}


def _of_track(track: ET.Element, nothing: set[str], end: int | None, problems: list[str]) -> Iterator[FoundSegment]:
    """The segments of a track: runs of one action, or of its label, over its keyframes."""
    label = track.get("label", "")
    by_frame: dict[int, ET.Element] = {}
    for box in track:
        number = box.get("frame", "")
        if box.get("keyframe", "1") == "0" or box.tag not in ("box", "polygon", "points", "skeleton", "mask"):
            continue
        if not number.isdigit():
            problems.append(f"the track {track.get('id')} has a shape at frame {number!r}, which is no whole number")
            continue
        by_frame[int(number)] = box
    mutable = any(box.find(f"attribute[@name='{ACTION}']") is not None for box in by_frame.values())
    person = next((text for box in by_frame.values() if (text := box.findtext(f"attribute[@name='{PERSON}']"))), "")
    action, begun = "", 0
    now = ""
    for frame, box in sorted(by_frame.items()):
        stated = box.findtext(f"attribute[@name='{ACTION}']") if mutable else label
        now = now if stated is None else stated.strip()
        seen = "" if box.get("outside", "0") == "1" or (mutable and now in nothing) else now
        if seen != action:
            if action:
                yield FoundSegment(action, begun, frame, person)
            action, begun = seen, frame
    if action:
        yield FoundSegment(action, begun, end, person)


def _of_tags(root: ET.Element, problems: list[str]) -> Iterator[FoundSegment]:
    """The segments of the tags of images: frames one after the other that have the same tag."""
    step = re.search(r"step\s*=\s*(\d+)", root.findtext("meta/task/frame_filter") or "")
    wide = max(1, int(step[1])) if step else 1
    frames: dict[str, list[int]] = {}
    for image in root.iterfind("image"):
        number = image.get("id", "")
        for tag in image.iterfind("tag"):
            if number.isdigit():
                frames.setdefault(tag.get("label", ""), []).append(int(number))
            else:
                problems.append(f"an image with a tag has the id {number!r}, which is no frame")
    for label, tagged in frames.items():
        own = sorted(set(tagged))
        begun = own[0]
        for before, after in zip(own, [*own[1:], None], strict=True):
            if after is None or after > before + wide:
                yield FoundSegment(label, begun, before + wide)
                begun = after or 0


FORMAT = Cvat()
