"""Label Studio: one JSON list of tasks, and the labeling configuration for them.

Its timeline knows frames only, numbered from 1, both ends included, at one constant rate from time 0; which rate a
project used stands in its configuration, and in the tasks that are written here as `fps`. Predictions are written as
predictions, which count only when a person has copied and confirmed them; reviewed segments as annotations.
"""

from __future__ import annotations

import json
import os
import xml.etree.ElementTree as ET
from collections.abc import Iterator, Mapping, Sequence
from typing import Any
from urllib.parse import quote, unquote

from posec3d_cli.annotations.formats import Choices, FoundSegment, FoundVideo
from posec3d_cli.annotations.segments import AnnotatedVideo, Segment
from posec3d_cli.errors import InputError
from posec3d_cli.files.writing import printable

LOCAL_FILES = "/data/local-files/?d="
"""Where Label Studio serves the files of a folder that it was started with."""
_ID = "posec3d_id"  # the key of a task that holds the name of the video
_PERSON = "person "
_LATE = 0.001  # seconds; the first frame of a file that starts later is not the first of the player


class LabelStudio:
    """One `.json` for all videos, and beside it `.config.xml`."""

    suffix, per_video = ".json", False

    def check(self, video: AnnotatedVideo) -> None:
        """Refuse a video whose frames its constant clock would number wrongly."""
        if video.info.variable_rate:
            raise InputError(
                "Label Studio numbers frames by one constant rate, and those of this video are unevenly spaced",
                hint="convert it to a constant rate and label the copy, or take another format",
            )
        if abs(video.info.start) > _LATE:
            raise InputError(
                f"Label Studio numbers frames from time 0, and this video starts at {video.info.start:g} s",
                hint="copy it so that it starts at 0 and label the copy, or take another format",
            )

    def write(self, videos: Sequence[AnnotatedVideo], vocabulary: Sequence[str], choices: Choices) -> dict[str, bytes]:
        """The tasks, and the configuration."""
        tasks = [_task(video, choices) for video in videos]
        return {
            ".json": json.dumps(tasks, ensure_ascii=False, indent=1).encode() + b"\n",
            ".config.xml": labeling_config(vocabulary),
        }

    def read(self, content: bytes, choices: Choices) -> list[FoundVideo]:
        """The annotations of each task; predictions are no truth."""
        try:
            tasks = json.loads(content)
        except (ValueError, RecursionError) as error:
            raise InputError(f"it is no JSON: {error}") from error
        if not isinstance(tasks, list) or not all(isinstance(task, dict) for task in tasks):
            raise InputError("it is no list of tasks", hint="export the project as JSON")
        if not all(isinstance(task.get("data"), dict) for task in tasks):
            raise InputError("its tasks have no table 'data'", hint="export as JSON, not as JSON_MIN")
        return [_found(task, number, choices) for number, task in enumerate(tasks, start=1)]


def labeling_config(vocabulary: Sequence[str]) -> bytes:
    """The labeling configuration of a project for the tasks that are written here."""
    view = ET.Element("View")
    ET.SubElement(view, "Video", {"name": "video", "value": "$video", "frameRate": "$fps"})
    timeline = ET.SubElement(view, "TimelineLabels", {"name": "timeline", "toName": "video"})
    for label in vocabulary:
        ET.SubElement(timeline, "Label", {"value": label})
    ET.indent(view, space="  ")
    text: bytes = ET.tostring(view, encoding="utf-8")
    return text + b"\n"


def _task(video: AnnotatedVideo, choices: Choices) -> dict[str, Any]:
    url = (choices.media_url or LOCAL_FILES) + quote(os.fsencode(video.name))
    task: dict[str, Any] = {"data": {"video": url, "fps": float(video.info.fps), _ID: printable(video.name)}}
    predicted = [one for one in video.segments if not one.reviewed]
    reviewed = [one for one in video.segments if one.reviewed]
    if predicted:
        scores = [one.score for one in predicted if one.score is not None]
        task["predictions"] = [
            {
                "model_version": "posec3d",
                **({"score": round(sum(scores) / len(scores), 6)} if scores else {}),
                "result": [_region(one, number) for number, one in enumerate(predicted)],
            }
        ]
    if reviewed:
        task["annotations"] = [{"result": [_region(one, number) for number, one in enumerate(reviewed)]}]
    return task


def _region(one: Segment, number: int) -> dict[str, Any]:
    region: dict[str, Any] = {
        "id": f"s{number}",
        "from_name": "timeline",
        "to_name": "video",
        "type": "timelinelabels",
        "origin": "manual" if one.reviewed else "prediction",
        "value": {"ranges": [{"start": one.start + 1, "end": one.stop}], "timelinelabels": [one.label]},
    }
    if one.score is not None:
        region["score"] = round(one.score, 6)
    if one.person:
        region["meta"] = {"text": [_PERSON + one.person]}
    return region


