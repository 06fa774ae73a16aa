"""A file that is written is as it was before or whole, at every moment."""

from __future__ import annotations

import errno
import os
import stat
import subprocess
import sys
from pathlib import Path

import pytest

from posec3d_cli.errors import OutputError, OutputExists
from posec3d_cli.files.writing import atomic_write


def test_nobody_sees_half_a_file_and_the_old_one_stays_until_the_new_is_whole(tmp_path):
    path = tmp_path / "labels.csv"
    path.write_text("old")
    with atomic_write(path, overwrite=True) as part:
        part.write_text("half of the n")
        assert path.read_text() == "old"
        part.write_text("new")
    assert path.read_text() == "new"
    assert [file.name for file in tmp_path.iterdir()] == ["labels.csv"]


@pytest.mark.parametrize(
    "error", [OSError(errno.ENOSPC, os.strerror(errno.ENOSPC)), ValueError("odd"), KeyboardInterrupt()]
)
@pytest.mark.parametrize("elsewhere", [False, True])
def test_a_block_that_fails_leaves_the_old_file_and_nothing_else(tmp_path, error, elsewhere):
    path = tmp_path / "labels.csv"
    path.write_text("old")
    given = tmp_path / "part" if elsewhere else None
    wanted = OutputError if isinstance(error, OSError) else type(error)

    def write():
        with atomic_write(path, overwrite=True, part=given) as part:
            part.write_text("half")
            raise error

    with pytest.raises(wanted):
        write()
    assert path.read_text() == "old"
    assert [file.name for file in tmp_path.iterdir()] == ["labels.csv"]


def test_the_content_is_on_the_disk_before_it_has_the_name(tmp_path, monkeypatch):
    path = tmp_path / "labels.csv"
    synced = []
    monkeypatch.setattr(os, "fsync", lambda handle: synced.append((os.fstat(handle).st_size, path.exists())))
    with atomic_write(path) as part:
        part.write_text("new")
    assert synced == [(3, False)]


def test_a_file_that_is_there_is_replaced_only_when_that_was_said(tmp_path):
    path = tmp_path / "labels.csv"
    path.write_text("old")
    with pytest.raises(OutputExists, match="already there"), atomic_write(path):
        pytest.fail("the block must not run")
    with pytest.raises(OutputError, match="there is no folder"), atomic_write(tmp_path / "none" / "labels.csv"):
        pytest.fail("the block must not run")


@pytest.mark.parametrize("links", [True, False])
def test_a_file_that_another_made_meanwhile_stays(tmp_path, monkeypatch, links):
    def refuse(*arguments, **options):
        raise OSError(errno.EOPNOTSUPP, os.strerror(errno.EOPNOTSUPP))

    if not links:
        monkeypatch.setattr(os, "link", refuse)
    path = tmp_path / "labels.csv"

    def write():
        with atomic_write(path) as part:
            part.write_text("mine")
            path.write_text("theirs")

    with pytest.raises(OutputExists, match="made by something else meanwhile") as raised:
        write()
    assert "--overwrite" in raised.value.hint
    assert path.read_text() == "theirs"
    path.unlink()
    with atomic_write(path) as part:
        part.write_text("mine")
    assert path.read_text() == "mine"
    assert [file.name for file in tmp_path.iterdir()] == ["labels.csv"]


@pytest.mark.parametrize("mask", [0o022, 0o077])
def test_the_permissions_are_those_of_any_new_file(tmp_path, mask):
    path = tmp_path / "labels.csv"
    code = (
        f"import os, pathlib, sys; os.umask({mask})\n"
        "from posec3d_cli.files.writing import atomic_write\n"
        "with atomic_write(pathlib.Path(sys.argv[1])) as part: part.write_text('new')\n"
    )
    subprocess.run([sys.executable, "-c", code, str(path)], check=True)
    assert stat.S_IMODE(path.stat().st_mode) == 0o666 & ~mask


def test_a_name_as_long_as_names_can_be_is_written(tmp_path):
    path = tmp_path / ("é" * 125 + ".csv")
    with atomic_write(path) as part:
        part.write_text("new")
    assert path.read_text() == "new"


def test_of_several_writers_at_once_one_wins_whole(tmp_path):
    path = tmp_path / "labels.csv"
    with atomic_write(path, overwrite=True) as first, atomic_write(path, overwrite=True) as second:
        assert first != second
        first.write_text("first")
        second.write_text("second")
    assert path.read_text() == "first"


def test_where_nothing_can_be_written_the_reason_is_said(tmp_path, monkeypatch):
    def refuse(*arguments, **options):
        raise OSError(errno.EROFS, "Read-only file system")

    monkeypatch.setattr(Path, "open", refuse)
    expected = pytest.raises(OutputError, match=r"labels\.csv cannot be written: Read-only")
    with expected as raised, atomic_write(tmp_path / "labels.csv"):
        pytest.fail("the block must not run")
    assert raised.value.hint == "choose a place that can be written"
