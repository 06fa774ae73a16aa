"""What posec3d made itself is known wherever it lies, and what people give is not taken for it."""

from __future__ import annotations

import json
import shutil
from fractions import Fraction
from pathlib import Path

import numpy as np
import pose_file_factory as factory
import pytest
import video_factory

from posec3d_cli.batch.find import find
from posec3d_cli.batch.own import without_own
from posec3d_cli.datasets.folders import labeled_videos
from posec3d_cli.datasets.write_pickle import Labels, write_dataset_pickle
from posec3d_cli.errors import BadDataset, InputError
from posec3d_cli.files.marks import MARK, is_annotated
from posec3d_cli.pose_files import write_pose_file
from posec3d_cli.pose_files.origin import sources_of
from posec3d_cli.results import VideoPoses
from posec3d_cli.skeletons import COCO_17
from posec3d_cli.types import VideoInfo
from posec3d_cli.video import VideoWriter


@pytest.fixture
def clips(tmp_path, clip):
    for name in ("walk/a.mp4", "b.avi"):
        (tmp_path / "clips" / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(clip, tmp_path / "clips" / name)
    return tmp_path / "clips"


def poses_of(video, path):
    info = VideoInfo(video, 640, 480, Fraction(25), 1, 0.04, "h264", 0, 0, False)
    write_pose_file(VideoPoses(info, np.zeros(0, np.int64), (), (), (), COCO_17), path, path.suffix)


def annotated(path, comment=MARK):
    path.parent.mkdir(exist_ok=True)
    with VideoWriter(path, fps=Fraction(25), size=(80, 48), comment=comment) as out:
        for _ in range(3):
            out.write(np.zeros((48, 80, 3), np.uint8))


def labelled(folder):
    said = []
    return [one.name.partition("/")[2] for one in labeled_videos(folder, say=said.append)], said


def test_what_posec3d_made_of_the_clips_of_a_training_folder_is_no_clip(clips):
    shutil.move(clips / "b.avi", clips / "walk")
    annotated(clips / "drawn" / "a.mp4")
    (clips / "poses").mkdir()
    poses_of(clips / "walk" / "a.mp4", clips / "poses" / "a.npz")
    (clips / "model").mkdir()
    (clips / "model" / "training.json").write_text(json.dumps({"schema": "posec3d/training", "version": 1}))
    found, said = labelled(clips)
    assert found == ["walk/a.mp4", "walk/b.avi"]
    made = "drawn/a.mp4, model/training.json, poses/a.npz"
    assert said == [f"{clips}: 3 files that posec3d made are left out: {made}; a table may name them"]
    (clips / "walk" / "a.mp4").unlink()
    assert labelled(clips)[0] == ["poses/a.npz", "walk/b.avi"], "poses without their video are a clip"


def test_a_training_folder_of_nothing_else_has_no_clips(tmp_path):
    annotated(tmp_path / "walk" / "a.mp4")
    with pytest.raises(BadDataset, match=r"1 file that posec3d made is left out: walk/a\.mp4"):
        labeled_videos(tmp_path)


def names(*paths, **options):
    done, own = without_own(find(paths, poses=True, **options))
    return [one.name for one in done], [one.name for one in own]


@pytest.mark.parametrize("suffix", [".npz", ".json", ".pkl"])
def test_pose_files_are_left_out_where_their_video_is_done_whatever_they_are_called(clips, suffix):
    poses_of(clips / "walk" / "a.mp4", clips / f"some poses{suffix}")
    assert names(clips) == (["b.avi", "walk/a.mp4"], [f"some poses{suffix}"])
    assert names(clips, clips / f"some poses{suffix}")[1] == [], "what is named itself is done"
    (clips / "walk" / "a.mp4").rename(clips / "a.mp4")
    assert names(clips)[1] == [f"some poses{suffix}"], "also where the video has moved"
    (clips / "a.mp4").unlink()
    assert names(clips) == (["b.avi", f"some poses{suffix}"], []), "and not where it is gone"


def test_a_dataset_pickle_is_left_out_where_all_of_its_videos_are_done(clips, tmp_path):
    videos = [clips / "walk" / "a.mp4", clips / "b.avi"]
    factory.ours(tmp_path, ".npz")
    files = [("a", tmp_path / "ours.npz"), ("b", tmp_path / "ours.npz")]
    write_dataset_pickle(clips / "all.pkl", files, Labels({}, {}), videos=videos)
    assert names(clips)[1] == ["all.pkl"]
    (clips / "b.avi").unlink()
    assert names(clips)[1] == []


def test_pose_files_of_others_and_those_that_do_not_say_are_done(clips):
    factory.ours(clips, ".npz")
    (clips / "b.avi.json").write_text(json.dumps({"schema": "posec3d/poses", "version": 1, "frames": []}))
    (clips / "broken.npz").write_bytes(b"PK\x03\x04")
    (clips / "broken.pkl").write_bytes(b"\x80\x04posec3d/poses")
    (clips / "list.json").write_text("[]")
    (clips / "strange.json").write_text('{"schema": "posec3d/poses", "version": 1, "sources": {"b.avi": "x"}}')
    assert names(clips)[1] == []


def test_annotated_videos_are_known_by_their_mark_and_answers_by_their_schema(clips):
    annotated(clips / "drawn.mp4")
    annotated(clips / "plain.mp4", "a holiday")
    video_factory.write(clips / "other.mov", 3)
    (clips / "answers.json").write_text(
        json.dumps({"schema": "posec3d/prediction", "version": 2, "videos": []}, indent=2)
    )
    for name in ("evaluation", "training"):
        (clips / f"{name}.json").write_text(json.dumps({"schema": f"posec3d/{name}", "version": 1}))
    assert names(clips)[1] == ["answers.json", "drawn.mp4", "evaluation.json", "training.json"]
    assert "drawn.mp4" in names(clips, clips / "drawn.mp4")[0]


def test_damaged_and_odd_files_are_not_taken_for_ours(tmp_path):
    for name, content in (
        ("empty.mp4", b""),
        ("text.mp4", b"no video" * 9),
        ("loop.mp4", bytes(4) + b"moov" + b"x" * 40),
    ):
        (tmp_path / name).write_bytes(content)
        assert not is_annotated(tmp_path / name)
    (tmp_path / "folder.mp4").mkdir()
    assert not is_annotated(tmp_path / "folder.mp4")
    assert not is_annotated(tmp_path / "none.mp4")
    annotated(tmp_path / "drawn.mp4")
    whole = (tmp_path / "drawn.mp4").read_bytes()
    (tmp_path / "cut.mp4").write_bytes(whole[: whole.index(b"udta")])
    assert not is_annotated(tmp_path / "cut.mp4")
    assert sources_of(tmp_path / "none.npz") == sources_of(Path("a.txt")) == []


def test_a_folder_that_holds_nothing_else_is_said(tmp_path):
    annotated(tmp_path / "drawn.mp4")
    with pytest.raises(InputError, match="posec3d made all of these files"):
        names(tmp_path)
    assert names(tmp_path / "drawn.mp4")[0] == ["drawn.mp4"]
