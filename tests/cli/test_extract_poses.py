"""`posec3d extract-poses`, with stages of a few lines in the process that reads the videos."""

from __future__ import annotations

import pickle
import shutil
from pathlib import Path

import batch_fakes
import numpy as np
import pytest
import video_factory

from posec3d_cli.config import MOST_DETECT_EVERY, PipelineConfig
from posec3d_cli.datasets.pyskl import read_dataset_pickle
from posec3d_cli.pose_files import read_pose_file


@pytest.fixture
def extract(posec3d, monkeypatch, tmp_path, clip):
    """Runs `extract-poses` with fake models in a folder of its own; `copies` names the videos to put into `clips/`."""
    monkeypatch.setattr("posec3d_cli.batch.pose_task.PoseTask", batch_fakes.PoseTask)
    monkeypatch.setenv("FAKE_JOURNAL", str(tmp_path / "journal.txt"))
    monkeypatch.chdir(tmp_path)

    def run(*arguments, copies=()):
        for name in copies:
            path = tmp_path / "clips" / name
            path.parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(clip, path)
        (tmp_path / "journal.txt").write_text("")
        output = () if "-o" in arguments else ("-o", "poses")
        return posec3d("extract-poses", "clips", *output, *arguments)

    return run


def files(folder):
    return sorted(path.relative_to(folder).as_posix() for path in Path(folder).rglob("*") if path.is_file())


def begun(tmp_path):
    return (tmp_path / "journal.txt").read_text().split()


def test_every_video_becomes_a_file_in_folders_like_theirs(extract, tmp_path):
    ran = extract(copies=["walk/a.mp4", "empty.mp4", "bug.mp4"])
    assert ran.code == 1
    assert files("poses") == ["empty.npz", "walk/a.npz"]
    assert ran.out.splitlines() == [
        *("status\tvideos", "failed\t1", "no_person\t1", "ok\t1", "", "failed\twhy"),
        "bug.mp4\tan unexpected error, ZeroDivisionError: one by nothing",
    ]
    [clip] = read_pose_file(Path("poses/walk/a.npz"))
    assert clip.frame_indices.tolist() == list(range(20))
    Path("poses/empty.npz").unlink()
    extract()
    assert begun(tmp_path) == ["empty.mp4"]
    assert files("poses") == ["empty.npz", "walk/a.npz"]


@pytest.mark.parametrize("form", ["json", "pkl"])
def test_the_form_of_the_files_can_be_chosen(extract, form):
    assert extract("--format", form, copies=["a.mp4"]).code == 0
    assert files("poses") == [f"a.{form}"]
    assert len(read_pose_file(Path(f"poses/a.{form}"))[0]) == 20


def test_the_options_are_asked_of_the_extractor(extract, monkeypatch):
    made = []
    plain = batch_fakes.PoseTask

    def task(config, *rest):
        made.append(config)
        return plain(config, *rest)

    monkeypatch.setattr("posec3d_cli.batch.pose_task.PoseTask", task)
    task.kinds = plain.kinds
    extract("--detector", "whole-frame", "--detect-every", 3, "--max-people", 2, copies=["a.mp4"])
    settings = {"max_people": 2}
    assert made == [PipelineConfig(detector="whole-frame", detect_every=3, detector_settings=settings, cache_dir=None)]


def test_a_dataset_pickle_holds_what_trainings_read(extract):
    ran = extract("--pyskl-pickle", "poses.pkl", copies=["walk/a.mp4", "run/b.mp4", "run/empty.mp4", "run/bug.mp4"])
    assert ran.code == 1
    assert "note:  poses.pkl holds 2 clips; without 1 video in which nobody was found" in ran.err
    content = pickle.loads(Path("poses.pkl").read_bytes())
    assert content["split"] == {"all": ["run/b.mp4", "walk/a.mp4"]}
    first = content["annotations"][0]
    assert {key: value for key, value in first.items() if not isinstance(value, np.ndarray)} == {
        "frame_dir": "run/b.mp4",
        "label": 0,
        "total_frames": 20,
        "img_shape": (48, 80),
        "original_shape": (48, 80),
    }
    assert (first["keypoint"].shape, first["keypoint_score"].shape) == ((1, 20, 17, 2), (1, 20, 17))
    assert [labeled_clip.label for labeled_clip in read_dataset_pickle(Path("poses.pkl"))] == ["run", "walk"]
    assert [clip.video.path.name for clip in read_pose_file(Path("poses.pkl"))] == ["b.mp4", "a.mp4"]


