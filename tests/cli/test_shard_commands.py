"""`label` and `extract-poses` in shards, with stages of a few lines."""

from __future__ import annotations

import csv
import os
import shutil
from pathlib import Path

import batch_fakes
import pytest
import synthetic_people as people
from label_runs import begun, rows, statuses

from posec3d_cli.batch.file_result import FileResult
from posec3d_cli.batch.saved_results import read_results
from posec3d_cli.batch.shards import Shard, shards_beside
from posec3d_cli.batch.task import attempt
from posec3d_cli.files.digests import digest

NAMES = ["a.mp4", "bug.mp4", "c.mp4", "empty.mp4", "walk/d.mp4", "walk/e.mp4", "walk/f.mp4"]


def without_seconds(path):
    return [{**row, "seconds": ""} for row in rows(path)]


def run_shards(label, count, *arguments, output="labels.csv"):
    return [label("clips", *arguments, "--shard", f"{index}/{count}", output=output) for index in range(1, count + 1)]


def shard_rows(count):
    return [rows(f"labels.{index}-of-{count}.csv") for index in range(1, count + 1)]


def correct(path, name, label):
    table = rows(path)
    for row in table:
        if row["video"] == name:
            row["corrected"] = label
    with Path(path).open("w", newline="") as file:
        writer = csv.DictWriter(file, table[0], lineterminator="\n")
        writer.writeheader()
        writer.writerows(table)


class InThisProcess:
    """Runs a task in this process, which costs less than a process of its own."""

    def __init__(self, task, size, **options):
        self.task = task

    def results(self, videos, *, timeout, progress):
        self.task.prepare()
        for video in videos:
            sha256 = digest(video.path)
            yield video, FileResult(tuple(attempt(self.task, video, lambda done, total: None)), sha256, 0.123)

    def __enter__(self):
        return self

    def __exit__(self, *error):
        pass


@pytest.fixture(autouse=True)
def _quick(monkeypatch):
    monkeypatch.setattr("posec3d_cli.batch.run.WorkerPool", InThisProcess)


@pytest.mark.parametrize("count", [1, 4])
def test_merged_shards_are_the_table_of_a_single_run(label, tmp_path, count):
    clips = tmp_path / "clips"
    clips.mkdir()
    people.write_dataset_pickle(clips / "pack.pkl", people.labeled_clips(1))
    assert label("clips", "--save-poses", "poses", output="single.csv", copies=NAMES).code == 1
    shutil.rmtree("poses")
    ran = run_shards(label, count, "--save-poses", "poses")
    assert {one.code for one in ran} <= {0, 1}
    parts = shard_rows(count)
    assert sorted(row["video"] for part in parts for row in part) == sorted(row["video"] for row in rows("single.csv"))
    assert count > 1 or f"shard: 1/1: {len(NAMES) + 1} of {len(NAMES) + 1} videos" in ran[0].err
    merged = label("clips", "--save-poses", "poses", "--merge")
    assert (merged.code, begun(tmp_path)) == (1, []), merged.err
    assert without_seconds("labels.csv") == without_seconds("single.csv")
    seconds = {row["video"]: row["seconds"] for part in parts for row in part}
    assert {row["video"]: row["seconds"] for row in rows("labels.csv")} == seconds, "each took as long as in its shard"
    one, other = read_results(Path("labels.csv")), read_results(Path("single.csv"))
    assert [(result.name, result.path, result.answers) for result in one.results] == [
        (result.name, result.path, result.answers) for result in other.results
    ], "the review reads a merged table as any other"
    assert one.pipelines.keys() == other.pipelines.keys()
    assert [path.name for path in one.pose_files] == [path.name for path in other.pose_files]
    again = label("clips", "--save-poses", "poses")
    assert (begun(tmp_path), again.code) == ([], 1), "a run without shards resumes a merged table"
    label("clips", "--save-poses", "poses", copies=["new.mp4"])
    assert begun(tmp_path) == ["new.mp4"]


