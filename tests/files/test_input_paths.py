"""What is wrong with a path, and what to do."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from posec3d_cli.files.input_paths import as_given, problem_of


@pytest.mark.parametrize(
    ("address", "remedy"),
    [
        ("http://example.org/a.mp4", "download it first"),
        ("HTTPS://example.org/a%20b.mp4?x=1#y", "download it first"),
        ("rtsp://camera/stream", "record it into a file first"),
        ("file:///tmp/a.mp4", "name the file by its path: /tmp/a.mp4"),
    ],
)
def test_an_address_is_spelled_as_it_was_typed(address, remedy):
    what, hint = problem_of(Path(address))
    assert what.startswith(f"{address} is an address")
    assert remedy in hint
    assert as_given(Path(address)) == address


def test_a_drive_and_a_colon_make_no_address(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert problem_of(Path("c:/a.mp4"))[0] == "there is no file c:/a.mp4"
    Path("take:").mkdir()
    Path("take:/a.mp4").write_text("x")
    assert problem_of(Path("take:/a.mp4")) is None
    assert as_given(Path("take:/a.mp4")) == "take:/a.mp4"


def test_a_typo_is_answered_with_the_name_that_is_nearest(tmp_path):
    (tmp_path / "tennis.mp4").write_text("x")
    assert problem_of(tmp_path / "tenis.mp4") == (
        f"there is no file {tmp_path / 'tenis.mp4'}",
        f"did you mean {tmp_path / 'tennis.mp4'}?",
    )
    assert problem_of(tmp_path / "swimming.avi")[1] == "check the spelling of the path"
    assert problem_of(tmp_path / "tenis" / "a.mp4")[1] == f"there is no folder {tmp_path / 'tenis'}"
    assert problem_of(tmp_path / "tennis.mp4" / "a.mp4")[1] == f"there is no folder {tmp_path / 'tennis.mp4'}"
    assert problem_of(tmp_path / "*.mp4")[1] == "no file matches this pattern"


def test_what_is_no_ordinary_file_is_named(tmp_path):
    os.mkfifo(tmp_path / "pipe.mp4")
    assert "no ordinary file" in problem_of(tmp_path / "pipe.mp4")[0]
    assert "standard input" in problem_of(Path("-"))[0]
    assert problem_of(tmp_path)[1] == f"posec3d label {tmp_path} -o labels.csv does every video in it"
    assert "cannot be opened" in problem_of(Path("nul\0.mp4"))[0]
