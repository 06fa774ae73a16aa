"""`posec3d label`, with stages of a few lines in the process that reads the videos."""

from __future__ import annotations

import json
import os
import shutil
import sys
from fractions import Fraction
from pathlib import Path

import pose_file_factory as factory
import pytest
import synthetic_people as people
import video_factory
from label_runs import begun, rows, statuses
from pyarrow import parquet

from posec3d_cli.output.tables import COLUMNS
from posec3d_cli.pose_files import read_pose_file


def test_every_video_gets_a_row(label):
    ran = label(copies=["walk/a.mp4", "walk/empty.mp4", "b.mp4"])
    assert ran.code == 0, ran.err
    assert list(rows("labels.csv")[0]) == list(COLUMNS)
    seconds = [row.pop("seconds") for row in rows("labels.csv")]
    assert all(float(one) >= 0 for one in seconds)
    first, second, third = ({**row, "seconds": ""} for row in rows("labels.csv"))
    assert (first["video"], second["video"], third["video"]) == ("b.mp4", "walk/a.mp4", "walk/empty.mp4")
    answer = [
        first[name]
        for name in ("status", "label", "score", "label_2", "score_2", "label_3", "frames", "tracks", "main_people")
    ]
    assert answer == ["ok", "left", "0.7", "right", "0.3", "", "8", "1", "1"]
    assert [third[name] for name in ("status", "label", "score", "tracks", "main_people", "error")] == [
        "no_person",
        "",
        "",
        "0",
        "0",
        "",
    ]
    assert ran.out.splitlines() == [
        *("status\tvideos", "no_person\t1", "ok\t2", ""),
        *("label\tvideos\tmean score\tdoubtful", "left\t2\t0.70\t0", "", "table: labels.csv"),
    ]


def test_the_suffix_says_how_the_table_is_written(label, monkeypatch):
    label(copies=["a.mp4", "bug.mp4"])
    assert label(output="labels.jsonl").code == 1
    lines = [json.loads(line) for line in Path("labels.jsonl").read_text().splitlines()]
    assert [(line["video"], line["status"]) for line in lines] == [("a.mp4", "ok"), ("bug.mp4", "failed")]
    assert lines[0]["source"]["frame_count"] == 20
    assert [(line["schema"], line["version"], line["corrected"]) for line in lines] == [("posec3d/label", 2, None)] * 2
    label(output="labels.parquet")
    table = parquet.read_table("labels.parquet").to_pylist()
    assert [row["score"] for row in table] == [pytest.approx(0.7), None]
    assert table[1]["error"] == "an unexpected error, ZeroDivisionError: one by nothing"
    assert "one of .csv, .jsonl, .parquet" in label(output="labels.txt").err
    monkeypatch.setitem(sys.modules, "pyarrow", None)
    monkeypatch.delitem(sys.modules, "posec3d_cli.output.parquet_table", raising=False)
    ran = label(output="other.parquet")
    assert (ran.code, "needs pyarrow" in ran.err, Path("other.parquet.lock").exists()) == (1, True, False)


def test_what_is_done_is_not_done_again_and_what_changed_is(label, tmp_path):
    label(copies=["a.mp4", "b.mp4", "c.mp4"])
    assert begun(tmp_path) == ["a.mp4", "b.mp4", "c.mp4"]
    os.utime("clips/a.mp4", (1, 1))
    shutil.copyfile(video_factory.write(tmp_path / "longer.mp4", 30), "clips/b.mp4")
    ran = label(copies=["d.mp4"])
    assert begun(tmp_path) == ["b.mp4", "d.mp4"], "a touched file is the same"
    assert "note:  1 of 4 videos is processed again: content changed" in ran.err
    assert "note:  2 of 4 videos are done already" in ran.err
    assert list(statuses()) == ["a.mp4", "b.mp4", "c.mp4", "d.mp4"]
    label()
    assert begun(tmp_path) == []
    ran = label("clips", "--views", 2)
    assert "4 of 4 videos are processed again: the models or their settings changed" in ran.err
    assert len(begun(tmp_path)) == 4


def test_a_video_that_is_gone_loses_its_row_and_one_that_spoils_its_poses(label, tmp_path):
    label("clips", "--save-poses", "poses", copies=["a.mp4", "b.mp4"])
    Path("clips/a.mp4").unlink()
    Path("clips/b.mp4").write_text("spoilt")
    assert label("clips", "--save-poses", "poses").code == 1
    assert statuses() == {"b.mp4": "failed"}
    assert not Path("poses/b.npz").exists()


def test_failures_hold_until_they_are_retried(label, tmp_path):
    ran = label("clips", "--timeout", 0.5, copies=["a.mp4", "bug.mp4", "exit.mp4", "hang.mp4"])
    assert ran.code == 1
    assert [line for line in ran.out.splitlines() if ".mp4" in line] == [
        "bug.mp4\tan unexpected error, ZeroDivisionError: one by nothing",
        "exit.mp4\tits process ended by itself, with code 3",
        "hang.mp4\tno progress for 0.5 seconds",
    ]
    assert label().code == 1, "they still stand in the table"
    assert begun(tmp_path) == []
    ran = label("clips", "--timeout", 0.5, "--retry-failed")
    assert begun(tmp_path) == ["bug.mp4", "exit.mp4", "hang.mp4"]
    assert "3 of 4 videos are processed again: failed before" in ran.err
    assert statuses() == {"a.mp4": "ok", "bug.mp4": "failed", "exit.mp4": "failed", "hang.mp4": "failed"}