def _found(task: Mapping[str, Any], number: int, choices: Choices) -> FoundVideo:
    data = task["data"]
    names = tuple(_names(data))
    problems: list[str] = []
    notes: list[str] = []
    chosen = _annotations(task, choices, problems)
    regions = [(one, region) for one in chosen for region in one.get("result") or ()]
    timeline = [
        (one, region)
        for one, region in regions
        if isinstance(region, dict) and str(region.get("type", "")).lower() == "timelinelabels"
    ]
    if len(timeline) < len(regions):
        notes.append(f"{len(regions) - len(timeline)} regions that are not on the timeline are left out")
    fps = choices.fps or _rate(data)
    if timeline and fps is None:
        stated = data.get("fps")
        problems.append(f"nothing tells the frame rate of the project (its fps is {stated!r}): --fps RATE says it")
    segments = [found for one, region in timeline if fps is not None for found in _segments(one, region, fps, problems)]
    return FoundVideo(names or (f"task {number}",), tuple(segments), problems=tuple(problems), notes=tuple(notes))


def _rate(data: Mapping[str, Any]) -> float | None:
    """The frame rate that a task states; None if it states none."""
    fps = data.get("fps")
    return float(fps) if isinstance(fps, int | float) and not isinstance(fps, bool) and 0 < fps <= 1000 else None


def _names(data: Mapping[str, Any]) -> Iterator[str]:
    """The name that was written here, then what the address of the video tells."""
    if isinstance(data.get(_ID), str):
        yield data[_ID]
    url = data.get("video")
    if isinstance(url, str):
        if url.startswith(LOCAL_FILES):
            yield unquote(url.removeprefix(LOCAL_FILES))
        file = unquote(url).rpartition("/")[2]
        yield file
        head, hyphen, rest = file.partition("-")  # an upload is called 8 hexadecimal digits, a hyphen and its name
        if hyphen and len(head) == 8 and set(head) <= set("0123456789abcdef"):
            yield rest


def _annotations(task: Mapping[str, Any], choices: Choices, problems: list[str]) -> list[dict[str, Any]]:
    """The newest annotation of the one person who annotated a task."""
    newest: dict[str, dict[str, Any]] = {}
    for one in task.get("annotations") or ():
        if not isinstance(one, dict) or one.get("was_cancelled"):
            continue
        by = _annotator(one)
        if choices.annotator and by != choices.annotator:
            continue
        if by not in newest or _time(newest[by]) <= _time(one):
            newest[by] = one
    if len(newest) > 1:
        who = ", ".join(map(repr, sorted(newest)))
        problems.append(f"{len(newest)} people annotated it ({who}): --annotator NAME takes the annotations of one")
        return []
    return list(newest.values())


def _annotator(annotation: Mapping[str, Any]) -> str:
    by = annotation.get("completed_by")
    if isinstance(by, dict):
        by = by.get("email") or by.get("id")
    return "" if by is None else str(by)


def _time(annotation: Mapping[str, Any]) -> str:
    return str(annotation.get("updated_at") or annotation.get("created_at") or "")


def _segments(
    annotation: Mapping[str, Any], region: Mapping[str, Any], fps: float, problems: list[str]
) -> Iterator[FoundSegment]:
    value = region.get("value")
    value = value if isinstance(value, dict) else {}
    labels, ranges = value.get("timelinelabels"), value.get("ranges")
    if not isinstance(labels, list) or not labels or not isinstance(ranges, list) or not ranges:
        problems.append(f"the region {region.get('id')!r} has no label or no range")
        return
    for one in ranges:
        start, end = _frames(one)
        if start is None:
            problems.append(
                f"the region {region.get('id')!r} is at {one!r}, and must be from a frame of at least 1 to a later one"
            )
            continue
        stop = None if end is None else end / fps
        who, when = _annotator(annotation), _time(annotation)
        for label in labels:
            yield FoundSegment(str(label), (start - 1) / fps, stop, _person(region), who, when)


def _frames(given: object) -> tuple[int | None, int | None]:
    """First and last frame of a range, from 1; no last one where it is open, no first one where it is none."""
    start, end = (given.get("start"), given.get("end")) if isinstance(given, dict) else (None, None)
    if type(start) is not int or start < 1 or not (end is None or (type(end) is int and end >= start)):
        return None, None
    return start, end


def _person(region: Mapping[str, Any]) -> str:
    meta = region.get("meta")
    texts = meta.get("text") if isinstance(meta, dict) else None
    texts = [texts] if isinstance(texts, str) else texts if isinstance(texts, list) else []
    return next((str(text).removeprefix(_PERSON) for text in texts if str(text).startswith(_PERSON)), "")


FORMAT = LabelStudio()