def test_a_table_labels_the_dataset_pickle_and_splits_it(extract, tmp_path):
    Path("labels.csv").write_text("video,label,split\na.mp4,walk,train\nb.mp4,run,val\n")
    assert extract("--pyskl-pickle", "poses.pkl", "--labels", "labels.csv", copies=["a.mp4", "b.mp4"]).code == 0
    assert pickle.loads(Path("poses.pkl").read_bytes())["split"] == {"train": ["a.mp4"], "val": ["b.mp4"]}
    assert [labeled_clip.label for labeled_clip in read_dataset_pickle(Path("poses.pkl"), "val")] == ["run"]
    Path("labels.csv").write_text("video,label\na.mp4,walk\nb.mp4,run\n")
    assert extract("--pyskl-pickle", "poses.pkl", "--labels", "labels.csv").code == 0
    assert begun(tmp_path) == [], "a pack needs no pose done again"
    assert list(pickle.loads(Path("poses.pkl").read_bytes())["split"]) == ["all"]
    ran = extract("--pyskl-pickle", "poses.pkl", "--labels", "labels.csv", copies=["c.mp4"])
    assert (ran.code, begun(tmp_path)) == (1, [])
    assert "labels.csv has no label for 1 of 3 videos, the first is 'c.mp4'" in ran.err


def test_splits_that_get_lost_are_said(extract):
    Path("labels.csv").write_text("video;label;split\na.mp4;walk;train\nempty.mp4;run;val\nb.mp4;run;\n")
    command = ("--pyskl-pickle", "poses.pkl", "--labels", "labels.csv")
    ran = extract(*command, copies=["a.mp4", "empty.mp4", "b.mp4"])
    assert pickle.loads(Path("poses.pkl").read_bytes())["split"] == {"train": ["a.mp4"], "all": ["b.mp4"]}
    assert "warning: poses.pkl: the split val is empty and left out" in ran.err
    assert "1 clip in no split but all" in ran.err


def test_folders_that_are_called_like_splits_are_said(extract):
    ran = extract("--pyskl-pickle", "poses.pkl", copies=["train/a.mp4", "val/b.mp4"])
    assert "train, val are taken for labels and not for splits" in ran.err


def test_a_table_that_says_two_things_of_a_video_is_refused(extract):
    Path("labels.csv").write_text("video,label\na.mp4,walk\nclips/a.mp4,run\n")
    ran = extract("--pyskl-pickle", "poses.pkl", "--labels", "labels.csv", copies=["a.mp4"])
    assert ran.code == 1
    assert "line 3 gives 'clips/a.mp4' the label and split ('run', ''), and an earlier line ('walk', '')" in " ".join(
        ran.err.split()
    )


def test_videos_in_no_folder_are_not_labelled(extract):
    extract("--pyskl-pickle", "poses.pkl", copies=["a.mp4", "walk/b.mp4"])
    assert [one["label"] for one in pickle.loads(Path("poses.pkl").read_bytes())["annotations"]] == [-1, -1]


@pytest.mark.parametrize(
    ("arguments", "code", "said"),
    [
        (["--labels", "labels.csv"], 2, "--labels needs --pyskl-pickle"),
        (["--pyskl-pickle", "poses.npz"], 2, "--pyskl-pickle writes .pkl files"),
        (["--pyskl-pickle", "none/poses.pkl"], 1, "there is no folder none"),
        (["--pyskl-pickle", "clips.pkl"], 1, "is a folder"),
        (["-o", "clips/a.mp4"], 1, "is a file"),
        (["-o", "none/poses"], 1, "there is no folder none"),
        (["-o", "clips"], 2, "clips is searched for videos"),
        (["-o", "mine"], 1, "mine is not empty"),
        (["--detect-every", "0"], 2, "--detect-every"),
        (["--detect-every", str(MOST_DETECT_EVERY + 1)], 2, "--detect-every"),
        (["--format", "txt"], 2, "--format"),
    ],
)
def test_what_cannot_work_is_refused_before_anything_is_done(extract, tmp_path, arguments, code, said):
    Path("clips.pkl").mkdir()
    Path("mine").mkdir()
    Path("mine/notes.txt").touch()
    ran = extract(*arguments, copies=["a.mp4"])
    assert (ran.code, ran.out, begun(tmp_path)) == (code, "", [])
    assert said in " ".join(ran.err.split())


