"""The number that changes in the names of images and files is the frame; else they are frames as they appear."""

from __future__ import annotations

import numpy as np
import pose_file_factory as factory
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pose_file_factory import counts, frame_file, rewritten

from posec3d_cli.errors import BadPoseFile
from posec3d_cli.pose_files import read_pose_file
from posec3d_cli.pose_files.frame_names import frame_numbers, in_natural_order


@pytest.mark.parametrize("name", ["{}_cam1", "cam2_{:06d}_v3", "{:03d}-1080p", "2024-05-01_12-00-01_{:02d}"])
def test_the_number_that_changes_is_the_frame_of_an_openpose_file(tmp_path, name):
    folder = factory.openpose(tmp_path)
    for number in range(factory.FRAMES):
        frame_file(folder, number).rename(folder / f"{name.format(2 * number + 7)}_keypoints.json")
    [clip] = read_pose_file(folder)
    assert [len(poses) for poses in clip.poses] == [1, 0] * 5 + [1]
    assert np.allclose([poses.keypoints[0] for poses in clip.poses[::2]], factory.keypoints(), atol=0.01)


@pytest.mark.parametrize(
    "name", ["{}_cam1.jpg", "cam1/{:06d}.png", "{}.2.jpeg", "cam 2 {}", "{:09d}", "00012_{:05d}_999.jpg"]
)
def test_the_number_that_changes_is_the_frame_of_a_image(tmp_path, name):
    def change(results):
        return [{**one, "image_id": name.format(2 * number)} for number, one in enumerate(results)]

    assert counts(rewritten(factory.alphapose(tmp_path), change)) == [1, 0] * 5 + [1]
    assert counts(rewritten(factory.alphapose_by_image(tmp_path), lambda images: {
        name.format(2 * number): image for number, image in enumerate(images.values())
    })) == [1, 0] * 5 + [1]  # fmt: skip


@pytest.mark.parametrize(
    "names",
    [
        ["aa.jpg", "ab.jpg", "ac.jpg", "ba.jpg", "bb.jpg", "bc.jpg"],
        ["3f2a", "91bc7", "a0d11", "77e", "e5f5", "12ab"],
        [
            f"12-00-{second:02d}-{part:03d}.jpg"
            for second, part in ((58, 0), (58, 500), (59, 0), (59, 500), (0, 0), (0, 9))
        ],
    ],
)
def test_images_whose_names_hold_no_frame_number_are_frames_as_they_appear(tmp_path, names):
    def change(results):
        named = [{**one, "image_id": name} for name, one in zip(names, results, strict=True)]
        return [named[0], named[1], {**named[1], "score": 0.5}, *named[2:]]

    [clip] = read_pose_file(rewritten(factory.alphapose(tmp_path), change))
    assert [len(poses) for poses in clip.poses] == [1, 2, 1, 1, 1, 1]
    assert np.allclose([poses.keypoints[0] for poses in clip.poses], factory.keypoints(), atol=0.01)


@pytest.mark.parametrize(
    "name", ["cam{1}_{0}.jpg", "{0}-view{1}.jpg", "{2}_{0}.jpg", "{2}/{0}.jpg", "{1}/{0}.jpg", "{1}\\{0}.jpg"]
)
def test_images_of_two_cameras_are_refused(tmp_path, name):
    def change(results):
        return [
            {**one, "image_id": name.format(number, camera, side)}
            for camera, side in enumerate(("left", "right"))
            for number, one in enumerate(results)
        ]

    with pytest.raises(BadPoseFile, match="several videos"):
        read_pose_file(rewritten(factory.alphapose(tmp_path), change))


