"""What the formats of other tools may say, beyond the plain case."""

from __future__ import annotations

import json

import numpy as np
import pose_file_factory as factory
import pytest
from pose_file_factory import counts, frame_file, rewritten

from posec3d_cli.errors import BadPoseFile
from posec3d_cli.pose_files import is_pose_file, read_pose_file


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
    assert {who.tolist()[0] for who in clip.track_ids} == {5}


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
    [
        ("other_000000000001_keypoints.json", "several videos: 'other_0.*json', 'walk_0.*json'$"),
        ("other_000000000088_keypoints.json", "several videos: 'other_0.*json', 'walk_0.*json'$"),
        ("a_keypoints.json", "several videos: 'a_keypoints.json', 'walk_0.*json'$"),
        ("walk_1_keypoints.json", "same frame: 'walk_000000000001_keypoints.json', 'walk_1_keypoints.json'$"),
    ],
)
def test_an_openpose_folder_is_of_one_video_in_numbered_frames(tmp_path, name, message):
    folder = factory.openpose(tmp_path)
    (folder / name).write_text('{"people": []}')
    with pytest.raises(BadPoseFile, match=message):
        read_pose_file(folder)


def test_hidden_files_of_a_folder_are_left_out(tmp_path):
    folder = factory.openpose(tmp_path)
    (folder / "._walk_000000000000_keypoints.json").write_bytes(b"\0\5\x16\7")
    assert counts(folder) == [1] * factory.FRAMES
    only = tmp_path / "only hidden"
    only.mkdir()
    (only / "._walk_000000000000_keypoints.json").write_bytes(b"\0\5\x16\7")
    assert not is_pose_file(only)


def test_a_folder_of_frames_that_alphapose_writes_is_read(tmp_path):
    folder = tmp_path / "sep-json"
    folder.mkdir()
    for number, places in enumerate(factory.keypoints()):
        body = {"joints": factory.in_set(places, factory.OPENPOSE_18, 18).ravel().tolist()}
        (folder / f"{number}.json").write_text(json.dumps({"version": "AlphaPose v0.3", "bodies": [body]}))
    [clip] = read_pose_file(folder)
    assert np.allclose(clip.poses[3].keypoints[0], factory.keypoints()[3], atol=0.01)


@pytest.mark.parametrize("make", [factory.mmpose, factory.coco_results, factory.mediapipe])
def test_a_folder_of_numbered_files_that_are_clips_is_no_clip(tmp_path, make):
    folder = tmp_path / "clips"
    folder.mkdir()
    for number in range(3):
        make(folder).rename(folder / f"clip_{number}.json")
    assert not is_pose_file(folder)
    with pytest.raises(BadPoseFile, match="a folder of no known pose format") as caught:
        read_pose_file(folder)
    assert caught.value.hint == "tried: OpenPose folders, Ultralytics label texts, Sports2D folders"


@pytest.mark.parametrize("make", [factory.pose2sim, factory.ultralytics_labels])
def test_a_folder_is_known_though_its_first_frame_is_damaged_and_that_frame_is_named(tmp_path, make):
    folder = make(tmp_path)
    first = min(one for one in folder.iterdir() if one.name.startswith("walk"))
    first.write_text("{")
    assert is_pose_file(folder)
    with pytest.raises(BadPoseFile, match=first.name):
        read_pose_file(folder)


def test_a_folder_that_holds_anything_else_besides_is_no_clip(tmp_path):
    folder = factory.pose2sim(tmp_path)
    assert is_pose_file(folder)
    (folder / "walk.mp4").touch()
    assert not is_pose_file(folder)
    folder = factory.ultralytics_labels(tmp_path)
    (folder / "walk.mp4").touch()
    assert not is_pose_file(folder)
    settings = tmp_path / "settings"
    settings.mkdir()
    (settings / "a_1.json").write_text('{"version": 1, "videos": []}')
    assert not is_pose_file(settings)


