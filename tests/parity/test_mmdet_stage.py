"""Our stage `mmdet` beside mmdet's own `inference_detector`, on the same weights and pictures."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from published_models import blue_first, images, randomise, save_as_published

from posec3d_cli.stages.detectors.box_filter import BoxFilter
from posec3d_cli.stages.detectors.mmdet import MMDet
from posec3d_cli.stages.openmmlab.models import ConfigAndCheckpoint, find_config
from posec3d_cli.testing import check_detector, sample_frames

EVERYTHING = {"score_threshold": 0, "nms_iou": 1, "min_area": 0, "max_people": 0}
MODELS = {
    "rtmdet-tiny": ("rtmdet/rtmdet_tiny_8xb32-300e_coco.py", {"model.bbox_head.num_classes": 1}),
    "faster-rcnn": ("faster_rcnn/faster-rcnn_r50_fpn_1x_coco.py", {"model.roi_head.bbox_head.num_classes": 1}),
}
"""Config, and what makes it a detector of one class, so that every box is of a person."""


@pytest.fixture(scope="module", params=MODELS)
def both(request, published, shared, tmp_path_factory):
    """The published detector, and our stage made of its checkpoint."""
    name, changes = MODELS[request.param]
    apis = published("mmdet.apis")
    path = str(find_config("mmdet", name))
    with torch.random.fork_rng():
        theirs = apis.init_detector(path, None, device="cpu", cfg_options={**changes, "model.backbone.init_cfg": None})
    randomise(theirs, lambda model: apis.inference_detector(model, blue_first(images(shared, 1)[0])))
    weights = save_as_published(theirs, tmp_path_factory.mktemp("weights") / "model.pth", dataset_meta={})
    # One picture at a time, as theirs: in company the last digit differs, and with it the order of boxes that tie.
    ours = MMDet(ConfigAndCheckpoint(name, weights, changes), MMDet.Settings(person_class=0, batch=1, **EVERYTHING))
    return request.param, theirs, ours


def test_boxes_are_those_of_inference_detector(both, published, shared, record_difference):
    name, theirs, ours = both
    frames = images(shared, 2)
    found = ours.detect(frames)
    differences, people = [0.0], 0
    for frame, boxes in zip(frames, found, strict=True):
        answer = published("mmdet.apis").inference_detector(theirs, blue_first(frame))
        kept = answer.pred_instances[answer.pred_instances.labels == 0].cpu()
        wanted = BoxFilter(**EVERYTHING).apply(kept.bboxes.numpy(), kept.scores.numpy(), frame.pixels.shape[:2])
        assert boxes.boxes.shape == wanted.boxes.shape
        people += len(wanted)
        differences += (
            np.abs(boxes.boxes - wanted.boxes).max(initial=0),
            np.abs(boxes.scores - wanted.scores).max(initial=0),
        )
    record_difference(f"{name}, {people} boxes", max(differences), "px")
    assert people > 0
    assert max(differences) < 1e-3


def test_the_stage_keeps_the_contract(both):
    check_detector(both[2], sample_frames(2))