@pytest.mark.parametrize(
    ("names", "why"),
    [
        (["0_00.jpg", "0_01.jpg", "0_02.jpg", "1_00.jpg", "1_01.jpg", "1_02.jpg"], "2 numbers change in its names"),
        (["f1_9.png", "f0_9.png", "f0_7.png", "f2_7.png", "f2_8.png", "f2_0.png"], "2 numbers change in its names"),
        (["IMG-1.jpg", "IMG-1 (1).jpg", "IMG-2.jpg", "IMG-2 (1).jpg", "IMG-2 (2).jpg", "IMG-3.jpg"], "as copies"),
        (["1.jpg", "1 - Copy.jpg", "1 - Copy (2).jpg", "2.jpg", "2 copy.jpg", "3.jpg"], "as copies"),
    ],
)
def test_names_in_which_no_single_number_orders_the_frames_count_as_they_appear_and_a_note_says_so(
    tmp_path, names, why
):
    def change(results):
        return [{**one, "image_id": name} for name, one in zip(names, results, strict=True)]

    [clip] = read_pose_file(rewritten(factory.alphapose(tmp_path), change))
    assert [len(poses) for poses in clip.poses] == [1] * 6
    assert np.allclose([poses.keypoints[0] for poses in clip.poses], factory.keypoints(), atol=0.01)
    [note] = clip.notes
    assert why in note
    assert "in the order in which they appear" in note


def test_files_of_a_folder_count_in_natural_order(tmp_path):
    folder = factory.openpose(tmp_path)
    for number, name in zip(range(factory.FRAMES), ["0_2", "0_10", "1_2", "1_10", "1_11", "2_2"], strict=True):
        frame_file(folder, number).rename(folder / f"{name}_keypoints.json")
    [clip] = read_pose_file(folder)
    assert np.allclose([poses.keypoints[0] for poses in clip.poses], factory.keypoints(), atol=0.01)
    assert "2 numbers change" in clip.notes[0]


def test_numbers_too_long_for_a_frame_are_words_in_the_natural_order():
    long = "12345678901234567890"
    assert in_natural_order([f"{long}_10", "a_10", f"{long}_9", "a_9", "7"]) == [
        *("7", f"{long}_9", f"{long}_10", "a_9", "a_10")
    ]


def test_copies_in_two_folders_are_of_several_videos():
    with pytest.raises(BadPoseFile, match="several videos"):
        frame_numbers(["1/IMG-1.jpg", "2/IMG-1 (1).jpg"])


def test_coco_annotations_follow_the_number_that_changes_in_file_names(tmp_path):
    def change(content):
        for number, image in enumerate(content["images"]):
            image["file_name"] = f"{2 * number}_cam1.jpg"
        content["images"].reverse()

    assert counts(rewritten(factory.coco_annotations(tmp_path), change)) == [1, 0] * 5 + [1]


def test_mmpose_frames_may_be_named(tmp_path):
    def change(frames):
        return [{**frame, "frame_id": f"{2 * number}_cam1"} for number, frame in enumerate(frames)]

    assert counts(rewritten(factory.mmpose(tmp_path), change)) == [1, 0] * 5 + [1]


NAMES = st.lists(st.one_of(st.text(max_size=8), st.from_regex(r"[ab]?[0-9]{1,3}_[0-9]{1,2}(\.jpg)?", fullmatch=True)))


@settings(deadline=None, max_examples=300)
@given(names=NAMES)
def test_any_names_give_each_a_frame_of_its_own_or_are_refused(names):
    try:
        numbers = frame_numbers(names)
    except BadPoseFile:
        return
    assert numbers.of.keys() == set(names)
    assert len(set(numbers.of.values())) == len(numbers.of)


@given(first=st.integers(0, 10**6), step=st.integers(1, 9), count=st.integers(2, 30), name=st.sampled_from(
    ["{}", "cam3_{}.jpg", "{}_cam3.jpg", "a/{:09d}/view_2.png", "{:06d}_1920x1080.jpg"]
))  # fmt: skip
def test_one_number_that_changes_is_always_the_frame(first, step, count, name):
    frames = [first + step * number for number in range(count)]
    assert list(frame_numbers([name.format(frame) for frame in frames]).of.values()) == frames