@pytest.mark.parametrize("changes", [{"category_id": 18}, {"category_id": 3}])
def test_results_of_other_categories_are_left_out_and_that_is_said(tmp_path, changes):
    path = rewritten(
        factory.coco_results(tmp_path), lambda results: [*results[:4], *({**one, **changes} for one in results[4:])]
    )
    [clip] = read_pose_file(path)
    assert [len(poses) for poses in clip.poses] == [1, 1, 1, 1, 0, 0]
    assert clip.notes == (f"2 of its 6 entries show no people (category {changes['category_id']}) and were left out",)


def test_people_are_category_0_where_a_tool_counts_from_0(tmp_path):
    path = rewritten(factory.coco_results(tmp_path), lambda results: [{**one, "category_id": 0} for one in results])
    assert counts(path) == [1] * factory.FRAMES


def test_annotations_of_other_categories_are_left_out_and_that_is_said(tmp_path):
    def change(content):
        content["categories"] += [{"id": 18, "name": "dog", "keypoints": ["nose", "tail"]}, {"id": 3, "name": "car"}]
        content["annotations"][0]["category_id"] = 18
        content["annotations"][5].update(category_id=3, keypoints=None)

    [clip] = read_pose_file(rewritten(factory.coco_annotations(tmp_path), change))
    assert [len(poses) for poses in clip.poses] == [0, 1, 1, 1, 1, 0]
    assert clip.notes == ("2 of its 6 entries show no people (car, dog) and were left out",)


@pytest.mark.parametrize("make", [factory.alphapose, factory.coco_results, factory.mmpose, factory.ultralytics])
def test_joints_of_a_list_that_are_parts_of_the_image_are_refused(tmp_path, make):
    def scaled(tree):
        if isinstance(tree, dict):
            return {key: one if key == "image_id" else scaled(one) for key, one in tree.items()}
        return [scaled(one) for one in tree] if isinstance(tree, list) else tree / 400 if type(tree) is float else tree

    with pytest.raises(BadPoseFile, match="not in pixels"):
        read_pose_file(rewritten(make(tmp_path), scaled))


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
    assert {who.tolist()[0] for who in clip.track_ids} == {3}


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


def test_coco_images_are_ordered_by_their_own_number_else_by_the_list(tmp_path):
    def places(change):
        [clip] = read_pose_file(rewritten(factory.coco_annotations(tmp_path), change))
        return [poses.keypoints[0, 9, 1] for poses in clip.poses]

    forwards = places(lambda content: None)
    assert places(lambda content: content["images"].reverse()) == forwards
    unnamed = [{"id": 900 + number} for number in reversed(range(factory.FRAMES))]
    assert places(lambda content: content.update(images=unnamed)) == forwards[::-1]
    numbered = [{"id": 900 + number, "frame_id": 50 - number} for number in range(factory.FRAMES)]
    assert places(lambda content: content.update(images=numbered)) == forwards[::-1]


def test_coco_images_of_several_sizes_are_no_video(tmp_path):
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


ESTIMATORS = ["Ultralytics label texts", "Ultralytics", "MediaPipe", "OpenPose BODY_25", "mmpose demo", "COCO results"]


@pytest.mark.parametrize("form", [*ESTIMATORS, "AlphaPose open", "Pose2Sim", "pyskl pickle"])
def test_what_stands_at_0_0_was_not_found_in_any_form(tmp_path, form, monkeypatch):
    places = factory.keypoints()
    places[:, 13:] = -0.5 if form == "MediaPipe" else 0  # whose corner of the image is half a pixel further out
    monkeypatch.setattr(factory, "keypoints", lambda frames=factory.FRAMES: places)
    [clip] = read_pose_file(factory.FORMATS[form](tmp_path))
    assert all((poses.scores[0, :13] > 0.7).all() for poses in clip.poses)
    assert all((poses.scores[0, 13:] == 0).all() for poses in clip.poses)
