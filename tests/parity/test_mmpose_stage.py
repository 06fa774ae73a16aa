"""Our stage `mmpose` beside mmpose's own `inference_topdown`, on the same weights, pictures and boxes."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from published_models import blue_first, images, randomise, save_as_published

from posec3d_cli.stages.openmmlab.models import ConfigAndCheckpoint, find_config
from posec3d_cli.stages.pose_estimators.mmpose import MMPose
from posec3d_cli.testing import check_pose_estimator
from posec3d_cli.types import Detections

CONFIGS = {
    "hrnet-w32": "body_2d_keypoint/topdown_heatmap/coco/td-hm_hrnet-w32_8xb64-210e_coco-256x192.py",
    "rtmpose-m": "body_2d_keypoint/rtmpose/coco/rtmpose-m_8xb256-420e_coco-256x192.py",
}
BOXES = [
    [[12.5, 20, 130, 200], [100, 5, 260.25, 230]],
    [],
    [[-10, -20, 90, 260]],
]


@pytest.fixture(scope="module", params=CONFIGS)
def both(request, published, shared, tmp_path_factory):
    """The published estimator, and our stage made of its checkpoint, which carries arrays as published ones do."""
    name = CONFIGS[request.param]
    apis = published("mmpose.apis")
    with torch.random.fork_rng():
        theirs = apis.init_model(str(find_config("mmpose", name)), None, device="cpu")
    randomise(theirs, lambda model: apis.inference_topdown(model, blue_first(images(shared, 1)[0])))
    meta = {"dataset_meta": theirs.dataset_meta}
    weights = save_as_published(theirs, tmp_path_factory.mktemp("weights") / "model.pth", **meta)
    return request.param, theirs, MMPose(ConfigAndCheckpoint(name, weights, {}), MMPose.Settings(batch=2))


def test_joints_are_those_of_inference_topdown(both, published, shared, record_difference):
    name, theirs, ours = both
    frames = images(shared)
    boxes = [np.array(each, np.float32).reshape(-1, 4) for each in BOXES]
    poses = ours.estimate(frames, [Detections(each, np.ones(len(each), np.float32)) for each in boxes])
    assert [len(one) for one in poses] == [2, 0, 1]
    places, scores = [0.0], [0.0]
    for frame, each, pose in zip(frames, boxes, poses, strict=True):
        if not len(each):
            continue  # there, inference_topdown takes the whole picture for a person
        answers = published("mmpose.apis").inference_topdown(theirs, blue_first(frame), each)
        wanted = np.concatenate([one.pred_instances.keypoints for one in answers])
        certain = np.concatenate([one.pred_instances.keypoint_scores for one in answers])
        places.append(np.abs(pose.keypoints - wanted).max())
        scores.append(np.abs(pose.scores - np.clip(certain, 0, 1)).max())
        assert len({tuple(place) for place in wanted.reshape(-1, 2)}) > 10
    record_difference(f"{name}, 3 people, places", max(places), "px")
    record_difference(f"{name}, 3 people, scores", max(scores))
    assert max(places) < 1e-2
    assert max(scores) < 1e-4


def test_the_stage_keeps_the_contract(both):
    check_pose_estimator(both[2])
