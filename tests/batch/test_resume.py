"""A run that is cut off and started again ends like one that never was."""

from __future__ import annotations

import csv
import shutil
import signal
import sys
import time
from pathlib import Path

import pytest

NAMES = ["bad.mp4", "empty.mp4", "good.mp4", "wait1.mp4", "wait2.mp4", "z.mp4"]
COMMAND = ("label", "clips", "-o", "labels.csv", "--save-poses", "poses", "--workers", "1")


@pytest.fixture
def clips(tmp_path, clip):
    folder = tmp_path / "clips"
    folder.mkdir()
    for name in NAMES:
        shutil.copyfile(clip, folder / name)
    (folder / "bad.mp4").write_text("no video")
    return folder


def rows(path):
    with path.open(newline="") as file:
        return [{**row, "seconds": ""} for row in csv.DictReader(file)]


def files(folder):
    return sorted(path.relative_to(folder).as_posix() for path in folder.rglob("*"))


@pytest.fixture
def expected(clips, program):
    """What a run ends with that nobody cut off; its outputs are moved away."""
    program.let_go("wait1.mp4", "wait2.mp4")
    assert program.run(*COMMAND) == 1
    assert program.begun() == NAMES
    ended = rows(program.folder / "labels.csv"), files(program.folder / "poses")
    for path in [*program.folder.glob("labels.csv*"), *program.folder.glob("go-*"), program.journal]:
        path.unlink()
    shutil.rmtree(program.folder / "poses")
    return ended


def test_killed_at_several_moments_it_ends_with_the_same_output_and_repeats_only_what_was_in_work(program, expected):
    assert [row["status"] for row in expected[0]] == ["failed", "no_person", "ok", "ok", "ok", "ok"]
    assert expected[1] == [f"{Path(name).stem}.npz" for name in NAMES[1:]]
    assert program.cut_off("wait1.mp4", *COMMAND) == -signal.SIGKILL
    assert not (program.folder / "labels.csv").exists()
    program.let_go("wait1.mp4")
    assert program.cut_off("wait2.mp4", *COMMAND) == -signal.SIGKILL
    assert "note:  the previous run was interrupted (process " in program.stderr
    assert "note:  3 of 6 videos are done already" in program.stderr
    program.let_go("wait2.mp4")
    assert program.run(*COMMAND) == 1
    assert (rows(program.folder / "labels.csv"), files(program.folder / "poses")) == expected
    assert program.begun() == [*NAMES[:4], *NAMES[3:5], *NAMES[4:]], "each kill cost the video in work, and no other"
    whole = (program.folder / "labels.csv").read_bytes()
    (program.folder / "poses" / ".posec3d-unfinished").mkdir()  # killed between the last video and the end
    assert program.run(*COMMAND) == 1
    assert "note:  6 of 6 videos are done already" in program.stderr
    assert len(program.begun()) == len(NAMES) + 2
    assert files(program.folder / "poses") == expected[1]
    assert (program.folder / "labels.csv").read_bytes() == whole


def test_ctrl_c_keeps_what_is_done_and_exits_with_130(program, expected):
    assert program.cut_off("wait1.mp4", *COMMAND, by=signal.SIGINT) == 130
    assert "note:  interrupted: 3 of 6 videos are done; the same command resumes from here" in program.stderr
    assert "Traceback" not in program.stderr
    assert rows(program.folder / "labels.csv") == expected[0][:3]
    assert files(program.folder / "poses") == expected[1][:2]
    program.let_go("wait1.mp4", "wait2.mp4")
    assert program.run(*COMMAND) == 1
    assert "cut off" not in program.stderr
    assert (rows(program.folder / "labels.csv"), files(program.folder / "poses")) == expected
    assert program.begun() == [*NAMES[:4], *NAMES[3:]]


def test_killed_with_two_videos_in_work_it_ends_with_the_same_output(program, expected):
    two = [*COMMAND[:-1], "2"]
    process = program.start(*two)
    while not {"wait1.mp4", "wait2.mp4"} <= set(program.begun()):
        assert process.poll() is None
        time.sleep(0.01)
    process.kill()
    process.communicate(timeout=20)
    program.let_go("wait1.mp4", "wait2.mp4")
    assert program.run(*two) == 1
    assert "3 of 6 videos are done already" in program.stderr
    assert (rows(program.folder / "labels.csv"), files(program.folder / "poses")) == expected
    assert sorted(program.begun()) == sorted([*NAMES, "wait1.mp4", "wait2.mp4"])


