"""VIA 3: one project JSON for all videos, with a temporal segment per action.

Times are seconds with 3 decimals from the first frame, as VIA itself writes them.
"""

from __future__ import annotations

import json
import os
import time
from collections.abc import Iterator, Mapping, Sequence
from typing import Any
from urllib.parse import quote, unquote

from posec3d_cli.annotations.formats import Choices, FoundSegment, FoundVideo
from posec3d_cli.annotations.segments import AnnotatedVideo
from posec3d_cli.errors import InputError
from posec3d_cli.files.writing import printable

_ANCHOR = "FILE1_Z2_XY0"  # a temporal segment
_ACTION, _PERSON = "1", "2"  # attributes
_TEXT, _RADIO, _SELECT, _VIDEO = 1, 3, 4, 4  # kinds of attributes, and of files
_HTTP, _PATH = 2, 3  # where a file is


class Via:
    """One `.json` for all videos."""

    suffix, per_video = ".json", False

    def check(self, video: AnnotatedVideo) -> None:
        """Nothing is refused but frames of less than a millisecond."""
        for one in video.segments:
            video.times.milliseconds(one.start), video.times.milliseconds(one.stop)

    def write(self, videos: Sequence[AnnotatedVideo], vocabulary: Sequence[str], choices: Choices) -> dict[str, bytes]:
        """The project."""
        options = {str(number): label for number, label in enumerate(vocabulary)}
        numbers = {label: number for number, label in options.items()}
        files, views, metadata = {}, {}, {}
        for place, video in enumerate(videos, start=1):
            fid = str(place)
            files[fid] = {"fid": fid, "fname": printable(video.name), "type": _VIDEO, **_place(video, choices)}
            views[fid] = {"fid_list": [fid]}
            for number, one in enumerate(video.segments):
                edges = [video.times.milliseconds(edge) / 1000 for edge in (one.start, one.stop)]
                values = {_ACTION: numbers[one.label]} | ({_PERSON: one.person} if one.person else {})
                metadata[f"{fid}_{number:08d}"] = {"vid": fid, "flg": 0, "z": edges, "xy": [], "av": values}
        shared = {"anchor_id": _ANCHOR, "desc": "", "default_option_id": ""}
        project = {
            "project": {
                "pid": "__VIA_PROJECT_ID__", "rev": "__VIA_PROJECT_REV_ID__",
                "rev_timestamp": "__VIA_PROJECT_REV_TIMESTAMP__", "pname": "posec3d", "data_format_version": "3.1.1",
                "creator": "posec3d", "created": round(1000 * time.time()), "vid_list": list(views),
            },
            "config": {
                "file": {"loc_prefix": {"1": "", "2": "", "3": "", "4": ""}},
                "ui": {
                    "file_content_align": "center", "file_metadata_editor_visible": True,
                    "spatial_metadata_editor_visible": True, "spatial_region_label_attribute_id": "",
                    "gtimeline_visible_row_count": "4",
                },
            },
            "attribute": {
                _ACTION: {"aname": "action", **shared, "type": _SELECT, "options": options},
                _PERSON: {"aname": "person", **shared, "type": _TEXT, "options": {}},
            },
            "file": files,
            "view": views,
            "metadata": metadata,
        }  # fmt: skip
        return {".json": json.dumps(project, ensure_ascii=False, indent=1).encode() + b"\n"}

    def read(self, content: bytes, choices: Choices) -> list[FoundVideo]:
        """The temporal segments of each file."""
        try:
            project = json.loads(content)
        except (ValueError, RecursionError) as error:
            raise InputError(f"it is no JSON: {error}") from error
        if not isinstance(project, dict):
            raise InputError("it is no project of VIA 3", hint="save the project, not its annotations only")
        attributes, files, views = (_entries(project, key) for key in ("attribute", "file", "view"))
        action = _attribute(attributes, "action")
        person = next((aid for aid, one in attributes.items() if one.get("aname") == "person"), "")
        found: dict[str, list[FoundSegment]] = {fid: [] for fid in files}
        problems: dict[str, list[str]] = {fid: [] for fid in ("", *files)}
        skipped = 0
        for key, one in _entries(project, "metadata").items():
            z, values = one.get("z") or [], one.get("av") or {}
            if len(z) != 2 or one.get("xy"):
                skipped += 1
                continue
            fid, label = _file_of(views, one), _value(attributes, action, values)
            if fid not in found:
                problems[""].append(f"the segment {key!r} is in the view {one.get('vid')!r}, which shows no one file")
            elif not all(isinstance(edge, int | float) for edge in z) or not 0 <= z[0] < z[1]:
                problems[fid].append(f"the segment {key!r} is at {z}, and must end after its start")
            elif label is None:
                problems[fid].append(f"the segment {key!r} has no action, or one that is no option: {values}")
            else:
                found[fid].append(FoundSegment(label, z[0], z[1], str(values.get(person, ""))))
        notes = (f"{skipped} regions and moments, which are no segments, are left out",) if skipped else ()
        videos = [
            FoundVideo(tuple(_names(files[fid])), tuple(segments), problems=tuple(problems[fid]))
            for fid, segments in found.items()
        ]
        return [*videos, FoundVideo((), (), problems=tuple(problems[""]), notes=notes)]


def _entries(project: Mapping[str, Any], key: str) -> dict[str, dict[str, Any]]:
    """One of the tables of a project."""
    table = project.get(key, {} if key == "metadata" else None)
    if not isinstance(table, dict) or not all(isinstance(one, dict) for one in table.values()):
        raise InputError(f"it is no project of VIA 3: {key!r} is no table", hint="save the project itself")
    return table


def _place(video: AnnotatedVideo, choices: Choices) -> dict[str, Any]:
    if choices.media_url:
        return {"loc": _HTTP, "src": choices.media_url + quote(os.fsencode(video.name))}
    return {"loc": _PATH, "src": quote(os.fsencode(os.path.abspath(video.path)))}


def _attribute(attributes: Mapping[str, Any], name: str) -> str:
    """The id of the attribute that holds the action: of this name, or the only one of temporal segments."""
    temporal = [aid for aid, one in attributes.items() if one.get("anchor_id") == _ANCHOR]
    named = [aid for aid in temporal if attributes[aid].get("aname") == name]
    if len(named or temporal) != 1:
        raise InputError(
            f"{len(named or temporal)} attributes of temporal segments may be the action", hint="call one 'action'"
        )
    return (named or temporal)[0]


def _file_of(views: Mapping[str, Any], one: Mapping[str, Any]) -> str:
    """The file of a segment; empty where its view does not show one file."""
    shown: list[Any] = views.get(str(one.get("vid")), {}).get("fid_list") or []
    return str(shown[0]) if len(shown) == 1 else ""


def _value(attributes: Mapping[str, Any], aid: str, values: Mapping[str, Any]) -> str | None:
    """The action of a segment; None where it has none that the attribute knows."""
    given = str(values.get(aid, ""))
    if attributes[aid].get("type") in (_RADIO, _SELECT):
        found = (attributes[aid].get("options") or {}).get(given)
        return None if found is None else str(found)
    return given or None


def _names(file: Mapping[str, Any]) -> Iterator[str]:
    for key in ("fname", "src"):
        if isinstance(file.get(key), str):
            yield unquote(file[key]) if key == "src" else file[key]
    if isinstance(file.get("src"), str):
        yield unquote(file["src"]).rpartition("/")[2]


FORMAT = Via()