def test_fail_fast_stops_at_the_first_failure_and_the_next_run_goes_on(label, tmp_path):
    ran = label("clips", "--fail-fast", copies=["a.mp4", "bug.mp4", "c.mp4"])
    assert ran.code == 1
    assert statuses() == {"a.mp4": "ok", "bug.mp4": "failed"}
    label()
    assert begun(tmp_path) == ["c.mp4"]


def test_a_full_disk_ends_the_run_and_keeps_what_is_done(label):
    ran = label(copies=["a.mp4", "full.mp4", "z.mp4"])
    assert (ran.code, ran.out) == (1, "")
    assert "No space left on device" in ran.err
    assert statuses() == {"a.mp4": "ok"}


def test_models_that_cannot_be_had_end_the_run(label, monkeypatch):
    monkeypatch.setenv("FAKE_MODELS", "missing")
    ran = label(copies=["a.mp4"])
    assert (ran.code, "the weights are not there" in ran.err) == (1, True)
    assert rows("labels.csv") == []
    monkeypatch.delenv("FAKE_MODELS")
    assert label().code == 0


def awkward(folder, clip):
    """One of each bad or odd input, by name, with what becomes of it."""
    folder.mkdir()
    truncated = video_factory.truncated(clip, folder / "truncated.mp4", 0.5)
    (folder / "text.mp4").write_text("This is no video.\n" * 50)
    (folder / "zero.avi").touch()
    (folder / "gone.mp4").symlink_to(folder / "nowhere.mp4")
    os.mkfifo(folder / "pipe.mp4")
    video_factory.write_sound(folder / "sound.mp4")
    whole = video_factory.write(folder / "whole.avi", 30, codec="mpeg4")
    video_factory.zeroed(whole, folder / "damaged.avi", range(10, 20))
    video_factory.write(folder / "one.mp4", 1)
    video_factory.write(folder / "dot.mkv", 3, codec="ffv1", pix_fmt="bgr0", size=(1, 1))
    video_factory.write(folder / "wall.mp4", 2, codec="mpeg4", size=(7680, 4320))
    video_factory.write(folder / "turned.mp4", 10, rotation=90)
    video_factory.write(folder / "uneven.mkv", 10, ticks=[0, 30, 40, 200, 210, 500, 510, 700, 710, 900])
    video_factory.write(folder / "slow.webm", 5, codec="libvpx", rate=Fraction(2))
    shutil.copyfile(clip, folder / "really an mp4.avi")
    names = [
        "quo\"te's, comma.mp4",
        "new\nline.mp4",
        "[bold]x[.mp4",
        "x" * 246 + ".mp4",
        "ü.mp4",
        os.fsdecode(b"\xff.mp4"),
    ]
    for name in names:
        shutil.copyfile(clip, folder / name)
    failed = {truncated.name, "text.mp4", "zero.avi", "gone.mp4", "pipe.mp4", "sound.mp4"}
    return failed, {path.name for path in folder.iterdir()} - failed


def test_every_bad_input_costs_its_own_row_and_every_odd_one_is_answered(label, clip, tmp_path):
    failed, good = awkward(tmp_path / "clips", clip)
    ran = label("clips", "--save-poses", "poses")
    assert ran.code == 1
    spelled = {name.encode("utf-8", "surrogateescape").decode("utf-8", "backslashreplace") for name in good}
    assert {name for name, status in statuses().items() if status == "failed"} == failed
    assert {name for name, status in statuses().items() if status == "ok"} == spelled
    assert {path.name for path in Path("poses").iterdir()} == {f"{Path(name).stem}.npz" for name in good}
    reasons = {row["video"]: row["error"] for row in rows("labels.csv") if row["error"]}
    assert "is empty: it holds 0 bytes" in reasons["zero.avi"]
    assert "there is no file" in reasons["gone.mp4"]
    assert "is no ordinary file" in reasons["pipe.mp4"]
    assert "it holds only sound" in reasons["sound.mp4"]
    assert "cannot be read as a video" in reasons["text.mp4"]
    assert "Traceback" not in ran.err


