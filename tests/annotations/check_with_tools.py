"""Run by the Python of the environment that `make annotation-tools` makes: checks files with other people's code.

    python check_with_tools.py FOLDER

Prints, as JSON, what is wrong with each `.eaf` (ELAN's schema), `.srt` (srt), `.vtt` (webvtt-py) and with the tasks of
each `NAME.json` beside `NAME.config.xml` (Label Studio's SDK).
"""

from __future__ import annotations

import json
import sys
from pathlib import Path

import srt
import webvtt
import xmlschema
from label_studio_sdk.label_interface import LabelInterface

SCHEMA = xmlschema.XMLSchema(str(Path(sys.prefix) / "EAFv3.0.xsd"))


def eaf(path: Path) -> list[str]:
    return [str(error) for error in SCHEMA.iter_errors(str(path))]


def label_studio(path: Path) -> list[str]:
    config = path.with_name(path.stem + ".config.xml").read_text(encoding="utf-8")
    interface = LabelInterface(config)
    errors = []
    for task in json.loads(path.read_text(encoding="utf-8")):
        for one in task.get("predictions", []):
            errors += interface.validate_prediction(one, return_errors=True)
        for one in task.get("annotations", []):
            if not interface.validate_annotation(one):
                errors.append(f"annotation {one} is invalid")
    return errors


def cues(path: Path) -> list[str]:
    text = path.read_text(encoding="utf-8")
    if path.suffix == ".srt":
        found = list(srt.parse(text))
        return [] if srt.compose(found) == text else [f"it is composed otherwise: {srt.compose(found)!r}"]
    return [] if len(webvtt.from_string(text)) == text.count(" --> ") else ["cues are lost"]


CHECKS = {".eaf": eaf, ".json": label_studio, ".srt": cues, ".vtt": cues}
found = {path.name: CHECKS[path.suffix](path) for path in sorted(Path(sys.argv[1]).iterdir()) if path.suffix in CHECKS}
sys.stdout.write(json.dumps(found))
