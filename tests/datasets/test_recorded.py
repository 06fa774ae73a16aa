"""Which way is up in recorded skeletons, and what their joints are called."""

from __future__ import annotations

import pickle

import numpy as np
import pytest

from posec3d_cli.datasets.pyskl import read_dataset_pickle
from posec3d_cli.datasets.recorded import UPWARDS, joint_names, up_of
from posec3d_cli.errors import BadPoseFile
from posec3d_cli.skeletons import COCO_17

# Left, up and forwards of every joint, in metres, of somebody who raises the left forearm.
_BODY = {
    "head": (0, 1.6, 0.05), "shoulder": (0.2, 1.4, 0), "elbow": (0.25, 1.1, 0), "wrist": (0.25, 1.0, 0.2),
    "hip": (0.1, 0.9, 0), "knee": (0.12, 0.5, 0.02), "ankle": (0.12, 0.1, 0),
}  # fmt: skip
NAMES = [side + part for part in _BODY for side in (("left_", "right_") if part != "head" else ("",))]


def standing(*, mirrored=False):
    """`(1, 12, 13, 3)` of somebody who faces the camera, y up, without hands or feet."""
    points = []
    for name in NAMES:
        sideways, up, ahead = _BODY[name.partition("_")[2] or name]
        sign = {"left": 1, "right": -1}.get(name.partition("_")[0], 0)
        points.append((sign * sideways * (-1 if mirrored else 1) + 0.3, up, 3 - ahead))
    return np.repeat(np.array(points, np.float32)[None, None], 12, axis=1)


def dataset_pickle(path, *recordings, **more):
    annotations = [
        {"frame_dir": str(n), "label": "wave", "keypoint": one.astype(np.float32)} for n, one in enumerate(recordings)
    ]
    path.write_bytes(pickle.dumps({"annotations": annotations, "joints": NAMES, **more}))
    return path


def test_a_skeleton_without_hands_and_feet_is_read(tmp_path):
    (one,) = read_dataset_pickle(dataset_pickle(tmp_path / "p.pkl", standing()))
    left = COCO_17.joints.index("left_wrist")
    assert one.label == "wave"
    assert one.keypoints[0, 0, left] == pytest.approx((0.55, -1.0, 2.8))
    (turned,) = read_dataset_pickle(dataset_pickle(tmp_path / "p.pkl", standing(mirrored=True)))
    assert np.allclose(np.ptp(turned.keypoints[0, 0, :, 1]), np.ptp(one.keypoints[0, 0, :, 1]))
    assert turned.keypoints[0, 0, left, 0] > turned.keypoints[0, 0, COCO_17.joints.index("right_wrist"), 0]


def test_left_and_right_are_those_of_most_recordings(tmp_path):
    """A sensor that took one person's left for right says nothing about the coordinates of the others."""
    wrists = [COCO_17.joints.index(f"{side}_wrist") for side in ("left", "right")]
    for mirrored in (False, True):
        three = [standing(mirrored=one) for one in (mirrored, not mirrored, mirrored)]
        clips = read_dataset_pickle(dataset_pickle(tmp_path / "p.pkl", *three))
        lefts = [clip.keypoints[0, 0, wrists[0], 0] > clip.keypoints[0, 0, wrists[1], 0] for clip in clips]
        assert lefts == [True, False, True]


def test_recordings_of_one_group_share_it(tmp_path):
    path = dataset_pickle(tmp_path / "p.pkl", standing(), standing(), standing())
    content = pickle.loads(path.read_bytes())
    for annotation in content["annotations"][:2]:
        annotation["group"] = "anna"
    path.write_bytes(pickle.dumps(content))
    assert [clip.group for clip in read_dataset_pickle(path)] == ["p/anna", "p/anna", "p/2"]


def test_a_skeleton_whose_limbs_say_nothing_is_read(tmp_path):
    few = [number for number, name in enumerate(NAMES) if name.partition("_")[2] not in ("elbow", "wrist", "ankle")]
    path = dataset_pickle(tmp_path / "p.pkl", standing()[:, :, few], joints=[NAMES[number] for number in few])
    (one,) = read_dataset_pickle(path)
    assert one.keypoints[0, 0, COCO_17.joints.index("left_hip"), 0] == pytest.approx(0.4)