def test_people_may_be_looked_for_in_as_few_frames_as_there_is_room_to_hold(extract):
    assert extract("--detect-every", str(MOST_DETECT_EVERY), copies=["a.mp4"]).code == 0


def test_frames_that_are_lost_to_damage_are_said(extract, tmp_path, clip):
    (tmp_path / "clips").mkdir()
    video_factory.zeroed(clip, tmp_path / "clips" / "middle.mp4", range(9, 11))
    ran = extract(copies=["good.mp4"])
    assert ran.code == 0
    assert "note:  middle.mp4: 2 frames could not be decoded and have no poses" in ran.err.splitlines()
    assert "good.mp4" not in ran.err


def test_a_dataset_pickle_that_is_not_of_this_run_is_replaced_only_if_that_is_said(extract, tmp_path):
    Path("poses.pkl").write_bytes(b"mine")
    ran = extract("--pyskl-pickle", "poses.pkl", copies=["a.mp4"])
    assert (ran.code, begun(tmp_path), Path("poses.pkl").read_bytes()) == (1, [], b"mine")
    assert "poses.pkl is already there, and this run did not write it" in ran.err
    assert extract("--pyskl-pickle", "poses.pkl", "--overwrite").code == 0
    assert extract("--pyskl-pickle", "poses.pkl", copies=["b.mp4"]).code == 0, "a run replaces what it wrote"
    assert len(pickle.loads(Path("poses.pkl").read_bytes())["annotations"]) == 2
    Path("poses.pkl").write_bytes(b"mine")
    assert extract("--pyskl-pickle", "poses.pkl").code == 1
    assert [path.name for path in Path.cwd().iterdir() if path.name.startswith(".")] == []


def test_pose_files_that_are_not_of_this_run_are_replaced_only_if_that_is_said(extract, tmp_path):
    assert extract(copies=["a.mp4"]).code == 0
    Path("poses/b.npz").write_bytes(b"mine")
    ran = extract(copies=["b.mp4"])
    assert (ran.code, begun(tmp_path), Path("poses/b.npz").read_bytes()) == (1, [], b"mine")
    assert "b.npz is already there" in ran.err
    assert extract("--overwrite").code == 0
    assert len(read_pose_file(Path("poses/b.npz"))[0]) == 20
    Path("filled").mkdir()
    Path("filled/notes.txt").touch()
    assert "filled is not empty" in extract("-o", "filled").err
    assert extract("-o", "filled", "--overwrite").code == 0
    assert files("filled") == ["a.npz", "b.npz", "notes.txt"]


def keypoints(name):
    [clip] = read_pose_file(Path("poses", name))
    return np.concatenate([shape.keypoints for shape in clip.poses])


def test_workers_may_be_several_or_one_and_give_the_same_files(extract, tmp_path):
    assert extract("--workers", 2, copies=["a.mp4", "b.mp4", "c.mp4"]).code == 0
    assert sorted(begun(tmp_path)) == ["a.mp4", "b.mp4", "c.mp4"]
    together = {name: keypoints(name) for name in files("poses")}
    shutil.rmtree("poses")
    Path("poses.state.sqlite").unlink()
    assert extract("--workers", 1).code == 0
    assert begun(tmp_path) == ["a.mp4", "b.mp4", "c.mp4"]
    assert list(together) == files("poses")
    for name, expected in together.items():
        np.testing.assert_array_equal(keypoints(name), expected)
    assert extract("--workers", 0).code == 2
