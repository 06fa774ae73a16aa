"""What `save_poses` writes is read back as it was."""

from __future__ import annotations

import json
import pickle
from dataclasses import replace
from fractions import Fraction
from pathlib import Path

import numpy as np
import pose_file_factory as factory
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from posec3d_cli.datasets.write_pickle import Labels, write_dataset_pickle
from posec3d_cli.pose_files import read_pose_file, write_pose_file, written_suffixes
from posec3d_cli.results import VideoPoses
from posec3d_cli.skeletons import COCO_17
from posec3d_cli.types import Detections, Objects, Poses, VideoInfo

NAMES = ("cup", "sports ball", "tennis racket")


@st.composite
def objects_of_a_frame(draw, generator):
    """Any objects, none, or a frame in which nothing but people was looked for."""
    count = draw(st.sampled_from([None, 0, 1, 3]))
    if count is None:
        return None
    corner = generator.uniform(-20, 600, (count, 2))
    boxes = np.concatenate([corner, corner + generator.uniform(0, 300, corner.shape)], axis=1).astype(np.float32)
    scores = generator.uniform(0, 1, count).astype(np.float32)
    return Objects(boxes, scores, generator.integers(0, len(NAMES), count), NAMES)


@st.composite
def clips(draw):
    """Any clip: frames left out, people who come and go, duplicates, joints that were not found, objects."""
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
        scores_of_boxes = generator.uniform(0, 1, len(who)).astype(np.float32)
        detections.append(Detections(boxes, scores_of_boxes, draw(objects_of_a_frame(generator))))
        poses.append(Poses(keypoints.astype(np.float32), scores))
        track_ids.append(who)
    boundaries = None
    if draw(st.booleans()):
        boundaries = np.append(0.0, np.cumsum(generator.uniform(0.001, 2, count)))
    start = draw(st.sampled_from([0.0, 0.5, -0.25, 26_000.123]))
    info = VideoInfo(
        Path("walk.mp4"),
        640,
        480,
        fps,
        count,
        float(count / fps),
        "h264",
        0,
        0,
        False,
        start=start,
        boundaries=boundaries,
    )
    parts = (np.array(indices, np.int64), tuple(detections), tuple(poses), tuple(track_ids))
    return VideoPoses(info, *parts, COCO_17)


def assert_same(before, after, rows):
    """Compare two clips frame by frame, `rows` picking and ordering people by their identities."""
    assert (after.video.fps, after.video.frame_count) == (before.video.fps, before.video.frame_count)
    assert (after.video.width, after.video.height) == (before.video.width, before.video.height)
    assert after.video.start == before.video.start
    frames = range(before.video.frame_count + 1)
    assert np.array_equal(after.video.elapsed(frames), before.video.elapsed(frames))
    assert np.array_equal(after.frame_indices, before.frame_indices)
    for column in range(len(before)):
        old, new = rows(before.track_ids[column]), rows(after.track_ids[column])
        assert np.array_equal(before.track_ids[column][old], after.track_ids[column][new])
        assert np.array_equal(before.detections[column].boxes[old], after.detections[column].boxes[new])
        assert np.array_equal(before.detections[column].scores[old], after.detections[column].scores[new])
        assert np.array_equal(before.poses[column].keypoints[old], after.poses[column].keypoints[new])
        assert np.array_equal(before.poses[column].scores[old], after.poses[column].scores[new])
    assert_same_objects(before, after)


def assert_same_objects(before, after):
    for found, read in zip(before.detections, after.detections, strict=True):
        one, other = found.objects, read.objects
        assert (one is None) == (other is None)
        if one is not None:
            assert np.array_equal(one.boxes, other.boxes)
            assert np.array_equal(one.scores, other.scores)
            assert (one.class_names, one.names) == (other.class_names, other.names)


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
def test_files_without_objects_say_nothing_of_them(folder, suffix):
    clip = factory.video_poses()
    people = tuple(replace(found, objects=None) for found in clip.detections)
    write_pose_file(replace(clip, detections=people), folder / f"people{suffix}", suffix)
    assert b"object" not in (folder / f"people{suffix}").read_bytes()
    [read] = read_pose_file(folder / f"people{suffix}")
    assert [found.objects for found in read.detections] == [None] * len(clip)
    assert read.object_tracks() is None


def test_objects_in_a_document_are_readable(folder):
    write_pose_file(factory.video_poses(), folder / "ball.json", ".json")
    document = json.loads((folder / "ball.json").read_text())
    assert document["object_names"] == ["cup", "sports ball"]
    first, unsearched, second, empty, *_ = document["frames"]
    assert first["objects"] == [{"class": "sports ball", "box": [10, 20, 25, 35], "score": pytest.approx(0.3)}]
    assert "objects" not in unsearched
    assert (len(second["objects"]), empty["objects"]) == (1, [])


def test_objects_in_a_dataset_pickle_stand_under_keys_of_our_own(folder):
    write_pose_file(factory.video_poses(), folder / "ball.pkl", ".pkl")
    [annotation] = pickle.loads((folder / "ball.pkl").read_bytes())["annotations"]
    theirs = {"frame_dir", "label", "total_frames", "img_shape", "original_shape", "keypoint", "keypoint_score"}
    ours = {"frame_indices", "frame_count", "cuts", "fps", "person", "box", "box_score"}
    objects = {"object_count", "object_box", "object_score", "object_class", "object_names"}
    assert annotation.keys() == theirs | ours | objects
    assert annotation["object_count"].tolist() == [1, -1, 1, 0, 1, 0]
    assert [annotation["object_names"][number] for number in annotation["object_class"]] == ["sports ball"] * 3


def test_a_dataset_pickle_of_pose_files_keeps_objects(folder, tmp_path):
    clip = factory.video_poses()
    write_pose_file(clip, tmp_path / "walk.npz", ".npz")
    write_dataset_pickle(tmp_path / "all.pkl", [("walk", tmp_path / "walk.npz")], Labels({}, {}))
    [read] = read_pose_file(tmp_path / "all.pkl")
    assert_same_objects(clip, read)
    assert read.object_tracks().names == factory.OBJECT_NAMES


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
