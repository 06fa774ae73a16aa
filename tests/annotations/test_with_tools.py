"""What is exported passes the checks of the tools themselves, run in an environment of their own."""

from __future__ import annotations

import json
import os
import subprocess
from pathlib import Path

import annotation_factory as factory
import pytest

from posec3d_cli.annotations.by_name import writers
from posec3d_cli.annotations.formats import Choices
from posec3d_cli.annotations.segments import Segment

REPOSITORY = Path(__file__).resolve().parent.parent.parent
pytestmark = pytest.mark.annotation_tools


@pytest.fixture(scope="session")
def tools():
    """The Python of the environment that `make annotation-tools` makes."""
    folder = Path(os.environ.get("POSEC3D_ANNOTATION_TOOLS", REPOSITORY / ".venv-annotations"))
    if not (folder / "EAFv3.0.xsd").is_file():
        if os.environ.get("POSEC3D_REQUIRE_ANNOTATION_TOOLS") == "1":
            pytest.fail(
                f"POSEC3D_REQUIRE_ANNOTATION_TOOLS=1, but {folder} is not complete: run `make annotation-tools`"
            )
        pytest.skip("the annotation tools are not installed: run `make annotation-tools`")
    return folder / "bin" / "python"


def checked(tools, folder):
    program = Path(__file__).with_name("check_with_tools.py")
    run = subprocess.run([tools, program, folder], capture_output=True, text=True, check=False, env={"PATH": ""})
    assert run.returncode == 0, run.stderr
    return json.loads(run.stdout)


def segments(label):
    return (
        Segment(label, 0, 10, "", 0.25),
        Segment(label, 10, 11, "", 0.75),
        Segment("jump", 5, 50, "1", 0.5),
        Segment(label, 40, 50, "2", reviewed=True, reviewer="Ann & Bob"),
    )


def write(folder, form, name, one, vocabulary):
    for behind, content in writers()[form].write([one], vocabulary, Choices()).items():
        path = folder / f"{name}{behind or writers()[form].suffix}"
        path.write_bytes(content)


@pytest.mark.parametrize("form", ["elan", "label-studio", "srt", "vtt"])
def test_every_file_is_valid_for_the_tool_itself(tools, tmp_path, form):
    for number, label in enumerate(factory.ODD_LABELS):
        if not (form == "srt" and "-->" in label):
            one = factory.video(*segments(label))
            write(tmp_path, form, f"v{number}", one, sorted({label, "jump", "unused"}))
    write(tmp_path, form, "empty", factory.video(), ["jump"])
    found = checked(tools, tmp_path)
    assert len(found) >= len(factory.ODD_LABELS)
    assert {name: errors for name, errors in found.items() if errors} == {}


def test_the_checks_notice_what_is_wrong(tools, tmp_path):
    write(tmp_path, "elan", "a", factory.video(*segments("a")), ["a"])
    write(tmp_path, "label-studio", "a", factory.video(*segments("a")), ["other"])
    (tmp_path / "a.eaf").write_bytes((tmp_path / "a.eaf").read_bytes().replace(b'VERSION="3.0"', b""))
    found = checked(tools, tmp_path)
    assert all(found[name] for name in ("a.eaf", "a.json"))
