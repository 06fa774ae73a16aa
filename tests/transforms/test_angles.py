"""Joint angles of bodies drawn by hand."""

from __future__ import annotations

import numpy as np
import pytest

from posec3d_cli.skeletons import COCO_17
from posec3d_cli.transforms.angles import LEAST_SCORE, angles_of, joint_angles


def body(**joints):
    keypoints, scores = np.zeros((1, 17, 2), np.float32), np.zeros((1, 17), np.float32)
    for name, place in joints.items():
        keypoints[0, COCO_17.joints.index(name)] = place
        scores[0, COCO_17.joints.index(name)] = 0.9
    return keypoints, scores


@pytest.mark.parametrize(("wrist", "degrees"), [((0, 20), 180), ((10, 10), 90), ((0, 0), 0), ((10, 20), 135)])
def test_an_angle_is_that_between_two_limbs(wrist, degrees):
    keypoints, scores = body(left_shoulder=(0, 0), left_elbow=(0, 10), left_wrist=wrist)
    angles = dict(zip(angles_of(COCO_17), joint_angles(keypoints, scores, COCO_17)[0], strict=True))
    assert angles["left_elbow"] == pytest.approx(degrees, abs=1e-3)
    assert np.isnan([value for name, value in angles.items() if name != "left_elbow"]).all()


@pytest.mark.parametrize("joint", ["left_shoulder", "left_elbow", "left_wrist"])
def test_a_joint_that_is_only_guessed_has_no_angle(joint):
    keypoints, scores = body(left_shoulder=(0, 0), left_elbow=(0, 10), left_wrist=(10, 10))
    place = list(angles_of(COCO_17)).index("left_elbow")
    scores[0, COCO_17.joints.index(joint)] = LEAST_SCORE
    assert joint_angles(keypoints, scores, COCO_17)[0, place] == pytest.approx(90)
    scores[0, COCO_17.joints.index(joint)] = np.nextafter(np.float32(LEAST_SCORE), np.float32(0))
    assert np.isnan(joint_angles(keypoints, scores, COCO_17)[0, place])


def test_joints_that_coincide_have_no_angle():
    keypoints, scores = body(left_shoulder=(0, 10), left_elbow=(0, 10), left_wrist=(5, 5))
    assert np.isnan(joint_angles(keypoints, scores, COCO_17)).all()
    assert joint_angles(np.zeros((0, 17, 2), np.float32), np.zeros((0, 17), np.float32), COCO_17).shape == (0, 8)
