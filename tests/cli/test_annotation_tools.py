"""`posec3d annotations`: from a run of `label` to a tool, and from the tool to ground truth."""

from __future__ import annotations

import csv
import json
from pathlib import Path

import pytest
import saved_run
import video_factory

from posec3d_cli.batch.find import find
from posec3d_cli.evaluation.ground_truth import read_ground_truth
from posec3d_cli.pose_files import read_pose_file


def truth(path="truth.csv"):
    with Path(path).open(newline="", encoding="utf-8") as file:
        return list(csv.DictReader(file))


@pytest.fixture
def labeled(tmp_path, monkeypatch):
    """A table of three videos, of which one has nobody in it, and of a file that failed."""
    monkeypatch.chdir(tmp_path)

    def run(**more):
        saved_run.write(tmp_path / "labels.csv", **more)
        return "labels.csv"

    return run


@pytest.mark.parametrize(
    ("form", "output", "files"),
    [
        ("elan", "out", ["empty.eaf", "walk/a b.avi.eaf", "walk/a b.mp4.eaf"]),
        ("cvat", "out", ["empty.xml", "walk/a b.avi.xml", "walk/a b.mp4.xml"]),
        ("via", "out.json", ["out.json"]),
        ("label-studio", "out.json", ["out.json", "out.config.xml"]),
        ("srt", "out", ["empty.srt", "walk/a b.avi.srt", "walk/a b.mp4.srt"]),
        ("vtt", "out", ["empty.vtt", "walk/a b.avi.vtt", "walk/a b.mp4.vtt"]),
    ],
)
def test_a_table_is_exported_and_predictions_come_back_as_nothing_or_truth(posec3d, labeled, form, output, files):
    ran = posec3d("annotations", "export", labeled(), "-o", output, "--format", form)
    assert (ran.code, ran.out.splitlines()) == (0, files if output != "out" else [f"out/{file}" for file in files])
    assert "left out 1 that failed when they were labeled" in ran.err
    assert "2 segments of 3 videos" in ran.err
    if form in ("srt", "vtt"):
        return
    written = [Path(line) for line in ran.out.splitlines() if not line.endswith(".config.xml")]
    ran = posec3d("annotations", "import", *written, "-o", "truth.csv", "--format", form, "--root", "clips")
    assert (ran.code, ran.out) == (0, "truth.csv\n")
    rows = truth()
    assert [row["video"] for row in rows] == (
        [] if form == "label-studio" else ["clips/walk/a b.avi", "clips/walk/a b.mp4"]
    )
    assert {(row["start"], row["end"]) for row in rows} <= {("", "")}


def test_imported_ground_truth_is_what_label_measures_against(posec3d, labeled):
    posec3d("annotations", "export", labeled(), "-o", "out", "--format", "elan")
    assert posec3d("annotations", "import", "out/walk/a b.mp4.eaf", "-o", "truth.csv", "--root", "clips").code == 0
    assert read_ground_truth(Path("truth.csv"), find([Path("clips")])).labels == {"walk/a b.mp4": "run"}


def test_ground_truth_is_exported_as_annotations(posec3d, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    video_factory.write(tmp_path / "a.mp4", 20)
    Path("truth.csv").write_text("video,label,start,end,person\na.mp4,rock/paper,5,10,7\na.mp4,jump,,,\n")
    assert posec3d("annotations", "export", "truth.csv", "-o", "tasks.json", "--format", "label-studio").code == 0
    (task,) = json.loads(Path("tasks.json").read_text())
    assert "predictions" not in task
    assert posec3d("annotations", "import", "tasks.json", "-o", "back.csv", "--reviewer", "Ann").code == 0
    assert [(row["label"], row["start"], row["end"], row["person"], row["reviewer"]) for row in truth("back.csv")] == [
        ("jump", "", "", "", "Ann"), ("rock/paper", "5", "10", "7", "Ann"),
    ]  # fmt: skip


def test_a_video_that_a_format_cannot_hold_is_named_and_the_rest_is_written(posec3d, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    video_factory.write(tmp_path / "even.mp4", 20)
    video_factory.write(tmp_path / "uneven.mkv", 4, ticks=[0, 40, 300, 340])
    Path("truth.csv").write_text("video,label\neven.mp4,run\nuneven.mkv,run\ngone.mp4,run\n")
    ran = posec3d("annotations", "export", "truth.csv", "-o", "tasks.json", "--format", "label-studio")
    assert ran.code == 1
    assert "failed: uneven.mkv: Label Studio numbers frames by one constant rate" in ran.err
    assert "failed: gone.mp4: there is no file 'gone.mp4'" in ran.err
    assert [task["data"]["posec3d_id"] for task in json.loads(Path("tasks.json").read_text())] == ["even.mp4"]


def test_boxes_of_pose_files_become_tracks(posec3d, labeled):
    table = labeled(person=0, poses="poses")
    (track,) = {int(one) for ids in read_pose_file("poses/walk/a b.mp4.npz")[0].track_ids for one in ids}
    assert track == 0
    Path("clips/empty.mp4").unlink()
    ran = posec3d("annotations", "export", table, "-o", "out", "--format", "cvat", "--poses", "poses")
    assert ran.code == 1
    assert "failed: empty.mp4" in ran.err
    text = Path("out/a b.mp4.xml").read_text()
    assert '<attribute name="action">' in text
    assert '<attribute name="person">0</attribute>' in text
    assert posec3d("annotations", "import", "out/a b.mp4.xml", "-o", "t.csv", "--root", "clips").code == 0
    assert [(row["person"], row["label"]) for row in truth("t.csv")] == [("0", "run")]


def test_nothing_that_is_there_is_replaced_unasked(posec3d, labeled):
    table = labeled()
    assert posec3d("annotations", "export", table, "-o", "out", "--format", "srt").code == 0
    ran = posec3d("annotations", "export", table, "-o", "out", "--format", "srt")
    assert ran.code == 1
    assert "is already there" in ran.err
    assert posec3d("annotations", "export", table, "-o", "out", "--format", "srt", "--overwrite").code == 0


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (("export", "labels.csv", "-o", "out"), "its name does not tell the format"),
        (("export", "labels.csv", "-o", "out.txt", "--format", "via"), "via writes a .json file, got out.txt"),
        (("export", "labels.csv", "-o", "one.srt"), "one.srt would hold one video, and there are 3"),
        (("export", "labels.csv", "-o", "o", "--format", "srt", "--poses", "p"), "--poses is for --format cvat"),
        (("export", "gone.csv", "-o", "out", "--format", "srt"), "there is no file gone.csv"),
        (("import", "gone.eaf", "-o", "t.csv"), "there is no file gone.eaf"),
        (("import", "a.srt", "-o", "t.csv"), "a.srt holds subtitles, which are written and not read"),
    ],
)
def test_wrong_usage_is_told(posec3d, labeled, arguments, says):
    labeled()
    Path("a.srt").write_text("1\n")
    ran = posec3d("annotations", *arguments)
    assert ran.code in (1, 2)
    assert says in ran.err


