"""What came out of each video so far, and who is writing it down."""

from __future__ import annotations

import os
import sqlite3
from dataclasses import replace
from pathlib import Path

import pytest
from clip_results import answered, failed

from posec3d_cli.batch.file_result import FileResult
from posec3d_cli.batch.find import InputFile
from posec3d_cli.batch.label_task import LabelTask
from posec3d_cli.batch.lock import locked, state_of
from posec3d_cli.batch.resume import plan
from posec3d_cli.batch.state import Record, RunState, owner_of
from posec3d_cli.config import PipelineConfig
from posec3d_cli.errors import OutputError
from posec3d_cli.extraction.result import PosesResult
from posec3d_cli.files.digests import Stamp, digest, stamp
from posec3d_cli.results import FAILED, NO_PERSON, OK, Failure

RESULTS = {"ok": answered("a.mp4", ("walk", 0.7)), "no_person": answered("a.mp4"), "failed": failed("a.mp4", "why")}


STAMP = Stamp(3, 4)


def record(path="a.mp4", *statuses, stamp=STAMP):
    results = tuple(replace(RESULTS[status], path=Path(path)) for status in statuses or ("ok",))
    return Record(Path(path), stamp, "p", FileResult(results, "ab", 0.5))


def test_a_record_comes_back_as_it_was_set_down(tmp_path):
    for name in ("a.mp4", "\udcff\n.mp4"):
        for put in (record(name), record(name, "no_person", "failed", stamp=None)):
            with RunState(tmp_path / "state") as run_state:
                run_state.put(put)
            with RunState(tmp_path / "state") as run_state:
                got = run_state.get(Path(name))
                assert replace(got, result=None) == replace(put, result=None)
                assert (got.result.sha256, got.result.seconds) == ("ab", 0.5)
                assert [one.to_dict() for one in got.result.results] == [one.to_dict() for one in put.result.results]
                assert run_state.get(Path(name).absolute()).path.name == name, "a path is known wherever it is named"
    with RunState(tmp_path / "state") as run_state:
        assert run_state.get(Path("b.mp4")) is None


def test_the_result_of_a_video_with_poses_comes_back(tmp_path):
    done = PosesResult(Path("a.mp4"), "a.mp4", frames=8, people=2, lost_frames=1, seconds={"decode": 0.25})
    lost = PosesResult(Path("b.mp4"), "b.mp4", error=Failure("EmptyVideo", "no frame", "look"))
    with RunState(tmp_path / "state") as run_state:
        for one in (done, lost):
            run_state.put(Record(one.path, None, "p", FileResult((one,))))
            assert run_state.get(one.path).result.results == (one,)


@pytest.mark.parametrize(
    ("statuses", "status"),
    [(["ok"], OK), (["no_person"], NO_PERSON), (["no_person", "ok"], OK), (["ok", "failed", "no_person"], FAILED)],
)
def test_the_status_of_a_dataset_pickle_is_the_worst_of_its_clips(statuses, status):
    result = record("a", *statuses).result
    assert result.status == status
    assert (result.error.what if result.error else "") == ("why" if status == FAILED else "")


def test_a_file_that_is_no_state_or_of_another_version_is_refused(tmp_path):
    (tmp_path / "text").write_text("no database" * 100)
    with pytest.raises(OutputError, match="cannot be used: file is not a database"):
        RunState(tmp_path / "text")
    with pytest.raises(OutputError, match="cannot be used"):
        RunState(tmp_path / "none" / "state")
    for version in (2, 9):
        connection = sqlite3.connect(tmp_path / "other")
        connection.execute(f"PRAGMA user_version={version}")
        connection.close()
        with pytest.raises(OutputError, match="another version"):
            RunState(tmp_path / "other")


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


def test_what_is_done_is_planned_without_reading_its_results(tmp_path, monkeypatch):
    good, bad = tmp_path / "good.npz", tmp_path / "bad.npz"
    for file in (good, bad):
        file.write_bytes(b"1")
    task = LabelTask(PipelineConfig())
    with RunState(tmp_path / "state") as run_state:
        for file, result in ((good, answered("good.npz", ("walk", 0.9))), (bad, failed("bad.npz"))):
            sha256 = digest(file)
            run_state.put(Record(file, stamp(file), task.fingerprint(), FileResult((result,), sha256)))
        monkeypatch.setattr(RunState, "get", lambda self, path: pytest.fail("read"))
        files = [InputFile(file, file.name) for file in (good, bad)]
        assert not plan(files, task, run_state)
        assert [todo.again for todo in plan(files, task, run_state, retry_failed=True)] == ["failed"]
        os.utime(good, (1, 1))
        assert not plan(files, task, run_state), "a touched file is the same"
        assert run_state.summary(good).stamp == stamp(good)
        good.write_bytes(b"another")
        assert [todo.again for todo in plan(files, task, run_state)] == ["video"]
        assert run_state.summary(tmp_path / "none") is None


def test_a_text_that_looks_like_a_failure_is_none(tmp_path):
    odd = '", "status": "failed'
    files = {name: tmp_path / name for name in ("good.mp4", f"{odd}.mp4")}
    with RunState(tmp_path / "state") as run_state:
        for name, file in files.items():
            result = answered(name, ("walk", 0.9), warnings=(f'{{"status": "failed"}} {odd}',))
            run_state.put(Record(file, None, "", FileResult((result, result))))
            assert not run_state.summary(file).failed
        result = failed("good.mp4")
        run_state.put(Record(files["good.mp4"], None, "", FileResult((answered("a", ("walk", 0.9)), result))))
        assert run_state.summary(files["good.mp4"]).failed