@pytest.mark.skipif(sys.platform != "linux", reason="children are counted in /proc")
def test_the_process_of_the_videos_ends_with_the_program(program, clips):
    process = program.start(*COMMAND)
    while "wait1.mp4" not in program.begun():
        assert process.poll() is None
        time.sleep(0.01)
    children = Path(f"/proc/{process.pid}/task/{process.pid}/children").read_text().split()
    assert children
    process.kill()
    process.communicate(timeout=20)
    until = time.monotonic() + 20
    while any(Path("/proc", child).exists() for child in children):
        assert time.monotonic() < until
        time.sleep(0.02)


def test_a_second_run_on_the_same_output_is_refused_and_told_who_has_it(program, clips):
    first = program.start(*COMMAND)
    while not program.begun():
        assert first.poll() is None
        time.sleep(0.01)
    assert program.run(*COMMAND) == 1
    assert f"labels.csv is being written by process {first.pid} on " in program.stderr
    assert "Traceback" not in program.stderr
    assert program.run("label", "clips/bad.mp4", "-o", "other.csv") == 1, "another output is free"
    first.kill()
    first.communicate(timeout=20)


def test_two_runs_that_share_their_folders_both_end_whole(program, clips):
    shared = ("--save-poses", "poses", "--save-videos", "videos", "--workers", "1")
    first = program.start("label", "clips/wait1.mp4", "clips/good.mp4", "-o", "one.csv", *shared)
    while "wait1.mp4" not in program.begun():
        assert first.poll() is None
        time.sleep(0.01)
    assert program.run("label", "clips/z.mp4", "-o", "two.csv", *shared) == 0, program.stderr
    program.let_go("wait1.mp4")
    assert first.communicate(timeout=60)[1].count("error") == 0
    assert first.returncode == 0
    names = ["good.mp4", "wait1.mp4", "z.mp4"]
    assert files(program.folder / "poses") == ["good.npz", "wait1.npz", "z.npz"]
    assert len(files(program.folder / "videos")) == len(names)


@pytest.mark.parametrize("kind", ["poses", "videos"])
def test_a_file_that_another_run_made_meanwhile_stays_and_the_row_says_so(program, clips, kind):
    suffix = {"poses": ".npz", "videos": ".mp4"}[kind]
    shared = program.folder / "shared"
    command = ("label", "clips/wait1.mp4", "clips/good.mp4", "-o", "one.csv", f"--save-{kind}", "shared")
    first = program.start(*command, "--workers", "1")
    while "wait1.mp4" not in program.begun():
        assert first.poll() is None
        time.sleep(0.01)
    (shared / f"wait1{suffix}").write_bytes(b"of another run")
    program.let_go("wait1.mp4")
    first.communicate(timeout=60)
    assert first.returncode == 1
    table = (program.folder / "one.csv").read_text()
    assert f"shared/wait1{suffix} was made by something else meanwhile, and is replaced only with --overwrite" in table
    assert files(shared) == [f"good{suffix}", f"wait1{suffix}"]
    assert program.run(*command, "--retry-failed") == 1
    assert "this run did not write it" in program.stderr
    assert (shared / f"wait1{suffix}").read_bytes() == b"of another run"
    assert program.run(*command, "--retry-failed", "--overwrite") == 0
    assert (shared / f"wait1{suffix}").read_bytes() != b"of another run"


def test_a_run_with_overwrite_replaces_what_another_made_meanwhile(program, clips):
    first = program.start("label", "clips/wait1.mp4", "-o", "one.csv", "--save-poses", "shared", "--overwrite")
    while "wait1.mp4" not in program.begun():
        assert first.poll() is None
        time.sleep(0.01)
    (program.folder / "shared" / "wait1.npz").write_bytes(b"of another run")
    program.let_go("wait1.mp4")
    first.communicate(timeout=60)
    assert first.returncode == 0
    assert (program.folder / "shared" / "wait1.npz").read_bytes() != b"of another run"


def test_what_a_killed_run_left_is_swept_by_a_run_with_another_table(program, clips):
    shared = ("--save-poses", "poses", "--workers", "1")
    assert program.cut_off("wait1.mp4", "label", "clips/wait1.mp4", "-o", "one.csv", *shared) == -signal.SIGKILL
    assert any(".posec3d-unfinished" in name for name in files(program.folder / "poses"))
    assert program.run("label", "clips/good.mp4", "-o", "two.csv", *shared) == 0
    assert files(program.folder / "poses") == ["good.npz"]
