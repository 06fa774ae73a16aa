"""Whether a folder can be written to."""

from __future__ import annotations

import errno
import os
import tempfile

import pytest

from posec3d_cli.files.writing import cannot_write, remedy


def test_a_folder_that_takes_files_is_left_as_it_was(tmp_path):
    assert cannot_write(tmp_path) == ""
    assert cannot_write(tmp_path / "not" / "there" / "yet") == ""
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("below", ["", "below", "far/below"])
def test_a_file_is_no_folder(tmp_path, below):
    file = tmp_path / "file"
    file.touch()
    assert f"{file} is a file" in cannot_write(file / below)


@pytest.mark.parametrize("number", [errno.ENOSPC, errno.EROFS, errno.EACCES, errno.EDQUOT])
def test_the_reason_is_the_systems(tmp_path, monkeypatch, number):
    def refuse(**given):
        raise OSError(number, os.strerror(number))

    monkeypatch.setattr(tempfile, "TemporaryFile", refuse)
    assert cannot_write(tmp_path) == f"{tmp_path} cannot be written: {os.strerror(number)}"


def test_room_is_asked_for_only_where_there_is_none():
    for number in (errno.ENOSPC, errno.EDQUOT):
        assert remedy(OSError(number, ""), "free some", "elsewhere") == "free some"
    for number in (errno.EROFS, errno.EACCES, errno.ENOTDIR):
        assert remedy(OSError(number, ""), "free some", "elsewhere") == "elsewhere"