def towards(up, keypoints):
    """The recording with y turned to `up`."""
    axis = "xyz".index(up[-1])
    order = [0, 1, 2]
    order[1], order[axis] = order[axis], order[1]
    turned = keypoints[..., order].copy()
    turned[..., axis] *= -1 if up.startswith("-") else 1
    return turned


@pytest.mark.parametrize("up", UPWARDS)
def test_whichever_way_is_up_people_stand(tmp_path, up):
    (true,) = read_dataset_pickle(dataset_pickle(tmp_path / "p.pkl", standing()))
    said = []
    path = dataset_pickle(tmp_path / "p.pkl", *[towards(up, standing())] * 3)
    assert up_of([towards(up, standing())], NAMES) == up
    for one in read_dataset_pickle(path, say=said.append):
        assert np.allclose(one.keypoints[..., 1], true.keypoints[..., 1], atol=1e-5)
        left, right = (one.keypoints[0, 0, COCO_17.joints.index(f"{side}_hip")] for side in ("left", "right"))
        assert np.linalg.norm(left - right) == pytest.approx(0.2, abs=1e-5)
    assert said == (
        []
        if up == "y"
        else [f"p.pkl: people stand along {up}, and are turned to y; an entry 'up' of the pickle decides it"]
    )


def test_z_up_is_the_same_person_as_y_up(tmp_path):
    (true,) = read_dataset_pickle(dataset_pickle(tmp_path / "p.pkl", standing()))
    (exchanged,) = read_dataset_pickle(dataset_pickle(tmp_path / "p.pkl", standing()[..., [0, 2, 1]]))
    assert np.array_equal(exchanged.keypoints, true.keypoints)


def test_some_who_lie_change_nothing_and_a_dataset_pickle_may_say_which_way_is_up(tmp_path):
    lying = standing()[..., [1, 0, 2]]
    clips = read_dataset_pickle(dataset_pickle(tmp_path / "p.pkl", standing(), standing(), lying))
    assert np.ptp(clips[2].keypoints[0, 0, :, 1]) < 0.6
    for one in read_dataset_pickle(dataset_pickle(tmp_path / "p.pkl", lying, lying, up="y")):
        assert np.ptp(one.keypoints[0, 0, :, 1]) < 0.6
    with pytest.raises(BadPoseFile, match="up must be one of x, -x, y, -y, z, -z, got 'w'"):
        read_dataset_pickle(dataset_pickle(tmp_path / "p.pkl", standing(), up="w"))


@pytest.mark.parametrize(
    "name", ["left_hip", "Left Hip", "HipLeft", "leftHip", "l_hip", "LHip", "LeftHip", "lefthip", "HIP-LEFT"]
)
def test_joints_are_known_however_they_are_spelled(name):
    assert joint_names([name, "RShoulder", "left shoulder", "hip_right", "Head"])[0] == "left_hip"


def test_joints_without_hips_and_recordings_of_other_joints_are_refused(tmp_path):
    with pytest.raises(BadPoseFile, match="its joints name no left_hip: left_shoulder, right_shoulder, a"):
        joint_names(["left_shoulder", "right_shoulder", "a"])
    with pytest.raises(BadPoseFile, match="a 3D recording of 13 joints, and the pickle names none"):
        read_dataset_pickle(dataset_pickle(tmp_path / "p.pkl", standing(), joints=None))
    with pytest.raises(BadPoseFile, match="a 3D recording of 12 joints, and the pickle names 13"):
        read_dataset_pickle(dataset_pickle(tmp_path / "p.pkl", standing()[:, :, 1:]))


def test_recordings_have_the_rate_of_their_dataset_pickle(tmp_path):
    (one,) = read_dataset_pickle(dataset_pickle(tmp_path / "p.pkl", standing(), fps=15))
    assert one.fps == 15
    (one,) = read_dataset_pickle(dataset_pickle(tmp_path / "p.pkl", standing()))
    assert one.fps == 30