def test_a_shard_resumes_and_files_that_join_later_move_no_others(label, tmp_path):
    label("clips", "--shard", "1/2", copies=NAMES)
    first = begun(tmp_path)
    label("clips", "--shard", "1/2", copies=["g.mp4", "h.mp4", "i.mp4", "j.mp4"])
    more = begun(tmp_path)
    assert set(more) < {"g.mp4", "h.mp4", "i.mp4", "j.mp4"}
    label("clips", "--shard", "2/2")
    assert sorted([*first, *more, *begun(tmp_path)]) == sorted([*NAMES, "g.mp4", "h.mp4", "i.mp4", "j.mp4"])
    assert label("clips", "--merge").code == 1
    assert len(statuses()) == len(NAMES) + 4


def test_what_is_missing_is_named_and_nothing_is_written(label, tmp_path):
    ran = label("clips", "--merge", copies=NAMES)
    assert (ran.code, "there is no shard of labels.csv" in ran.err) == (1, True)
    label("clips", "--shard", "1/3")
    label("clips", "--shard", "3/3")
    ran = label("clips", "--merge")
    assert (ran.code, "shard 2/3 of labels.csv is missing" in ran.err) == (1, True)
    assert "--shard 2/3 in place of --merge" in ran.err
    label("clips", "--shard", "2/3")
    label("clips", copies=["new.mp4", "newer.mp4"], output="other.csv")
    ran = label("clips", "--merge")
    assert ran.code == 1
    assert f"of {len(NAMES) + 2} videos, 2 have no result yet, the first is new.mp4" in ran.err
    assert not Path("labels.csv").exists()
    for name in ("new.mp4", "newer.mp4"):
        Path("clips", name).unlink()
    os.utime("clips/a.mp4", (1, 1))
    assert label("clips", "--merge").code == 1
    assert len(statuses()) == len(NAMES), "a touched file is the same"
    Path("clips/c.mp4").write_text("another")
    ran = label("clips", "--merge")
    assert f"of {len(NAMES)} videos, 1 is changed since, the first is c.mp4" in ran.err


def test_what_could_not_be_read_in_a_shard_and_can_be_now_is_not_merged(label):
    Path("list.txt").write_text("".join(f"clips/{name}\n" for name in ("a.mp4", "late.mp4")))
    for index in (1, 2):
        label("--from-file", "list.txt", "--shard", f"{index}/2", copies=["a.mp4"])
    Path("clips/late.mp4").write_bytes(Path("clips/a.mp4").read_bytes())
    ran = label("--from-file", "list.txt", "--merge")
    assert ran.code == 1
    assert "of 2 videos, 1 is readable only since, the first is late.mp4" in ran.err


def test_shards_of_other_settings_are_refused(label):
    label("clips", "--shard", "1/2", copies=NAMES)
    label("clips", "--shard", "2/2", "--views", 2)
    ran = label("clips", "--merge")
    lost = len(shard_rows(2)[1])
    assert ran.code == 1
    assert f"{lost} are made with other models or settings than this command names" in " ".join(ran.err.split())
    assert "--shard 2/2 in place of --merge" in " ".join(ran.err.split())
    ran = label("clips", "--merge", "--views", 2)
    assert f"{len(NAMES) - lost} are made with other models" in " ".join(ran.err.split())
    label("clips", "--shard", "1/2", "--views", 2)
    assert label("clips", "--merge", "--views", 2).code == 1
    assert len(statuses()) == len(NAMES)


def test_an_input_is_taken_from_its_own_shard_only(label, tmp_path):
    """Where all names changed between two shards, a file may have a result in both."""
    for index in (1, 2):
        label("clips/walk", "--shard", f"{index}/2", copies=NAMES)
    for index in (1, 2):
        label("clips", "--shard", f"{index}/2")
    assert label("clips", "--merge").code == 1
    names = [row["video"] for row in rows("labels.csv")]
    assert names == sorted(NAMES), "also those that were done when they were called without walk/"


def test_shards_of_several_numbers_are_not_mixed(label):
    label("clips", "--shard", "1/2", copies=NAMES)
    label("clips", "--shard", "1/3")
    ran = label("clips", "--merge")
    assert (ran.code, "labels.csv has shards of 2 and of 3" in ran.err) == (1, True)


