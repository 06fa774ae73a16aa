"""The commands with the default models run without torch, also where torch is built for CUDA and there is no GPU."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import drawn_people
import pytest

pytestmark = [
    pytest.mark.weights,
    pytest.mark.skipif(sys.platform == "darwin", reason="there every build of torch may find MPS"),
    pytest.mark.skipif(
        Path("/dev/nvidia0").exists(), reason="label and extract-poses ask torch how many GPUs there are"
    ),
]


@pytest.fixture(scope="module")
def clip(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return drawn_people.write(tmp_path_factory.mktemp("film") / "film.mkv")


@pytest.fixture(scope="module")
def torch_that_fails(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder whose torch is a CUDA build that fails when it is imported, in every process."""
    package = tmp_path_factory.mktemp("site") / "torch"
    package.mkdir()
    (package / "version.py").write_text("cuda = '12.8'\nhip = None\nxpu = None\n")
    (package / "__init__.py").write_text("raise SystemExit('torch was imported')\n")
    return package.parent


@pytest.mark.parametrize(
    "command",
    [
        ["predict", "CLIP", "--json"],
        ["label", "CLIP", "-o", "labels.csv", "--workers", "2"],
        ["extract-poses", "CLIP", "-o", "poses", "--workers", "1"],
        ["live", "CLIP", "--jsonl", "-"],
    ],
    ids=lambda command: command[0],
)
def test_it_does_not_import_torch(command: list[str], clip: Path, torch_that_fails: Path, tmp_path: Path) -> None:
    words = [str(clip) if word == "CLIP" else word for word in command]
    cache = ["--no-cache"] if command[0] in ("predict", "label") else []
    ran = subprocess.run(
        [sys.executable, "-m", "posec3d_cli.cli.start", *words, *cache],
        env={**os.environ, "PYTHONPATH": os.pathsep.join([str(torch_that_fails), os.environ.get("PYTHONPATH", "")])},
        cwd=tmp_path,
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )
    assert (ran.returncode, ran.stderr if "torch" in ran.stderr else "") == (0, "")
    if command[0] == "predict":
        [answer] = json.loads(ran.stdout)["videos"]
        assert answer["status"] == "ok"


def test_a_model_on_torch_imports_it(clip: Path, torch_that_fails: Path, tmp_path: Path) -> None:
    """Else the tests above would show nothing."""
    words = ["predict", str(clip), "--no-cache", "--classifier", "posec3d-daily33"]
    ran = subprocess.run(
        [sys.executable, "-m", "posec3d_cli.cli.start", *words],
        env={**os.environ, "PYTHONPATH": os.pathsep.join([str(torch_that_fails), os.environ.get("PYTHONPATH", "")])},
        cwd=tmp_path,
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )
    assert "torch was imported" in ran.stderr
