"""What the formats of other tools may say, beyond the plain case."""

from __future__ import annotations

import json
import pickle

import numpy as np
import pose_file_factory as factory
import pytest

from posec3d_cli.errors import BadPoseFile
from posec3d_cli.pose_files import read_pose_file


def rewritten(path, change):
    """The file, its JSON changed in place by `change`."""
    content = json.loads(path.read_text())
    path.write_text(json.dumps(change(content) or content))
    return path


def counts(path):
    [clip] = read_pose_file(path)
    return [len(poses) for poses in clip.poses]


def frame_file(folder, number):
    return folder / f"walk_{number:012d}_keypoints.json"


def test_openpose_frames_that_are_missing_or_empty_show_nobody(tmp_path):
    folder = factory.openpose(tmp_path)
    frame_file(folder, 2).unlink()
    rewritten(frame_file(folder, 3), lambda content: content.update(people=[]))
    rewritten(frame_file(folder, 4), lambda content: content["people"].append({"pose_keypoints_2d": []}))
    assert counts(folder) == [1, 1, 0, 0, 1, 1]


def test_openpose_identities_are_kept(tmp_path):
    folder = factory.openpose(tmp_path)
    for number in range(factory.FRAMES):
        rewritten(frame_file(folder, number), lambda content: content["people"][0].update(person_id=[5]))
    [clip] = read_pose_file(folder)
    assert {who.tolist()[0] for who in clip.identities} == {5}


def test_openpose_of_the_first_version_is_read(tmp_path):
    folder = factory.openpose(tmp_path, factory.OPENPOSE_18, 18)
    for file in folder.iterdir():
        file.write_text(file.read_text().replace("pose_keypoints_2d", "pose_keypoints"))
    assert counts(folder) == [1] * factory.FRAMES


def test_openpose_joints_that_are_not_in_pixels_are_refused(tmp_path):
    folder = factory.openpose(tmp_path)
    for file in folder.iterdir():
        rewritten(file, lambda content: content["people"][0].update(pose_keypoints_2d=[0.5] * 75))
    with pytest.raises(BadPoseFile, match="not in pixels") as caught:
        read_pose_file(folder)
    assert "keypoint_scale" in caught.value.hint


@pytest.mark.parametrize(
    ("name", "message"),
    [("other_000000000001_keypoints.json", "several videos: 'other_', 'walk_'"), ("a_keypoints.json", "frame number")],
)
def test_an_openpose_folder_is_of_one_video_in_numbered_frames(tmp_path, name, message):
    folder = factory.openpose(tmp_path)
    (folder / name).write_text('{"people": []}')
    with pytest.raises(BadPoseFile, match=message):
        read_pose_file(folder)


def test_the_message_names_the_openpose_file(tmp_path):
    folder = factory.openpose(tmp_path)
    frame_file(folder, 3).write_text("{")
    with pytest.raises(BadPoseFile, match=r"openpose_25: walk_000000000003_keypoints\.json: it is no readable JSON"):
        read_pose_file(folder)


def test_alphapose_frames_without_results_show_nobody(tmp_path):
    path = rewritten(factory.alphapose(tmp_path), lambda results: [*results[:2], *results[4:]])
    assert counts(path) == [1, 1, 0, 0, 1, 1]


def test_alphapose_tracks_are_kept(tmp_path):
    path = rewritten(factory.alphapose(tmp_path), lambda results: [{**one, "idx": 3} for one in results])
    [clip] = read_pose_file(path)
    assert {who.tolist()[0] for who in clip.identities} == {3}


def test_alphapose_boxes_are_left_top_width_height(tmp_path):
    [clip] = read_pose_file(factory.alphapose(tmp_path))
    places = factory.keypoints()[0]
    assert np.allclose(clip.detections[0].boxes[0], [*places.min(axis=0), *places.max(axis=0)], atol=0.01)


def test_coco_joints_are_taken_by_name_where_the_category_names_them(tmp_path):
    names = ["nose", "head_bottom", "head_top", *(f"{side}_{part}" for part in (
        "ear", "eye", "shoulder", "elbow", "wrist", "hip", "knee", "ankle") for side in ("left", "right"))]  # fmt: skip

    def change(content):
        content["categories"] = [{"id": 1, "keypoints": names}]
        for annotation in content["annotations"]:
            annotation["keypoints"] = [value for number in range(19) for value in (10 * number, 5, 2)]

    [clip] = read_pose_file(rewritten(factory.coco_annotations(tmp_path), change))
    assert clip.poses[0].keypoints[0, :5, 0].tolist() == [0, 50, 60, 30, 40]


def test_coco_crowds_and_people_without_labelled_joints_are_left_out(tmp_path):
    def change(content):
        content["annotations"][0]["iscrowd"] = 1
        content["annotations"][1]["keypoints"] = [0] * 51
        del content["annotations"][2]["keypoints"]

    assert counts(rewritten(factory.coco_annotations(tmp_path), change)) == [0, 0, 0, 1, 1, 1]


