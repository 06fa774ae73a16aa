"""Write docs/api.md from the docstrings of the public names.

    python tools/api_page.py

A test compares the page with what this program makes.
"""

from __future__ import annotations

import inspect
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any, get_type_hints

from msgspec import Struct

import posec3d_cli

PAGE = Path(__file__).resolve().parent.parent / "docs" / "api.md"
INTRODUCTION = """\
# The public names

    from posec3d_cli import Pipeline

Everything on this page can be imported from `posec3d_cli`; a name is loaded when it is first used. Beside it,
`posec3d_cli.errors` holds the exceptions, `posec3d_cli.stages.protocols` the protocols of
plugins, `posec3d_cli.schema` the types of their settings and `posec3d_cli.testing` their contract checks;
[plugins.md](plugins.md) uses a few more names. Anything else may change without notice.
[python.md](python.md) shows the names at work, and so do the programs in [examples/](../examples/README.md).

This page is made of the docstrings, by `python tools/api_page.py`.
"""
GROUPS = {
    "From a video to its actions": (
        "Pipeline", "PipelineConfig", "PoseExtractor", "ActionRecognizer", "ClipSampling",
    ),
    "What comes out": ("ClipResult", "PersonScores", "WindowScores", "VideoPoses", "VideoInfo"),
    "The values between the stages": (
        "Frame", "Detections", "Objects", "Poses", "PoseSequence", "ObjectTracks", "HeatmapVolume", "JointClips",
        "RGBClips", "RGBPoseClips", "ActionScores",
    ),
    "Files": ("open_video", "read_pose_file", "save_poses", "save_video"),
    "Joint sets": ("COCO_17", "Skeleton", "skeleton"),
    "Models and stages": ("ModelCard", "list_cards", "load_card", "create_stage", "fetch_sample"),
    "Heatmap volumes": ("HeatmapBuilder", "HeatmapSpec", "uniform_test_indices"),
    "Evaluation": ("load_dataset", "LabeledDataset", "LabeledClip", "evaluate", "EvaluationReport"),
    "Errors": ("PoseC3DError", "InputError", "ModelError", "StageError", "ConfigError", "DeviceError", "OutputError"),
}  # fmt: skip
"""The public names in the order of the page; names that the package lacks are left out."""
SECTION = re.compile(r"^(Args|Attributes|Raises|Returns|Yields):$")


def page() -> str:
    """The page as Markdown."""
    parts = [INTRODUCTION]
    for title, names in GROUPS.items():
        public = [name for name in names if name in posec3d_cli.__all__]
        if public:
            parts += [f"## {title}\n", *(entry(name) for name in public)]
    return "\n".join(parts)


def entry(name: str) -> str:
    """The section of one public name: signature, docstring and methods."""
    value = getattr(posec3d_cli, name)
    if not callable(value):
        return f"### `{name}`\n\n`{type(value).__name__}` `{value.name}`: {len(value.joints)} joints.\n"
    lines = [f"### `{name}`\n", f"```python\n{signature(name, value)}\n```\n", described(value)]
    for member, method in methods(value):
        lines += [f"#### `{name}.{member}`\n", *shown(member, method), described(method)]
    return "\n".join(lines)


def methods(value: Any) -> Iterator[tuple[str, Any]]:
    """The public methods and properties that a class defines itself, in its order."""
    for name, defined in vars(value).items() if isinstance(value, type) else ():
        member = getattr(defined, "__func__", defined)
        if not name.startswith("_") and (inspect.isfunction(member) or isinstance(member, property)):
            yield name, member


def shown(name: str, method: Any) -> list[str]:
    """The signature of a method; a property has none."""
    return [] if isinstance(method, property) else [f"```python\n{signature(name, method)}\n```\n"]


def signature(name: str, value: Any) -> str:
    """The signature of a name, one argument per line if it is long."""
    call = inspect.signature(value)
    arguments = [one for one in call.parameters.values() if one.name not in ("self", "cls")]
    if isinstance(value, type) and issubclass(value, Struct):
        hints = get_type_hints(value)  # without the constraints
        arguments = [one.replace(annotation=hints[one.name]) for one in arguments]
    result = "" if isinstance(value, type) else f" -> {str(call.return_annotation).strip(chr(39))}"
    line = plain(f"{name}{call.replace(parameters=arguments, return_annotation=inspect.Signature.empty)}{result}")
    if len(line) <= 100:
        return line
    parts, star = [], False
    for one in arguments:
        if one.kind is one.KEYWORD_ONLY and not star:
            parts, star = [*parts, "*"], True
        parts.append(plain(str(one)))
    return "\n".join([f"{name}(", *(f"    {part}," for part in parts), f"){result}"])


def plain(text: str) -> str:
    """A signature without quotes around its types and without addresses of functions."""
    text = re.sub(r"Optional\[(\w+)\]", r"\1 | None", text)
    return re.sub(r"<function .*? at 0x\w+>", "...", re.sub(r": '([^']*)'", r": \1", text))


def described(value: Any) -> str:
    """A docstring as Markdown."""
    lines, items = [], False
    for line in inspect.cleandoc(value.__doc__ or "").splitlines():
        section = SECTION.match(line)
        if section:
            lines += [f"**{section[1]}**", ""]
            items = True
        elif items and line.startswith("    ") and not line.startswith("     "):
            name, colon, text = line.strip().partition(": ")
            lines.append(f"- `{name}`: {text}" if colon and "`" not in name else f"- {line.strip()}")
        else:
            items = items and (not line or line.startswith(" "))
            lines.append(line.removeprefix("      ") if items else line)
    return "\n".join(lines) + "\n"


if __name__ == "__main__":
    PAGE.write_text(page(), encoding="utf-8")
