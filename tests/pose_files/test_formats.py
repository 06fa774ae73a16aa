"""Every format that is read tells of the same person."""

from __future__ import annotations

import json

import numpy as np
import pose_file_factory as factory
import pytest

from posec3d_cli.errors import BadPoseFile
from posec3d_cli.pose_files import is_pose_file, read_pose_file
from posec3d_cli.skeletons import COCO_17


@pytest.fixture(params=factory.FORMATS)
def form(request):
    return request.param


@pytest.fixture
def path(form, tmp_path):
    return factory.FORMATS[form](tmp_path)


def test_every_format_is_recognised_without_reading_it(path, tmp_path):
    assert is_pose_file(path)
    assert is_pose_file(str(path))
    assert not is_pose_file(tmp_path)
    assert not is_pose_file(tmp_path / "walk.mp4")


def test_every_format_gives_the_same_joints(path):
    [clip] = read_pose_file(path)
    assert clip.video.path == path
    assert clip.skeleton is COCO_17
    assert clip.frame_indices.tolist() == list(range(factory.FRAMES))
    assert [len(found) for found in clip.detections] == [1] * factory.FRAMES
    for poses, places in zip(clip.poses, factory.keypoints(), strict=True):
        assert np.allclose(poses.keypoints[0], places, atol=0.01)


def test_every_format_gives_scores_boxes_and_identities(path, form):
    [clip] = read_pose_file(path)
    score = 1 if form in ("COCO annotations", "Sports2D") else 0.75
    for found, poses, who in zip(clip.detections, clip.poses, clip.track_ids, strict=True):
        assert np.allclose(poses.scores, score)
        assert who.tolist() == [0]
        (box,), keypoints = found.boxes, poses.keypoints[0]
        assert (box[:2] <= keypoints.min(axis=0) + 0.01).all()
        assert (box[2:] >= keypoints.max(axis=0) - 0.01).all()
        assert 0.7 < found.scores[0] <= 1


def test_size_and_rate_are_the_files_own_where_it_says_them(path, form):
    [clip] = read_pose_file(path)
    video, reach = clip.video, factory.keypoints().max(axis=(0, 1))
    if form in factory.SIZED:
        assert (video.width, video.height) == (factory.WIDTH, factory.HEIGHT)
    else:
        assert (video.width, video.height) == tuple(int(edge) + 1 for edge in np.ceil(reach))
    assert video.fps == (25 if form in factory.RATED else 30)
    assert video.frame_count == factory.FRAMES


def test_a_file_that_is_not_there_is_named(path):
    missing = path.with_name(f"missing{path.suffix}") if path.suffix else path.with_name("missing.json")
    with pytest.raises(BadPoseFile, match=r"missing.*No such file"):
        read_pose_file(missing)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ({}, "no known pose format"),
        ([], "holds no frame"),
        (3, "no known pose format"),
        (["text"], "no known pose format"),
        ({"people": []}, "one frame of OpenPose's"),
        ({"schema": "posec3d/prediction"}, "schema must be 'posec3d/poses'"),
    ],
)
def test_other_json_is_refused_with_the_way_to_the_formats(tmp_path, content, message):
    path = tmp_path / "other.json"
    path.write_text(json.dumps(content))
    with pytest.raises(BadPoseFile, match=message) as caught:
        read_pose_file(path)
    assert str(path) in caught.value.what
    assert caught.value.hint


@pytest.mark.parametrize("suffix", [".npz", ".json", ".pkl"])
@pytest.mark.parametrize("content", [b"", b"text", b"\xff\xfe", b"[" * 100_000])
def test_what_is_no_pose_file_at_all_is_refused(tmp_path, suffix, content):
    path = tmp_path / f"other{suffix}"
    path.write_bytes(content)
    with pytest.raises(BadPoseFile, match="is no readable"):
        read_pose_file(path)