def test_coco_pictures_are_ordered_by_their_own_number_else_by_the_list(tmp_path):
    def places(change):
        [clip] = read_pose_file(rewritten(factory.coco_annotations(tmp_path), change))
        return [poses.keypoints[0, 9, 1] for poses in clip.poses]

    forwards = places(lambda content: None)
    assert places(lambda content: content["images"].reverse()) == forwards
    unnamed = [{"id": 900 + number} for number in reversed(range(factory.FRAMES))]
    assert places(lambda content: content.update(images=unnamed)) == forwards[::-1]
    numbered = [{"id": 900 + number, "frame_id": 50 - number} for number in range(factory.FRAMES)]
    assert places(lambda content: content.update(images=numbered)) == forwards[::-1]


def test_coco_pictures_of_several_sizes_are_no_video(tmp_path):
    path = rewritten(factory.coco_annotations(tmp_path), lambda content: content["images"][0].update(width=10))
    with pytest.raises(BadPoseFile, match="differ in size"):
        read_pose_file(path)


def test_mmpose_joints_are_taken_by_name_where_the_file_names_them(tmp_path):
    def change(content):
        names = list(content["meta_info"]["keypoint_id2name"].values())
        content["meta_info"]["keypoint_id2name"] = names[::-1]
        for frame in content["instance_info"]:
            for key in ("keypoints", "keypoint_scores"):
                frame["instances"][0][key] = frame["instances"][0][key][::-1]

    [clip] = read_pose_file(rewritten(factory.mmpose_demo(tmp_path), change))
    assert np.allclose(clip.poses[0].keypoints[0], factory.keypoints()[0], atol=0.01)


def test_mediapipe_frames_may_hold_nobody_or_several(tmp_path):
    def change(content):
        frames = content["frames"]
        frames[1]["landmarks"], frames[2]["landmarks"] = None, []
        frames[3]["landmarks"] = [frames[3]["landmarks"], frames[4]["landmarks"]]
        del frames[5]

    assert counts(rewritten(factory.mediapipe(tmp_path), change)) == [1, 0, 0, 2, 1]


def test_mediapipe_frames_may_be_landmarks_alone(tmp_path):
    path = rewritten(factory.mediapipe_pixels(tmp_path), lambda frames: [frames[0], None, [frames[1], frames[2]]])
    assert counts(path) == [1, 0, 2]


@pytest.mark.parametrize("frames", [[None, None], [None, [[]]], [[[0.1, 0.2]] * 33], [[[0.1, 0.2, 0, 1]] * 32]])
def test_mediapipe_frames_without_33_landmarks_hold_nobody_or_are_refused(tmp_path, frames):
    path = tmp_path / "frames.json"
    path.write_text(json.dumps(frames))
    if not any(frames):
        assert counts(path) == [0, 0]
        return
    with pytest.raises(BadPoseFile, match="landmark"):
        read_pose_file(path)


def test_mediapipe_landmarks_in_metres_are_refused(tmp_path):
    def change(content):
        for frame in content["frames"]:
            hips = [frame["landmarks"][number] for number in (23, 24)]
            middle = {key: (hips[0][key] + hips[1][key]) / 2 for key in "xy"}
            for landmark in frame["landmarks"]:
                landmark.update({key: landmark[key] - middle[key] for key in "xy"})

    with pytest.raises(BadPoseFile, match="in metres"):
        read_pose_file(rewritten(factory.mediapipe(tmp_path), change))


def test_mediapipe_parts_of_a_frame_of_unknown_size_are_refused(tmp_path):
    path = rewritten(factory.mediapipe(tmp_path), lambda content: content["frames"])
    with pytest.raises(BadPoseFile, match="size it does not say") as caught:
        read_pose_file(path)
    assert '"width"' in caught.value.hint


def annotation(path, **changes):
    (one,) = pickle.loads(path.read_bytes())["annotations"]
    return {**one, **changes}


@pytest.mark.parametrize("layout", ["a list", "one annotation"])
def test_packs_of_other_layouts_are_read(tmp_path, layout):
    path = factory.pack(tmp_path)
    one = annotation(path)
    path.write_bytes(pickle.dumps([one] if layout == "a list" else one))
    assert counts(path) == [1] * factory.FRAMES


def test_the_clips_of_a_pack_are_named_after_it(tmp_path):
    path = factory.pack(tmp_path)
    pack = {"annotations": [annotation(path, frame_dir=name) for name in ("a/b", "c\ud800")]}
    path.write_bytes(pickle.dumps(pack))
    assert [str(clip.video.path) for clip in read_pose_file(path)] == [f"{path}: a/b", f"{path}: c\\ud800"]