def test_a_file_without_its_video_is_named_and_others_are_read(posec3d, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    for name in ("a", "b"):
        video_factory.write(tmp_path / f"{name}.mp4", 20)
    Path("truth.csv").write_text("video,label\na.mp4,run\nb.mp4,run\n")
    assert posec3d("annotations", "export", "truth.csv", "-o", ".", "--format", "elan").code == 0
    Path("b.mp4").unlink()
    Path("c.eaf").write_text("no")
    ran = posec3d("annotations", "import", "a.eaf", "b.eaf", "c.eaf", "-o", "back.csv")
    assert ran.code == 1
    assert "failed: b.mp4: it names 'b.mp4'" in ran.err
    assert "failed: c.eaf: it is no XML" in ran.err
    assert [row["video"] for row in truth("back.csv")] == ["a.mp4"]


def test_a_person_who_is_no_track_is_nobody_in_particular(posec3d, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    video_factory.write(tmp_path / "a.mp4", 20)
    Path("truth.csv").write_text("video,label,start,end,person\na.mp4,run,1,3,7\n")
    posec3d("annotations", "export", "truth.csv", "-o", "x.eaf")
    Path("x.eaf").write_text(Path("x.eaf").read_text().replace('PARTICIPANT="7"', 'PARTICIPANT="Ann"'))
    ran = posec3d("annotations", "import", "x.eaf", "-o", "back.csv")
    assert ran.code == 0
    assert "a.mp4: 'Ann' is no track id of a person, so that its segments are about everybody" in ran.err
    assert [row["person"] for row in truth("back.csv")] == [""]


def test_two_files_about_one_video_are_never_merged(posec3d, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    video_factory.write(tmp_path / "a.mp4", 20)
    for name, label in (("x", "run"), ("y", "jump")):
        Path("truth.csv").write_text(f"video,label\na.mp4,{label}\n")
        posec3d("annotations", "export", "truth.csv", "-o", f"{name}.eaf")
    ran = posec3d("annotations", "import", "x.eaf", "y.eaf", "-o", "back.csv")
    assert ran.code == 1
    assert "failed: a.mp4: x.eaf is about the same video; import them one by one, and choose" in ran.err
    assert [row["label"] for row in truth("back.csv")] == ["run"]


def test_a_video_alone_may_have_the_name_of_the_file(posec3d, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    video_factory.write(tmp_path / "a.mp4", 20)
    Path("truth.csv").write_text("video,label\na.mp4,run\n")
    assert posec3d("annotations", "export", "truth.csv", "-o", "x.eaf").out == "x.eaf\n"


def test_a_name_that_leads_out_of_the_folder_does_not(posec3d, tmp_path, monkeypatch):
    (tmp_path / "w").mkdir()
    monkeypatch.chdir(tmp_path / "w")
    video_factory.write(tmp_path / "a.mp4", 20)
    Path("truth.csv").write_text(f"video,label\n../a.mp4,run\n{tmp_path}/a.mp4,jump\n")
    ran = posec3d("annotations", "export", "truth.csv", "-o", "out", "--format", "srt")
    assert all(line.startswith("out/") for line in ran.out.splitlines())
