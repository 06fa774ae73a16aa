"""What `save_poses` writes is read back as it was."""

from __future__ import annotations

import json
import pickle
from fractions import Fraction
from pathlib import Path

import numpy as np
import pose_file_factory as factory
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from posec3d_cli.pose_files import read_pose_file, write_pose_file, written_suffixes
from posec3d_cli.results import VideoPoses
from posec3d_cli.skeletons import COCO_17
from posec3d_cli.types import Detections, Poses, VideoInfo


@st.composite
def clips(draw):
    """Any clip: frames left out, people who come and go, duplicates, joints that were not found."""
    indices = sorted(draw(st.sets(st.integers(0, 50), min_size=1, max_size=6)))
    count = indices[-1] + 1 + draw(st.integers(0, 9))
    fps = Fraction(draw(st.integers(1, 60000)), draw(st.sampled_from([1, 1000, 1001])))
    fps = min(max(fps, Fraction(1, 10)), Fraction(1000))
    generator = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    detections, poses, track_ids = [], [], []
    for _ in indices:
        who = draw(st.sets(st.integers(0, 5), max_size=3))
        who = np.array([*generator.permutation(list(who)), *[-1] * draw(st.integers(0, 1))], np.int64)
        corner = generator.uniform(-20, 600, (len(who), 2))
        boxes = np.concatenate([corner, corner + generator.uniform(0, 300, corner.shape)], axis=1).astype(np.float32)
        scores = (generator.uniform(0, 1, (len(who), 17)) * generator.integers(0, 2, (len(who), 17))).astype(np.float32)
        keypoints = generator.uniform(-20, 900, (len(who), 17, 2)) * (scores > 0)[..., None]
        detections.append(Detections(boxes, generator.uniform(0, 1, len(who)).astype(np.float32)))
        poses.append(Poses(keypoints.astype(np.float32), scores))
        track_ids.append(who)
    info = VideoInfo(Path("walk.mp4"), 640, 480, fps, count, float(count / fps), "h264", 0, 0, False)
    parts = (np.array(indices, np.int64), tuple(detections), tuple(poses), tuple(track_ids))
    return VideoPoses(info, *parts, COCO_17)


def assert_same(before, after, rows):
    """Compare two clips frame by frame, `rows` picking and ordering people by their identities."""
    assert (after.video.fps, after.video.frame_count) == (before.video.fps, before.video.frame_count)
    assert (after.video.width, after.video.height) == (before.video.width, before.video.height)
    assert np.array_equal(after.frame_indices, before.frame_indices)
    for column in range(len(before)):
        old, new = rows(before.track_ids[column]), rows(after.track_ids[column])
        assert np.array_equal(before.track_ids[column][old], after.track_ids[column][new])
        assert np.array_equal(before.detections[column].boxes[old], after.detections[column].boxes[new])
        assert np.array_equal(before.detections[column].scores[old], after.detections[column].scores[new])
        assert np.array_equal(before.poses[column].keypoints[old], after.poses[column].keypoints[new])
        assert np.array_equal(before.poses[column].scores[old], after.poses[column].scores[new])


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return tmp_path_factory.mktemp("written")


@pytest.mark.parametrize("suffix", [".npz", ".json"])
@settings(deadline=None, max_examples=40)
@given(clip=clips())
def test_archives_and_documents_come_back_exactly(folder, suffix, clip):
    path = folder / f"clip{suffix}"
    write_pose_file(clip, path, suffix)
    [read] = read_pose_file(path)
    assert_same(clip, read, lambda who: np.arange(len(who)))


@settings(deadline=None, max_examples=40)
@given(clip=clips())
def test_dataset_pickles_come_back_but_for_the_order_of_people_and_for_duplicates(folder, clip):
    path = folder / "clip.pkl"
    write_pose_file(clip, path, ".pkl")
    [read] = read_pose_file(path)
    assert_same(clip, read, lambda who: [row for row in np.argsort(who) if who[row] >= 0])


def test_a_dataset_pickle_is_what_pyskl_and_mmaction2_expect(folder):
    write_pose_file(factory.video_poses(), folder / "walk.pkl", ".pkl")
    pyskl_pickle = pickle.loads((folder / "walk.pkl").read_bytes())
    (annotation,) = pyskl_pickle["annotations"]
    assert pyskl_pickle["split"] == {"all": [annotation["frame_dir"]]}
    assert annotation["frame_dir"] == "walk"
    assert annotation["total_frames"] == annotation["keypoint"].shape[1] == factory.FRAMES
    assert annotation["keypoint"].shape == (1, factory.FRAMES, 17, 2)
    assert annotation["keypoint_score"].shape == (1, factory.FRAMES, 17)
    assert annotation["img_shape"] == (factory.HEIGHT, factory.WIDTH)
    assert annotation["label"] == -1


def test_a_document_is_plain_json(folder):
    clip = factory.video_poses()
    clip.poses[0].keypoints[0, 3] = np.nan
    write_pose_file(clip, folder / "walk.json", ".json")
    document = json.loads((folder / "walk.json").read_text(), parse_constant=pytest.fail)
    assert (document["schema"], document["version"]) == ("posec3d/poses", 1)
    assert document["frames"][0]["people"][0]["keypoints"][3][:2] == [None, None]
    [read] = read_pose_file(folder / "walk.json")
    assert read.poses[0].scores[0, 3] == 0


@pytest.mark.parametrize("suffix", written_suffixes())
def test_nobody_at_all_comes_back_as_nobody(folder, suffix):
    clip = factory.video_poses()
    nobody = (Detections.none(),) * len(clip), (Poses.none(17),) * len(clip), (np.zeros(0, np.int64),) * len(clip)
    write_pose_file(VideoPoses(clip.video, clip.frame_indices, *nobody, COCO_17), folder / f"no{suffix}", suffix)
    [read] = read_pose_file(folder / f"no{suffix}")
    assert [len(found) for found in read.detections] == [0] * factory.FRAMES


def test_an_archive_without_a_frame_count_ends_with_the_last_frame_looked_at(folder):
    write_pose_file(factory.video_poses(), folder / "new.npz", ".npz")
    with np.load(folder / "new.npz") as archive:
        arrays = {name: archive[name] for name in archive if name != "frame_count"}
    np.savez(folder / "old.npz", **arrays)
    [read] = read_pose_file(folder / "old.npz")
    assert read.video.frame_count == factory.FRAMES