def test_people_of_a_pack_keep_their_slots(tmp_path):
    keypoints = np.concatenate([factory.keypoints()[None]] * 2)
    scores = np.ones((2, factory.FRAMES, 17), np.float32)
    scores[0, :3] = 0
    [clip] = read_pose_file(factory.pack(tmp_path, keypoint=keypoints, keypoint_score=scores))
    assert [who.tolist() for who in clip.identities] == [[1]] * 3 + [[0, 1]] * 3


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"keypoint": np.ones((1, 6, 25, 3), np.float32)}, "3D recording"),
        ({"keypoint": np.ones((1, 6, 25, 2), np.float32)}, r"must have shape \(M, T, 17, 2\)"),
        ({"keypoint": [[[[1.0, 2.0]] * 17] * 6]}, "must be an array of numbers, got list"),
        ({"keypoint": np.ones((1, 0, 17, 2)), "keypoint_score": np.ones((1, 0, 17))}, "it has 0 frames"),
        ({"img_shape": (0, 5)}, "img_shape must be whole numbers"),
        ({"total_frames": 7}, r"total_frames is 7, but keypoint \(1, 6, 17, 2\) holds 6 frames$"),
        ({"total_frames": 0}, "total_frames must be a whole number from 1 to 2000000, got 0"),
        ({"total_frames": "6"}, "total_frames must be a whole number from 1 to 2000000, got '6'"),
        ({"fps": 0}, r"fps must lie between 0\.1 and 1000\.0, got 0"),
        ({"fps": "fast"}, "fps must be numbers, got 'fast'"),
        ({"keypoint": None}, "it lacks keypoint"),
        ({"keypoint": factory.keypoints()[None] / (factory.WIDTH, factory.HEIGHT)}, "joints are not in pixels"),
    ],
)
def test_an_unusable_clip_of_a_pack_is_named(tmp_path, changes, message):
    path = factory.pack(tmp_path, **changes)
    with pytest.raises(BadPoseFile, match=message) as caught:
        read_pose_file(path)
    assert "annotation 0" in caught.value.what


def test_a_pack_with_people_and_frames_exchanged_is_refused_and_both_numbers_named(tmp_path):
    keypoints = factory.keypoints()[:, None]
    path = factory.pack(tmp_path, keypoint=keypoints, keypoint_score=np.ones(keypoints.shape[:3]))
    with pytest.raises(BadPoseFile, match=r"total_frames is 6, but .* holds 1 frame; people and frames look exchanged"):
        read_pose_file(path)


def test_only_the_frames_that_a_pack_counts_are_read_and_that_is_said(tmp_path):
    [clip] = read_pose_file(factory.pack(tmp_path, total_frames=4))
    assert (len(clip), clip.video.frame_count) == (4, 4)
    assert clip.notes == ("only the first 4 of its 6 frames count: total_frames says so",)
    [clip] = read_pose_file(factory.pack(tmp_path, total_frames=None))
    assert (len(clip), clip.notes) == (6, ())


def test_a_pack_of_ours_counts_the_frames_that_it_holds(tmp_path):
    path = factory.ours(tmp_path, ".pkl")
    path.write_bytes(pickle.dumps({"annotations": [annotation(path, total_frames=4)]}))
    with pytest.raises(BadPoseFile, match=r"total_frames is 4, but keypoint \(1, 6, 17, 2\) holds 6 frames"):
        read_pose_file(path)


@pytest.mark.parametrize("fps", [15, 15.0, (15, 1), [15, 1], np.float32(15), np.array([15, 1])])
def test_a_pack_may_say_its_rate(tmp_path, fps):
    [clip] = read_pose_file(factory.pack(tmp_path, fps=fps))
    assert clip.video.fps == 15
    path = tmp_path / "whole.pkl"
    path.write_bytes(pickle.dumps({"annotations": [annotation(factory.pack(tmp_path))], "fps": fps}))
    assert read_pose_file(path)[0].video.fps == 15


def test_a_pack_needs_neither_names_nor_scores(tmp_path):
    path = factory.pack(tmp_path)
    one = annotation(path)
    del one["frame_dir"], one["keypoint_score"]
    path.write_bytes(pickle.dumps({"annotations": [one, one]}))
    clips = read_pose_file(path)
    assert [str(clip.video.path) for clip in clips] == [f"{path}: annotation 0", f"{path}: annotation 1"]
    assert all((poses.scores == 1).all() for clip in clips for poses in clip.poses)


def test_a_pack_without_scores_shows_nobody_in_empty_slots(tmp_path):
    keypoints = np.concatenate([factory.keypoints()[None], np.zeros((1, factory.FRAMES, 17, 2))])
    assert counts(factory.pack(tmp_path, keypoint=keypoints, keypoint_score=None)) == [1] * factory.FRAMES


def test_a_pack_without_clips_is_refused(tmp_path):
    (tmp_path / "pack.pkl").write_bytes(pickle.dumps({"annotations": []}))
    with pytest.raises(BadPoseFile, match="holds no clip"):
        read_pose_file(tmp_path / "pack.pkl")
