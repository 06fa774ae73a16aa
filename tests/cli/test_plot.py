"""`posec3d plot`: pictures of timelines, numbers of poses."""

from __future__ import annotations

import csv
import json
from dataclasses import replace
from pathlib import Path
from xml.etree import ElementTree

import cv2
import numpy as np
import pose_file_factory
import pytest
import saved_run
from matplotlib.axes import Axes

from posec3d_cli.output.poses import save_poses
from posec3d_cli.output.timeline_plot import Bar, colors_of, plot_timeline
from posec3d_cli.skeletons import COCO_17
from posec3d_cli.transforms.angles import angles_of
from posec3d_cli.types import Detections, Poses


@pytest.fixture
def poses(tmp_path):
    video = pose_file_factory.video_poses(tmp_path / "a.mp4", 12)
    save_poses(video, tmp_path / "a.npz")
    return tmp_path / "a.npz", video


def read(path):
    with Path(path).open(newline="") as file:
        return list(csv.DictReader(file))


def test_poses_become_a_line_per_joint(posec3d, poses, tmp_path):
    file, video = poses
    assert posec3d("plot", file, "-o", tmp_path / "a.csv").code == 0
    rows = read(tmp_path / "a.csv")
    assert list(rows[0]) == ["frame", "time", "person", "joint", "x", "y", "score"]
    seen = sum(int((one.scores[ids >= 0] > 0).sum()) for one, ids in zip(video.poses, video.track_ids, strict=True))
    assert len(rows) == seen > 0
    first = rows[0]
    place = video.skeleton.joints.index(first["joint"])
    row = int(np.flatnonzero(video.track_ids[0] == int(first["person"]))[0])
    assert float(first["x"]) == pytest.approx(float(video.poses[0].keypoints[row, place, 0]), abs=0.01)
    again = posec3d("plot", file, "-o", tmp_path / "a.csv")
    assert (again.code, "already there" in again.err) == (1, True)


def test_joint_angles_become_numbers_or_a_picture(posec3d, poses, tmp_path):
    file, _ = poses
    assert posec3d("plot", file, "-o", tmp_path / "angles.csv", "--angles").code == 0
    assert list(read(tmp_path / "angles.csv")[0]) == ["frame", "time", "person", "angle", "degrees"]
    assert posec3d("plot", file, "-o", tmp_path / "angles.png", "--angles").code == 0
    assert cv2.imread(str(tmp_path / "angles.png")) is not None
    ran = posec3d("plot", file, "-o", tmp_path / "poses.png")
    assert (ran.code, "with --angles also a picture" in ran.err) == (2, True)


@pytest.fixture
def gapped(tmp_path):
    """Poses of ten frames: the left wrist is only guessed in frame 3, and nobody is there in frames 6 and 7."""
    clip = pose_file_factory.video_poses(tmp_path / "a.mp4", 10)
    poses = [Poses(one.keypoints, one.scores.copy()) for one in clip.poses]
    poses[3].scores[:, COCO_17.joints.index("left_wrist")] = 0.1
    for frame in (6, 7):
        poses[frame] = Poses.none(17)
    found = [Detections.none() if frame in (6, 7) else one for frame, one in enumerate(clip.detections)]
    ids = [np.zeros(0, np.int64) if frame in (6, 7) else one for frame, one in enumerate(clip.track_ids)]
    clip = replace(clip, poses=tuple(poses), detections=tuple(found), track_ids=tuple(ids))
    save_poses(clip, tmp_path / "gapped.npz")
    return tmp_path / "gapped.npz"


def test_the_angle_of_a_guessed_joint_is_an_empty_cell_and_a_gap(posec3d, gapped, tmp_path, monkeypatch):
    assert posec3d("plot", gapped, "-o", tmp_path / "angles.csv", "--angles").code == 0
    rows = read(tmp_path / "angles.csv")
    empty = {(row["frame"], row["angle"]) for row in rows if row["degrees"] == ""}
    assert empty == {("3", "left_elbow")}
    assert len(rows) == 8 * 8, "eight angles in eight frames with a person"
    curves = {}
    plot = Axes.plot

    def drawn(axes, seconds, degrees, **style):
        curves[len(curves)] = np.stack([seconds, degrees], axis=1)
        return plot(axes, seconds, degrees, **style)

    monkeypatch.setattr(Axes, "plot", drawn)
    assert posec3d("plot", gapped, "-o", tmp_path / "angles.png", "--angles").code == 0
    elbow, other = (curves[list(angles_of(COCO_17)).index(name)] for name in ("left_elbow", "right_knee"))
    assert np.flatnonzero(np.isnan(other[:, 1])).tolist() == [6], "a gap in place of frames 6 and 7"
    assert np.flatnonzero(np.isnan(elbow[:, 1])).tolist() == [3, 6]


def test_each_video_of_a_table_has_a_picture_in_a_folder(posec3d, tmp_path):
    table = saved_run.write(tmp_path / "labels.csv", person=2)
    ran = posec3d("plot", table, "-o", tmp_path / "plots")
    assert ran.code == 0, ran.err
    made = sorted(path.relative_to(tmp_path / "plots").as_posix() for path in (tmp_path / "plots").rglob("*.png"))
    assert made == ["empty.png", "walk/a b.avi.png", "walk/a b.mp4.png"]
    ran = posec3d("plot", table, "-o", tmp_path / "all.png")
    assert (ran.code, "3 videos need a folder" in ran.err) == (2, True)


def test_one_video_is_one_file_of_any_kind(posec3d, tmp_path):
    entry = saved_run.result(tmp_path, "a.mp4", (0, 12, ("run", 0.75)), (8, 20, ("jump", 0.5)), person=2).to_dict()
    document = {"schema": "posec3d/prediction", "version": 2, "pipeline": {}, "videos": [entry]}
    (tmp_path / "a.json").write_text(json.dumps(document))
    for suffix in ("png", "svg", "html"):
        assert posec3d("plot", tmp_path / "a.json", "-o", tmp_path / f"a.{suffix}").code == 0
    assert ElementTree.parse(tmp_path / "a.svg").getroot().tag.endswith("svg")
    page = (tmp_path / "a.html").read_text()
    assert "person 2: run from 0.0 to 0.4, 75 %" in page
    assert "<svg" in page


def test_a_bar_has_the_color_of_its_label_and_odd_names_are_text(tmp_path):
    bars = [Bar("person <0>", "$x$ & y", 0, 5, 0.9), Bar("person <0>", "unknown", 5, 10), Bar("b", "walk", 2, 8)]
    plot_timeline(bars, 10, "a <b>.mp4", tmp_path / "a.png")
    image = cv2.imread(str(tmp_path / "a.png"))[..., ::-1].astype(int)
    for color in colors_of([bar.label for bar in bars]).values():
        wanted = [int(color[place : place + 2], 16) for place in (1, 3, 5)]
        assert (np.abs(image - wanted).sum(axis=-1) < 12).any()
    plot_timeline(bars, 10, "a <b>.mp4", tmp_path / "a.html")
    assert "a &lt;b&gt;.mp4" in (tmp_path / "a.html").read_text()
