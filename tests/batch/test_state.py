"""What came out of each video so far, and who is writing it down."""

from __future__ import annotations

import os
import sqlite3
from pathlib import Path

import pytest

from posec3d_cli.batch.lock import locked, state_of
from posec3d_cli.batch.state import FAILED, OK, Record, RunState, owner_of
from posec3d_cli.errors import OutputError
from posec3d_cli.files.digests import Stamp, digest, stamp
from posec3d_cli.results import NO_PERSON


def record(path="a.mp4", *statuses, **changes):
    entries = [{"video": "a.mp4", "status": status, "error": {"what": "why"}} for status in statuses or ("ok",)]
    values = {"stamp": Stamp(3, 4), "sha256": "ab", "pipeline": "p", "entries": entries, "seconds": 0.5}
    return Record(Path(path), **(values | changes))


def test_a_record_comes_back_as_it_was_set_down(tmp_path):
    for name in ("a.mp4", "\udcff\n.mp4"):
        with RunState(tmp_path / "state") as run_state:
            assert run_state.get(Path(name)) is None
            run_state.put(record(name))
            run_state.put(record(name, "failed", stamp=None))
        with RunState(tmp_path / "state") as run_state:
            assert run_state.get(Path(name)) == record(name, "failed", stamp=None)
            assert run_state.get(Path(name).absolute()).path.name == name, "a path is known from wherever it is named"


@pytest.mark.parametrize(
    ("statuses", "status"),
    [(["ok"], OK), (["no_person"], NO_PERSON), (["no_person", "ok"], OK), (["ok", "failed", "no_person"], FAILED)],
)
def test_the_status_of_a_pack_is_the_worst_of_its_clips(statuses, status):
    assert record("a", *statuses).status == status


def test_a_file_that_is_no_state_or_of_another_version_is_refused(tmp_path):
    (tmp_path / "text").write_text("no database" * 100)
    with pytest.raises(OutputError, match="cannot be used: file is not a database"):
        RunState(tmp_path / "text")
    with pytest.raises(OutputError, match="cannot be used"):
        RunState(tmp_path / "none" / "state")
    connection = sqlite3.connect(tmp_path / "newer")
    connection.execute("PRAGMA user_version=9")
    connection.close()
    with pytest.raises(OutputError, match="another version"):
        RunState(tmp_path / "newer")


def test_a_state_of_the_first_version_is_read_and_its_spelling_mended(tmp_path):
    connection = sqlite3.connect(tmp_path / "old")
    connection.executescript(
        "CREATE TABLE owner (named TEXT NOT NULL);"
        "CREATE TABLE videos (path BLOB PRIMARY KEY, size INTEGER, mtime_ns INTEGER, sha256 TEXT NOT NULL,"
        "pipeline TEXT NOT NULL, status TEXT NOT NULL, entries TEXT NOT NULL, error TEXT NOT NULL,"
        "seconds REAL NOT NULL) WITHOUT ROWID; PRAGMA user_version=1;"
    )
    values = (os.fsencode(tmp_path / "a.mp4"), 3, 4, "ab", "p", "no_person", '[{"status": "no person"}]', "", 0.5)
    connection.execute("INSERT INTO videos VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)", values)
    connection.commit()
    connection.close()
    for _ in range(2):
        with RunState(tmp_path / "old") as run_state:
            assert run_state.get(tmp_path / "a.mp4").status == NO_PERSON
            assert run_state.get(tmp_path / "a.mp4").entries == [{"status": "no_person"}]
            assert (run_state.rows(), run_state.corrections()) == ([], {})


def test_files_of_the_run_are_known_by_their_place_or_content(tmp_path):
    (tmp_path / "pack").write_bytes(b"one")
    with RunState(tmp_path / "state") as run_state:
        assert not run_state.made(tmp_path / "pack")
        run_state.claim(tmp_path / "pack", digest(tmp_path / "pack"))
        run_state.claim(tmp_path / "poses")
        assert run_state.made(tmp_path / "pack")
        assert run_state.made(tmp_path / "poses")
        (tmp_path / "pack").write_bytes(b"of somebody else")
        assert not run_state.made(tmp_path / "pack")


def test_who_has_the_output_is_known_and_forgotten_when_it_lets_go(tmp_path):
    output = tmp_path / "labels.csv"
    assert owner_of(state_of(output)) == ""
    with locked(output) as (_, before):
        assert before == ""
        assert owner_of(state_of(output)).startswith("process ")
        with pytest.raises(OutputError, match="is being written by process"), locked(output):
            pass
    assert owner_of(state_of(output)) == ""


def test_who_never_let_go_is_named_to_the_next(tmp_path):
    with RunState(state_of(tmp_path / "out")) as run_state:
        run_state.own()
    with locked(tmp_path / "out") as (_, before):
        assert before.startswith("process ")
    with pytest.raises(RuntimeError), locked(tmp_path / "out"):
        raise RuntimeError
    with locked(tmp_path / "out") as (_, before):
        assert before == "", "an error lets go too"


def test_an_output_that_nothing_can_stand_beside_is_refused(tmp_path):
    (tmp_path / "file").touch()
    with pytest.raises(OutputError, match="nothing can be written beside"), locked(tmp_path / "file" / "out"):
        pass


def test_a_file_and_a_folder_have_a_stamp_and_a_digest(tmp_path):
    (tmp_path / "a").write_bytes(b"abc")
    (tmp_path / "b").write_bytes(b"abc")
    assert stamp(tmp_path / "a").size == 3
    assert stamp(tmp_path).size == 6
    assert digest(tmp_path / "a") == digest(tmp_path / "b")
    before = digest(tmp_path)
    (tmp_path / "b").rename(tmp_path / "c")
    assert digest(tmp_path) != before
    assert stamp(tmp_path / "none") is None
    assert digest(tmp_path / "none") == ""
