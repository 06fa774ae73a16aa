"""Joint sets of other tools become COCO-17, left stays left."""

from __future__ import annotations

import numpy as np
import pose_file_factory as factory
import pytest

from posec3d_cli.errors import BadPoseFile
from posec3d_cli.pose_files.checks import set_of, to_coco
from posec3d_cli.skeletons import (
    BODY_25,
    COCO_17,
    COCO_SETS,
    HALPE_26,
    MEDIAPIPE_33,
    OPENPOSE_18,
    OPENPOSE_SETS,
    Skeleton,
)

TABLES = {
    BODY_25: factory.BODY_25,
    OPENPOSE_18: factory.OPENPOSE_18,
    MEDIAPIPE_33: factory.MEDIAPIPE_33,
    HALPE_26: factory.HALPE_26,
}


@pytest.fixture(params=TABLES, ids=lambda skeleton: skeleton.name)
def source(request):
    return request.param


def test_every_joint_of_coco_is_mapped_as_the_tools_number_them(source):
    assert COCO_17.numbers_in(source) == TABLES[source]
    assert len(source.joints) == len(set(source.joints)) == int(source.name.rpartition("-")[2])


def test_left_and_right_mirror_each_other_in_both_sets(source):
    rows = np.arange(len(source.joints))[:, None]
    mirrored = to_coco(rows[list(source.mirror)], source, "it")
    assert np.array_equal(mirrored, to_coco(rows, source, "it")[list(COCO_17.mirror)])
    left = [source.joints[number] for number in TABLES[source][1::2]]
    assert all(joint.startswith("left_") for joint in left)


def test_sets_are_known_by_their_number_of_joints():
    assert set_of(25, OPENPOSE_SETS, "it") is BODY_25
    assert set_of(136, COCO_SETS, "it") is HALPE_26
    with pytest.raises(BadPoseFile, match="it has 15 joints, expected 17, 18, 25, 26, 133, 134, 136"):
        set_of(15, OPENPOSE_SETS, "it")


def test_a_set_without_one_of_the_seventeen_is_refused():
    headless = Skeleton("headless", COCO_17.joints[5:], ())
    with pytest.raises(BadPoseFile, match="it lacks the joints nose, left_eye"):
        to_coco(np.zeros((12, 3)), headless, "it")
