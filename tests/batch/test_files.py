"""Where unfinished files lie, and that runs leave each other's alone."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from posec3d_cli.batch.outputs import unfinished, unfinished_files
from posec3d_cli.errors import OutputError
from posec3d_cli.files.writing import atomic_write


def below(folder):
    return sorted(path.relative_to(folder).as_posix() for path in folder.rglob("*"))


def test_runs_that_share_a_folder_have_unfinished_files_of_their_own(tmp_path):
    folders = (tmp_path / "shared",)
    with unfinished_files(folders) as first:
        part = unfinished(tmp_path / "shared" / "a.npz", folders, first)
        part.write_bytes(b"half")
        with unfinished_files(folders) as second:
            other = unfinished(tmp_path / "shared" / "a.npz", folders, second)
            other.write_bytes(b"other")
            assert part.read_bytes() == b"half", "the start of another run removes nothing of a living one"
        assert part.read_bytes() == b"half", "nor does its end"
        with atomic_write(tmp_path / "shared" / "walk" / "a.npz", part=part):
            part.write_bytes(b"whole")
    assert below(tmp_path / "shared") == ["walk", "walk/a.npz"]


def test_a_folder_that_is_named_twice_is_one(tmp_path):
    with unfinished_files((tmp_path / "a", tmp_path / "b" / ".." / "a", tmp_path / "a")):
        assert [path.name for path in tmp_path.iterdir() if path.name != "b"] == ["a"]
    assert list((tmp_path / "a").iterdir()) == []


def test_what_a_killed_run_left_is_removed_by_the_next_and_what_a_living_one_has_is_not(tmp_path):
    code = (
        "import os, pathlib, sys\n"
        "from posec3d_cli.batch.outputs import unfinished, unfinished_files\n"
        "folders = (pathlib.Path(sys.argv[1]),)\n"
        "with unfinished_files(folders) as run:\n"
        "    unfinished(folders[0] / 'a.npz', folders, run).write_bytes(b'half')\n"
        "    os.kill(os.getpid(), 9)\n"
    )
    subprocess.run([sys.executable, "-c", code, str(tmp_path)], check=False)
    (tmp_path / ".posec3d-unfinished" / "77.npz").write_bytes(b"of an earlier version")
    assert any(name.endswith(".npz") for name in below(tmp_path))
    with unfinished_files([tmp_path]) as run:
        assert {Path(name).name for name in below(tmp_path)} == {".posec3d-unfinished", run, f"{run}.lock"}
    assert below(tmp_path) == []


def test_a_folder_that_cannot_be_written_into_is_named(tmp_path):
    (tmp_path / "file").touch()
    with (
        pytest.raises(OutputError, match=r"nothing can be written into .*file/x: Not a dir"),
        unfinished_files([tmp_path / "file" / "x"]),
    ):
        pass
    with pytest.raises(OutputError, match="cannot be written"), atomic_write(tmp_path / "a", part=tmp_path / "none"):
        pass  # nothing was written