def test_annotated_videos_and_poses_are_written_in_folders_like_the_videos(label, tmp_path):
    command = ("clips", "--save-videos", "clips/drawn", "--save-poses", "clips/poses")
    ran = label(*command, copies=["walk/a.mp4", "walk/a.avi", "empty.mp4"])
    assert ran.code == 0, ran.err
    made = sorted(
        path.relative_to("clips").as_posix() for path in Path("clips").rglob("*.*") if "walk/" not in str(path)
    )
    assert made == ["drawn/empty.mp4", "empty.mp4", "poses/empty.npz"]
    assert sorted(path.name for path in Path("clips/drawn/walk").iterdir()) == ["a.avi.mp4", "a.mp4.mp4"]
    [clip] = read_pose_file(Path("clips/poses/walk/a.mp4.npz"))
    assert len(clip) == 20, "what is drawn is posed"
    Path("clips/poses/walk/a.avi.npz").unlink()
    ran = label(*command)
    assert begun(tmp_path) == ["walk/a.avi"], "what the command wrote is no video of its own"
    assert "1 of 3 videos is processed again: an output file is missing or was changed" in ran.err


@pytest.mark.parametrize(
    ("arguments", "code", "said"),
    [
        ([], 2, "--output OUT.csv is missing"),
        (["-o", "l.csv"], 2, "name a folder or a video"),
        (["clips", "-o", "none/l.csv"], 1, "there is no folder none"),
        (["clips", "-o", "."], 1, "no suffix of a table"),
        (["empty", "-o", "l.csv"], 1, "there is no video below empty"),
        (["clips", "-o", "l.csv", "--truth", "none.csv"], 1, "none.csv cannot be read"),
        (
            ["clips", "-o", "l.csv", "--save-poses", "other.csv/p"],
            1,
            "nothing can be written into other.csv/p: Not a dir",
        ),
        (["clips", "-o", "l.csv", "--save-poses", "clips"], 2, "clips is searched for videos"),
        (["clips", "-o", "l.csv", "--log-file", "none/log"], 1, "none/log cannot be written"),
        (["clips", "-o", "l.csv", "--classifier", "nonsense"], 2, "no classifier is called 'nonsense'"),
        (["clips", "-o", "l.csv", "--timeout", "0"], 2, "--timeout"),
    ],
)
def test_what_cannot_work_is_refused_before_anything_is_done(label, posec3d, arguments, code, said):
    label(copies=["a.mp4"], output="other.csv")
    Path("empty").mkdir()
    ran = posec3d("label", *arguments)
    assert (ran.code, ran.out) == (code, "")
    assert said in " ".join(ran.err.split())


def test_pose_files_are_labelled_and_a_dataset_pickle_gives_one_row_per_clip(label, tmp_path):
    folder = tmp_path / "clips"
    folder.mkdir()
    factory.ours(folder, ".npz")
    factory.openpose(folder)
    people.write_dataset_pickle(folder / "pack.pkl", people.labeled_clips(1))
    (folder / "notes.json").write_text("{}")
    ran = label(copies=["a.mp4"])
    assert ran.code == 1
    assert statuses() == {
        "a.mp4": "ok",
        "notes.json": "failed",
        "openpose_25": "ok",
        "ours.npz": "ok",
        "pack.pkl: arms_0": "ok",
        "pack.pkl: legs_0": "ok",
    }
    assert statuses() == statuses()
    label()
    assert begun(tmp_path) == []


def test_progress_is_said_now_and_then_and_logged(label, monkeypatch, tmp_path):
    monkeypatch.setattr("posec3d_cli.cli.progress.SECONDS_BETWEEN_LINES", 0.1)
    ran = label("clips", "--log-file", "log.txt", copies=["a.mp4", "new\nline bug.mp4", "bug.mp4"])
    assert "done:  0 of 3 videos, 0 failed, " in ran.err, "also while the models are made"
    log = Path("log.txt").read_text()
    assert [line.split(" ")[2:4] for line in log.splitlines() if " ok a" in line] == [["ok", "a.mp4,"]]
    assert "ok new\\nline bug.mp4, " in log
    assert "ZeroDivisionError" in log
    again = label("clips", "--quiet", output="quiet.csv")
    assert "done:" not in again.err


def test_an_answer_from_a_damaged_video_carries_a_warning(label, tmp_path, clip):
    (tmp_path / "clips").mkdir()
    video_factory.zeroed(clip, tmp_path / "clips" / "middle.mp4", range(9, 11))
    ran = label()
    [row] = rows("labels.csv")
    assert (ran.code, row["status"]) == (0, "ok")
    assert "warning: 2 damaged frames could not be decoded and were left out" in row["error"]
    assert "note:  1 answer comes with a warning, in the column error" in ran.err


def test_no_file_ever_gets_the_name_of_one_that_another_video_left(label, tmp_path):
    command = ("clips", "--save-poses", "poses")
    label(*command, copies=["a.avi"])
    assert video_poses() == ["a.npz"]
    Path("clips/a.avi").rename("a.avi")
    label(*command, copies=["a.mp4"])
    assert video_poses() == ["a.mp4.npz", "a.npz"], "that of the video that is gone is not written over"
    Path("a.avi").rename("clips/a.avi")
    Path("clips/a.mp4").unlink()
    label(*command)
    assert begun(tmp_path) == ["a.avi"]
    assert video_poses() == ["a.avi.npz", "a.mp4.npz", "a.npz"]
    label(*command)
    assert begun(tmp_path) == []


def video_poses():
    return sorted(path.name for path in Path("poses").iterdir() if path.is_file())
