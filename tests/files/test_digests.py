"""Files among the settings of stages count by what they hold."""

from __future__ import annotations

import hashlib
import os

from posec3d_cli.files import digests
from posec3d_cli.files.digests import content_digest, digest, files_named, sha256_of


def test_only_settings_that_name_files_are_hashed(tmp_path):
    file = tmp_path / "config.py"
    file.write_bytes(b"x = 1")
    options = {"config": str(file), "weights": file, "folder": str(tmp_path), "batch": 4, "name": "config.py"}
    sha256 = hashlib.sha256(b"x = 1").hexdigest()
    assert files_named(options) == {"config": sha256, "weights": sha256}


def test_the_digest_of_a_folder_tells_names_and_contents_apart(tmp_path):
    folder = tmp_path / "poses"
    folder.mkdir()
    (folder / "a.json").write_bytes(b"one")
    first = digest(folder)
    (folder / "a.json").write_bytes(b"two")
    second = digest(folder)
    (folder / "a.json").rename(folder / "b.json")
    assert len({first, second, digest(folder), digest(folder / "b.json")}) == 4


def test_what_cannot_be_read_or_never_ends_has_no_digest(tmp_path):
    os.mkfifo(tmp_path / "pipe")
    assert digest(tmp_path / "pipe") == digest(tmp_path / "none") == ""


def test_a_file_can_be_hashed_after_what_else_it_depends_on(tmp_path):
    file = tmp_path / "clip"
    file.write_bytes(b"content")
    assert sha256_of(file) == hashlib.sha256(b"content").hexdigest()
    assert sha256_of(file, after=b"models ") == hashlib.sha256(b"models content").hexdigest()


def test_a_file_that_several_ask_for_in_turn_is_read_once(tmp_path, monkeypatch):
    read = []
    plain = digests.sha256_of
    monkeypatch.setattr(digests, "sha256_of", lambda path: read.append(path.name) or plain(path))
    first, second = tmp_path / "first", tmp_path / "second"
    first.write_bytes(b"1")
    second.write_bytes(b"2")
    assert content_digest(first) == content_digest(first)
    assert content_digest(second) != content_digest(first)
    assert read == ["first", "second", "first"]
    first.write_bytes(b"changed")
    assert content_digest(first) == digest(first)
    first.unlink()
    assert content_digest(first) == ""