def test_a_result_of_the_whole_run_stays_unless_it_failed_or_is_outdated(label, tmp_path):
    label("clips", "--shard", "1/1", copies=NAMES)
    label("clips", "--merge")
    shutil.copyfile("clips/a.mp4", "clips/new.mp4")
    label("clips")
    correct("labels.csv", "new.mp4", "run")
    label("clips", "--shard", "1/1", "--retry-failed")
    assert begun(tmp_path) == ["bug.mp4", "new.mp4"]
    assert label("clips", "--merge").code == 1
    assert {row["video"]: row["corrected"] for row in rows("labels.csv")}["new.mp4"] == "run"


def test_corrections_of_shards_are_kept_until_the_whole_table_has_the_row(label):
    for index in (1, 2):
        label("clips", "--shard", f"{index}/2", copies=NAMES)
    mine = Shard(1, 2)
    name = shard_rows(2)[0][0]["video"]
    correct(mine.output(Path("labels.csv")), name, "jump")
    label("clips", "--merge")
    assert {row["corrected"] for row in rows("labels.csv") if row["video"] == name} == {"jump"}
    correct("labels.csv", name, "")
    label("clips", "--merge")
    assert {row["corrected"] for row in rows("labels.csv")} == {""}, "what was taken back stays so"


def test_a_shard_at_work_stops_the_merge(label, monkeypatch):
    from filelock import FileLock

    label("clips", "--shard", "1/1", copies=["a.mp4"])
    with FileLock("labels.1-of-1.csv.lock"):
        ran = label("clips", "--merge")
    assert (ran.code, "labels.1-of-1.csv is being written by" in ran.err) == (1, True)


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["--shard", "0/2"], "a shard is I/N with I from 1 to N, such as 2/8, got '0/2'"),
        (["--shard", "1/2", "--merge"], "give one of the two"),
        (["--shard", "1/2", "--truth", "truth.csv"], "--truth needs the results of all shards: give it with --merge"),
        (["--address", "host:6379"], "--address needs --engine ray"),
        (["--merge", "--retry-failed"], "--merge processes nothing: give --retry-failed with --shard"),
    ],
)
def test_options_that_contradict_each_other_are_refused(label, arguments, said):
    Path("clips").mkdir()
    ran = label("clips", *arguments)
    assert (ran.code, said in " ".join(ran.err.split())) == (2, True), ran.err


def test_a_merged_table_is_compared_with_ground_truth(label, tmp_path):
    for index in (1, 2):
        label("clips", "--shard", f"{index}/2", copies=["a.mp4", "b.mp4", "c.mp4"])
    Path("truth.csv").write_text("video,label\na.mp4,left\nb.mp4,left\nc.mp4,right\n")
    ran = label("clips", "--merge", "--truth", "truth.csv")
    assert (ran.code, "top-1 66.7%" in ran.out) == (0, True), ran.err


@pytest.fixture
def extract(posec3d, monkeypatch, label):
    """Runs `extract-poses` with fake models where `label` put the clips."""
    monkeypatch.setattr("posec3d_cli.batch.pose_task.PoseTask", batch_fakes.PoseTask)
    return lambda *arguments: posec3d("extract-poses", "clips", "-o", "poses", "--workers", 1, *arguments)


def test_shards_of_poses_share_a_folder_that_needs_no_merge(label, extract, tmp_path):
    label("clips", copies=NAMES)
    journal = tmp_path / "journal.txt"
    journal.write_text("")
    assert {extract("--shard", f"{index}/3").code for index in (1, 2, 3)} == {0, 1}
    assert sorted(begun(tmp_path)) == NAMES
    made = sorted(path.relative_to("poses").as_posix() for path in Path("poses").rglob("*.npz"))
    assert made == ["a.npz", "c.npz", "empty.npz", "walk/d.npz", "walk/e.npz", "walk/f.npz"]
    assert shards_beside(Path("poses")) == [Shard(1, 3), Shard(2, 3), Shard(3, 3)]
    ran = extract("--merge", "--pyskl-pickle", "poses.pkl")
    assert (ran.code, sorted(begun(tmp_path))) == (1, NAMES), ran.err
    assert "poses.pkl holds 5 clips; without 1 video in which nobody was found" in ran.err
    assert "bug.mp4\tan unexpected error" in ran.out
    extract()
    assert sorted(begun(tmp_path)) == NAMES, "a run without shards resumes"
    assert extract("--shard", "1/3", "--pyskl-pickle", "x.pkl").code == 2
